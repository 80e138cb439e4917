/** The tree handle: the loop of a tree with its bus, its report and its hold on the program. */
import { cleanText, ReeveError } from "../base/mod.ts";
import { type ChildCommand, type ChildPhase, type CommandRefusal, type CommandResult, neededBy, Planner } from "../core/mod.ts";
import type { EventFacts, GapMarker, Request, ShutdownCause, SupervisorEvent } from "../event/mod.ts";
import {
  Bus,
  lagLimits,
  type LagWatch,
  type LogRecord,
  type ReadOptions,
  RunRecorder,
  type RunSummary,
  type Telemetry,
  type TelemetryMaker,
} from "../observe/mod.ts";
import { type ChildSpec, DEFAULTS, topologyHash, type TreeSpec } from "../spec/mod.ts";
import { adapterFor, type LoadedTasks } from "./children/mod.ts";
import { childHandle, REFUSALS } from "./child_handle.ts";
import { systemClock } from "./clock.ts";
import { Interpreter } from "./interpreter.ts";
import { holdProgram } from "./keep_alive.ts";
import { Members, type Place, refusal, type Refuse } from "./members.ts";
import { startProbes } from "./probing.ts";
import { isSameLeft, reconcile, type Reconciliation } from "./reconcile.ts";
import { readChildren } from "./readings.ts";
import { type Report, reportChildren } from "./report.ts";
import {
  type ChildSnapshot,
  flatten,
  snapshotChild,
  snapshotChildren,
  snapshotGroups,
  type SnapshotSource,
  type TreeChange,
  type TreeMoment,
  type TreeSnapshot,
} from "./snapshot.ts";
import { keepInsides } from "./insides.ts";
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

/** Implements {@linkcode Tree}. */
export class RunningTree implements Tree {
  readonly name: string;
  readonly finished: Promise<Report>;
  readonly #planner: Planner;
  readonly #members: Members;
  readonly #interpreter: Interpreter;
  readonly #events: Bus<SupervisorEvent>;
  readonly #logs: Bus<LogRecord>;
  readonly #recorder = new RunRecorder();
  readonly #telemetry: Telemetry | null;
  readonly #keepAlive: boolean;
  readonly #signal: AbortSignal | undefined;
  readonly #startedAtMs: number;
  readonly #startedWallMs: number;
  #finish: (report: Report) => void = () => {};
  #report: Report | null = null;
  #release: () => void = () => {};
  #unlisten: () => void = () => {};

