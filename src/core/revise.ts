/** A child that is declared otherwise while it runs: what counts for it from now on. */
import type { ReviseMessage } from "./message.ts";
import { nodeIsComplete } from "./start.ts";
import type { Step } from "./step.ts";

/** Takes the new plan over; what ties the child to its siblings stays, and so does its live attempt. */
export function reviseChild(step: Step, { child, path, revision }: ReviseMessage): void {
  const { node } = step;
  const slot = node.slots[child];
  // It may have gone meanwhile, and another one have its place.
  if (slot === undefined || slot.plan.path !== path || slot.operation === "removed") return;
  const wasMissed = slot.plan.required && !slot.hasBeenReady;
  slot.plan = { ...slot.plan, ...revision };
  const isMissed = slot.plan.required && !slot.hasBeenReady;
  if (node.ready || node.phase !== "running" || wasMissed === isMissed) return;
  node.missing += isMissed ? 1 : -1;
  if (node.missing === 0) nodeIsComplete(step);
}
