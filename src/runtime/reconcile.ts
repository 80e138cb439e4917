/** What is left of a tree: looked at, not assumed. */
import type { NodeState } from "../core/mod.ts";
import type { Interpreter } from "./interpreter.ts";
import type { Leftover } from "./ledger.ts";

/** What was looked at when a tree had finished, and what was still there. */
export interface Reconciliation {
  /** Whether nothing of the tree was left. */
  readonly verifiedClean: boolean;
  /** How many children were looked at. */
  readonly checked: number;
  /** What was still there: attempts that did not end, timers that are set, processes that live, sockets that are open. */
  readonly left: readonly Leftover[];
  /** How much more there was than a tree keeps account of. */
  readonly more: number;
}

/** Looks at everything that a tree has open now. */
export function reconcile(interpreter: Interpreter): Reconciliation {
  const { nodes, timers, attempts, ledger, clock } = interpreter;
  const left: Leftover[] = [];
  for (const { identity: { node, child, path, attempt } } of attempts) {
    const { plan: { kind }, phase } = nodes[node]!.slots[child]!;
    // What is left of a supervisor are its children.
    if (kind !== "supervisor") left.push({ kind: "attempt", owner: path, detail: `attempt ${attempt} of a ${kind}, ${phase}` });
  }
  for (const { node, child, dueMs } of timers) {
    const { slots, plan } = nodes[node]!;
    const dueInMs = Math.max(0, Math.round(dueMs - clock.now()));
    left.push({ kind: "timer", owner: slots[child]?.plan.path ?? plan.path, detail: `a deadline in ${dueInMs} ms` });
  }
  left.push(...ledger.left());
  return { verifiedClean: left.length === 0 && ledger.forgotten === 0, checked: countBelow(nodes, 0), left, more: ledger.forgotten };
}

function countBelow(nodes: readonly NodeState[], node: number): number {
  const { order, slots } = nodes[node]!;
  return order.reduce((sum, child) => {
    const { node: inner } = slots[child]!.plan;
    return sum + 1 + (inner === -1 ? 0 : countBelow(nodes, inner));
  }, 0);
}

/** Whether the same was left both times. */
export function isSameLeft(a: Reconciliation, b: Reconciliation): boolean {
  return a.more === b.more && a.left.length === b.left.length &&
    a.left.every(({ kind, owner, detail }, index) => {
      const other = b.left[index]!;
      return kind === other.kind && owner === other.owner && detail === other.detail;
    });
}
