/** What outlives the program: it is given back to the children of a tree, and written down whenever it has changed. */
import { resolve } from "node:path";
import { Calendar, cleanText, ReeveError, thrownMessage } from "../base/mod.ts";
import { type ChildSlot, outlives, restoreChild, type RestoredWindow } from "../core/mod.ts";
import type { EventFacts, EventType, LeftoverOutcome, SupervisorEvent } from "../event/mod.ts";
import type { Bus } from "../observe/mod.ts";
import { platform } from "../platform/mod.ts";
import { type ChildSpec, specHash, type StateFileOptions, type TreeSpec } from "../spec/mod.ts";
import { type FileLock, lockFile } from "./file_lock.ts";
import type { Interpreter } from "./interpreter.ts";
import { holdProgram } from "./keep_alive.ts";
import { dealWith, signalGroup } from "./leftovers.ts";
import type { Place } from "./members.ts";
import type { Unwritten } from "./observers.ts";
import { type FoundLedger, type LedgerStart, ProcessLedger, readLedger } from "./process_ledger.ts";
import { type ProcessReader, systemProcesses } from "./process_reader.ts";
import type { SavedChild, SavedHold, SavedState } from "./saved_state.ts";
import { makeFolderOf, readState, refuseStranger, writeState } from "./state_file.ts";

/** How long, in milliseconds, changes are collected before they are written. */
const COLLECT_MS = 250;

/** Writing takes this part of the time at most, however much there is to write, unless that would be put off for longer than this. */
const SHARE = 20;
const LONGEST_COLLECT_MS = 10_000;

/** Longest time in milliseconds for which the program is kept from everything else. */
const SLICE_MS = 8;

/** When it is tried again to write what could not be written, in milliseconds. */
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;

/** After these something may have to be written. */
const RELEVANT: ReadonlySet<EventType> = new Set<EventType>([
  "child_added",
  "child_removed",
  "child_starting",
  "child_failed",
  "child_succeeded",
  "child_stopped",
  "child_restarting",
  "child_control_operation_changed",
  "child_control_command_completed",
  "child_run_skipped",
]);

/** The tree to which it belongs. */
export interface StateHost {
  readonly interpreter: Interpreter;
  readonly name: string;
  /** Where its children are. */
  readonly places: () => Iterable<Place>;
  /** Who knows when its jobs ran. */
  readonly runs: RunTimes;
}

/** Who is told, and whom it hears. */
export interface StateWatch {
  readonly events: Bus<SupervisorEvent>;
  /** It cannot be written any more, or can again. */
  tell(change: { readonly healthy: boolean; readonly reason: string; readonly lost: number }): void;
}

/** Who knows when jobs ran. */
export interface RunTimes {
  /** When each was started the last time, in milliseconds since the Unix epoch, by path. */
  lastRuns(): Readonly<Record<string, number>>;
  /** When each was started the last time in an earlier run of the program. */
  restore(lastRuns: Readonly<Record<string, number>>): void;
}

/** Takes the file of the state for a tree; `null` where none is wanted. Rejects with `state_not_opened`. */
export async function openState({ state, name = "" }: TreeSpec, processes: ProcessReader = systemProcesses()): Promise<TreeState | null> {
  if (state === undefined) return null;
  const { path } = state;
  let lock: FileLock | undefined;
  try {
    await makeFolderOf(resolve(path));
    lock = await lockFile(resolve(path), processes);
    const saved = await readState(path);
    await refuseStranger(ledgerOf(path));
    const found = await readLedger(ledgerOf(path));
    // What cannot be written is told before anything is started.
    await writeState(path, saved ?? { tree: name, atMs: 0, children: [], lastRuns: {} });
    return new TreeState({ ...state, path: resolve(path), processes, lock, saved, found });
  } catch (cause) {
    await lock?.release();
    const reason = thrownMessage(cause);
    const hint = platform.permissionHint(cause) ??
      (reason.includes("damaged") ? "Move it away to begin without it: who is held, and what was counted, is forgotten then" : undefined);
    throw new ReeveError("state_not_opened", `Cannot use the state in "${path}": ${reason}`, { path, cause, hint });
  }
}

