/** Children that are kept down, or put down. */
import { HELD } from "./decide.ts";
import { leaveScope } from "./scope.ts";
import { childIsDown, leaveWaiters } from "./start.ts";
import type { Operation } from "./state.ts";
import type { Step } from "./step.ts";
import { stopAttempt } from "./stop.ts";

/** Keeps a child down whatever its policy says; false when it is held so already. */
export function hold(step: Step, child: number, operation: Exclude<Operation, "active">): boolean {
  const slot = step.slot(child);
  if (slot.operation === operation) return false;
  const wasActive = slot.operation === "active";
  slot.operation = operation;
  if (wasActive) bringDown(step, child);
  return true;
}

/** Keeps children down together: one that is held wakes none of the others. */
export function holdAll(step: Step, children: readonly number[], operation: Exclude<Operation, "active">): void {
  for (const child of children) step.slot(child).operation = operation;
  for (const child of children) bringDown(step, child);
}

/** Stops a child that is held now, or calls off what was planned with it. */
function bringDown(step: Step, child: number): void {
  const slot = step.slot(child);
  slot.wanted = slot.stamp !== 0 ? slot.stopCause !== "terminate" : slot.phase === "backoff" || slot.phase === "waiting";
  if (slot.stamp !== 0) stopFor(step, child, slot.operation === "paused" ? "pause" : "quarantine");
  else if (slot.wanted) putDown(step, child);
}

/** Ends a live attempt for a reason other than its policy; one that is being stopped already ends for that reason too. */
export function stopFor(step: Step, child: number, cause: "restart" | "terminate" | "pause" | "quarantine"): void {
  const slot = step.slot(child);
  // A supervisor that ended by itself may have left somebody behind: there is nobody to ask any more.
  if (slot.stopCause === null && slot.phase !== "abandoned") stopAttempt(step, child, cause);
  else slot.stopCause = cause;
}

/** A child that was to be started is not. */
export function putDown(step: Step, child: number): void {
  const slot = step.slot(child);
  leaveScope(step, child);
  if (slot.phase === "waiting") leaveWaiters(step, child);
  step.clearTimer(slot);
  slot.lastDecision = HELD;
  step.enter(slot, "stopped");
  childIsDown(step, child);
}
