/** Children that start at times: what follows when it is time. */
import type { StartCause } from "../event/mod.ts";
import type { DueMessage } from "./message.ts";
import { renew, startOrWait, stopWaiting } from "./start.ts";
import { type ChildSlot, isLive, isOnItsWay } from "./state.ts";
import type { Step } from "./step.ts";
import { stopAttempt, stopBound } from "./stop.ts";

/** It is time for a child, or times went by; one that is held down has no times. */
export function onDue(step: Step, { child, path, starts, missed }: DueMessage): void {
  const slot = step.node.slots[child];
  // In the place of the child that was meant there may be another one by now, or none.
  if (slot === undefined || slot.plan.path !== path || step.isClosed || slot.operation !== "active") return;
  if (missed > 0) skip(step, slot, "missed", missed);
  if (!starts) return;
  if (!isBusy(slot)) return startNow(step, child, "schedule");
  switch (slot.plan.schedule?.overlap) {
    case "queue":
      return queue(step, slot);
    case "replace":
      return replace(step, child);
    default:
      return skip(step, slot, "still_running", 1);
  }
}

/** What ran is over: where it was time in between, the child starts again. */
export function startIfDue(step: Step, child: number): void {
  const slot = step.slot(child);
  if (!slot.due || isBusy(slot) || slot.operation !== "active" || step.isClosed) return;
  startNow(step, child, "schedule");
}

/** Starts a child that has no attempt, as a new incarnation. */
export function startNow(step: Step, child: number, cause: StartCause): void {
  const slot = step.slot(child);
  stopWaiting(step, child);
  // One that had run to its end counted as ready; it no longer does.
  slot.readyAtMs = null;
  stopBound(step, child);
  slot.renewCause = cause;
  renew(slot);
  startOrWait(step, child);
}

/** Whether a run is not over: it lasts until the child has succeeded, or is not tried any more. */
function isBusy(slot: ChildSlot): boolean {
  return slot.stamp !== 0 || isOnItsWay(slot);
}

/** One run waits at most: more than that would only be the same again. */
function queue(step: Step, slot: ChildSlot): void {
  if (slot.due) skip(step, slot, "still_running", 1);
  else slot.due = true;
}

function replace(step: Step, child: number): void {
  const slot = step.slot(child);
  if (slot.stamp === 0) {
    // Whoever waits for siblings or for its turn has not begun: there is nothing to be replaced.
    if (slot.phase === "backoff" && slot.scope === null) return startNow(step, child, "schedule");
    return skip(step, slot, "still_running", 1);
  }
  // It ends for another reason already, or cannot be ended: the run begins when it is gone.
  if (slot.stopCause !== null || !isLive(slot)) return queue(step, slot);
  const facts = { targetGeneration: slot.generation + 1, by: "schedule", reason: "it is time for its next run" };
  step.emitAttempt(slot, { type: "child_restart_fence_entered", ...facts });
  slot.renewCause = "schedule";
  stopAttempt(step, child, "restart");
}

function skip(step: Step, { plan }: ChildSlot, reason: "still_running" | "missed", times: number): void {
  step.emit(plan.path, step.newCorrelation(), { type: "child_run_skipped", reason, times });
}
