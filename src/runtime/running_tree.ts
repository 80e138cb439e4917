/** The tree handle: the loop of a tree with its bus, its report and its hold on the program. */
import { cleanText, didYouMean, type ErrorCode, ReeveError } from "../base/mod.ts";
import { type ChildCommand, type ChildPhase, type CommandRefusal, type CommandResult, neededBy, Planner } from "../core/mod.ts";
import { describe, type GapMarker, type Request, type ShutdownCause, type SupervisorEvent } from "../event/mod.ts";
import { Bus, type LogRecord, type ReadOptions } from "../observe/mod.ts";
import { type ChildSpec, DEFAULTS, type TaskFunction, type TreeSpec } from "../spec/mod.ts";
import { checkAddition, explainRefusal } from "./additions.ts";
import { adapterFor, type LoadedTasks } from "./children/mod.ts";
import { childHandle, REFUSALS } from "./child_handle.ts";
import { systemClock } from "./clock.ts";
import { Instances } from "./instances.ts";
import { Interpreter } from "./interpreter.ts";
import { holdProgram } from "./keep_alive.ts";
import { startProbes } from "./probing.ts";
import { type Report, reportChildren } from "./report.ts";
import {
  type ChildSnapshot,
  snapshotChild,
  snapshotChildren,
  snapshotGroups,
  type SnapshotSource,
  type TreeChange,
  type TreeSnapshot,
} from "./snapshot.ts";
import type {
  AddRequest,
  Child,
  ChildRequest,
  ReadyOptions,
  ScaleResult,
  ShutdownRequest,
  SuperviseOptions,
  TemplateRequest,
  Tree,
} from "./tree.ts";

/** How many lines of output are remembered for readers that come late or lag. */
const LOG_CAPACITY = 1_024;

/** Where a child is in the plan. */
interface Place {
  readonly node: number;
  readonly child: number;
}

/** Implements {@linkcode Tree}. */
export class RunningTree implements Tree {
  readonly name: string;
  readonly finished: Promise<Report>;
  readonly #spec: TreeSpec;
  readonly #planner: Planner;
  readonly #places = new Map<string, Place>();
  readonly #instances = new Instances();
  readonly #tasks: Map<ChildSpec, TaskFunction>;
  readonly #interpreter: Interpreter;
  readonly #events: Bus<SupervisorEvent>;
  readonly #logs = new Bus<LogRecord>(LOG_CAPACITY);
  readonly #signal: AbortSignal | undefined;
  readonly #startedAtMs: number;
  readonly #startedWallMs: number;
  #finish: (report: Report) => void = () => {};
  #isFinished = false;
  #release: () => void = () => {};
  #unlisten: () => void = () => {};

  constructor(spec: TreeSpec, options: SuperviseOptions, tasks: LoadedTasks) {
    const { clock = systemClock(), random = Math.random, keepAlive = true, signal } = options;
    const capacity = spec.observability?.eventJournalCapacity ?? DEFAULTS.eventJournalCapacity;
    this.name = spec.name ?? DEFAULTS.treeName;
    this.finished = new Promise((resolve) => this.#finish = resolve);
    this.#events = new Bus(capacity);
    this.#spec = spec;
    this.#tasks = new Map(tasks);
    this.#planner = new Planner(spec, spec.policy?.escalation?.exitCode ?? DEFAULTS.escalationExitCode);
    for (const { id } of this.#planner.tree.nodes) this.#rememberPlaces(id);
    this.#startedAtMs = clock.now();
    this.#startedWallMs = clock.wallNow();
    this.#interpreter = new Interpreter({
      plan: this.#planner.tree,
      adapterFor: (child, policy) => adapterFor(child, policy, this.#tasks),
      startProbes,
      clock,
      random,
      events: this.#events,
      eventsPerSlice: Math.max(1, capacity >> 1),
      logs: this.#logs,
      onFinished: (cause, exitCode) => this.#onFinished(cause, exitCode),
      onRemoved: (path, nodes) => this.#onRemoved(path, nodes),
    });
    if (keepAlive) this.#release = holdProgram();
    this.#signal = signal;
  }

  /** Starts the children that wait for nobody; resolves when that is done. */
  begin(): Promise<void> {
    this.#interpreter.post({ type: "begin", node: 0, stamp: 0 });
    if (this.#signal !== undefined) this.#listenTo(this.#signal);
    return this.#interpreter.whenIdle();
  }

  async ready({ signal, timeoutMs }: ReadyOptions = {}): Promise<void> {
    if (this.#interpreter.nodes[0]!.ready) return;
    const stop = new AbortController();
    const onAbort = (): void => stop.abort();
    let timedOut = false;
    const cancelTimer = timeoutMs === undefined ? () => {} : this.#interpreter.clock.setTimer(() => {
      timedOut = true;
      stop.abort();
    }, timeoutMs);
    signal?.addEventListener("abort", onAbort);
    try {
      signal?.throwIfAborted();
      const events = this.#events.read({
        since: "now",
        filter: (event) => event.type === "supervisor_ready" && event.path === "/",
        signal: stop.signal,
      });
      const { done } = await events.next();
      await events.return?.();
      if (done !== true || this.#interpreter.nodes[0]!.ready) return;
      signal?.throwIfAborted();
      if (timedOut) {
        throw new ReeveError("tree_not_ready", `Tree "${this.name}" was not ready within ${timeoutMs} ms: ${this.#whatIsMissing()}`);
      }
      throw new ReeveError("tree_finished", `Tree "${this.name}" finished before it was ready`);
    } finally {
      cancelTimer();
      signal?.removeEventListener("abort", onAbort);
    }
  }