function ledgerOf(path: string): string {
  return `${path}.processes`;
}

interface OpenedState extends StateFileOptions {
  readonly processes: ProcessReader;
  readonly lock: FileLock;
  readonly saved: SavedState | null;
  readonly found: FoundLedger;
}

/** What is kept of one tree. */
export class TreeState {
  readonly #opened: OpenedState;
  readonly #ledger: ProcessLedger;
  readonly #holds = new Map<string, SavedHold>();
  readonly #hashes = new WeakMap<ChildSpec, string>();
  /** What is wrong now, with the file or with the ledger of processes. */
  readonly #failures = new Map<"file" | "ledger", string>();
  #host: StateHost | null = null;
  #watch: StateWatch | null = null;
  /** What is to be told when the tree begins. */
  readonly #restored: { readonly path: string; readonly facts: EventFacts }[] = [];
  #calendar: Calendar | null = null;
  #following: Promise<void> = Promise.resolve();
  #cancelTimer: (() => void) | null = null;
  #saving: Promise<void> | null = null;
  /** Changes that are not in the file. */
  #changes = 0;
  #tookMs = 0;
  #retryMs = FIRST_RETRY_MS;
  #isClosing = false;

  constructor(opened: OpenedState) {
    this.#opened = opened;
    this.#ledger = new ProcessLedger({
      path: ledgerOf(opened.path),
      processes: opened.processes,
      entries: opened.found.entries,
      starting: opened.found.starting,
      onFailure: (error) => this.#failed("ledger", error),
    });
    this.#ledger.beginAnew();
  }

  /** Gives the children of a tree that has not begun what they had before; its processes are written down from now on. */
  attach(host: StateHost): void {
    const { clock, ledger } = host.interpreter;
    this.#host = host;
    this.#calendar = new Calendar(clock);
    ledger.processes = this.#ledger;
    const { saved, found } = this.#opened;
    if (saved === null) return;
    host.runs.restore(saved.lastRuns);
    const byPath = new Map(saved.children.map((child) => [child.path, child]));
    const attempts = highestAttempts([...found.entries, ...found.starting]);
    let children = 0;
    for (const { slot, spec } of this.#children()) {
      const { path } = slot.plan;
      const before = byPath.get(path);
      const attempt = attempts.get(path) ?? 0;
      if (before === undefined) {
        // It was started so shortly before the end that only the ledger knows.
        restoreChild(slot, { ...outlives(slot), attempt });
        continue;
      }
      byPath.delete(path);
      children++;
      this.#restore(slot, before, { isSame: before.specHash === this.#hashOf(spec), attempt });
    }
    const facts = { type: "state_restored", children, holds: this.#holds.size, forgotten: byPath.size } as const;
    this.#restored.unshift({ path: "/", facts });
  }

  /** Ends what an earlier run left behind, and writes down what changes from now on. */
  async begin(watch: StateWatch): Promise<void> {
    this.#watch = watch;
    for (const { path, facts } of this.#restored) this.#tell(path, facts);
    // Nothing of the tree runs yet that would keep the program alive.
    const release = holdProgram();
    try {
      await this.#dealWithLeftovers();
    } finally {
      release();
    }
    this.#following = this.#follow(watch.events);
  }

  /** Writes the last of it; resolves with what is missing in the file, `null` where nothing is. */
  async close(): Promise<Unwritten | null> {
    this.#isClosing = true;
    this.#cancelTimer?.();
    await this.#following;
    await this.#saving;
    await this.#write();
    this.#ledger.close();
    await this.#opened.lock.release();
    const [reason] = this.#failures.values();
    return reason === undefined ? null : { sink: "state", reason, lost: Math.max(1, this.#changes) };
  }

  /** The tree does not begin. */
  async abandon(): Promise<void> {
    this.#isClosing = true;
    this.#cancelTimer?.();
    this.#ledger.close();
    await this.#opened.lock.release();
  }

  #restore(slot: ChildSlot, saved: SavedChild, { isSame, attempt }: { readonly isSame: boolean; readonly attempt: number }): void {
    const { hold, window, generation, operation } = saved;
    restoreChild(slot, {
      ...saved,
      // Another declaration is another incarnation; what went wrong with the one before does not count against it.
      generation: isSame ? generation : generation + 1,
      window: isSame && window !== null ? shifted(window, -this.#calendar!.epochMs(), this.#host!.interpreter.clock.now()) : null,
      attempt: Math.max(saved.attempt, attempt),
    });
    if (operation === "active" || hold === null) return;
    const { plan: { path }, attempt: last, generation: now } = slot;
    const { by, reason } = hold;
    this.#holds.set(path, hold);
    const facts = {
      type: "child_control_operation_changed",
      generation: now,
      attempt: last,
      from: "active",
      to: operation,
      by,
      reason,
    } as const;
    this.#restored.push({ path, facts });
  }

  async #dealWithLeftovers(): Promise<void> {
    const { leftovers = "stop", processes, found } = this.#opened;
    const { interpreter } = this.#host!;
    const tell = (path: string, pid: number, outcome: LeftoverOutcome, reason: string): void =>
      this.#tell(cleanText(path, 1024), { type: "leftover_process", pid, outcome, reason: cleanText(reason, 512) });
    if (found.damaged > 0) tell("/", 0, "unsure", `${found.damaged} lines of "${ledgerOf(this.#opened.path)}" cannot be read`);
    // Killed in the moment in which it started one, the program knew no number of it.
    const groups = found.starting.length === 0 ? null : await processes.groupsWith(new Set(found.starting.map(({ mark }) => mark)));
    for (const start of found.starting) {
      if (groups === null) tell(start.path, 0, "unsure", "it was about to be started, and nobody can be asked for its mark");
      this.#ledger.settle(start, [...groups?.get(start.mark) ?? []]);
    }
    const tools = { processes, clock: interpreter.clock, signal: signalGroup };
    for (const { entry, outcome, reason } of await dealWith(this.#ledger.entries, leftovers, tools)) {
      if (outcome === "gone" || outcome === "stopped") this.#ledger.strike(entry);
      if (outcome !== "gone") tell(entry.path, entry.pid, outcome, reason);
    }
  }

  #tell(path: string, facts: EventFacts): void {
    this.#host?.interpreter.post({ type: "tell", node: 0, path, facts });
  }

  async #follow(events: Bus<SupervisorEvent>): Promise<void> {
    const filter = ({ type }: SupervisorEvent): boolean => RELEVANT.has(type);
    for await (const batch of events.readBatches({ since: events.lastSeq, subscriber: "state", capacity: Infinity, filter })) {
      for (const event of batch) if (event.type === "child_control_operation_changed") this.#noteHold(event);
      this.#changes += batch.length;
      this.#writeSoon();
    }
  }

  #noteHold({ path, to, by, reason, atMs }: SupervisorEvent & { readonly type: "child_control_operation_changed" }): void {
    const before = this.#holds.get(path);
    if (to !== "paused" && to !== "quarantined") this.#holds.delete(path);
    // What was restored is told again, and goes on.
    else if (before?.by !== by || before.reason !== reason) {
      this.#holds.set(path, { by, reason, sinceMs: Math.round(this.#calendar!.at(atMs)) });
    }
  }

  #writeSoon(): void {
    if (this.#isClosing || this.#cancelTimer !== null || this.#saving !== null) return;
    const delayMs = this.#failures.size > 0 ? this.#retryMs : Math.min(LONGEST_COLLECT_MS, Math.max(COLLECT_MS, SHARE * this.#tookMs));
    this.#cancelTimer = this.#host!.interpreter.clock.setTimer(() => {
      this.#cancelTimer = null;
      this.#saving = this.#write().finally(() => {
        this.#saving = null;
        if (this.#changes > 0 || this.#failures.size > 0) this.#writeSoon();
      });
    }, delayMs);
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    if (this.#host === null) return;
    const begunAtMs = performance.now();
    const changes = this.#changes;
    const [reason] = this.#failures.values();
    if (reason !== undefined) this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS);
    await this.#try("file", async () => {
      const state = await this.#whatIs(this.#host!);
      if (!await this.#opened.lock.isHeld()) throw new Error("another program has taken it over");
      await writeState(this.#opened.path, state);
      this.#changes -= changes;
      this.#tookMs = performance.now() - begunAtMs;
    });
    if (this.#failures.has("ledger")) await this.#try("ledger", () => this.#ledger.beginAnew());
    if (reason === undefined || this.#failures.size > 0) return;
    this.#retryMs = FIRST_RETRY_MS;
    this.#watch?.tell({ healthy: true, reason, lost: 0 });
  }

  async #try(what: "file" | "ledger", work: () => Promise<void> | void): Promise<void> {
    try {
      await work();
      this.#failures.delete(what);
    } catch (error) {
      this.#failed(what, error);
    }
  }

  /** Of many children it is collected bit by bit, so that the tree goes on between. */
  async #whatIs({ interpreter: { clock }, name, runs }: StateHost): Promise<SavedState> {
    const children: SavedChild[] = [];
    let sliceMs = performance.now();
    for (const { slot, spec } of this.#children()) {
      if (performance.now() - sliceMs > SLICE_MS) {
        await new Promise<void>((resolve) => clock.macrotask(resolve));
        sliceMs = performance.now();
      }
      const { window, ...facts } = outlives(slot);
      const { operation, generation, attempt } = facts;
      if (operation === "active" && generation === 0 && attempt === 0) continue;
      const { path } = slot.plan;
      const unknown = { by: "unknown", reason: "unknown", sinceMs: clock.wallNow() };
      children.push({
        path,
        specHash: this.#hashOf(spec),
        ...facts,
        window: window === null ? null : shifted(window, this.#calendar!.epochMs()),
        hold: operation === "active" ? null : this.#holds.get(path) ?? unknown,
      });
    }
    return { tree: name, atMs: clock.wallNow(), children, lastRuns: runs.lastRuns() };
  }

  *#children(): Generator<{ readonly slot: ChildSlot; readonly spec: ChildSpec }> {
    const { interpreter, places } = this.#host!;
    for (const { node, child } of places()) {
      yield { slot: interpreter.nodes[node]!.slots[child]!, spec: interpreter.roster.spec(node, child) };
    }
  }

  #hashOf(spec: ChildSpec): string {
    const hash = this.#hashes.get(spec) ?? specHash(spec);
    this.#hashes.set(spec, hash);
    return hash;
  }

  #failed(what: "file" | "ledger", error: unknown): void {
    const wasWell = this.#failures.size === 0;
    const reason = `${what === "file" ? this.#opened.path : ledgerOf(this.#opened.path)}: ${thrownMessage(error)}`;
    this.#failures.set(what, reason);
    if (wasWell) this.#watch?.tell({ healthy: false, reason, lost: 0 });
    if (this.#host !== null) this.#writeSoon();
  }
}

/** The same failures on another clock; one that was set back must not make failures of the future. */
function shifted({ timesMs, level, levelAtMs }: RestoredWindow, byMs: number, lastMs = Infinity): RestoredWindow {
  const at = (timeMs: number): number => Math.min(timeMs + byMs, lastMs);
  return { timesMs: timesMs.map(at), level, levelAtMs: at(levelAtMs) };
}

function highestAttempts(entries: readonly LedgerStart[]): ReadonlyMap<string, number> {
  const attempts = new Map<string, number>();
  for (const { path, attempt } of entries) attempts.set(path, Math.max(attempt, attempts.get(path) ?? 0));
  return attempts;
}
