/** The tree handle: the loop of a tree with its bus, its report and its hold on the program. */
import { childPath, type ChildPhase, Planner } from "../core/mod.ts";
import type { EventFacts, GapMarker, ShutdownCause, SupervisorEvent } from "../event/mod.ts";
import type { AuditRecord, Bus, LogRecord, ReadOptions, RunSummary } from "../observe/mod.ts";
import { type ChildSpec, DEFAULTS, type TaskFunction, topologyHash, type TreeSpec } from "../spec/mod.ts";
import { adapterFor, type LoadedTasks, parentDeath } from "./children/mod.ts";
import { type Ask, childHandle } from "./child_handle.ts";
import { systemClock, turnsOf } from "./clock.ts";
import { Interpreter } from "./interpreter.ts";
import { holdProgram } from "./keep_alive.ts";
import { LoopWatch, type SupervisorHealth } from "./loop_watch.ts";
import { Members, type Place, refusal } from "./members.ts";
import { Observers, type Opened } from "./observers.ts";
import { Orders } from "./orders.ts";
import { withMemoryWatch } from "./memory_limit.ts";
import { startProbes } from "./probing.ts";
import { isSameLeft, reconcile, type Reconciliation } from "./reconcile.ts";
import { readChildren } from "./readings.ts";
import { type ApplyOptions, Reloader, type ReloadResult, type RollingRestartRequest, type RollingRestartResult } from "./reload.ts";
import { type Report, reportChildren } from "./report.ts";
import {
  type ChildSnapshot,
  snapshotChild,
  snapshotChildren,
  snapshotGroups,
  type SnapshotSource,
  type TreeChange,
  type TreeMoment,
  type TreeSnapshot,
  whatIsMissing,
} from "./snapshot.ts";
import { keepInsides } from "./insides.ts";
import { untilReady } from "./until_ready.ts";
import { UsageMeter } from "./usage.ts";
import type { AddRequest, Child, ReadyOptions, ScaleResult, ShutdownRequest, SuperviseOptions, TemplateRequest, Tree } from "./tree.ts";

/** So many turns of the program, of at most 8 ms each, the first wave of starts is waited for. */
const LONGEST_START_TURNS = 250;

/** Implements {@linkcode Tree}. */
export class RunningTree implements Tree {
  readonly name: string;
  readonly finished: Promise<Report>;
  readonly #planner: Planner;
  readonly #members: Members;
  readonly #interpreter: Interpreter;
  readonly #observers: Observers;
  readonly #events: Bus<SupervisorEvent>;
  readonly #logs: Bus<LogRecord>;
  readonly #loop: LoopWatch;
  readonly #orders: Orders;
  readonly #reloader: Reloader;
  #spec: TreeSpec;
  #configVersion: string;
  readonly #keepAlive: boolean;
  readonly #signal: AbortSignal | undefined;
  readonly #startedAtMs: number;
  readonly #startedWallMs: number;
  #finish: (report: Report) => void = () => {};
  #report: Report | null = null;
  #release: () => void = () => {};
  #unwatchDeath: () => Promise<void> | null = () => null;
  #unlisten: () => void = () => {};