  snapshot(): TreeSnapshot {
    const { phase, ready } = this.#interpreter.nodes[0]!;
    const source = this.#snapshotSource();
    return {
      name: this.name,
      phase,
      ready,
      seq: this.#events.lastSeq,
      atMs: source.now,
      groups: snapshotGroups(source),
      children: snapshotChildren(source),
    };
  }

  child(path: string): Child {
    const { node, child } = this.#placeOf(path);
    return childHandle(snapshotChild(this.#snapshotSource(), node, child), (command, request) => this.#command(path, command, request));
  }

  async add(spec: ChildSpec, request: AddRequest = {}): Promise<Child> {
    return await this.#add(spec, spec.name, request);
  }

  async startTemplate(template: string, { args, ...request }: TemplateRequest = {}): Promise<Child> {
    const { to = "/" } = request;
    const spec = this.#spec.templates?.find(({ name }) => name === template);
    if (spec === undefined) {
      const names = this.#spec.templates?.map(({ name }) => name) ?? [];
      throw new ReeveError("template_not_found", `Cannot find template "${template}"`, { hint: didYouMean(template, names) });
    }
    const name = this.#instances.next(to, template);
    try {
      return await this.#add(args === undefined ? spec : { ...spec, args }, name, request);
    } catch (error) {
      this.#instances.forget(joined(to, name));
      throw error;
    }
  }

  async scale(template: string, count: number, request: AddRequest = {}): Promise<ScaleResult> {
    if (!Number.isInteger(count) || count < 0) throw new ReeveError("invalid_request", `Cannot scale "${template}" to ${count} copies`);
    const { to = "/", by, reason } = request;
    // One that is on its way out does not count any more.
    const live = this.#instances.list(to, template).map((name) => joined(to, name)).filter((path) =>
      this.child(path).operation !== "removed"
    );
    const removed = live.slice(count).reverse();
    for (const path of removed) await this.child(path).remove({ by, reason });
    const added: string[] = [];
    while (live.length + added.length < count) added.push((await this.startTemplate(template, request)).path);
    return { added, removed };
  }

  async #add(spec: ChildSpec, name: string, { to = "/", by, reason, untilReady = false }: AddRequest): Promise<Child> {
    const path = joined(to, name);
    const fail = (code: ErrorCode, why: string): ReeveError => new ReeveError(code, `Cannot add "${path}": ${why}`, { path });
    const node = to === "/" ? 0 : this.#nodeBehind(to);
    if (node === -1) throw fail("not_a_supervisor", `"${to}" is no supervisor`);
    const who = this.#requestOf({ by, reason }, (code, why) => fail(code, why));
    const supervisor = this.#planner.optionsOf(node);
    const tasks = await checkAddition(spec, { tree: this.#spec, supervisor, has: (sibling) => this.#places.has(joined(to, sibling)) });
    if (this.#isFinished) throw fail("tree_finished", `tree "${this.name}" has finished`);
    for (const [child, task] of tasks) this.#tasks.set(child, task);
    const named = name === spec.name ? spec : { ...spec, name };
    if (tasks.has(spec)) this.#tasks.set(named, tasks.get(spec)!);
    const planned = this.#planner.planChild(node, named);
    const since = this.#events.lastSeq;
    await new Promise<void>((resolve, reject) => {
      const isTaken = this.#interpreter.add(node, planned, who, (refusal) => {
        if (refusal === null) {
          this.#places.set(path, { node, child: this.#interpreter.nodes[node]!.names!.get(name)! });
          for (const inner of planned.nodes) this.#rememberPlaces(inner);
          return resolve();
        }
        this.#planner.release(planned.nodes);
        const code = refusal.code === "supervisor_not_running" ? "command_refused" : refusal.code;
        reject(fail(code, explainRefusal(refusal, to)));
      });
      if (!isTaken) reject(fail("too_many_commands", "too many commands wait for their answer"));
    });
    // What starts them holds the functions by now.
    for (const child of [named, ...tasks.keys()]) this.#tasks.delete(child);
    if (untilReady) await this.#untilReady(path, since);
    return this.child(path);
  }

  /** Waits for the first attempt of an added child; one that fails is undone. */
  async #untilReady(path: string, since: number): Promise<void> {
    for await (const event of this.#events.read({ since, filter: (event) => event.path === path })) {
      if (event.type === "child_ready" || event.type === "child_succeeded") return;
      if (event.type !== "child_failed" && event.type !== "child_stopped" && event.type !== "child_removed") continue;
      if (this.#places.has(path)) await this.child(path).remove({ reason: "it did not get ready" });
      throw new ReeveError("addition_undone", `Cannot add "${path}": ${describe(event)}`, { path });
    }
    throw new ReeveError("tree_finished", `Tree "${this.name}" finished before "${path}" was ready`, { path });
  }

  /** The node of a supervisor, -1 when the child is none. */
  #nodeBehind(path: string): number {
    const { node, child } = this.#placeOf(path);
    return this.#interpreter.nodes[node]!.slots[child]!.plan.node;
  }

