/** What happened in a tree, told when it has finished. */
import type { ChildPhase, NodeState } from "../core/mod.ts";
import type { Exit, ShutdownCause, ShutdownStatus } from "../event/mod.ts";
import type { RunSummary } from "../observe/mod.ts";
import type { ChildKind } from "../spec/mod.ts";
import type { Unwritten } from "./observers.ts";
import type { Reconciliation } from "./reconcile.ts";

/** What became of one child. */
export interface ChildReport {
  /** Path of the child. */
  readonly path: string;
  /** How it ran. */
  readonly kind: ChildKind;
  /** Attempts in all. */
  readonly starts: number;
  /** Restarts in all. */
  readonly restarts: number;
  /** Failures in all. */
  readonly failures: number;
  /** How its last attempt ended; `null` when it never ran, or still runs. */
  readonly lastExit: Exit | null;
  /** How it ended in the shutdown. */
  readonly status: ShutdownStatus;
  /** Its phase at the end. */
  readonly phase: ChildPhase;
}

/** What became of a whole tree. */
export interface Report {
  /** Exit code for the program: 0 after a shutdown, 70 (or what the policy says) after an escalation. */
  readonly exitCode: number;
  /** Who ended the tree, and why. */
  readonly cause: ShutdownCause;
  /** When the tree started, in milliseconds since the Unix epoch. */
  readonly startedAtMs: number;
  /** How long it lived, in milliseconds. */
  readonly durationMs: number;
  /** Failures and restarts in all, and what happened last. */
  readonly summary: RunSummary;
  /** Every child of the tree, in the order in which they were stopped. */
  readonly children: readonly ChildReport[];
  /** Paths of children that could not be stopped and may still be doing things. */
  readonly abandoned: readonly string[];
  /** What was left of the tree, measured when it had finished. */
  readonly reconcile: Reconciliation;
  /** What could not be written to files at the end. */
  readonly unwritten: readonly Unwritten[];
}

/** Lists every child below a node, in the order in which they were stopped; those of nested supervisors come before them. */
export function reportChildren(nodes: readonly NodeState[], root = 0): ChildReport[] {
  const { stop, slots, order: startOrder } = nodes[root]!;
  const ended = stop?.ended ?? [];
  const seen = new Set(ended);
  const order = [...ended, ...startOrder.filter((child) => !seen.has(child)).reverse()];
  return order.flatMap((child) => {
    const slot = slots[child]!;
    const { attempt, restartsTotal, failuresTotal, lastExit, outcome, phase } = slot;
    const { path, kind, node } = slot.plan;
    const own: ChildReport = {
      path,
      kind,
      starts: attempt,
      restarts: restartsTotal,
      failures: failuresTotal,
      lastExit,
      status: outcome ?? (slot.stamp === 0 ? "already_exited" : "abort_failed"),
      phase,
    };
    return node === -1 ? [own] : [...reportChildren(nodes, node), own];
  });
}
