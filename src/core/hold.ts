/** Children that are kept down, or put down. */
import { HELD } from "./decide.ts";
import { leaveScope } from "./scope.ts";
import { childIsDown, stopWaiting } from "./start.ts";
import { isOnItsWay, type Operation } from "./state.ts";
import type { Step } from "./step.ts";
import { stopAttempt } from "./stop.ts";

type HoldCause = "pause" | "quarantine" | "remove";

const STOP_CAUSES: Readonly<Record<Exclude<Operation, "active">, HoldCause>> = {
  paused: "pause",
  quarantined: "quarantine",
  removed: "remove",
};

/** Keeps children down, whatever their policies say; one that goes down wakes none of the others. Returns those that were not held so already. */
export function hold(step: Step, children: readonly number[], operation: Exclude<Operation, "active">): number[] {
  const members = children.filter((child) => ![operation, "removed"].includes(step.slot(child).operation));
  const active = members.filter((child) => step.slot(child).operation === "active");
  for (const child of members) step.slot(child).operation = operation;
  for (const child of active) bringDown(step, child, STOP_CAUSES[operation]);
  return members;
}

/** Stops a child that is held now, or calls off what was planned with it. */
function bringDown(step: Step, child: number, cause: HoldCause): void {
  const slot = step.slot(child);
  slot.due = false;
  slot.wanted = slot.stamp !== 0 ? slot.stopCause !== "terminate" : isOnItsWay(slot);
  if (slot.stamp !== 0) stopFor(step, child, cause);
  else if (slot.wanted) putDown(step, child);
}

/** Ends a live attempt for a reason other than its policy; one that is being stopped already ends for that reason too. */
export function stopFor(step: Step, child: number, cause: "restart" | "terminate" | HoldCause): void {
  const slot = step.slot(child);
  // A supervisor that ended by itself may have left somebody behind: there is nobody to ask any more.
  if (slot.stopCause === null && slot.phase !== "abandoned") stopAttempt(step, child, cause);
  else slot.stopCause = cause;
}

/** A child that was to be started is not. */
export function putDown(step: Step, child: number): void {
  const slot = step.slot(child);
  leaveScope(step, child);
  stopWaiting(step, child);
  slot.lastDecision = HELD;
  step.enter(slot, "stopped");
  childIsDown(step, child);
}
