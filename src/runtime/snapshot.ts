/** How a tree is right now. */
import {
  type ChildPhase,
  childrenOf,
  countFailures,
  type Fuse,
  type FuseState,
  fuseState,
  groupName,
  type Health,
  healthOf,
  lintsOf,
  type NodePhase,
  type NodeState,
  type Operation,
  shownCount,
  tokensAt,
  waitingFor,
} from "../core/mod.ts";
import type { Decision, Exit, FuseReason, LintRule, StopCause } from "../event/mod.ts";
import type { ChildKind, Severity, TaskRole } from "../spec/mod.ts";
import type { Attempt } from "./attempt.ts";

/** How one child is. */
export interface ChildSnapshot {
  /** Path of the child. */
  readonly path: string;
  /** How it runs. */
  readonly kind: ChildKind;
  /** Its role, when one was declared. */
  readonly taskRole: TaskRole | null;
  /** How much it matters. */
  readonly severity: Severity;
  /** Where it is in its life. */
  readonly phase: ChildPhase;
  /** What operators want of it: that policy decides, or that it stays down. */
  readonly operation: Operation;
  /** Since when, on the tree's monotonic clock. */
  readonly sinceMs: number;
  /** Which incarnation. */
  readonly generation: number;
  /** Attempts so far. */
  readonly attempt: number;
  /** Restarts so far; never resets. */
  readonly restartsTotal: number;
  /** Failures so far; never resets. */
  readonly failuresTotal: number;
  /** Restarts since it was last healthy for long. */
  readonly consecutiveRestarts: number;
  /** Failures that count against its limit now. */
  readonly limitUsed: number;
  /** Failures allowed in the window. */
  readonly limit: number;
  /** Length of the window in milliseconds, `null` where failures count until it was healthy for long. */
  readonly limitWindowMs: number | null;
  /** Name of its group, when it has one. */
  readonly group: string | null;
  /** Its fuse: whether it is open, and when it lets a restart through. */
  readonly fuse: FuseSnapshot;
  /** What is known of its health. */
  readonly health: Health;
  /** When its live attempt last said that it is alive, on the tree's monotonic clock; `null` when it did not. */
  readonly lastHeartbeatAtMs: number | null;
  /** What looks wrong with it although it breaks no limit. */
  readonly lints: readonly LintRule[];
  /** Why its live attempt is being stopped, `null` when it is not. */
  readonly stopCause: StopCause | null;
  /** Siblings it waits for. */
  readonly waitingFor: readonly string[];
  /** When it starts again, on the tree's monotonic clock; `null` when nothing is planned. */
  readonly retryAtMs: number | null;
  /** When it is time for its next run, on the tree's monotonic clock; `null` when it has no schedule, is held, or has no more times. */
  readonly nextRunAtMs: number | null;
  /** How its last attempt ended. */
  readonly lastExit: Exit | null;
  /** What was decided then. */
  readonly lastDecision: Decision | null;
  /** Process id, where there is one. */
  readonly pid: number | null;
  /** Groups of a nested supervisor. */
  readonly groups: readonly GroupSnapshot[];
  /** Children of a nested supervisor. */
  readonly children: readonly ChildSnapshot[];
}

/** How a fuse is. */
export interface FuseSnapshot {
  /** Closed, open, or letting restarts through on trial. */
  readonly state: FuseState;
  /** Why it opened, `null` when it is closed. */
  readonly reason: FuseReason | null;
  /** When it lets restarts through, on the tree's monotonic clock; `null` when it is closed. */
  readonly untilMs: number | null;
}

/** How a group is. */
export interface GroupSnapshot {
  /** Name of the group. */
  readonly name: string;
  /** Its fuse. */
  readonly fuse: FuseSnapshot;
  /** Restarts left in its budget, less those that are promised; `null` when it has none. */
  readonly budgetLeft: number | null;
}

/** How a whole tree is at one moment, without its children. */
export interface TreeMoment {
  /** Phase of the root supervisor. */
  readonly phase: NodePhase;
  /** Whether every child that must be ready has been. */
  readonly ready: boolean;
  /** Sequence number of the last event that is in it; grows. */
  readonly seq: number;
  /** When it was taken, on the tree's monotonic clock. */
  readonly atMs: number;
}

/** How a whole tree is. */
export interface TreeSnapshot extends TreeMoment {
  /** Name of the tree. */
  readonly name: string;
  /** Groups of the root. */
  readonly groups: readonly GroupSnapshot[];
  /** The children of the root. */
  readonly children: readonly ChildSnapshot[];
}

/** What changed in a tree since a watcher looked last. */
export interface TreeChange extends TreeMoment {
  /** Whether `changed` lists every child: in the first change, and where the watcher was too slow to be told each. */
  readonly whole: boolean;
  /** The children that changed, as they are now, each once and without those below it. */
  readonly changed: readonly ChildSnapshot[];
  /** Paths of children that are gone. */
  readonly removed: readonly string[];
}

