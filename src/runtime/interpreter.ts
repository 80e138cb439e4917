/**
 * The loop of a tree: one mailbox, messages handled one at a time in order, effects carried out, nothing awaited.
 *
 * It drains in microtasks for a slice of at most 8 ms, then lets timers, sockets and signals have their turn in a macrotask.
 */
import { type ChildEnd, type Clock, type Random, Redactor, thrownMessage } from "../base/mod.ts";
import {
  type ChildCommand,
  type CommandMessage,
  type CommandResult,
  type Effect,
  GONE,
  type Message,
  type NewChild,
  type NodeState,
  type PlanRevision,
  step,
  type StepEnvironment,
  type TreeCounters,
  type TreePlan,
} from "../core/mod.ts";
import type { ShutdownCause, SupervisorEvent } from "../event/mod.ts";
import { type ChildPolicy, type ChildSpec, type DecisionHistory, DEFAULTS, type GuardPolicy } from "../spec/mod.ts";
import type { Bus, LineSink, LogFiles, LogRecord } from "../observe/mod.ts";
import { Attempt, type AttemptHost } from "./attempt.ts";
import { type SupervisorAdapter, supervisorAdapter } from "./children/supervisor.ts";
import type { ChildAdapter, RunningChild } from "./children/types.ts";
import { watchEnds } from "./death_watch.ts";
import { HeldSockets } from "./held_sockets.ts";
import { Ledger } from "./ledger.ts";
import { Mailbox } from "./mailbox.ts";
import type { Place } from "./members.ts";
import { type AddAnswer, type AddRequest, OpenRequests } from "./open_requests.ts";
import { Roster } from "./roster.ts";
import { type Timer, TimerQueue } from "./timers.ts";

/** Starts probes for an attempt that began and returns what stops them; `null` when it has none. */
export type ProbeStarter = (
  attempt: Attempt,
  post: AttemptHost["post"],
  onProbed?: (path: string, tookMs: number) => void,
) => (() => void) | null;

/** What a loop is made of; tests replace the parts. */
export interface InterpreterOptions {
  readonly plan: TreePlan;
  /** The adapter of a child that is not a supervisor. */
  readonly adapterFor: (spec: ChildSpec, policy: ChildPolicy) => ChildAdapter;
  readonly startProbes: ProbeStarter;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Bus<SupervisorEvent>;
  /** How many events one slice may publish: less than the bus remembers, so that a prompt reader misses nothing. */
  readonly eventsPerSlice: number;
  readonly logs: Bus<LogRecord>;
  /** Most commands that wait for an answer; more are refused. @default {1024} */
  readonly mostCommands?: number;
  /** What no child may say aloud. @default {nothing} */
  readonly redactor?: Redactor;
  /** Where a child's output is written beside the stream. @default {nowhere} */
  readonly logFiles?: Pick<LogFiles, "sinkOf" | "revise">;
  /** A child asks for something itself. */
  readonly onChildCommand?: (path: string, command: ChildCommand, reason: string) => void;
  /** A question for health was answered. */
  readonly onProbed?: (path: string, tookMs: number) => void;
  readonly onFinished: (cause: ShutdownCause, exitCode: number) => void;
  /** A child is gone for good, and with it these nodes. */
  readonly onRemoved?: (path: string, nodes: readonly number[]) => void;
  /** The decision core. @default {step} */
  readonly step?: typeof step;
  /** Sees every message with its effects, before they are carried out. */
  readonly inspect?: (message: Message, effects: readonly Effect[]) => void;
}

/** Longest time in milliseconds for which the loop keeps the program to itself. */
const SLICE_MS = 8;