  constructor(spec: TreeSpec, options: SuperviseOptions, tasks: LoadedTasks, newTelemetry: TelemetryMaker | null = null) {
    const { clock = systemClock(), random = Math.random, keepAlive = true, signal, additionLog } = options;
    const capacity = spec.observability?.eventJournalCapacity ?? DEFAULTS.eventJournalCapacity;
    this.name = spec.name ?? DEFAULTS.treeName;
    this.finished = new Promise((resolve) => this.#finish = resolve);
    const watch = (stream: LagWatch["stream"]): LagWatch => ({
      ...lagLimits(spec.backpressure),
      stream,
      now: () => clock.now(),
      tell: (facts) => this.#tell(facts),
    });
    this.#events = new Bus<SupervisorEvent>(capacity, watch("events"), (event) => {
      this.#recorder.note(event);
      this.#telemetry?.note(event);
    });
    this.#logs = new Bus(LOG_CAPACITY, watch("logs"));
    this.#planner = new Planner(spec, spec.policy?.escalation?.exitCode ?? DEFAULTS.escalationExitCode);
    const known = new Map(tasks);
    this.#startedAtMs = clock.now();
    this.#startedWallMs = clock.wallNow();
    this.#interpreter = new Interpreter({
      plan: this.#planner.tree,
      adapterFor: (child, policy) => adapterFor(child, policy, known),
      startProbes,
      clock,
      random,
      events: this.#events,
      eventsPerSlice: Math.max(1, capacity >> 1),
      logs: this.#logs,
      onFinished: (cause, exitCode) => this.#onFinished(cause, exitCode),
      onRemoved: (path, nodes) => this.#members.removed(path, nodes),
    });
    this.#members = new Members({
      spec,
      planner: this.#planner,
      interpreter: this.#interpreter,
      events: this.#events,
      tasks: known,
      additionLog,
      handle: (path, place) => this.#handle(path, place),
      requestOf: (request, refuse) => this.#requestOf(request, refuse),
    });
    this.#keepAlive = keepAlive;
    this.#signal = signal;
    const epochMs = clock.wallNow() - clock.now();
    this.#telemetry = newTelemetry?.({
      children: () => readChildren(this.#snapshotSource(), this.#members.places),
      wallAt: (atMs) => epochMs + atMs,
    }) ?? null;
    const [interpreter, members] = [this.#interpreter, this.#members];
    keepInsides(this, {
      events: this.#events,
      logs: this.#logs,
      runId: crypto.randomUUID().replaceAll("-", ""),
      get changes(): number {
        return interpreter.changes;
      },
      get memberships(): number {
        return members.changes;
      },
      tell: (facts) => this.#tell(facts),
    });
  }

  /** Starts the children that wait for nobody; resolves when that is done. */
  async begin(): Promise<void> {
    await this.#members.recover();
    if (this.#keepAlive) this.#release = holdProgram();
    this.#interpreter.post({ type: "begin", node: 0, stamp: 0 });
    if (this.#signal !== undefined) this.#listenTo(this.#signal);
    await this.#interpreter.whenIdle();
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
    const source = this.#snapshotSource();
    return {
      name: this.name,
      ...this.#moment(source),
      groups: snapshotGroups(source),
      children: snapshotChildren(source),
    };
  }

  summary(): RunSummary {
    return this.#recorder.summary;
  }

  child(path: string): Child {
    return this.#handle(path, this.#members.placeOf(path));
  }

  add(spec: ChildSpec, request: AddRequest = {}): Promise<Child> {
    return this.#members.add(spec, request);
  }

  startTemplate(template: string, request: TemplateRequest = {}): Promise<Child> {
    return this.#members.startTemplate(template, request);
  }

  scale(template: string, count: number, request: AddRequest = {}): Promise<ScaleResult> {
    return this.#members.scale(template, count, request);
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

  topologyHash(): string {
    const { roster } = this.#interpreter;
    return topologyHash([...this.#members.paths].map((path) => {
      const { node, child } = this.#members.placeOf(path);
      return [path, roster.spec(node, child)];
    }));
  }

  counts(): Partial<Record<ChildPhase, number>> {
    const counts: Partial<Record<ChildPhase, number>> = {};
    for (const { node, child } of this.#members.places) {
      const { phase } = this.#interpreter.nodes[node]!.slots[child]!;
      counts[phase] = (counts[phase] ?? 0) + 1;
    }
    return counts;
  }

  async *watch({ signal }: Pick<ReadOptions<SupervisorEvent>, "signal"> = {}): AsyncIterableIterator<TreeChange> {
    const since = this.#events.lastSeq;
    yield this.#change(this.#members.paths, true);
    for await (const batch of this.#events.readBatches({ since, signal, subscriber: "watch" })) {
      const whole = batch.some((event) => event.type === "gap");
      yield this.#change(whole ? this.#members.paths : new Set(batch.flatMap((event) => event.type === "gap" ? [] : [event.path])), whole);
    }
  }

  /** An event of the tree itself; after its end nothing is told any more. */
  #tell(facts: EventFacts): void {
    if (this.#report === null) this.#interpreter.post({ type: "tell", node: 0, path: "/", facts });
  }

  #change(paths: Iterable<string>, whole: boolean): TreeChange {
    const source = this.#snapshotSource();
    const changed: ChildSnapshot[] = [];
    const removed: string[] = [];
    for (const path of paths) {
      const place = this.#members.find(path);
      if (place !== undefined) changed.push(snapshotChild(source, place.node, place.child, true));
      else if (path !== "/") removed.push(path);
    }
    return { ...this.#moment(source), whole, changed, removed };
  }

  #moment({ now: atMs }: SnapshotSource): TreeMoment {
    const { phase, ready } = this.#interpreter.nodes[0]!;
    return { phase, ready, seq: this.#events.lastSeq, atMs };
  }

  logs(options?: ReadOptions<LogRecord>): AsyncIterableIterator<LogRecord | GapMarker> {
    return this.#logs.read(options);
  }

  shutdown({ reason = "close", by = "program", force = false }: ShutdownRequest = {}): Promise<Report> {
    if (this.#report !== null) return Promise.resolve(this.#report = this.#afterwards(this.#report));
    const blank = blankOf(by, reason);
    if (blank !== null) return Promise.reject(refusal("shut down", "/")("invalid_request", `${blank} is blank`));
    const who = cleaned(by, reason);
    const cause: ShutdownCause = { kind: "shutdown", requestedBy: who.by, reason: who.reason };
    this.#interpreter.post({ type: "stop", node: 0, stamp: 0, cause, forced: force });
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
      const refuse = refusal(command, path);
      const who = this.#requestOf(request, refuse);
      const place = this.#members.placeOf(path);
      const isTaken = this.#interpreter.command({ ...place, path, command, ...who }, (result) => {
        if (result.refusal === null) resolve(result);
        else reject(refuse("command_refused", this.#explain(place, result.refusal)));
      });
      if (!isTaken) reject(refuse("too_many_commands", "too many commands wait for their answer"));
    });
  }

  /** Who asks and why, cleaned; throws when nobody is there to ask, or one of them is blank. */
  #requestOf({ by = "program", reason = "requested" }: ChildRequest, refuse: Refuse): Request {
    if (this.#report !== null) throw refuse("tree_finished", `tree "${this.name}" has finished`);
    const blank = blankOf(by, reason);
    if (blank !== null) throw refuse("invalid_request", `${blank} is blank`);
    return cleaned(by, reason);
  }

  #explain({ node, child }: Place, refusal: CommandRefusal): string {
    if (refusal !== "child_needed") return REFUSALS[refusal];
    const state = this.#interpreter.nodes[node]!;
    return `${REFUSALS.child_needed}: ${neededBy(state, state.slots[child]!).slice(0, 5).join(", ")}`;
  }

  #handle(path: string, { node, child }: Place): Child {
    const snapshot = snapshotChild(this.#snapshotSource(), node, child);
    const spec = this.#interpreter.roster.spec(node, child);
    return childHandle(snapshot, spec, (command, request) => this.#command(path, command, request));
  }

  #snapshotSource(): SnapshotSource {
    const { nodes, clock } = this.#interpreter;
    const { resetAfterMs: fuseResetAfterMs } = this.#planner.tree.guards;
    return {
      nodes,
      now: clock.now(),
      fuseResetAfterMs,
      attemptOf: (node, child) => this.#interpreter.liveAttempt(node, child),
    };
  }

  #onFinished(cause: ShutdownCause, exitCode: number): void {
    if (this.#report !== null) return;
    this.#unlisten();
    this.#release();
    this.#report = {
      exitCode,
      cause,
      startedAtMs: this.#startedWallMs,
      durationMs: this.#interpreter.clock.now() - this.#startedAtMs,
      summary: this.summary(),
      ...this.#whatIsLeft(reconcile(this.#interpreter)),
    };
    this.#finish(this.#report);
    this.#events.close();
    this.#logs.close();
    this.#telemetry?.end();
  }

  /** The report as it would be now: what was left may have ended. */
  #afterwards(report: Report): Report {
    const measured = reconcile(this.#interpreter);
    return isSameLeft(report.reconcile, measured) ? report : { ...report, ...this.#whatIsLeft(measured) };
  }

  #whatIsLeft(measured: Reconciliation): Pick<Report, "children" | "abandoned" | "reconcile"> {
    const children = reportChildren(this.#interpreter.nodes);
    const abandoned = children.filter(({ status, kind }) => status === "abort_failed" && kind !== "supervisor").map(({ path }) => path);
    return { children, abandoned, reconcile: measured };
  }

  #listenTo(signal: AbortSignal): void {
    const onAbort = (): void => {
      const reason = signal.reason instanceof Error ? signal.reason.message : String(signal.reason);
      this.shutdown({ by: "signal", reason: reason.trim() === "" ? "aborted" : reason });
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

function blankOf(by: string, reason: string): "by" | "reason" | null {
  return by.trim() === "" ? "by" : reason.trim() === "" ? "reason" : null;
}

function cleaned(by: string, reason: string): Request {
  return { by: cleanText(by, 256), reason: cleanText(reason, 1024) };
}
