/** Drives one node of the core by hand: time, messages and effects in the hands of a test. */
import {
  type ChildCommand,
  type Effect,
  initialNode,
  type Message,
  type NodeState,
  planTree,
  step,
  type TreePlan,
} from "../../src/core/mod.ts";
import type { Exit, SupervisorEvent } from "../../src/event/mod.ts";
import type { ChildSpec, TreeSpec } from "../../src/spec/mod.ts";

/** A child that the driver answers for. */
export function scripted(name: string, options: Partial<ChildSpec> = {}): ChildSpec {
  return {
    backoff: { initialMs: 100, maxMs: 1_000, jitter: "none" },
    ...options,
    name,
    run: options.run ?? { kind: "task", task: () => {} },
  };
}

export const FAILED: Exit = { kind: "failed", failure: { kind: "error", category: "test", message: "it broke" } };
export const SUCCEEDED: Exit = { kind: "succeeded" };
export const CANCELLED: Exit = { kind: "cancelled" };

/** One node with everything around it. */
export class Driver {
  now = 1_000;
  random = 0.5;
  closed = false;
  readonly plan: TreePlan;
  readonly node: NodeState;
  readonly events: SupervisorEvent[] = [];
  /** Effects of the last message. */
  last: readonly Effect[] = [];
  readonly #timers = new Map<number, { readonly child: number; readonly dueMs: number }>();
  readonly #counters = { stamp: 0, timer: 0, correlation: 0, event: 0 };

  constructor(children: readonly ChildSpec[], tree: Partial<TreeSpec> = {}, node = 0) {
    this.plan = planTree({ ...tree, children }, 70);
    this.node = initialNode(this.plan.nodes[node]!);
  }

  send(message: Message): this {
    this.last = step(this.node, message, {
      now: this.now,
      random: () => this.random,
      counters: this.#counters,
      tree: this.plan,
      closed: this.closed,
    });
    for (const effect of this.last) {
      if (effect.type === "emit") this.events.push(effect.event);
      if (effect.type === "setTimer") this.#timers.set(effect.timer, effect);
      if (effect.type === "clearTimer") this.#timers.delete(effect.timer);
    }
    return this;
  }

  begin(): this {
    return this.send({ type: "begin", node: this.id, stamp: this.id === 0 ? 0 : 900 });
  }

  running(...names: string[]): this {
    for (const name of names) this.send({ type: "running", ...this.attempt(name) });
    return this;
  }

  ready(name: string, ready = true): this {
    return this.send({ type: "ready", ready, ...this.attempt(name) });
  }

  exit(name: string, exit: Exit = FAILED): this {
    return this.send({ type: "exited", exit, ...this.attempt(name) });
  }

  abandon(name: string): this {
    return this.send({ type: "abandoned", ...this.attempt(name) });
  }

  stop(forced = false): this {
    return this.send({
      type: "stop",
      node: this.id,
      stamp: this.node.stamp,
      cause: { kind: "shutdown", requestedBy: "test", reason: "test" },
      forced,
    });
  }

  command(name: string, command: ChildCommand): this {
    const { node, child } = this.attempt(name);
    return this.send({ type: "command", node, child, id: 1, path: this.slot(name).plan.path, command, by: "test", reason: "test" });
  }

  /** Moves time on and fires what is due; `heartbeatAtMs` goes with each timer. */
  pass(durationMs: number, heartbeatAtMs = 0): this {
    const endMs = this.now + durationMs;
    for (;;) {
      const [next] = [...this.#timers].sort(([, a], [, b]) => a.dueMs - b.dueMs);
      if (next === undefined || next[1].dueMs > endMs) break;
      const [timer, { child, dueMs }] = next;
      this.#timers.delete(timer);
      this.now = Math.max(this.now, dueMs);
      this.send({ type: "timer", node: this.id, child, timer, dueMs, heartbeatAtMs });
    }
    this.now = endMs;
    return this;
  }

  /** Moves time on without anything happening, as when the machine sleeps; then fires what is due. */
  sleep(durationMs: number, heartbeatAtMs = 0): this {
    this.now += durationMs;
    return this.pass(0, heartbeatAtMs);
  }

  slot(name: string): NodeState["slots"][number] {
    return this.node.slots.find((slot) => slot.plan.name === name)!;
  }

  phase(name: string): string {
    return this.slot(name).phase;
  }

  /** Names of the children that the last message started. */
  get started(): string[] {
    return this.#namesOf("start");
  }

  /** Names of the children that the last message asked to stop. */
  get cancelled(): string[] {
    return this.#namesOf("cancel");
  }

  /** Names of the children that the last message forced. */
  get killed(): string[] {
    return this.#namesOf("kill");
  }

  /** Types of the events about a child so far. */
  typesOf(name: string): string[] {
    return this.events.filter((event) => event.path.endsWith(`/${name}`)).map((event) => event.type);
  }

  get timers(): number {
    return this.#timers.size;
  }

  get id(): number {
    return this.node.plan.id;
  }

  attempt(name: string): { node: number; child: number; stamp: number } {
    const child = this.node.slots.findIndex((slot) => slot.plan.name === name);
    return { node: this.id, child, stamp: this.node.slots[child]!.stamp };
  }

  #namesOf(type: "start" | "cancel" | "kill"): string[] {
    return this.last.flatMap((effect) => effect.type === type ? [this.node.slots[effect.child]!.plan.name] : []);
  }
}