/** What a picture is taken of. */
export interface SnapshotSource {
  readonly nodes: readonly NodeState[];
  readonly now: number;
  /** How long a fuse is open, and then on trial. */
  readonly fuseResetAfterMs: number;
  attemptOf(node: number, child: number): Pick<Attempt, "handle" | "heartbeatAtMs"> | undefined;
  /** When it is time for a scheduled child. */
  nextRunAtMs(path: string): number | null;
}

/** Takes a picture of the children of a node. */
export function snapshotChildren(source: SnapshotSource, node = 0): ChildSnapshot[] {
  return childrenOf(source.nodes[node]!).map((child) => snapshotChild(source, node, child));
}

/** Children of every depth, each before those below it. */
export function flatten(children: readonly ChildSnapshot[]): ChildSnapshot[] {
  // Most trees have one depth: ten thousand children are copied, not unfolded.
  if (children.every(({ children: inner }) => inner.length === 0)) return [...children];
  return children.flatMap((child) => [child, ...flatten(child.children)]);
}

/** Takes a picture of one child, and of those below it unless it is to be shallow. */
export function snapshotChild(source: SnapshotSource, node: number, child: number, shallow = false): ChildSnapshot {
  const { slots, plan } = source.nodes[node]!;
  const slot = slots[child]!;
  const { handle = null, heartbeatAtMs = 0 } = source.attemptOf(node, child) ?? {};
  return {
    path: slot.plan.path,
    kind: slot.plan.kind,
    taskRole: slot.plan.policy.taskRole,
    severity: slot.plan.policy.severity,
    phase: slot.phase,
    operation: slot.operation,
    sinceMs: slot.sinceMs,
    generation: slot.generation,
    attempt: slot.attempt,
    restartsTotal: slot.restartsTotal,
    failuresTotal: slot.failuresTotal,
    consecutiveRestarts: slot.consecutive,
    limitUsed: shownCount(countFailures(slot.window, slot.plan.policy.limit, source.now)),
    limit: slot.plan.policy.limit.maxRestarts,
    limitWindowMs: slot.plan.policy.limit.windowMs,
    group: groupName(plan, slot.plan),
    fuse: snapshotFuse(source, slot.fuse),
    health: healthOf(slot, heartbeatAtMs),
    lastHeartbeatAtMs: heartbeatAtMs === 0 ? null : heartbeatAtMs,
    lints: lintsOf(slot),
    stopCause: slot.stopCause,
    waitingFor: slot.phase === "waiting" ? waitingFor(slots, slot) : NONE,
    retryAtMs: slot.phase === "backoff" ? slot.lastDecision?.retryAtMs ?? null : null,
    nextRunAtMs: slot.plan.schedule === null || slot.operation !== "active" ? null : source.nextRunAtMs(slot.plan.path),
    lastExit: slot.lastExit,
    lastDecision: slot.lastDecision,
    pid: handle?.pid ?? null,
    groups: slot.plan.node === -1 ? NONE : snapshotGroups(source, slot.plan.node),
    children: slot.plan.node === -1 || shallow ? NONE : snapshotChildren(source, slot.plan.node),
  };
}

/** Takes a picture of the groups of a node. */
export function snapshotGroups(source: SnapshotSource, node = 0): GroupSnapshot[] {
  const { plan, guards } = source.nodes[node]!;
  return plan.groups.map(({ name, budget }, index) => {
    const { fuse, bucket } = guards.groups[index]!;
    const budgetLeft = budget === null ? null : bucket === null ? budget.maxBurst : shownCount(tokensAt(bucket, budget, source.now));
    return { name, fuse: snapshotFuse(source, fuse), budgetLeft };
  });
}

function snapshotFuse({ fuseResetAfterMs, now }: SnapshotSource, fuse: Fuse | null): FuseSnapshot {
  const state = fuseState(fuse, fuseResetAfterMs, now);
  if (fuse === null || state === "closed") return CLOSED_FUSE;
  return { state, reason: fuse.reason, untilMs: fuse.untilMs };
}

/** Most children have nothing of a kind; for ten thousand of them one empty list is enough. */
const NONE: readonly never[] = [];

const CLOSED_FUSE: FuseSnapshot = { state: "closed", reason: null, untilMs: null };

/** Names the children of every depth that are not ready, in one line. */
export function whatIsMissing(children: readonly ChildSnapshot[]): string {
  const missing = flatten(children).filter((child) => child.phase !== "ready");
  const shown = missing.slice(0, 5).map((child) =>
    `${child.path} is ${child.phase}${child.waitingFor.length === 0 ? "" : ` for ${child.waitingFor.join(", ")}`}`
  );
  return `${shown.join("; ")}${missing.length > 5 ? `; and ${missing.length - 5} more` : ""}`;
}
