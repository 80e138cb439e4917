/** What guards a restart that the child's own policy wants: supervisor, group, child and budget; what takes longest gives the reason. */
import type { Decision, FuseReason, TieBreak } from "../event/mod.ts";
import { fullBucket, takeRestart } from "./bucket.ts";
import { countForChildFuse, countForGroupFuse, exceedsRate, fuseState } from "./fuse.ts";
import { groupName } from "./plan.ts";
import type { Bucket, ChildSlot, Fuse } from "./state.ts";
import type { Step } from "./step.ts";
import { clearWindow, emptyWindow } from "./window.ts";

/** What the guards came to. */
export interface Guarded {
  /** The decision that counts in the end: the same, a later restart, or an escalation. */
  readonly decision: Decision;
  readonly budgetVerdict: "granted" | "exhausted" | null;
  readonly fuseOutcome: FuseReason | null;
  readonly tieBreakReason: TieBreak | null;
}

/** What is told of a decision that no guard was asked about. */
export function unguarded(decision: Decision): Guarded {
  return { decision, budgetVerdict: null, fuseOutcome: null, tieBreakReason: null };
}

/** Asks every guard about a restart. */
export function guardRestart(step: Step, slot: ChildSlot, failed: boolean, wanted: Decision): Guarded {
  if (failed && slot.plan.policy.severity !== "optional") {
    const reason = tooManyUnderSupervisor(step);
    if (reason !== null) {
      return { ...unguarded({ action: "escalate", reason, delayMs: 0, retryAtMs: null }), tieBreakReason: "supervisor_limit_wins" };
    }
  }
  const budget = takeFromBudget(step, slot);
  const fuse = countForChildFuse(step, slot, failed);
  const shared = groupFuse(step, slot, failed);
  const delays = [
    ...(budget === null || budget.waitMs === 0 ? [] : [{ delayMs: budget.waitMs, reason: "restart_budget_exhausted" as const }]),
    ...[fuse, shared].flatMap((open) => open === null ? [] : [{ delayMs: open.untilMs - step.now, reason: open.reason }]),
  ];
  return {
    decision: delays.reduce((decision, { delayMs, reason }) => later(step, decision, delayMs, reason), wanted),
    budgetVerdict: budget === null ? null : budget.waitMs === 0 ? "granted" : "exhausted",
    fuseOutcome: (fuse ?? shared)?.reason ?? null,
    tieBreakReason: delays.length > 1 ? "longest_delay_wins" : null,
  };
}

/** The fuse of the child's group, after a failure was counted there; `null` when it is not open. */
function groupFuse(step: Step, { plan: { group } }: ChildSlot, failed: boolean): Fuse | null {
  if (group === -1) return null;
  if (failed) countForGroupFuse(step, group);
  const { fuse } = step.node.guards.groups[group]!;
  return fuseState(fuse, step.environment.tree.guards.resetAfterMs, step.now) === "open" ? fuse : null;
}

function tooManyUnderSupervisor({ node, now, environment: { tree: { guards } } }: Step): Decision["reason"] | null {
  const { failures: windows } = node.guards;
  const rates = [["supervisor_failure_limit", guards.failures], ["meltdown_supervisor_fuse", guards.supervisor]] as const;
  let exceeded: Decision["reason"] | null = null;
  rates.forEach(([reason, rate], index) => {
    if (rate === null) return;
    const window = windows[index] ??= emptyWindow();
    if (!exceedsRate(window, rate, now)) return;
    exceeded = reason;
    clearWindow(window);
  });
  return exceeded;
}

/** Takes a restart from the budget that counts for the child; `null` when there is none. */
function takeFromBudget(step: Step, slot: ChildSlot): { readonly waitMs: number } | null {
  const { now, node, environment: { tree } } = step;
  const { group } = slot.plan;
  const ofGroup = group === -1 ? null : node.plan.groups[group]!.budget;
  const policy = ofGroup ?? tree.guards.budget;
  if (policy === null) return null;
  const owner: { bucket: Bucket | null } = ofGroup === null ? node.guards : node.guards.groups[group]!;
  const waitMs = takeRestart(owner.bucket ??= fullBucket(policy, now), policy, now);
  if (waitMs === 0) return { waitMs };
  step.emitAttempt(slot, {
    type: "budget_exhausted",
    group: ofGroup === null ? null : groupName(node.plan, slot.plan),
    retryAfterMs: waitMs,
  });
  return { waitMs };
}

/** What takes longest is what is told. */
function later({ now }: Step, decision: Decision, delayMs: number, reason: Decision["reason"]): Decision {
  return delayMs <= decision.delayMs ? decision : { ...decision, reason, delayMs, retryAtMs: now + delayMs };
}