/** The running loop of one tree. */
export class Interpreter implements AttemptHost {
  readonly clock: Clock;
  readonly ledger = new Ledger();
  readonly sockets = new HeldSockets(this.ledger);
  readonly redactor: Redactor;
  readonly #options: InterpreterOptions;
  readonly #step: typeof step;
  readonly #counters: TreeCounters = { stamp: 0, timer: 0, correlation: 0, event: 0 };
  readonly #timers: TimerQueue;
  readonly roster: Roster;
  readonly #live: (Attempt | undefined)[][];
  #lineCount = 0;
  readonly mailbox = new Mailbox();
  #effects: readonly Effect[] = [];
  #carriedOut = 0;
  /** Grows with whatever may change how a child is. */
  changes = 0;
  #draining = false;
  #scheduled = false;
  /** A slice lasts until the next macrotask, over any number of microtasks. */
  #sliceStartedAtMs = -1;
  #sliceEvents = 0;
  #sliceOver = false;
  #broken = false;
  readonly #idleWaiters: (() => void)[] = [];
  readonly #requests: OpenRequests;

  constructor(options: InterpreterOptions) {
    const { plan, clock } = options;
    this.#options = options;
    this.#requests = new OpenRequests(options.mostCommands ?? DEFAULTS.commandQueueCapacity);
    this.redactor = options.redactor ?? new Redactor();
    this.#step = options.step ?? step;
    this.clock = clock;
    this.#timers = new TimerQueue(clock, (timer) => this.#onTimer(timer));
    this.roster = new Roster(plan, { adapterFor: options.adapterFor, nodeAdapter: (node) => this.#nodeAdapter(node) });
    this.#live = plan.nodes.map((node) => new Array<Attempt | undefined>(node.children.length));
  }

  /** The state of every node. */
  get nodes(): readonly NodeState[] {
    return this.roster.nodes;
  }

  /** The live attempts, nested supervisors included. */
  get attempts(): readonly Attempt[] {
    return this.#live.flat().filter((attempt) => attempt !== undefined);
  }

  /** What guards restarts in this tree. */
  get guards(): GuardPolicy {
    return this.#options.plan.guards;
  }

  /** How many timers are set. */
  get liveTimers(): number {
    return this.#timers.size;
  }

  get timers(): readonly Timer[] {
    return this.#timers.live;
  }

  get idle(): boolean {
    return this.mailbox.depth === 0 && this.#carriedOut === this.#effects.length;
  }

  /** The live attempt of a child. */
  liveAttempt(node: number, child: number): Attempt | undefined {
    return this.#live[node]![child];
  }

  /** Puts a message into the mailbox. */
  post(message: Message): void {
    this.mailbox.push(message);
    if (this.#draining || this.#scheduled || this.#sliceOver) return;
    this.#scheduled = true;
    this.clock.microtask(this.#drain);
  }

  command(command: Omit<CommandMessage, "type" | "id">, answer: (result: CommandResult) => void): boolean {
    const { path, command: name, reason } = command;
    this.#options.onChildCommand?.(path, name, reason);
    return this.order(command, answer);
  }

  /** Puts a command into the mailbox, with what takes its answer; false when too many wait for theirs already. */
  order(command: Omit<CommandMessage, "type" | "id">, answer: (result: CommandResult) => void): boolean {
    if (this.#requests.isFull) return false;
    this.post({ type: "command", id: this.#requests.command(answer), ...command });
    return true;
  }

  /** Puts a new child into the mailbox, with what takes the answer; false when too many wait for theirs already. */
  add(node: number, child: NewChild, request: AddRequest, answer: (answer: AddAnswer) => void): boolean {
    if (this.#requests.isFull) return false;
    this.roster.prepare(child);
    for (const inner of child.nodes) this.#live[inner] = [];
    this.post({ type: "add", node, id: this.#requests.addition(child, answer), child, ...request });
    return true;
  }

  /** A child is declared otherwise; its live attempt goes on as it was begun, but for where its output goes. */
  revise({ node, child }: Place, path: string, spec: ChildSpec, revision: PlanRevision): void {
    if (this.roster.revise(node, child, spec, revision.policy)) {
      this.#options.logFiles?.revise(spec.logs);
      this.#live[node]![child]?.reviseLogs(spec.logs);
    }
    this.post({ type: "revise", node, child, path, revision });
  }

  /** Resolves when everything that is in the mailbox now has been done. */
  whenIdle(): Promise<void> {
    return this.idle ? Promise.resolve() : new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  began(attempt: Attempt): void {
    attempt.stopProbes = this.#options.startProbes(attempt, (message) => this.post(message), this.#options.onProbed);
  }

  over(attempt: Attempt): void {
    attempt.stopProbes?.();
    attempt.stopProbes = null;
  }

  log(record: Omit<LogRecord, "seq">): void {
    this.#options.logs.publish({ seq: ++this.#lineCount, ...record });
  }

  lineSink(logs: ChildSpec["logs"]): LineSink | null {
    return this.#options.logFiles?.sinkOf(logs) ?? null;
  }

  watch(watcher: string, child: string, signal: AbortSignal): AsyncIterableIterator<ChildEnd> {
    return watchEnds({ nodes: this.nodes, events: this.#options.events }, watcher, child, signal);
  }

  historyOf({ identity: { node, child } }: Attempt): DecisionHistory {
    const { attempt, restartsTotal, failuresTotal, consecutive, startedAtMs } = this.nodes[node]!.slots[child]!;
    return { attempt, restartsTotal, failuresTotal, consecutiveRestarts: consecutive, uptimeMs: this.clock.now() - startedAtMs };
  }

  #drain = (): void => {
    this.#scheduled = false;
    if (this.#draining || this.#broken) return;
    if (this.#sliceStartedAtMs < 0) {
      this.#sliceStartedAtMs = this.clock.now();
      this.clock.macrotask(this.#nextSlice);
    }
    this.#draining = true;
    try {
      this.#run();
    } catch (error) {
      this.#breakDown(error);
    }
    this.#draining = false;
  };

  /** The rest of the program had its turn. */
  #nextSlice = (): void => {
    this.#sliceStartedAtMs = -1;
    this.#sliceEvents = 0;
    this.#sliceOver = false;
    if (!this.idle) this.#drain();
  };

  #run(): void {
    while (true) {
      while (this.#carriedOut < this.#effects.length) {
        const effect = this.#effects[this.#carriedOut++]!;
        this.#carryOut(effect);
        if ((this.#carriedOut & 15) === 0 && this.#isSliceOver(this.clock.now())) return;
      }
      const now = this.clock.now();
      if (this.mailbox.depth > 0 && this.#isSliceOver(now)) return;
      const message = this.mailbox.take();
      if (message === undefined) return this.#wakeIdle();
      this.#handle(message, now);
    }
  }

  #wakeIdle(): void {
    if (this.#idleWaiters.length === 0) return;
    for (const wake of this.#idleWaiters.splice(0)) wake();
  }

  #isSliceOver(now: number): boolean {
    this.#sliceOver = now - this.#sliceStartedAtMs >= SLICE_MS || this.#sliceEvents >= this.#options.eventsPerSlice;
    return this.#sliceOver;
  }

  #handle(message: Message, now: number): void {
    this.changes++;
    const environment: StepEnvironment = {
      now,
      random: this.#options.random,
      counters: this.#counters,
      tree: this.#options.plan,
      closed: this.#isClosed(message.node),
    };
    this.#effects = this.#step(this.nodes[message.node]!, message, environment);
    this.#carriedOut = 0;
    this.#options.inspect?.(message, this.#effects);
    if (message.type === "exited") this.#forget(message.node, message.child, message.stamp);
  }

  /** Whether a supervisor above the node is stopping or has stopped. */
  #isClosed(node: number): boolean {
    for (let parent = this.nodes[node]!.plan.parent; parent !== null; parent = this.nodes[parent]!.plan.parent) {
      if (this.nodes[parent]!.phase !== "running") return true;
    }
    return false;
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case "emit":
        this.#sliceEvents++;
        return this.#options.events.publish(effect.event);
      case "reply":
        return this.#requests.reply(effect.id, effect.result);
      case "start":
        return this.#start(effect);
      case "cancel":
      case "kill":
        return this.#end(effect);
      case "added":
        return this.#added(effect);
      case "refused":
        return this.#requests.answer(effect.id, effect.refusal);
      case "removed":
        return this.#removed(effect);
      case "setTimer":
        return this.#timers.set(effect);
      case "clearTimer":
        return this.#timers.clear(effect.timer);
      case "tellParent":
        return this.roster.supervisor(effect.node)?.report(effect.stamp, effect.report);
      case "shutdownTree":
        return this.post({ type: "stop", node: 0, stamp: 0, cause: effect.cause, forced: false });
      case "finished":
        this.#options.onFinished(effect.cause, effect.exitCode);
        return this.#timers.clearAll();
    }
  }

  #start({ node, child, stamp, generation, attempt: count }: Effect & { type: "start" }): void {
    const { path, policy } = this.nodes[node]!.slots[child]!.plan;
    const spec = this.roster.spec(node, child);
    const attempt = new Attempt({ node, child, stamp, generation, attempt: count, path, spec, policy }, this);
    this.#live[node]![child] = attempt;
    try {
      attempt.handle = this.roster.adapter(node, child).start(attempt);
    } catch (error) {
      attempt.exited({ kind: "failed", failure: { kind: "error", category: "start_failed", message: thrownMessage(error) } });
    }
  }

  #added({ id, node, child: index }: Effect & { type: "added" }): void {
    this.roster.add(node, index, this.#requests.childOf(id));
    this.#live[node]![index] = undefined;
    this.#requests.answer(id, { child: index });
  }

  #removed({ node, child }: Effect & { type: "removed" }): void {
    this.#options.onRemoved?.(this.nodes[node]!.slots[child]!.plan.path, this.roster.remove(node, child));
  }

  #end({ type, node, child, stamp }: Effect & { type: "cancel" | "kill" }): void {
    const attempt = this.#live[node]![child];
    if (attempt === undefined || attempt.identity.stamp !== stamp) return;
    try {
      if (type === "cancel") attempt.handle?.cancel();
      else attempt.handle?.kill();
    } catch (error) {
      // The stop goes on: what does not end by itself is forced, and what cannot be forced is passed over.
      attempt.output("log", `Cannot ${type} the attempt: ${thrownMessage(error)}`);
    }
  }

  #forget(node: number, child: number, stamp: number): void {
    if (this.#live[node]![child]?.identity.stamp !== stamp) return;
    this.#live[node]![child] = undefined;
  }

  #onTimer({ timer, node, child, dueMs }: Timer): void {
    const heartbeatAtMs = child < 0 ? 0 : this.#live[node]![child]?.heartbeatAtMs ?? 0;
    this.post({ type: "timer", node, child, timer, dueMs, heartbeatAtMs });
  }

  #nodeAdapter(node: number): SupervisorAdapter {
    return supervisorAdapter({
      begin: (stamp) => this.post({ type: "begin", node, stamp }),
      stop: (stamp, cause, forced) => this.post({ type: "stop", node, stamp, cause, forced }),
    }, () => ++this.#counters.stamp);
  }

  /** A fault of the package itself: nothing is decided any more, so nothing may go on running. */
  #breakDown(error: unknown): void {
    this.#broken = true;
    this.#timers.clearAll();
    this.#wakeIdle();
    for (const attempt of this.attempts) {
      this.over(attempt);
      if (attempt.handle !== null) endQuietly(attempt.handle);
    }
    for (const node of this.nodes) node.phase = "stopped";
    this.#requests.refuseAll({ ...GONE, refusal: "supervisor_not_running" }, { code: "supervisor_not_running" });
    const reason = `internal fault, please report it: ${thrownMessage(error)}`;
    this.#options.onFinished({ kind: "fault", requestedBy: "reeve", reason }, this.#options.plan.escalationExitCode);
  }
}

function endQuietly(handle: RunningChild): void {
  try {
    handle.cancel();
    handle.kill();
  } catch {
    // One child that resists must not keep the others from being ended.
  }
}
