/** A new declaration for a tree that runs: what has changed is carried out, and nothing else is touched. */
import { type ErrorCode, parentPath, ReeveError, SpecError, thrownMessage } from "../base/mod.ts";
import type { Planner, PlanRevision } from "../core/mod.ts";
import { describe, type EventFacts, type Request, type SupervisorEvent } from "../event/mod.ts";
import type { Bus } from "../observe/mod.ts";
import { type ChildSpec, diffTrees, type SpecChange, startOrder, type SupervisorOptions, type TreeSpec } from "../spec/mod.ts";
import type { Interpreter } from "./interpreter.ts";
import type { LoadedTasks } from "./children/mod.ts";
import { type Members, refusal } from "./members.ts";
import type { Orders } from "./orders.ts";
import { preflight } from "./preflight.ts";
import { isRecordedElsewhere, recordedElsewhere } from "./tree_audit.ts";

/** What a new declaration means for the tree that runs. */
export interface ReloadPlan {
  /** What has changed; what is `refused` takes a new start of the program. */
  readonly changes: readonly SpecChange[];
  /** How many children stay as they are. */
  readonly unchanged: number;
}

/** Options of `Tree.apply`. */
export interface ApplyOptions {
  /** Whether to say only what would be done. @default {false} */
  readonly dryRun?: boolean;
  /** Who asks. @default {"program"} */
  readonly by?: string;
  /** Why. @default {"reload"} */
  readonly reason?: string;
  /** Version of the new configuration. @default {as it was} */
  readonly configVersion?: string;
  /** How long, in milliseconds, it is seen whether a child that counts as ready as soon as it runs does not fail, before it is the turn of the next one. @default {500} */
  readonly probationMs?: number;
}

/** What became of a new declaration. */
export interface ReloadResult extends ReloadPlan {
  /** Whether anything was done. */
  readonly applied: boolean;
  /** Children with which it did not work, and why: each is as it was before, or not there. */
  readonly failed: readonly { readonly path: string; readonly reason: string }[];
}

/** What a reload needs of its tree. */
export interface ReloaderHost {
  readonly name: string;
  readonly planner: Planner;
  readonly interpreter: Interpreter;
  readonly members: Members;
  readonly orders: Orders;
  readonly events: Bus<SupervisorEvent>;
  /** The declaration that counts now. */
  spec(): TreeSpec;
  /** Another one counts from now on; its functions are known while children are made of it. */
  adopt(spec: TreeSpec, tasks: LoadedTasks, configVersion: string | undefined): void;
  tell(facts: EventFacts): void;
}

/** What is to be done. */
interface Work extends ReloadPlan {
  readonly who: Request;
  readonly tasks: LoadedTasks;
  readonly configVersion: string | undefined;
  readonly probationMs: number;
}

/** A child that is to be started anew. */
interface Restart {
  readonly next: ChildSpec;
  readonly before: ChildSpec;
  readonly who: Request;
  readonly probationMs: number;
}

/** Carries new declarations out, one at a time. */
export class Reloader {
  readonly #host: ReloaderHost;
  #isBusy = false;

  constructor(host: ReloaderHost) {
    this.#host = host;
  }

