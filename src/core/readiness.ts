/** The end of readiness, whatever ends it. */
import type { ChildSlot } from "./state.ts";
import type { Step } from "./step.ts";
import { clearWindow } from "./window.ts";

/**
 * The child is no longer ready.
 *
 * A long healthy time makes it start afresh: first delay again, and an empty count where its limit has no window of time.
 */
export function endReadiness(step: Step, slot: ChildSlot): void {
  const { backoff, limit } = slot.plan.policy;
  const healthyForLong = slot.readyAtMs !== null && step.now - slot.readyAtMs >= backoff.resetAfterMs;
  slot.readyAtMs = null;
  if (!healthyForLong) return;
  slot.consecutive = 0;
  slot.previousDelayMs = 0;
  if (slot.window !== null && limit.windowMs === null && limit.halfLifeMs === null) clearWindow(slot.window);
}
