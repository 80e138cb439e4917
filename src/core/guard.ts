/** What guards a restart that the child's own policy wants: supervisor, group, child and budget; what takes longest gives the reason. */
import type { Decision } from "../event/mod.ts";
import { fullBucket, takeRestart } from "./bucket.ts";
import { countForChildFuse, countForGroupFuse, exceedsRate, fuseState } from "./fuse.ts";
import { groupName } from "./plan.ts";
import type { Bucket, ChildSlot } from "./state.ts";
import type { Step } from "./step.ts";
import { clearWindow, emptyWindow } from "./window.ts";

/** Returns the decision that counts in the end: the same, a later restart, or an escalation. */
export function guardRestart(step: Step, slot: ChildSlot, failed: boolean, wanted: Decision): Decision {
  const { guards } = step.environment.tree;
  if (failed && slot.plan.policy.severity !== "optional") {
    const reason = tooManyUnderSupervisor(step);
    if (reason !== null) return { action: "escalate", reason, delayMs: 0, retryAtMs: null };
  }
  let decision = takeFromBudget(step, slot, wanted);
  const fuse = countForChildFuse(step, slot, failed);
  if (fuse !== null) decision = later(step, decision, fuse.untilMs - step.now, fuse.reason);
  if (slot.plan.group === -1) return decision;
  if (failed) countForGroupFuse(step, slot.plan.group);
  const { fuse: shared } = step.node.guards.groups[slot.plan.group]!;
  if (shared === null || fuseState(shared, guards.resetAfterMs, step.now) !== "open") return decision;
  return later(step, decision, shared.untilMs - step.now, shared.reason);
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

function takeFromBudget(step: Step, slot: ChildSlot, wanted: Decision): Decision {
  const { now, node, environment: { tree } } = step;
  const { group } = slot.plan;
  const ofGroup = group === -1 ? null : node.plan.groups[group]!.budget;
  const policy = ofGroup ?? tree.guards.budget;
  if (policy === null) return wanted;
  const owner: { bucket: Bucket | null } = ofGroup === null ? node.guards : node.guards.groups[group]!;
  const waitMs = takeRestart(owner.bucket ??= fullBucket(policy, now), policy, now);
  if (waitMs === 0) return wanted;
  step.emitAttempt(slot, {
    type: "budget_exhausted",
    group: ofGroup === null ? null : groupName(node.plan, slot.plan),
    retryAfterMs: waitMs,
  });
  return later(step, wanted, waitMs, "restart_budget_exhausted");
}

/** What takes longest is what is told. */
function later({ now }: Step, decision: Decision, delayMs: number, reason: Decision["reason"]): Decision {
  return delayMs <= decision.delayMs ? decision : { ...decision, reason, delayMs, retryAtMs: now + delayMs };
}
