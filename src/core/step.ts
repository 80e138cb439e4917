/** What the parts of one step share: the state, the environment, and the effects collected so far. */
import type { AttemptEventFacts, EventFacts } from "../event/mod.ts";
import type { Effect } from "./message.ts";
import type { ChildPhase, ChildSlot, NodeState, StepEnvironment } from "./state.ts";

/** One step in progress. */
export class Step {
  readonly effects: Effect[] = [];
  readonly node: NodeState;
  readonly environment: StepEnvironment;
  readonly now: number;

  constructor(node: NodeState, environment: StepEnvironment) {
    this.node = node;
    this.environment = environment;
    this.now = environment.now;
  }

  /** Whether nothing may be started here any more. */
  get isClosed(): boolean {
    return this.environment.closed || this.node.phase !== "running";
  }

  slot(child: number): ChildSlot {
    return this.node.slots[child]!;
  }

  enter(slot: ChildSlot, phase: ChildPhase): void {
    slot.phase = phase;
    slot.sinceMs = this.now;
  }

  emit(path: string, correlation: number, facts: EventFacts): void {
    this.effects.push({ type: "emit", event: { seq: ++this.environment.counters.event, atMs: this.now, path, correlation, ...facts } });
  }

  emitAttempt(slot: ChildSlot, facts: AttemptEventFacts): void {
    const { generation, attempt, correlation, plan } = slot;
    const seq = ++this.environment.counters.event;
    this.effects.push({ type: "emit", event: { seq, atMs: this.now, path: plan.path, correlation, generation, attempt, ...facts } });
  }

  newCorrelation(): number {
    return ++this.environment.counters.correlation;
  }

  /** Starts the timer of the phase; there must be none. */
  setTimer(child: number, dueMs: number): void {
    this.slot(child).timer = this.newTimer(child, dueMs);
  }

  setHealthTimer(child: number, dueMs: number): void {
    this.slot(child).healthTimer = this.newTimer(child, dueMs);
  }

  setTotalTimer(dueMs: number): void {
    this.node.totalTimer = this.newTimer(-1, dueMs);
  }

  clearTimer(owner: { timer: number }): void {
    if (owner.timer !== 0) this.effects.push({ type: "clearTimer", timer: owner.timer });
    owner.timer = 0;
  }

  clearTimers(slot: ChildSlot): void {
    this.clearTimer(slot);
    if (slot.healthTimer !== 0) this.effects.push({ type: "clearTimer", timer: slot.healthTimer });
    slot.healthTimer = 0;
  }

  /** Sets a timer and returns its number. */
  newTimer(child: number, dueMs: number): number {
    const timer = ++this.environment.counters.timer;
    this.effects.push({ type: "setTimer", node: this.node.plan.id, child, timer, dueMs });
    return timer;
  }
}
