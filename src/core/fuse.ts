/** Fuses of children and groups: open after too many restarts, then on trial, then closed as if nothing had been. */
import type { ChildGuard, RatePolicy } from "../spec/mod.ts";
import { type ChildSlot, type Fuse, NOBODY, type NodeState } from "./state.ts";
import type { Step } from "./step.ts";
import { clearWindow, emptyWindow, type FailureWindow, recordFailure } from "./window.ts";

/** How a fuse is at a time. */
export type FuseState = "closed" | "open" | "half_open";

/** Says how a fuse is. */
export function fuseState(fuse: Fuse | null, resetAfterMs: number, now: number): FuseState {
  if (fuse === null || now >= fuse.untilMs + resetAfterMs) return "closed";
  return now < fuse.untilMs ? "open" : "half_open";
}

/** Counts one, and says whether it is one too many. */
export function exceedsRate(window: FailureWindow, { max, windowMs }: RatePolicy, now: number): boolean {
  return recordFailure(window, { maxRestarts: max, windowMs, halfLifeMs: null, maxCount: max + 1 }, now) > max;
}

/** Counts a restart of the child; its fuse opens when that is one too many, or a failure while it is on trial. */
export function countForChildFuse(step: Step, slot: ChildSlot, failed: boolean): Fuse | null {
  const { guards: { child: guards, resetAfterMs } } = step.environment.tree;
  if (guards.length === 0) return null;
  const isOnTrial = fuseState(slot.fuse, resetAfterMs, step.now) === "half_open";
  const exceeded = guards.filter((guard, index) => isOneTooMany(step, slot, guard, index));
  const reason = exceeded[0]?.reason ?? (isOnTrial && failed ? slot.fuse!.reason : undefined);
  if (reason === undefined) return null;
  for (const window of slot.guards!) clearWindow(window);
  slot.fuse = { reason, untilMs: step.now + resetAfterMs };
  step.emitAttempt(slot, { type: "meltdown", reason, retryAtMs: slot.fuse.untilMs });
  return slot.fuse;
}

function isOneTooMany({ now, node }: Step, slot: ChildSlot, guard: ChildGuard, index: number): boolean {
  const windows = slot.guards ??= [];
  const window = windows[index] ??= emptyWindow();
  if (guard.fromStart && now - node.startedAtMs > guard.windowMs) return false;
  return exceedsRate(window, guard, now);
}

/** Counts a failure of a member; the fuse of the group opens when that is one too many, or while it is on trial. */
export function countForGroupFuse(step: Step, group: number): void {
  const { group: policy, resetAfterMs } = step.environment.tree.guards;
  if (policy === null) return;
  const { fuse, restarts } = step.node.guards.groups[group]!;
  const state = fuseState(fuse, resetAfterMs, step.now);
  if (state === "open") return;
  if (state === "half_open" || exceedsRate(restarts, policy, step.now)) openGroupFuse(step, group, null);
}

/** A timer of a group's fuse lies beside those of children, and this is how to tell them apart. */
export function groupTimer(group: number): number {
  return -2 - group;
}

/** The group of such a timer. */
export function groupOfTimer(child: number): number {
  return -2 - child;
}

/** The fuse of the group opens; the groups that depend on it are told, or their fuses open too, but it goes no further. */
function openGroupFuse(step: Step, group: number, from: number | null): void {
  const { node, environment: { tree: { guards } } } = step;
  const state = node.guards.groups[group]!;
  clearWindow(state.restarts);
  state.fuse = { reason: "meltdown_group_fuse", untilMs: step.now + guards.resetAfterMs };
  state.trial = NOBODY;
  step.clearTimer(state);
  state.timer = step.newTimer(groupTimer(group), state.fuse.untilMs);
  tell(step, node, group, from, "full", state.fuse.untilMs);
  if (from !== null) return;
  for (const { group: dependant, propagation } of node.plan.groups[group]!.dependants) {
    if (propagation === "full") openGroupFuse(step, dependant, group);
    else if (propagation === "escalate_only") tell(step, node, dependant, group, propagation, state.fuse.untilMs);
  }
}

function tell(
  step: Step,
  { plan }: NodeState,
  group: number,
  from: number | null,
  propagation: "full" | "escalate_only",
  retryAtMs: number,
): void {
  step.emit(plan.path, step.newCorrelation(), {
    type: "group_fuse_triggered",
    group: plan.groups[group]!.name,
    propagatedFromGroup: from === null ? null : plan.groups[from]!.name,
    propagation,
    retryAtMs,
  });
}

/** Closes the fuses of the child and of its group, and forgets what was counted; false when they were closed. */
export function resetFuses(step: Step, slot: ChildSlot): boolean {
  const { resetAfterMs } = step.environment.tree.guards;
  const isClosed = fuseState(slot.fuse, resetAfterMs, step.now) === "closed";
  slot.fuse = null;
  slot.guards = null;
  if (slot.plan.group === -1) return !isClosed;
  const group = step.node.guards.groups[slot.plan.group]!;
  // A trial that is not over keeps others off, whatever the time is.
  const wasOpen = fuseState(group.fuse, resetAfterMs, step.now) !== "closed" || group.trial >= 0;
  step.clearTimer(group);
  group.fuse = null;
  group.trial = NOBODY;
  clearWindow(group.restarts);
  return !isClosed || wasOpen;
}
