/** Health of a running child: probes that report, and heartbeats that are looked at when their timer fires. */
import type { Exceeded, TimerMessage } from "./message.ts";
import type { ChildSlot } from "./state.ts";
import type { Step } from "./step.ts";
import { stopAttempt } from "./stop.ts";

/** A timer this late means that the machine slept or the program was blocked: the child gets another chance. */
const SUSPENDED_MS = 5_000;

/** A health probe answered; `failed` counts failures in a row. */
export function childHealth(step: Step, child: number, failed: number, reason: string): void {
  const slot = step.slot(child);
  const { health } = slot.plan.policy;
  if (health === null || (slot.phase !== "running" && slot.phase !== "ready")) return;
  if (failed === 0) return recovered(step, slot);
  slot.failedChecks = failed;
  if (failed === 1) step.emitAttempt(slot, { type: "child_unhealthy", reason });
  if (failed > health.maxRetries && health.onUnhealthy === "restart") stopAttempt(step, child, "unhealthy");
}

/** The attempt takes more than it may: it is stopped, and fails for that. */
export function childExceeded(step: Step, child: number, { category, message }: Exceeded): void {
  const slot = step.slot(child);
  if (slot.phase !== "running" && slot.phase !== "ready") return;
  slot.exceeded = { category, message };
  step.emitAttempt(slot, { type: "child_unhealthy", reason: message });
  stopAttempt(step, child, "unhealthy");
}

/** The heartbeat timer fired: the last heartbeat tells whether the child is alive. */
export function heartbeatDue(step: Step, child: number, message: TimerMessage): void {
  const slot = step.slot(child);
  const { health } = slot.plan.policy;
  if (health === null || slot.stamp === 0) return;
  const aliveAtMs = Math.max(slot.startedAtMs, message.heartbeatAtMs);
  const staleAtMs = aliveAtMs + health.staleAfterMs;
  // Compared as a time, not as an age: the difference of two times can be a hair less than what was added, and the timer would fire for ever.
  if (staleAtMs > step.now) {
    recovered(step, slot);
    return step.setHealthTimer(child, staleAtMs);
  }
  if (step.now - message.dueMs > SUSPENDED_MS) return step.setHealthTimer(child, step.now + health.staleAfterMs);
  slot.failedChecks = (slot.failedChecks ?? 0) + 1;
  if (slot.failedChecks === 1) {
    step.emitAttempt(slot, { type: "child_heartbeat_stale", ageMs: step.now - aliveAtMs });
    step.emitAttempt(slot, { type: "child_unhealthy", reason: "its heartbeat is stale" });
  }
  if (slot.failedChecks > health.maxRetries && health.onUnhealthy === "restart") return stopAttempt(step, child, "unhealthy");
  step.setHealthTimer(child, step.now + health.intervalMs);
}

function recovered(step: Step, slot: ChildSlot): void {
  const { failedChecks } = slot;
  slot.failedChecks = 0;
  if (failedChecks !== null && failedChecks > 0) step.emitAttempt(slot, { type: "child_healthy" });
}

/** What is known of a child's health: nothing, that it is well, that its heartbeat is stale, or that it is not well. */
export type Health = "unknown" | "healthy" | "stale" | "unhealthy";

/** Says how a child is. */
export function healthOf({ plan: { policy: { health } }, stamp, stopCause, failedChecks }: ChildSlot, heartbeatAtMs: number): Health {
  if (stamp !== 0 && stopCause === "unhealthy") return "unhealthy";
  if (health === null || stamp === 0) return "unknown";
  if (failedChecks !== null && failedChecks > 0) return health.mode === "heartbeat" ? "stale" : "unhealthy";
  return failedChecks === 0 || heartbeatAtMs > 0 ? "healthy" : "unknown";
}