  constructor(spec: TreeSpec, options: SuperviseOptions, tasks: LoadedTasks, opened: Opened) {
    const { clock = systemClock(), random = Math.random, keepAlive = true, signal, additionLog, configVersion = "1" } = options;
    this.name = spec.name ?? DEFAULTS.treeName;
    this.#spec = { ...spec, name: this.name };
    this.#configVersion = configVersion;
    this.finished = new Promise((resolve) => this.#finish = resolve);
    const observers = new Observers(spec, opened, {
      name: this.name,
      configVersion: () => this.#configVersion,
      clock,
      tell: (facts) => this.#tell(facts),
      children: () => readChildren(this.#snapshotSource(), this.#members.places),
      supervisor: () => ({ ...this.health(), configVersion: this.#configVersion }),
    });
    this.#observers = observers;
    this.#events = observers.events;
    this.#logs = observers.logs;
    this.#planner = new Planner(spec, spec.policy?.escalation?.exitCode ?? DEFAULTS.escalationExitCode);
    const known = new Map(tasks);
    this.#startedAtMs = clock.now();
    this.#startedWallMs = clock.wallNow();
    const interpreter = new Interpreter({
      plan: this.#planner.tree,
      adapterFor: (child, policy) => adapterFor(child, policy, known),
      startProbes: withMemoryWatch(startProbes, clock),
      clock,
      random,
      events: observers.events,
      eventsPerSlice: observers.eventsPerSlice,
      logs: observers.logs,
      mostCommands: spec.observability?.commandQueueCapacity,
      redactor: observers.redactor,
      logFiles: observers.logFiles,
      onProbed: (path, tookMs) => observers.telemetry?.probed(path, tookMs),
      onChildCommand: (path, command, reason) => observers.audit.childAsked(path, command, reason),
      onFinished: (cause, exitCode) => this.#onFinished(cause, exitCode),
      onRemoved: (path, nodes) => this.#members.removed(path, nodes),
    });
    this.#interpreter = interpreter;
    this.#loop = new LoopWatch({ clock, mailbox: interpreter.mailbox, tell: (facts) => this.#tell(facts) });
    this.#members = new Members({
      spec: () => this.#spec,
      planner: this.#planner,
      interpreter,
      random,
      events: observers.events,
      tasks: known,
      additionLog,
      handle: (path, place) => this.#handle(place, this.#orders.plain(path)),
      requestOf: (request, refuse) => this.#orders.requestOf(request, refuse),
      keepSecrets: (child) => observers.keepSecrets([child]),
    });
    opened.state?.attach({ interpreter, name: this.name, places: () => this.#members.places, runs: this.#members.occasions });
    this.#orders = new Orders({
      name: this.name,
      interpreter,
      audit: observers.audit,
      hasFinished: () => this.#report !== null,
      placeOf: (path) => this.#members.placeOf(path),
    });
    this.#reloader = new Reloader({
      name: this.name,
      planner: this.#planner,
      interpreter,
      members: this.#members,
      orders: this.#orders,
      events: observers.events,
      spec: () => this.#spec,
      adopt: (next, loaded, version) => this.#adopt(next, loaded, version, known),
      tell: (facts) => this.#tell(facts),
    });
    this.#keepAlive = keepAlive;
    this.#signal = signal;
    const members = this.#members;
    const meter = new UsageMeter({ clock, processes: () => members.processes() });
    keepInsides(this, {
      events: observers.events,
      logs: observers.logs,
      trail: observers.trail,
      mailbox: interpreter.mailbox,
      runId: observers.runId,
      startedAtMs: this.#startedAtMs,
      calendar: observers.calendar,
      configVersion: () => this.#configVersion,
      specOf: (path) => members.specOf(path),
      get changes(): number {
        return interpreter.changes;
      },
      get memberships(): number {
        return members.changes;
      },
      usage: () => meter.measure(),
      tell: (facts) => this.#tell(facts),
    });
  }