  #rememberPlaces(node: number): void {
    this.#planner.tree.nodes[node]!.children.forEach(({ path }, child) => this.#places.set(path, { node, child }));
  }

  #onRemoved(path: string, nodes: readonly number[]): void {
    this.#places.delete(path);
    this.#instances.forget(path);
    if (nodes.length === 0) return;
    this.#planner.release(nodes);
    for (const inner of [...this.#places.keys()]) if (inner.startsWith(`${path}/`)) this.#places.delete(inner);
  }

  events(options?: ReadOptions<SupervisorEvent>): AsyncIterableIterator<SupervisorEvent | GapMarker> {
    return this.#events.read(options);
  }

  observe({ signal }: Pick<ReadOptions<SupervisorEvent>, "signal"> = {}): {
    snapshot: TreeSnapshot;
    events: AsyncIterableIterator<SupervisorEvent | GapMarker>;
  } {
    const snapshot = this.snapshot();
    return { snapshot, events: this.#events.read({ since: snapshot.seq, signal }) };
  }

  counts(): Partial<Record<ChildPhase, number>> {
    const counts: Partial<Record<ChildPhase, number>> = {};
    for (const { node, child } of this.#places.values()) {
      const { phase } = this.#interpreter.nodes[node]!.slots[child]!;
      counts[phase] = (counts[phase] ?? 0) + 1;
    }
    return counts;
  }

  async *watch({ signal }: Pick<ReadOptions<SupervisorEvent>, "signal"> = {}): AsyncIterableIterator<TreeChange> {
    const since = this.#events.lastSeq;
    yield this.#change(this.#places.keys(), true);
    for await (const batch of this.#events.readBatches({ since, signal })) {
      const whole = batch.some((event) => event.type === "gap");
      yield this.#change(whole ? this.#places.keys() : new Set(batch.flatMap((event) => event.type === "gap" ? [] : [event.path])), whole);
    }
  }

  #change(paths: Iterable<string>, whole: boolean): TreeChange {
    const source = this.#snapshotSource();
    const { phase, ready } = this.#interpreter.nodes[0]!;
    const changed: ChildSnapshot[] = [];
    const removed: string[] = [];
    for (const path of paths) {
      const place = this.#places.get(path);
      if (place !== undefined) changed.push(snapshotChild(source, place.node, place.child, true));
      else if (path !== "/") removed.push(path);
    }
    return { seq: this.#events.lastSeq, atMs: source.now, phase, ready, whole, changed, removed };
  }

  logs(options?: ReadOptions<LogRecord>): AsyncIterableIterator<LogRecord | GapMarker> {
    return this.#logs.read(options);
  }

  shutdown({ reason = "close", by = "program", force = false }: ShutdownRequest = {}): Promise<Report> {
    if (!this.#isFinished) {
      const cause: ShutdownCause = { kind: "shutdown", requestedBy: cleanText(by, 256), reason: cleanText(reason, 1024) };
      this.#interpreter.post({ type: "stop", node: 0, stamp: 0, cause, forced: force });
    }
    return this.finished;
  }

  async close(): Promise<void> {
    await this.shutdown();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #command(path: string, command: ChildCommand, request: ChildRequest = {}): Promise<CommandResult> {
    return new Promise((resolve, reject) => {
      const fail = (code: ErrorCode, message: string): ReeveError =>
        new ReeveError(code, `Cannot ${command} "${path}": ${message}`, { path });
      const who = this.#requestOf(request, fail);
      const place = this.#placeOf(path);
      const isTaken = this.#interpreter.command({ ...place, path, command, ...who }, (result) => {
        if (result.refusal === null) resolve(result);
        else reject(fail("command_refused", this.#refusal(place, result.refusal)));
      });
      if (!isTaken) reject(fail("too_many_commands", "too many commands wait for their answer"));
    });
  }

  /** Who asks and why, cleaned; throws when nobody is there to ask, or one of them is blank. */
  #requestOf({ by = "program", reason = "requested" }: ChildRequest, fail: (code: ErrorCode, message: string) => ReeveError): Request {
    if (this.#isFinished) throw fail("tree_finished", `tree "${this.name}" has finished`);
    if (by.trim() === "" || reason.trim() === "") throw fail("invalid_request", `${by.trim() === "" ? "by" : "reason"} is blank`);
    return { by: cleanText(by, 256), reason: cleanText(reason, 1024) };
  }

  #refusal({ node, child }: Place, refusal: CommandRefusal): string {
    if (refusal !== "child_needed") return REFUSALS[refusal];
    const state = this.#interpreter.nodes[node]!;
    return `${REFUSALS.child_needed}: ${neededBy(state, state.slots[child]!).slice(0, 5).join(", ")}`;
  }

  #placeOf(path: string): Place {
    const place = this.#places.get(path);
    if (place !== undefined) return place;
    throw new ReeveError("child_not_found", `Cannot find child "${path}"`, { path, hint: didYouMean(path, [...this.#places.keys()]) });
  }

  #snapshotSource(): SnapshotSource {
    const { nodes, clock } = this.#interpreter;
    const { resetAfterMs: fuseResetAfterMs } = this.#planner.tree.guards;
    return {
      nodes,
      now: clock.now(),
      fuseResetAfterMs,
      pidOf: (node, child) => this.#interpreter.liveAttempt(node, child)?.handle?.pid ?? null,
    };
  }

  #onFinished(cause: ShutdownCause, exitCode: number): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#unlisten();
    this.#release();
    const children = reportChildren(this.#interpreter.nodes);
    this.#finish({
      exitCode,
      cause,
      startedAtMs: this.#startedWallMs,
      durationMs: this.#interpreter.clock.now() - this.#startedAtMs,
      children,
      abandoned: children.filter((child) => child.status === "abort_failed" && child.kind !== "supervisor").map((child) => child.path),
    });
    this.#events.close();
    this.#logs.close();
  }

  #listenTo(signal: AbortSignal): void {
    const onAbort = (): void => {
      const reason = signal.reason instanceof Error ? signal.reason.message : String(signal.reason);
      this.shutdown({ by: "signal", reason });
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort);
    this.#unlisten = () => signal.removeEventListener("abort", onAbort);
  }

  #whatIsMissing(): string {
    const missing = flatten(this.snapshot().children).filter((child) => child.phase !== "ready");
    const shown = missing.slice(0, 5).map((child) =>
      `${child.path} is ${child.phase}${child.waitingFor.length === 0 ? "" : ` for ${child.waitingFor.join(", ")}`}`
    );
    return `${shown.join("; ")}${missing.length > 5 ? `; and ${missing.length - 5} more` : ""}`;
  }
}

/** The path of a child. */
function joined(supervisor: string, name: string): string {
  return supervisor === "/" ? `/${name}` : `${supervisor}/${name}`;
}

function flatten(children: readonly ChildSnapshot[]): ChildSnapshot[] {
  return children.flatMap((child) => [child, ...flatten(child.children)]);
}
