/** The state of a supervisor node and its children. */
import type { Random } from "../base/mod.ts";
import type { Decision, Exit, ShutdownCause, ShutdownStatus, StartCause, StopCause } from "../event/mod.ts";
import type { ChildPlan, NodePlan, TreePlan } from "./plan.ts";
import type { FailureWindow } from "./window.ts";

/** Where a child is in its life. */
export type ChildPhase =
  | "declared"
  | "waiting"
  | "backoff"
  | "starting"
  | "running"
  | "ready"
  | "stopping"
  | "killing"
  | "abandoned"
  | "stopped"
  | "failed";

/** Where a supervisor is in its life. */
export type NodePhase = "idle" | "running" | "stopping" | "stopped";

/** What an operator wants of a child: that policy decides, or that it stays down. */
export type Operation = "active" | "paused" | "quarantined";

/** Siblings that are stopped together, and then started together. */
export interface Scope {
  readonly members: Set<number>;
  /** The lowest index of a child whose failure is behind it. */
  readonly first: number;
  /** Members that are alive, or whose delay is not over. */
  pending: number;
}

/** One child's state; only the core changes it. */
export interface ChildSlot {
  readonly plan: ChildPlan;
  phase: ChildPhase;
  /** When the phase began. */
  sinceMs: number;
  /** Stamp of the live attempt, 0 when there is none. */
  stamp: number;
  generation: number;
  /** Attempts so far; never resets. */
  attempt: number;
  /** Restarts so far; never resets. */
  restartsTotal: number;
  /** Failures so far; never resets. */
  failuresTotal: number;
  /** Restarts since the child was last healthy for long; the exponent of the backoff. */
  consecutive: number;
  previousDelayMs: number;
  startedAtMs: number;
  /** When the attempt became ready, `null` while it is not. */
  readyAtMs: number | null;
  /** Whether the child has been ready in this incarnation of its supervisor. */
  hasBeenReady: boolean;
  /** The timer of the phase: wait, backoff, start or run limit, stop, kill; 0 when none. */
  timer: number;
  /** The timer of the heartbeat; 0 when none. */
  healthTimer: number;
  /** Consecutive failed health checks. */
  failedChecks: number;
  correlation: number;
  startCause: StartCause;
  /** Why the live attempt is being stopped, `null` when it is not. */
  stopCause: StopCause | null;
  stopAtMs: number;
  window: FailureWindow | null;
  lastExit: Exit | null;
  lastDecision: Decision | null;
  /** Siblings that wait for this child. */
  waiters: number[] | null;
  /** How the child ended in the shutdown of its supervisor. */
  outcome: ShutdownStatus | null;
  /** Dependants whose end this child's stop still waits for; counted while a scope or the whole node stops. */
  holders: number;
  /** The siblings with which the child is being restarted, `null` when it is not. */
  scope: Scope | null;
  operation: Operation;
  /** Whether a child that is held would run if it were not. */
  wanted: boolean;
}

/** The stop of a whole node. */
export interface NodeStop {
  cause: ShutdownCause;
  forced: boolean;
  readonly startedAtMs: number;
  /** Children that have no outcome yet. */
  remaining: number;
  /** Children in the order in which they ended. */
  readonly ended: number[];
}

/** A supervisor's state; only the core changes it. */
export interface NodeState {
  readonly plan: NodePlan;
  phase: NodePhase;
  /** Stamp of this node as an attempt of its parent; 0 for the root. */
  stamp: number;
  startedAtMs: number;
  readonly slots: readonly ChildSlot[];
  /** The common restart that is under way. */
  scope: Scope | null;
  /** Required children that have not been ready in this incarnation. */
  missing: number;
  ready: boolean;
  stop: NodeStop | null;
  totalTimer: number;
}

/** Counters of one tree; their values are never reused. */
export interface TreeCounters {
  stamp: number;
  timer: number;
  correlation: number;
  event: number;
}

/** What a step may use beside the state. */
export interface StepEnvironment {
  readonly now: number;
  readonly random: Random;
  readonly counters: TreeCounters;
  readonly tree: TreePlan;
  /** Whether a supervisor above this node is stopping, so that nothing may be started here any more. */
  readonly closed: boolean;
}

/** Whether the child has an attempt that can still be asked to stop. */
export function isLive({ stamp, phase }: ChildSlot): boolean {
  return stamp !== 0 && phase !== "abandoned";
}

/** Whether a child has to wait for a sibling: until it is ready, or, where it can do without, until it is down for good. */
export function mustWaitFor({ plan }: ChildSlot, index: number, { readyAtMs, phase }: ChildSlot): boolean {
  if (readyAtMs !== null) return false;
  const isDown = phase === "stopped" || phase === "failed" || phase === "abandoned";
  return !(isDown && plan.wants.includes(index));
}

/** The names of the siblings that a child waits for. */
export function waitingFor(slots: readonly ChildSlot[], slot: ChildSlot): string[] {
  return slot.plan.dependencies.filter((index) => mustWaitFor(slot, index, slots[index]!)).map((index) => slots[index]!.plan.name);
}

/** The state of a node that has not begun. */
export function initialNode(plan: NodePlan): NodeState {
  return {
    plan,
    phase: "idle",
    stamp: 0,
    startedAtMs: 0,
    slots: plan.children.map(initialSlot),
    scope: null,
    missing: 0,
    ready: false,
    stop: null,
    totalTimer: 0,
  };
}

function initialSlot(plan: ChildPlan): ChildSlot {
  return {
    plan,
    phase: "declared",
    sinceMs: 0,
    stamp: 0,
    generation: 0,
    attempt: 0,
    restartsTotal: 0,
    failuresTotal: 0,
    consecutive: 0,
    previousDelayMs: 0,
    startedAtMs: 0,
    readyAtMs: null,
    hasBeenReady: false,
    timer: 0,
    healthTimer: 0,
    failedChecks: 0,
    correlation: 0,
    startCause: "start",
    stopCause: null,
    stopAtMs: 0,
    window: null,
    lastExit: null,
    lastDecision: null,
    waiters: null,
    outcome: null,
    holders: 0,
    scope: null,
    operation: "active",
    wanted: false,
  };
}
