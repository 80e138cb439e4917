/**
 * Drives a whole tree through the decision core, nested supervisors included: a clock that a test moves, and children that do what the test says.
 *
 * It refuses what no runtime could carry out: a second live attempt, a timer set to the past, a timer cleared twice.
 */
import { fail } from "@std/assert";
import type { Random } from "../../src/base/mod.ts";
import type { EventType, Exit, ShutdownCause, SupervisorEvent } from "../../src/event/mod.ts";
import { child, type ChildOptions, type ChildSpec, type SupervisorChildOptions, type TreeSpec, validateTree } from "../../src/spec/mod.ts";
import {
  type ChildCommand,
  type ChildSlot,
  type Effect,
  initialNode,
  type Message,
  type NodeState,
  planTree,
  step,
  type TreeCounters,
  type TreePlan,
} from "../../src/core/mod.ts";

/** What an attempt does of itself when it is started. */
export type Answer = "running" | "nothing";

/** Options of a driver: those of a tree, and how its children behave. */
export interface DriverOptions extends Omit<TreeSpec, "children"> {
  /** What children do when they are started, by path. @default {"running"} */
  readonly answers?: Readonly<Record<string, Answer>>;
  /** Whether children end when they are asked to stop, or forced. @default {false} */
  readonly obedient?: boolean;
  /** Random numbers. @default {always 0.5} */
  readonly random?: Random;
}

type EventOf<T extends EventType> = Extract<SupervisorEvent, { readonly type: T }>;
type SetTimer = Extract<Effect, { readonly type: "setTimer" }>;
type Place = { readonly node: number; readonly child: number };

export const SUCCEEDED: Exit = { kind: "succeeded" };
export const CANCELLED: Exit = { kind: "cancelled" };
export const KILLED: Exit = { kind: "killed" };
export const FAILED: Exit = { kind: "failed", failure: { kind: "error", category: "error", message: "boom" } };

/** Who stops a tree in these tests. */
export const CAUSE: ShutdownCause = { kind: "shutdown", requestedBy: "test", reason: "enough" };

/** A task that does nothing by itself. */
export function task(name: string, options: ChildOptions = {}): ChildSpec {
  return child.task(name, () => {}, options);
}

/** A process, which can be forced to stop. */
export function process(name: string, options: Omit<ChildOptions, "args"> = {}): ChildSpec {
  return child.process(name, { command: "true", ...options });
}

/** A supervisor with these children. */
export function supervisor(
  name: string,
  children: readonly ChildSpec[],
  options: Omit<SupervisorChildOptions, "children"> = {},
): ChildSpec {
  return child.supervisor(name, { children, ...options });
}

/** A tree whose core is driven by hand. Delays are not spread unless the test says so. */
export class TreeDriver {
  now = 0;
  readonly tree: TreePlan;
  readonly nodes: readonly NodeState[];
  readonly counters: TreeCounters = { stamp: 0, timer: 0, correlation: 0, event: 0 };
  /** Every event so far. */
  readonly events: SupervisorEvent[] = [];
  readonly timers = new Map<number, SetTimer>();
  /** How the tree ended, `null` while it has not. */
  finished: { readonly cause: ShutdownCause; readonly exitCode: number } | null = null;
  readonly #options: DriverOptions;
  readonly #places = new Map<string, Place>();
  readonly #heartbeats = new Map<string, number>();
  readonly #mailbox: Message[] = [];
  readonly #live = new Set<string>();
  #handling = false;
  #commands: string[] = [];