  /** Implements `Tree.apply`. */
  async apply(next: TreeSpec, options: ApplyOptions): Promise<ReloadResult> {
    const { dryRun = false, by = "program", reason = "reload", configVersion, probationMs = 500 } = options;
    const { name, orders } = this.#host;
    const refuse = refusal("reload", "/");
    const who = orders.requestOf({ by, reason }, refuse);
    if (this.#isBusy) throw refuse("reload_refused", "another one is under way");
    this.#isBusy = true;
    try {
      const { problems, tasks } = await preflight(next);
      if (problems.some(({ severity }) => severity === "error")) throw new SpecError(problems);
      const changes = diffTrees(this.#host.spec(), { ...next, name: next.name ?? name });
      const plan = { changes, unchanged: this.#unchanged(next, changes) };
      if (dryRun) return { ...plan, applied: false, failed: [] };
      this.#refuse(changes, refuse);
      if (changes.length === 0) return { ...plan, applied: false, failed: [] };
      const request = isRecordedElsewhere(options) ? recordedElsewhere({ by, reason }) : { by, reason };
      return await orders.around(
        { wish: "reload", method: "reeve.reload", targetPath: "/" },
        request,
        () => this.#carryOut(next, { ...plan, who, tasks, configVersion, probationMs }),
      );
    } finally {
      this.#isBusy = false;
    }
  }

  /** What cannot be done while the tree runs is done by nobody, so that no half of it counts. */
  #refuse(changes: readonly SpecChange[], refuse: (code: ErrorCode, why: string) => ReeveError): void {
    const [first, ...others] = changes.filter(({ kind }) => kind === "refused");
    if (first !== undefined) {
      const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
      throw refuse("reload_refused", `${first.keys.join(", ")} of "${first.path}" needs a new start of the program${more}`);
    }
    const goes = new Set(changes.flatMap(({ kind, path }) => kind === "remove" || kind === "replace" ? [path] : []));
    for (const path of goes) {
      const needed = this.#neededBy(path).find((other) => !goes.has(other));
      if (needed !== undefined) throw refuse("reload_refused", `"${needed}" stays, and names "${path}", which would have to go`);
    }
  }

  #neededBy(path: string): string[] {
    const { node, child } = this.#host.members.placeOf(path);
    const { slots } = this.#host.interpreter.nodes[node]!;
    const { dependants, sidecars } = slots[child]!.plan;
    return [...dependants, ...sidecars].map((index) => slots[index]!.plan.path);
  }

  async #carryOut(
    next: TreeSpec,
    { changes, unchanged, who, tasks, configVersion, probationMs }: Work,
  ): Promise<ReloadResult> {
    const before = this.#host.spec();
    const failed: { path: string; reason: string }[] = [];
    const of = (...kinds: readonly SpecChange["kind"][]): string[] =>
      changes.filter(({ kind }) => kinds.includes(kind)).map(({ path }) => path);
    for (const path of this.#lastFirst(of("remove", "replace"))) await this.#remove(path, who);
    this.#host.adopt(next, tasks, configVersion);
    const restarts = new Set(of("restart"));
    await this.#host.members.occasions.prepare(next.children);
    this.#reviseAll(next, "/", 0, (path) => !restarts.has(path));
    for (const path of inStartOrder(next, [...restarts])) {
      const why = await this.#restart(path, { next: childAt(next, path)!, before: childAt(before, path)!, who, probationMs });
      if (why !== null) failed.push({ path, reason: why });
    }
    for (const path of inStartOrder(next, of("add", "replace"))) {
      const why = await this.#add(path, childAt(next, path)!, who);
      if (why !== null) failed.push({ path, reason: why });
    }
    const back = failed.reduce((spec, { path }) => withChild(spec, path, childAt(before, path)), next);
    this.#host.adopt(back, new Map(), configVersion);
    this.#host.tell({
      type: "config_reloaded",
      ...who,
      added: of("add").length,
      removed: of("remove").length,
      restarted: of("restart", "replace").length,
      live: of("live").length,
      failed: failed.length,
    });
    return { changes, unchanged, applied: true, failed };
  }

  /** Those that go, in the reverse of the order in which they started. */
  #lastFirst(paths: readonly string[]): string[] {
    const ranks = new Map(
      this.#host.interpreter.nodes.flatMap(({ order, slots }) => order.map((child, rank) => [slots[child]!.plan.path, rank])),
    );
    return [...paths].sort((a, b) => depthOf(b) - depthOf(a) || (ranks.get(b) ?? 0) - (ranks.get(a) ?? 0));
  }

  async #remove(path: string, who: Request): Promise<void> {
    if (this.#host.members.find(path) === undefined) return;
    const since = this.#host.events.lastSeq;
    await this.#host.orders.plain(path)("remove", who);
    await this.#next(path, since, (event) => event.type === "child_removed" ? true : null);
  }

  /** What counts by the new declaration, for those that stay; the defaults of the tree may have changed for any of them. */
  #reviseAll(options: SupervisorOptions, path: string, node: number, isWanted: (path: string) => boolean): void {
    const { planner, interpreter, members } = this.#host;
    planner.adoptOptions(node, options);
    for (const child of options.children) {
      const own = path === "/" ? `/${child.name}` : `${path}/${child.name}`;
      const place = members.find(own);
      if (place === undefined || place.node !== node) continue;
      if (isWanted(own)) interpreter.revise(place, own, child, planner.revise(node, child));
      members.occasions.revised(own, place, child);
      const inner = interpreter.nodes[place.node]!.slots[place.child]!.plan.node;
      if (child.run.kind === "supervisor" && inner !== -1) this.#reviseAll(child.run, own, inner, isWanted);
    }
  }

  /** Starts a child anew with what is new; where that fails, with what was. Returns why. */
  async #restart(path: string, { next, before, who, probationMs }: Restart): Promise<string | null> {
    const place = this.#host.members.find(path);
    if (place === undefined) return "it is not there any more";
    const { planner, interpreter, orders, events } = this.#host;
    const revision = (spec: ChildSpec): PlanRevision => planner.revise(place.node, spec);
    interpreter.revise(place, path, next, revision(next));
    const { operation, phase } = interpreter.nodes[place.node]!.slots[place.child]!;
    // Who is held, or has done its work, begins with it when it begins again.
    if (operation !== "active" || phase === "stopped") return null;
    const since = events.lastSeq;
    await orders.plain(path)("restart", who);
    const isAtOnce = revision(next).policy.readyWhenRunning;
    const why = await this.#next(path, since, outcomeOf) || (isAtOnce ? await this.#failureWithin(path, since, probationMs) : "");
    if (why === "") return null;
    interpreter.revise(place, path, before, revision(before));
    await orders.plain(path)("restart", { by: who.by, reason: "rolled back" }).catch(() => {});
    return why;
  }

  /** Why the new attempt of a child failed within a time, empty when it did not. */
  async #failureWithin(path: string, since: number, durationMs: number): Promise<string> {
    const { clock } = this.#host.interpreter;
    const stop = new AbortController();
    const cancel = clock.setTimer(() => stop.abort(), durationMs);
    try {
      return await this.#next(path, since, (event) => event.type === "child_failed" ? describe(event) : null, stop.signal);
    } catch (error) {
      if (stop.signal.aborted) return "";
      throw error;
    } finally {
      cancel();
    }
  }

  async #add(path: string, spec: ChildSpec, who: Request): Promise<string | null> {
    try {
      await this.#host.members.add(spec, recordedElsewhere({ ...who, to: parentPath(path) }));
      return null;
    } catch (error) {
      return thrownMessage(error);
    }
  }

  /** Reads events of a child until one says something; rejects when the tree ends before. */
  async #next<T>(path: string, since: number, read: (event: SupervisorEvent) => T | null, signal?: AbortSignal): Promise<T> {
    for await (const event of this.#host.events.read({ since, filter: (event) => event.path === path, capacity: Infinity, signal })) {
      const found = event.type === "gap" ? null : read(event);
      if (found !== null) return found;
    }
    throw new ReeveError("tree_finished", `Tree "${this.#host.name}" finished during its reload`);
  }

  #unchanged(next: TreeSpec, changes: readonly SpecChange[]): number {
    const changed = new Set(changes.map(({ path }) => path));
    return pathsIn(next, "/").filter((path) =>
      ![...changed].some((other) => path === other || (other !== "/" && path.startsWith(`${other}/`)))
    )
      .length;
  }
}

