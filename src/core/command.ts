/** What an operator asks of one child: it is answered at once, and what it takes happens later. */
import { hold, putDown, stopFor } from "./hold.ts";
import type { ChildCommand, CommandMessage, CommandRefusal, CommandResult, RestartDecision } from "./message.ts";
import { renew, startOrWait } from "./start.ts";
import type { ChildSlot } from "./state.ts";
import type { Step } from "./step.ts";
import { stopBound } from "./stop.ts";

/** What a command came to. */
type Outcome =
  | { readonly outcome: "accepted" | "idempotent"; readonly decision?: RestartDecision }
  | { readonly outcome: "refused"; readonly refusal: CommandRefusal };

const ACCEPTED: Outcome = { outcome: "accepted" };
const IDEMPOTENT: Outcome = { outcome: "idempotent" };

/** Carries out a command as far as that is possible now, and answers. */
export function onCommand(step: Step, message: CommandMessage): void {
  const { child, id, command, by, reason } = message;
  const slot = step.slot(child);
  const before = slot.operation;
  const wasAsked = slot.stopCause !== null;
  slot.correlation = slot.stamp === 0 ? step.newCorrelation() : slot.correlation;
  const outcome: Outcome = step.isClosed ? { outcome: "refused", refusal: "supervisor_not_running" } : COMMANDS[command](step, message);
  if (slot.operation !== before) {
    step.emitAttempt(slot, { type: "child_control_operation_changed", from: before, to: slot.operation, by, reason });
  }
  step.emitAttempt(slot, { type: "child_control_command_completed", command, by, reason, result: outcome.outcome });
  const result: CommandResult = {
    outcome: outcome.outcome,
    refusal: outcome.outcome === "refused" ? outcome.refusal : null,
    decision: "decision" in outcome ? outcome.decision ?? null : null,
    operationBefore: before,
    operationAfter: slot.operation,
    phase: slot.phase,
    generation: slot.generation,
    attempt: slot.attempt,
    cancelDelivered: !wasAsked && slot.stopCause !== null,
  };
  step.effects.push({ type: "reply", id, result });
}

const COMMANDS: Readonly<Record<ChildCommand, (step: Step, message: CommandMessage) => Outcome>> = {
  restart,
  start,
  terminate,
  pause: (step, message) => hold(step, message.child, "paused") ? ACCEPTED : IDEMPOTENT,
  quarantine: (step, message) => hold(step, message.child, "quarantined") ? ACCEPTED : IDEMPOTENT,
  resume: (step, message) => unhold(step, message),
  release: (step, message) =>
    step.slot(message.child).operation === "paused" ? { outcome: "refused", refusal: "child_paused" } : unhold(step, message),
};

/** Whether an attempt is on its way out, and another one follows. */
function isRestarting({ stopCause }: ChildSlot): boolean {
  return stopCause === "restart" || stopCause === "sibling" || stopCause === "dependency";
}

function restart(step: Step, message: CommandMessage): Outcome {
  const { child, by, reason } = message;
  const slot = step.slot(child);
  if (slot.operation !== "active") return { outcome: "refused", refusal: "child_held" };
  if (slot.stamp === 0) {
    if (slot.phase === "waiting" || slot.scope !== null) return alreadyPending(step, message);
    return startNow(step, child);
  }
  if (isRestarting(slot) || slot.scope !== null) return alreadyPending(step, message);
  step.emitAttempt(slot, { type: "child_restart_fence_entered", targetGeneration: slot.generation + 1, by, reason });
  stopFor(step, child, "restart");
  return { outcome: "accepted", decision: "queued_after_stop" };
}

function alreadyPending(step: Step, { child, by, reason }: CommandMessage): Outcome {
  step.emitAttempt(step.slot(child), { type: "child_restart_conflict", decision: "already_pending", by, reason });
  return { outcome: "idempotent", decision: "already_pending" };
}

function start(step: Step, { child }: CommandMessage): Outcome {
  const slot = step.slot(child);
  if (slot.operation !== "active") return { outcome: "refused", refusal: "child_held" };
  if (slot.stamp !== 0) {
    if (slot.stopCause !== "terminate") return IDEMPOTENT;
    // It is on its way out for good: now another attempt follows.
    slot.stopCause = "restart";
    return { outcome: "accepted", decision: "queued_after_stop" };
  }
  if (slot.phase === "waiting" || slot.scope !== null) return IDEMPOTENT;
  return startNow(step, child);
}

function terminate(step: Step, { child }: CommandMessage): Outcome {
  const slot = step.slot(child);
  if (slot.stamp !== 0) {
    if (slot.stopCause === "terminate") return IDEMPOTENT;
    stopFor(step, child, "terminate");
    return ACCEPTED;
  }
  if (slot.phase === "stopped" || slot.phase === "failed") return IDEMPOTENT;
  putDown(step, child);
  return ACCEPTED;
}

function unhold(step: Step, { child }: CommandMessage): Outcome {
  const slot = step.slot(child);
  if (slot.operation === "active") return IDEMPOTENT;
  slot.operation = "active";
  if (!slot.wanted) return ACCEPTED;
  if (slot.stamp !== 0) {
    slot.stopCause = "restart";
    return { outcome: "accepted", decision: "queued_after_stop" };
  }
  return startNow(step, child);
}

/** Starts a child that has no attempt, as a new incarnation. */
function startNow(step: Step, child: number): Outcome {
  const slot = step.slot(child);
  step.clearTimer(slot);
  // One that had run to its end counted as ready; it no longer does.
  slot.readyAtMs = null;
  stopBound(step, child);
  renew(slot);
  startOrWait(step, child);
  return { outcome: "accepted", decision: slot.scope === null ? "started_immediately" : "queued_after_stop" };
}