  constructor(children: readonly ChildSpec[], options: DriverOptions = {}) {
    const { answers: _answers, obedient: _obedient, random: _random, ...rest } = options;
    const spec: TreeSpec = { ...rest, policy: { jitterRatio: 0, ...rest.policy }, children };
    const errors = validateTree(spec).filter((problem) => problem.severity === "error");
    if (errors.length > 0) fail(`The test declares what cannot be: ${errors.map((problem) => problem.reason).join("; ")}`);
    this.#options = options;
    this.tree = planTree(spec, 70);
    this.nodes = this.tree.nodes.map(initialNode);
    for (const node of this.tree.nodes) node.children.forEach(({ path }, child) => this.#places.set(path, { node: node.id, child }));
  }

  /** Starts the tree. */
  begin(): this {
    return this.post({ type: "begin", node: 0, stamp: 0 });
  }

  /** Asks the tree to stop. */
  stop(forced = false): this {
    return this.post({ type: "stop", node: 0, stamp: 0, cause: CAUSE, forced });
  }

  ready(path: string, ready = true): this {
    return this.#report(path, { type: "ready", ready });
  }

  health(path: string, failed: number): this {
    return this.#report(path, { type: "health", failed, reason: "no answer" });
  }

  exit(path: string, exit: Exit): this {
    return this.#report(path, { type: "exited", exit });
  }

  /** Somebody asks something of a child. */
  command(path: string, command: ChildCommand): this {
    return this.post({ type: "command", ...this.#place(path), id: 1, path, command, by: "test", reason: "test" });
  }

  /** The attempt could not be forced to stop. */
  abandon(path: string): this {
    return this.#report(path, { type: "abandoned" });
  }

  heartbeat(path: string): this {
    this.#heartbeats.set(path, this.now);
    return this;
  }

  /** Lets time pass; timers fire when they are due. */
  advance(durationMs: number): this {
    const end = this.now + durationMs;
    for (let timer = this.#nextTimer(end); timer !== undefined; timer = this.#nextTimer(end)) {
      this.now = Math.max(this.now, timer.dueMs);
      this.#fire(timer);
    }
    this.now = end;
    return this;
  }

  /** Hands one message to its node, and everything that follows from it. */
  post(message: Message): this {
    this.#mailbox.push(message);
    if (this.#handling) return this;
    this.#handling = true;
    for (let next = this.#mailbox.shift(); next !== undefined; next = this.#mailbox.shift()) {
      if (next.type === "exited") this.#live.delete(this.tree.nodes[next.node]!.children[next.child]!.path);
      for (const effect of this.#step(next)) this.#carryOut(effect);
    }
    this.#handling = false;
    return this;
  }

  slot(path: string): ChildSlot {
    const { node, child } = this.#place(path);
    return this.nodes[node]!.slots[child]!;
  }

  phase(path: string): string {
    return this.slot(path).phase;
  }

  /** Commands to children since the last call, such as `start /a`. */
  did(): string[] {
    const commands = this.#commands;
    this.#commands = [];
    return commands;
  }

  /** All events of a type, oldest first. */
  all<T extends EventType>(type: T, path?: string): EventOf<T>[] {
    const matches = (event: SupervisorEvent): event is EventOf<T> => event.type === type && (path === undefined || event.path === path);
    return this.events.filter(matches);
  }

  /** The newest event of a type. */
  last<T extends EventType>(type: T, path?: string): EventOf<T> {
    return this.all(type, path).at(-1) ?? fail(`There is no event "${type}"${path === undefined ? "" : ` of ${path}`}`);
  }

  /** How the children ended in shutdowns, such as `/a graceful`, in order. */
  outcomes(): string[] {
    return this.all("child_shutdown").map(({ path, status }) => `${path} ${status}`);
  }

  #step(message: Message): Effect[] {
    const { now, counters, tree } = this;
    return step(this.nodes[message.node]!, message, {
      now,
      counters,
      tree,
      random: this.#options.random ?? (() => 0.5),
      closed: this.#isClosed(message.node),
    });
  }

  #isClosed(node: number): boolean {
    for (let parent = this.nodes[node]!.plan.parent; parent !== null; parent = this.nodes[parent]!.plan.parent) {
      if (this.nodes[parent]!.phase !== "running") return true;
    }
    return false;
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case "emit":
        this.events.push(effect.event);
        return;
      case "start":
        return this.#start(effect);
      case "cancel":
      case "kill":
        return this.#end(effect);
      case "setTimer":
        if (effect.dueMs < this.now) fail(`A timer was set to the past: ${effect.dueMs}, and it is ${this.now}`);
        this.timers.set(effect.timer, effect);
        return;
      case "clearTimer":
        if (!this.timers.delete(effect.timer)) fail(`Timer ${effect.timer} was cleared, but it is not set`);
        return;
      case "tellParent":
        return this.#tellParent(effect);
      case "shutdownTree":
        return void this.post({ type: "stop", node: 0, stamp: 0, cause: effect.cause, forced: false });
      case "finished":
        if (this.finished !== null) fail("The tree finished twice");
        this.timers.clear();
        this.finished = { cause: effect.cause, exitCode: effect.exitCode };
    }
  }

  #start({ node, child, stamp }: Extract<Effect, { type: "start" }>): void {
    const { path, node: inner } = this.tree.nodes[node]!.children[child]!;
    if (this.#live.has(path)) fail(`${path} was started while an earlier attempt is alive`);
    this.#live.add(path);
    if (this.nodes[node]!.phase !== "running" || this.#isClosed(node)) fail(`${path} was started although its supervisor stops`);
    this.#commands.push(`start ${path}`);
    this.#heartbeats.delete(path);
    if (inner !== -1) return void this.post({ type: "begin", node: inner, stamp: ++this.counters.stamp });
    if (this.#options.answers?.[path] === "nothing") return;
    this.post({ type: "running", node, child, stamp });
  }

  #end({ type, node, child, stamp }: Extract<Effect, { type: "cancel" | "kill" }>): void {
    const { path, node: inner } = this.tree.nodes[node]!.children[child]!;
    this.#commands.push(`${type} ${path}`);
    if (inner !== -1) {
      this.post({ type: "stop", node: inner, stamp: this.nodes[inner]!.stamp, cause: CAUSE, forced: type === "kill" });
    } else if (this.#options.obedient) {
      this.post({ type: "exited", node, child, stamp, exit: type === "kill" ? KILLED : CANCELLED });
    }
  }

  #tellParent({ node, stamp, report }: Extract<Effect, { type: "tellParent" }>): void {
    const { parent, path } = this.tree.nodes[node]!;
    if (parent === null || this.nodes[node]!.stamp !== stamp) return;
    const child = this.nodes[parent]!.slots.findIndex((slot) => slot.plan.path === path);
    const place = { node: parent, child, stamp: this.slot(path).stamp };
    switch (report.type) {
      case "ready":
        return void this.post({ ...place, type: "ready", ready: true });
      case "exited":
        return void this.post({ ...place, type: "exited", exit: report.exit });
      default:
        return void this.post({ ...place, type: report.type });
    }
  }

  #report(path: string, report: Report): this {
    const { stamp } = this.slot(path);
    if (stamp === 0) fail(`${path} has no attempt that could report`);
    return this.post({ ...this.#place(path), stamp, ...report });
  }

  #place(path: string): Place {
    return this.#places.get(path) ?? fail(`There is no child ${path}`);
  }

  #nextTimer(end: number): SetTimer | undefined {
    let next: SetTimer | undefined;
    for (const timer of this.timers.values()) {
      if (timer.dueMs <= end && (next === undefined || timer.dueMs < next.dueMs)) next = timer;
    }
    return next;
  }

  #fire({ node, child, timer, dueMs }: SetTimer): void {
    this.timers.delete(timer);
    const path = child === -1 ? "" : this.tree.nodes[node]!.children[child]!.path;
    this.post({ type: "timer", node, child, timer, dueMs, heartbeatAtMs: this.#heartbeats.get(path) ?? 0 });
  }
}

type Report =
  | { readonly type: "ready"; readonly ready: boolean }
  | { readonly type: "health"; readonly failed: number; readonly reason: string }
  | { readonly type: "exited"; readonly exit: Exit }
  | { readonly type: "abandoned" };
