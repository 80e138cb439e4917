/** How a tree is right now. */
import { type ChildPhase, countFailures, type NodePhase, type NodeState, type Operation, waitingFor } from "../core/mod.ts";
import type { Decision, Exit } from "../event/mod.ts";
import type { ChildKind, TaskRole } from "../spec/mod.ts";

/** How one child is. */
export interface ChildSnapshot {
  /** Path of the child. */
  readonly path: string;
  /** How it runs. */
  readonly kind: ChildKind;
  /** Its role, when one was declared. */
  readonly taskRole: TaskRole | null;
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
  /** Siblings it waits for. */
  readonly waitingFor: readonly string[];
  /** When it starts again, on the tree's monotonic clock; `null` when nothing is planned. */
  readonly retryAtMs: number | null;
  /** How its last attempt ended. */
  readonly lastExit: Exit | null;
  /** What was decided then. */
  readonly lastDecision: Decision | null;
  /** Process id, where there is one. */
  readonly pid: number | null;
  /** Children of a nested supervisor. */
  readonly children: readonly ChildSnapshot[];
}

/** How a whole tree is. */
export interface TreeSnapshot {
  /** Name of the tree. */
  readonly name: string;
  /** Phase of the root supervisor. */
  readonly phase: NodePhase;
  /** Whether every child that must be ready has been. */
  readonly ready: boolean;
  /** Sequence number of the last event that is in the snapshot. */
  readonly seq: number;
  /** When it was taken, on the tree's monotonic clock. */
  readonly atMs: number;
  /** The children of the root. */
  readonly children: readonly ChildSnapshot[];
}

/** What a picture is taken of. */
export interface SnapshotSource {
  readonly nodes: readonly NodeState[];
  readonly now: number;
  pidOf(node: number, child: number): number | null;
}

/** Takes a picture of the children of a node. */
export function snapshotChildren(source: SnapshotSource, node = 0): ChildSnapshot[] {
  return source.nodes[node]!.slots.map((_, child) => snapshotChild(source, node, child));
}

/** Takes a picture of one child, and of those below it. */
export function snapshotChild(source: SnapshotSource, node: number, child: number): ChildSnapshot {
  const { slots } = source.nodes[node]!;
  const slot = slots[child]!;
  return {
    path: slot.plan.path,
    kind: slot.plan.kind,
    taskRole: slot.plan.policy.taskRole,
    phase: slot.phase,
    operation: slot.operation,
    sinceMs: slot.sinceMs,
    generation: slot.generation,
    attempt: slot.attempt,
    restartsTotal: slot.restartsTotal,
    failuresTotal: slot.failuresTotal,
    consecutiveRestarts: slot.consecutive,
    limitUsed: countFailures(slot.window, slot.plan.policy.limit, source.now),
    limit: slot.plan.policy.limit.maxRestarts,
    waitingFor: slot.phase === "waiting" ? waitingFor(slots, slot) : [],
    retryAtMs: slot.phase === "backoff" ? slot.lastDecision?.retryAtMs ?? null : null,
    lastExit: slot.lastExit,
    lastDecision: slot.lastDecision,
    pid: source.pidOf(node, child),
    children: slot.plan.node === -1 ? [] : snapshotChildren(source, slot.plan.node),
  };
}