  /** Starts the children that wait for nobody; resolves when that is done. */
  async begin(): Promise<void> {
    await this.#observers.begin();
    await this.#members.begin();
    this.#loop.start();
    if (this.#keepAlive) this.#release = holdProgram();
    this.#unwatchDeath = parentDeath.hold();
    this.#interpreter.post({ type: "begin", node: 0, stamp: 0 });
    if (this.#signal !== undefined) this.#listenTo(this.#signal);
    // Children that restart themselves again and again leave the loop no rest.
    await Promise.race([this.#interpreter.whenIdle(), turnsOf(this.#interpreter.clock, LONGEST_START_TURNS)]);
  }

  ready(options: ReadyOptions = {}): Promise<void> {
    return untilReady({
      name: this.name,
      clock: this.#interpreter.clock,
      events: this.#events,
      isReady: () => this.#interpreter.nodes[0]!.ready,
      whatIsMissing: () => whatIsMissing(this.snapshot().children),
    }, options);
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
    return this.#observers.recorder.summary;
  }

  health(): SupervisorHealth {
    return this.#loop.reading;
  }

  get auditRecords(): readonly AuditRecord[] {
    return this.#observers.trail?.records ?? [];
  }

  child(path: string): Child {
    return this.#handle(this.#members.placeOf(path), this.#orders.recorded(path));
  }

  add(spec: ChildSpec, request: AddRequest = {}): Promise<Child> {
    const what = { method: "command.add_child", targetPath: childPath(request.to ?? "/", spec.name), wish: "add" } as const;
    return this.#orders.around(what, request, () => this.#members.add(spec, request));
  }

  startTemplate(template: string, request: TemplateRequest = {}): Promise<Child> {
    const what = { method: "reeve.start_template", targetPath: childPath(request.to ?? "/", template), wish: "add a copy to" } as const;
    return this.#orders.around(what, request, () => this.#members.startTemplate(template, request));
  }

  scale(template: string, count: number, request: AddRequest = {}): Promise<ScaleResult> {
    const what = { method: "reeve.scale", targetPath: childPath(request.to ?? "/", template), wish: "scale" } as const;
    return this.#orders.around(
      what,
      request,
      () =>
        this.#reloader.isSet(what.targetPath)
          ? this.#reloader.scale(what.targetPath, count, request)
          : this.#members.scale(template, count, request),
    );
  }

  rollingRestart(path: string, request: RollingRestartRequest = {}): Promise<RollingRestartResult> {
    const what = { method: "reeve.rolling_restart", targetPath: path, wish: "restart the copies of" } as const;
    return this.#orders.around(what, request, () => this.#reloader.rollingRestart(path, request));
  }

  apply(next: TreeSpec, options: ApplyOptions = {}): Promise<ReloadResult> {
    return this.#reloader.apply(next, options);
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
    for await (const batch of this.#events.readBatches({ since, signal, subscriber: "watch", capacity: Infinity })) {
      const whole = batch.some((event) => event.type === "gap");
      yield this.#change(whole ? this.#members.paths : new Set(batch.flatMap((event) => event.type === "gap" ? [] : [event.path])), whole);
    }
  }

  /** Another declaration counts from now on. */
  #adopt(next: TreeSpec, loaded: LoadedTasks, version: string | undefined, known: Map<ChildSpec, TaskFunction>): void {
    this.#spec = { ...next, name: this.name };
    this.#configVersion = version ?? this.#configVersion;
    this.#planner.adopt(this.#spec);
    this.#observers.keepSecrets(next.children);
    for (const [child, task] of loaded) known.set(child, task);
    this.#members.keepSockets();
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

  shutdown(request: ShutdownRequest = {}): Promise<Report> {
    const { reason = "close", by = "program", force = false } = request;
    if (this.#report !== null) return this.finished.then((report) => this.#report = this.#afterwards(this.#report ?? report));
    try {
      const who = this.#orders.requestOf({ by, reason }, refusal("shut down", "/"));
      this.#observers.audit.shutdown(who, request);
      const cause: ShutdownCause = { kind: "shutdown", requestedBy: who.by, reason: who.reason };
      this.#interpreter.post({ type: "stop", node: 0, stamp: 0, cause, forced: force });
      return this.finished;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async close(): Promise<void> {
    await this.shutdown();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #handle({ node, child }: Place, ask: Ask): Child {
    const snapshot = snapshotChild(this.#snapshotSource(), node, child);
    return childHandle(snapshot, this.#interpreter.roster.spec(node, child), ask);
  }

  #snapshotSource(): SnapshotSource {
    const { nodes, clock } = this.#interpreter;
    const { resetAfterMs: fuseResetAfterMs } = this.#planner.tree.guards;
    return {
      nodes,
      now: clock.now(),
      fuseResetAfterMs,
      attemptOf: (node, child) => this.#interpreter.liveAttempt(node, child),
      nextRunAtMs: (path) => this.#members.occasions.nextRunAtMs(path),
    };
  }

  #onFinished(cause: ShutdownCause, exitCode: number): void {
    if (this.#report !== null) return;
    this.#unlisten();
    this.#release();
    this.#loop.stop();
    this.#members.occasions.end();
    this.#interpreter.sockets.keep(() => []);
    this.#report = {
      exitCode,
      cause,
      startedAtMs: this.#startedWallMs,
      durationMs: this.#interpreter.clock.now() - this.#startedAtMs,
      summary: this.summary(),
      unwritten: [],
      ...this.#whatIsLeft(reconcile(this.#interpreter)),
    };
    const report = this.#report;
    const closing = this.#observers.close();
    const unwatched = this.#unwatchDeath();
    if (closing === null && unwatched === null) this.#finish(report);
    else Promise.all([closing, unwatched]).then(([unwritten]) => this.#finish(this.#report = { ...report, unwritten: unwritten ?? [] }));
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
}