/** Empty when the new attempt does well, or waits for others, which may last; why it failed; `null` when the event says neither. */
function outcomeOf(event: SupervisorEvent): string | null {
  switch (event.type) {
    case "child_ready":
    case "child_succeeded":
    case "child_waiting":
    case "child_restart_queued":
      return "";
    case "child_failed":
      return describe(event);
    case "child_removed":
    case "child_abandoned":
      return describe(event);
    default:
      return null;
  }
}

function depthOf(path: string): number {
  return path.split("/").length;
}

function* every(options: SupervisorOptions, path: string): Generator<readonly [path: string, child: ChildSpec]> {
  const order = startOrder(options.children);
  for (const index of order) {
    const child = options.children[index]!;
    const own = path === "/" ? `/${child.name}` : `${path}/${child.name}`;
    yield [own, child];
    if (child.run.kind === "supervisor") yield* every(child.run, own);
  }
}

function pathsIn(options: SupervisorOptions, path: string): string[] {
  return [...every(options, path)].map(([own]) => own);
}

function childAt(spec: TreeSpec, path: string): ChildSpec | undefined {
  for (const [own, child] of every(spec, "/")) if (own === path) return child;
  return undefined;
}

/** These paths in the order in which a tree starts them. */
function inStartOrder(spec: TreeSpec, paths: readonly string[]): string[] {
  const wanted = new Set(paths);
  return pathsIn(spec, "/").filter((path) => wanted.has(path));
}

/** The declaration with another child at a path, or with none. */
function withChild<T extends SupervisorOptions>(options: T, path: string, child: ChildSpec | undefined): T {
  const [, name = "", ...rest] = path.split("/");
  const children = options.children.flatMap((own): ChildSpec[] => {
    if (own.name !== name) return [own];
    if (rest.length === 0) return child === undefined ? [] : [child];
    return own.run.kind === "supervisor" ? [{ ...own, run: withChild(own.run, `/${rest.join("/")}`, child) }] : [own];
  });
  return { ...options, children };
}
