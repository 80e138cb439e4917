/** Children that start at times, and those that restart when files change: what both need of their tree. */
import { cleanText, type Problem, type Random } from "../base/mod.ts";
import { type ChildSlot, isOnItsWay } from "../core/mod.ts";
import type { ChildSpec } from "../spec/mod.ts";
import { type CronReader, loadCron, whyNeverDue } from "./cron.ts";
import { FileWatch, whyUnwatchable } from "./file_watch.ts";
import type { Interpreter } from "./interpreter.ts";
import type { Place } from "./members.ts";
import { type LastRuns, Schedules } from "./schedules.ts";

/** Who asks for a restart because of a file. */
const WATCH = "watch";

/** The occasions of one tree. */
export class Occasions {
  readonly #interpreter: Interpreter;
  readonly #schedules: Schedules;
  readonly #watches = new Map<string, FileWatch>();
  /** What those have declared that have occasions. */
  readonly #declared = new Map<string, string>();
  #isOver = false;

  constructor(interpreter: Interpreter, random: Random) {
    this.#interpreter = interpreter;
    this.#schedules = new Schedules({ clock: interpreter.clock, random, post: (message) => interpreter.post(message) });
  }

  /** When scheduled children were last due, in milliseconds since the Unix epoch, by path. */
  lastRuns(): LastRuns {
    return this.#schedules.lastRuns();
  }

  /** What an earlier program knew of that; before {@linkcode begin}. */
  restore(lastRuns: LastRuns): void {
    this.#schedules.restore(lastRuns);
  }

  /** When it is time for a child, on the tree's monotonic clock; `null` when it has no schedule, or that has no more times. */
  nextRunAtMs(path: string): number | null {
    return this.#schedules.nextRunAtMs(path);
  }

  /** Begins with the children of the tree; resolves when their files are watched. */
  async begin(children: Iterable<readonly [path: string, place: Place]>): Promise<void> {
    const { roster } = this.#interpreter;
    const found = [...children].map(([path, place]) => ({ path, place, spec: roster.spec(place.node, place.child) }));
    await this.prepare(found.map(({ spec }) => spec));
    const watching = found.map(({ path, place, spec }) => this.#add(path, place, spec));
    await Promise.all(watching);
  }

  /** Gets ready for children that are to be added, with those below them. */
  prepare(specs: readonly ChildSpec[]): Promise<void> {
    return this.#schedules.prepare(specs);
  }

  /** A child was added, for which all is prepared. */
  added(path: string, place: Place): void {
    if (this.#isOver) return;
    this.#add(path, place, this.#interpreter.roster.spec(place.node, place.child));
  }

  /** A child that stays has another declaration from now on, for which all is prepared. */
  revised(path: string, place: Place, spec: ChildSpec): void {
    if (this.#isOver || this.#declared.get(path) === occasionsOf(spec)) return;
    this.removed(path);
    this.#add(path, place, spec);
  }

  /** A child is gone. */
  removed(path: string): void {
    if (!this.#declared.delete(path)) return;
    this.#schedules.remove(path);
    this.#watches.get(path)?.close();
    this.#watches.delete(path);
  }

  /** The tree has finished. */
  end(): void {
    this.#isOver = true;
    this.#schedules.stop();
    for (const watch of this.#watches.values()) watch.close();
    this.#watches.clear();
  }

  /** Resolves when its files are watched. */
  #add(path: string, place: Place, spec: ChildSpec): Promise<void> | undefined {
    const declared = occasionsOf(spec);
    if (declared === undefined) return undefined;
    this.#declared.set(path, declared);
    this.#schedules.add(path, place, spec);
    return this.#watch(path, place, spec);
  }

  async #watch(path: string, place: Place, { watch }: ChildSpec): Promise<void> {
    if (watch === undefined || this.#isOver) return;
    const files = new FileWatch(watch, {
      clock: this.#interpreter.clock,
      changed: (file, count) => this.#changed(path, place, file, count),
      complain: (message) => this.#say(path, place, message),
    });
    this.#watches.set(path, files);
    await files.begin();
  }

  #changed(path: string, place: Place, file: string, count: number): void {
    const slot = this.#slotOf(path, place);
    if (slot === null || !mayRestart(slot)) return;
    const rest = count === 1 ? "" : ` and ${count - 1} more`;
    const reason = this.#interpreter.redactor.cleanCut(cleanText(`${file}${rest}`, 1024));
    const isTaken = this.#interpreter.order({ ...place, path, command: "restart", by: WATCH, reason, cause: "file" }, () => {});
    if (!isTaken) this.#say(path, place, "Cannot restart after files changed: too many commands wait for their answer");
  }

  #slotOf(path: string, { node, child }: Place): ChildSlot | null {
    const slot = this.#interpreter.nodes[node]?.slots[child];
    return slot?.plan.path === path ? slot : null;
  }

  /** A line about the child that is not its own. */
  #say(path: string, place: Place, message: string): void {
    const { generation = 0, attempt = 0 } = this.#slotOf(path, place) ?? {};
    const line = this.#interpreter.redactor.cleanCut(cleanText(message, 2_048));
    this.#interpreter.log({ atMs: this.#interpreter.clock.now(), path, generation, attempt, stream: "log", line });
  }
}

/** `undefined` for most. */
function occasionsOf({ schedule, watch }: ChildSpec): string | undefined {
  return schedule === undefined && watch === undefined ? undefined : JSON.stringify([schedule, watch]);
}

/** Whether a file that changed is a reason: not for who was put down by hand, nor for who starts with what is new anyway. */
function mayRestart(slot: ChildSlot): boolean {
  const { operation, phase, stamp, stopCause, lastDecision, plan } = slot;
  if (operation !== "active" || phase === "declared") return false;
  if (stamp !== 0) return stopCause !== "terminate" && stopCause !== "shutdown";
  if (isOnItsWay(slot)) return true;
  return plan.schedule === null && lastDecision?.reason !== "external_cancel_or_manual_stop";
}

/** Lists what of a valid declaration will never happen: times that never come, files that are not there. */
export async function checkOccasions(
  children: Iterable<{ readonly child: ChildSpec; readonly pointer: string }>,
  nowMs: number,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  let reader: CronReader | undefined;
  for (const { child: { schedule, watch }, pointer } of children) {
    if (schedule?.cron !== undefined) {
      reader ??= await loadCron();
      const reason = whyNeverDue(reader, schedule.cron, schedule.timeZone, nowMs);
      if (reason !== null) problems.push({ severity: "error", pointer: `${pointer}/schedule/cron`, rule: "never_due", reason });
    }
    for (const [index, path] of (watch?.paths ?? []).entries()) {
      const why = await whyUnwatchable(path);
      if (why !== null) {
        problems.push({ severity: "error", pointer: `${pointer}/watch/paths/${index}`, rule: "watch_path_not_found", ...why });
      }
    }
  }
  return problems;
}
