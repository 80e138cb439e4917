/** The tree handle: the loop of a tree with its bus, its report and its hold on the program. */
import { cleanText, didYouMean, type ErrorCode, ReeveError } from "../base/mod.ts";
import { type ChildCommand, type CommandRefusal, type CommandResult, planTree, type TreePlan } from "../core/mod.ts";
import type { GapMarker, ShutdownCause, SupervisorEvent } from "../event/mod.ts";
import { Bus, type LogRecord, type ReadOptions } from "../observe/mod.ts";
import { DEFAULTS, type TreeSpec } from "../spec/mod.ts";
import { adapterFor, type LoadedTasks } from "./children/mod.ts";
import { systemClock } from "./clock.ts";
import { Interpreter } from "./interpreter.ts";
import { holdProgram } from "./keep_alive.ts";
import { startProbes } from "./probing.ts";
import { type Report, reportChildren } from "./report.ts";
import { type ChildSnapshot, snapshotChild, snapshotChildren, snapshotGroups, type SnapshotSource, type TreeSnapshot } from "./snapshot.ts";
import type { Child, ChildRequest, ReadyOptions, ShutdownRequest, SuperviseOptions, Tree } from "./tree.ts";

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
  readonly #plan: TreePlan;
  readonly #places: ReadonlyMap<string, Place>;
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
    this.#plan = planTree(spec, spec.policy?.escalation?.exitCode ?? DEFAULTS.escalationExitCode);
    this.#places = placesIn(this.#plan);
    this.#startedAtMs = clock.now();
    this.#startedWallMs = clock.wallNow();
    this.#interpreter = new Interpreter({
      plan: this.#plan,
      adapterFor: (node, child) => adapterFor(this.#plan.specs[node]![child]!, this.#plan.nodes[node]!.children[child]!.policy, tasks),
      startProbes,
      clock,
      random,
      events: this.#events,
      eventsPerSlice: Math.max(1, capacity >> 1),
      logs: this.#logs,
      onFinished: (cause, exitCode) => this.#onFinished(cause, exitCode),
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

  #command(path: string, command: ChildCommand, { by = "program", reason = "requested" }: ChildRequest = {}): Promise<CommandResult> {
    return new Promise((resolve, reject) => {
      const refuse = (code: ErrorCode, message: string): void =>
        reject(new ReeveError(code, `Cannot ${command} "${path}": ${message}`, { path }));
      if (this.#isFinished) return refuse("tree_finished", `tree "${this.name}" has finished`);
      if (by.trim() === "" || reason.trim() === "") return refuse("invalid_request", `${by.trim() === "" ? "by" : "reason"} is blank`);
      const place = this.#placeOf(path);
      const who = { by: cleanText(by, 256), reason: cleanText(reason, 1024) };
      const isTaken = this.#interpreter.command({ ...place, command, ...who }, (result) => {
        if (result.refusal === null) resolve(result);
        else refuse("command_refused", REFUSALS[result.refusal]);
      });
      if (!isTaken) refuse("too_many_commands", "too many commands wait for their answer");
    });
  }

  #placeOf(path: string): Place {
    const place = this.#places.get(path);
    if (place !== undefined) return place;
    throw new ReeveError("child_not_found", `Cannot find child "${path}"`, { path, hint: didYouMean(path, [...this.#places.keys()]) });
  }

  #snapshotSource(): SnapshotSource {
    const { nodes, clock } = this.#interpreter;
    const { resetAfterMs: fuseResetAfterMs } = this.#plan.guards;
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

function placesIn({ nodes }: TreePlan): Map<string, Place> {
  const places = new Map<string, Place>();
  for (const { id, children } of nodes) children.forEach(({ path }, child) => places.set(path, { node: id, child }));
  return places;
}

const REFUSALS: Readonly<Record<CommandRefusal, string>> = {
  supervisor_not_running: "its supervisor is not running",
  child_held: "it is paused or quarantined; resume it",
  child_paused: "it is paused, not quarantined; resume it",
};

type Ask = (command: ChildCommand, request?: ChildRequest) => Promise<CommandResult>;

function childHandle(snapshot: ChildSnapshot, ask: Ask): Child {
  return {
    ...snapshot,
    restart: (request) => ask("restart", request),
    start: (request) => ask("start", request),
    terminate: (request) => ask("terminate", request),
    pause: (request) => ask("pause", request),
    resume: (request) => ask("resume", request),
    quarantine: (request) => ask("quarantine", request),
    resetFuse: (request) => ask("reset_fuse", request),
    release: (request) => ask("release", request),
  };
}

function flatten(children: readonly ChildSnapshot[]): ChildSnapshot[] {
  return children.flatMap((child) => [child, ...flatten(child.children)]);
}
