/** The state of a supervisor node and its children. */
import type { Random } from "../base/mod.ts";
import type { Decision, Exit, FuseReason, LintRule, ShutdownCause, ShutdownStatus, StartCause, StopCause } from "../event/mod.ts";
import type { Exceeded } from "./message.ts";
import type { ChildPlan, NodePlan, TreePlan } from "./plan.ts";
import { emptyWindow, type FailureWindow } from "./window.ts";

/** Where a child is in its life. */
export type ChildPhase =
  | "declared"
  | "waiting"
  | "backoff"
  | "queued"
  | "starting"
  | "running"
  | "ready"
  | "draining"
  | "stopping"
  | "killing"
  | "abandoned"
  | "stopped"
  | "failed";

/** Where a supervisor is in its life. */
export type NodePhase = "idle" | "running" | "stopping" | "stopped";

/** What an operator wants of a child: that policy decides, or that it stays down. */
export type Operation = "active" | "paused" | "quarantined" | "removed";

/** Siblings that are stopped together, and then started together. */
export interface Scope {
  readonly members: Set<number>;
  /** The lowest position of a child that belongs to it, whether it runs or not. */
  first: number;
  /** The group to which it is confined, -1 when it is not. */
  group: number;
  /** Members that are alive, or whose delay is not over. */
  pending: number;
}

/** One child's state; only the core changes it. */
export interface ChildSlot {
  plan: ChildPlan;
  /** Where it stands among those that were declared and added, in time. */
  readonly position: number;
  /** Whether it was added to a running supervisor, and is in no declaration. */
  readonly added: boolean;
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
  /** Consecutive failed health checks, `null` before the first answer. */
  failedChecks: number | null;
  /** The limit that the live attempt did not keep. */
  exceeded: Exceeded | null;
  /** What looks wrong with the live attempt. */
  lint: LintRule | null;
  /** How long the first of several attempts ran that failed after the same time, and how many that are. */
  periodMs: number;
  periods: number;
  correlation: number;
  startCause: StartCause;
  /** Why the next incarnation begins. */
  renewCause: StartCause;
  /** Whether only the attempt itself asked for the restart for which it is being stopped. */
  isOwnRestart: boolean;
  /** Whether it was time for a scheduled child while it ran, so that it starts again when it has ended. */
  due: boolean;
  /** Why the live attempt is being stopped, `null` when it is not. */
  stopCause: StopCause | null;
  stopAtMs: number;
  window: FailureWindow | null;
  /** Restarts, by what guards against too many. */
  guards: FailureWindow[] | null;
  fuse: Fuse | null;
  /** Whether it takes up one of the places for children on their way to ready. */
  holdsTurn: boolean;
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

/** A fuse that has opened: first it keeps restarts off, then they are on trial for as long again. */
export interface Fuse {
  readonly reason: FuseReason;
  /** When it lets restarts through again. */
  readonly untilMs: number;
}

/** A bucket of restarts. */
export interface Bucket {
  /** Restarts left; what is promised for later makes it negative. */
  tokens: number;
  /** When they were counted. */
  atMs: number;
}

/** Who tries out a half-open fuse when no member does. */
export const NOBODY = -1;

/** The same when one did and got ready. */
export const PASSED = -2;

/** What guards the restarts of the members of a group. */
export interface GroupState {
  readonly restarts: FailureWindow;
  bucket: Bucket | null;
  /** How many members are on their way to ready after a restart. */
  held: number;
  fuse: Fuse | null;
  /** The timer of the fuse; 0 when none. */
  timer: number;
  /** The member whose restart tries out the half-open fuse, {@linkcode NOBODY}, or {@linkcode PASSED}. */
  trial: number;
}

/** What guards the restarts of a node beside the limits of its children. */
export interface NodeGuards {
  /** Failures, by what they escalate for. */
  readonly failures: FailureWindow[];
  bucket: Bucket | null;
  /** How many children are on their way to ready after a restart. */
  held: number;
  /** Those that wait for their turn, the first first. */
  queue: number[];
  readonly groups: GroupState[];
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
  /** By index; one that is removed leaves its place to the next that is added. */
  readonly slots: ChildSlot[];
  /** Indexes of the children, dependencies first. */
  readonly order: number[];
  /** Indexes that are free. */
  readonly free: number[];
  /** Indexes by name, `null` until somebody asks. */
  names: Map<string, number> | null;
  /** Children so far. */
  positions: number;
  /** The common restarts that are under way. */
  scopes: Scope[];
  guards: NodeGuards;
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

/** Whether the child has no attempt, and will have one without anybody's doing. */
export function isOnItsWay({ stamp, phase }: ChildSlot): boolean {
  return stamp === 0 && (phase === "waiting" || phase === "backoff" || phase === "queued");
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
    slots: plan.children.map((child, index) => initialSlot(child, index, false)),
    order: [...plan.order],
    free: [],
    names: null,
    positions: plan.children.length,
    scopes: [],
    guards: newGuards(plan),
    missing: 0,
    ready: false,
    stop: null,
    totalTimer: 0,
  };
}

/** Guards that have seen nothing. */
export function newGuards({ groups }: NodePlan): NodeGuards {
  return {
    failures: [],
    bucket: null,
    held: 0,
    queue: [],
    groups: groups.map(() => ({ restarts: emptyWindow(), bucket: null, held: 0, fuse: null, timer: 0, trial: NOBODY })),
  };
}

/** The children of a node, in the order in which they were declared and added. */
export function childrenOf({ slots, order, free, positions }: NodeState): number[] {
  // Nobody took the place of another one.
  if (free.length === 0 && positions === slots.length) return slots.map((_, index) => index);
  return [...order].sort((a, b) => slots[a]!.position - slots[b]!.position);
}

/** The state of a child that has not begun. */
export function initialSlot(plan: ChildPlan, position: number, added: boolean): ChildSlot {
  return {
    plan,
    position,
    added,
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
    failedChecks: null,
    exceeded: null,
    lint: null,
    periodMs: 0,
    periods: 0,
    correlation: 0,
    startCause: "start",
    renewCause: "command",
    isOwnRestart: false,
    due: false,
    stopCause: null,
    stopAtMs: 0,
    window: null,
    guards: null,
    fuse: null,
    holdsTurn: false,
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
