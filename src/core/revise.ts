/** A child that is declared otherwise while it runs: what counts for it from now on. */
import type { ReviseMessage } from "./message.ts";
import { startNow } from "./schedule.ts";
import { nodeIsComplete } from "./start.ts";
import { type ChildSlot, isOnItsWay } from "./state.ts";
import type { Step } from "./step.ts";

/** Takes the new plan over; what ties the child to its siblings stays, and so does its live attempt. */
export function reviseChild(step: Step, { child, path, revision }: ReviseMessage): void {
  const { node } = step;
  const slot = node.slots[child];
  // It may have gone meanwhile, and another one have its place.
  if (slot === undefined || slot.plan.path !== path || slot.operation === "removed") return;
  const wasScheduled = slot.plan.schedule !== null;
  const wasMissed = slot.plan.required && !slot.hasBeenReady;
  slot.plan = { ...slot.plan, ...revision };
  const isMissed = slot.plan.required && !slot.hasBeenReady;
  if (!node.ready && node.phase === "running" && wasMissed !== isMissed) {
    node.missing += isMissed ? 1 : -1;
    if (node.missing === 0) nodeIsComplete(step);
  }
  if (wasScheduled && slot.plan.schedule === null) endSchedule(step, child);
}

/** It has no times to wait for any more: where its policy would have it running, it starts. */
function endSchedule(step: Step, child: number): void {
  const slot = step.slot(child);
  slot.due = false;
  if (slot.stamp !== 0 || isOnItsWay(slot) || slot.phase === "declared" || step.isClosed || !wouldRun(slot)) return;
  if (slot.operation === "active") startNow(step, child, "command");
  else slot.wanted = true;
}

/** Whether another run follows the last one. Who only was put down by hand, or given up, would have begun again at its next time. */
function wouldRun({ lastExit, plan: { policy } }: ChildSlot): boolean {
  switch (policy.restartPolicy) {
    case "permanent":
      return true;
    case "transient":
      return lastExit?.kind !== "succeeded";
    case "temporary":
      return lastExit === null;
  }
}
