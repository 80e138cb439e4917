/** What an operator asks of one child: it is answered at once, and what it takes happens later. */
import type { Decision, StartCause } from "../event/mod.ts";
import { freeIfGone, neededBy } from "./dynamic.ts";
import { resetFuses } from "./fuse.ts";
import { hold, putDown, stopFor } from "./hold.ts";
import type { ChildCommand, CommandMessage, CommandRefusal, CommandResult, RestartDecision } from "./message.ts";
import { groupName } from "./plan.ts";
import { memberDelayIsOver } from "./scope.ts";
import { startNow } from "./schedule.ts";
import { startNextInTurn, startOrWait } from "./start.ts";
import type { ChildPhase, ChildSlot, Operation } from "./state.ts";
import type { Step } from "./step.ts";

/** What a command came to. */
type Outcome =
  | { readonly outcome: "accepted" | "idempotent"; readonly decision?: RestartDecision }
  | { readonly outcome: "refused"; readonly refusal: CommandRefusal };

const ACCEPTED: Outcome = { outcome: "accepted" };
const IDEMPOTENT: Outcome = { outcome: "idempotent" };

/** Carries out a command as far as that is possible now, and answers; linked sidecars are put down and up with their primary. */
export function onCommand(step: Step, message: CommandMessage): void {
  const { child, command, id } = message;
  const slot = step.node.slots[child];
  // In the place of the child that was meant there may be another one by now, or none.
  if (slot === undefined || slot.plan.path !== message.path) {
    step.effects.push({ type: "reply", id, result: GONE });
    return;
  }
  const { sidecars, name } = slot.plan;
  const result = carryOut(step, message);
  step.effects.push({ type: "reply", id, result });
  if (result.outcome !== "accepted" || !TAKES_ALONG.has(command)) return;
  const reason = `with "${name}": ${message.reason}`;
  for (const sidecar of sidecars) carryOut(step, { ...message, child: sidecar, path: step.slot(sidecar).plan.path, reason });
}

/** The answer of a child that is not there. */
export const GONE: CommandResult = {
  outcome: "refused",
  refusal: "child_removed",
  decision: null,
  operationBefore: "removed",
  operationAfter: "removed",
  phase: "stopped",
  generation: 0,
  attempt: 0,
  cancelDelivered: false,
};

/** Commands that linked sidecars follow after their primary; those that hold it down hold them as well, at once. */
const TAKES_ALONG: ReadonlySet<ChildCommand> = new Set(["start", "terminate", "resume", "release"]);

/** Those without an attempt that will have one, because of something that has its number already. */
const ON_THEIR_WAY: ReadonlySet<ChildPhase> = new Set<ChildPhase>(["waiting", "backoff", "queued"]);

function carryOut(step: Step, message: CommandMessage): CommandResult {
  const { child, command, by, reason } = message;
  const slot = step.slot(child);
  const before = slot.operation;
  const wasAsked = slot.stopCause !== null;
  // Of a child that is on its way back, what went before goes on.
  if (slot.stamp === 0 && !ON_THEIR_WAY.has(slot.phase)) slot.correlation = step.newCorrelation();
  const refusal = step.isClosed ? "supervisor_not_running" : before === "removed" && command !== "remove" ? "child_removed" : null;
  const outcome: Outcome = refusal === null ? COMMANDS[command](step, message) : { outcome: "refused", refusal };
  tell(step, slot, { command, by, reason, from: before, result: outcome.outcome });
  return {
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
}

interface Told extends Pick<CommandMessage, "command" | "by" | "reason"> {
  readonly from: Operation;
  readonly result: Outcome["outcome"];
}

function tell(step: Step, slot: ChildSlot, { command, by, reason, from, result }: Told): void {
  const { operation: to } = slot;
  if (to !== from) step.emitAttempt(slot, { type: "child_control_operation_changed", from, to, by, reason });
  step.emitAttempt(slot, { type: "child_control_command_completed", command, by, reason, result });
}

const COMMANDS: Readonly<Record<ChildCommand, (step: Step, message: CommandMessage) => Outcome>> = {
  restart,
  start,
  terminate,
  pause: (step, message) => holdDown(step, message, "paused"),
  quarantine: (step, message) => holdDown(step, message, "quarantined"),
  resume: (step, message) => unhold(step, message),
  release: (step, message) =>
    step.slot(message.child).operation === "paused" ? { outcome: "refused", refusal: "child_paused" } : unhold(step, message),
  reset_fuse: resetFuse,
  remove,
};

function holdDown(step: Step, { child, command, by, reason: why }: CommandMessage, operation: "paused" | "quarantined"): Outcome {
  const { plan, operation: before } = step.slot(child);
  if (before === operation) return IDEMPOTENT;
  const befores = new Map(plan.sidecars.map((sidecar) => [sidecar, step.slot(sidecar).operation]));
  const held = hold(step, [...plan.sidecars, child], operation);
  const reason = `with "${plan.name}": ${why}`;
  for (const sidecar of held) {
    const from = befores.get(sidecar);
    if (from !== undefined) tell(step, step.slot(sidecar), { command, by, reason, from, result: "accepted" });
  }
  return ACCEPTED;
}

/** Whether an attempt is on its way out, and another one follows. */
function isRestarting({ stopCause }: ChildSlot): boolean {
  return stopCause === "restart" || stopCause === "sibling" || stopCause === "dependency";
}

function restart(step: Step, message: CommandMessage): Outcome {
  const { child, by, reason, cause = "command", isOwn = false } = message;
  const slot = step.slot(child);
  if (slot.operation !== "active") return { outcome: "refused", refusal: "child_held" };
  if (slot.stamp === 0) {
    if (slot.phase === "waiting" || slot.scope !== null || isOwn) return alreadyPending(step, message);
    return startedNow(step, child, cause);
  }
  if (isRestarting(slot) || slot.scope !== null) return alreadyPending(step, message);
  step.emitAttempt(slot, { type: "child_restart_fence_entered", targetGeneration: slot.generation + 1, by, reason });
  slot.renewCause = cause;
  slot.isOwnRestart = isOwn;
  stopFor(step, child, "restart");
  return { outcome: "accepted", decision: "queued_after_stop" };
}

function alreadyPending(step: Step, { child, by, reason, isOwn = false }: CommandMessage): Outcome {
  // What an operator wants as well need not wait.
  if (!isOwn) step.slot(child).isOwnRestart = false;
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
    slot.renewCause = "command";
    slot.isOwnRestart = false;
    return { outcome: "accepted", decision: "queued_after_stop" };
  }
  if (slot.phase === "waiting" || slot.scope !== null) return IDEMPOTENT;
  return startedNow(step, child, "command");
}

function terminate(step: Step, { child }: CommandMessage): Outcome {
  const slot = step.slot(child);
  slot.due = false;
  if (slot.stamp !== 0) {
    if (slot.stopCause === "terminate") return IDEMPOTENT;
    stopFor(step, child, "terminate");
    return ACCEPTED;
  }
  if (slot.phase === "stopped" || slot.phase === "failed") return IDEMPOTENT;
  putDown(step, child);
  return ACCEPTED;
}

/** Takes a child out: it is stopped, and when it is gone its name is free. */
function remove(step: Step, { child }: CommandMessage): Outcome {
  const slot = step.slot(child);
  if (slot.operation === "removed") return IDEMPOTENT;
  if (neededBy(step.node, slot).length > 0) return { outcome: "refused", refusal: "child_needed" };
  hold(step, [child], "removed");
  freeIfGone(step, child);
  return ACCEPTED;
}

function unhold(step: Step, { child }: CommandMessage): Outcome {
  const slot = step.slot(child);
  if (slot.operation === "active") return IDEMPOTENT;
  slot.operation = "active";
  // One with a schedule comes back when it is time.
  if (!slot.wanted || slot.plan.schedule !== null) return ACCEPTED;
  if (slot.stamp !== 0) {
    slot.stopCause = "restart";
    slot.renewCause = "command";
    slot.isOwnRestart = false;
    return { outcome: "accepted", decision: "queued_after_stop" };
  }
  return startedNow(step, child, "command");
}

/** Closes the fuses that keep the child down, and starts whom only they kept down. */
function resetFuse(step: Step, { child, by, reason }: CommandMessage): Outcome {
  const slot = step.slot(child);
  if (!resetFuses(step, slot)) return IDEMPOTENT;
  const { slots, plan } = step.node;
  const { group } = slot.plan;
  step.emitAttempt(slot, { type: "fuse_reset", group: groupName(plan, slot.plan), by, reason });
  slots.forEach((other, index) => {
    const isOurs = index === child || (group !== -1 && other.plan.group === group && other.lastDecision?.reason === "meltdown_group_fuse");
    if (!isOurs || other.phase !== "backoff" || other.timer === 0 || !WAITS_FOR_FUSE.has(other.lastDecision!.reason)) return;
    step.clearTimer(other);
    if (other.scope === null) startOrWait(step, index);
    else memberDelayIsOver(step, other.scope);
  });
  startNextInTurn(step);
  return ACCEPTED;
}

const WAITS_FOR_FUSE: ReadonlySet<string> = new Set<Decision["reason"]>([
  "hot_loop_detected",
  "cold_start_budget_exhausted",
  "meltdown_child_fuse",
  "meltdown_group_fuse",
]);

function startedNow(step: Step, child: number, cause: StartCause): Outcome {
  startNow(step, child, cause);
  const slot = step.slot(child);
  return { outcome: "accepted", decision: slot.scope === null ? "started_immediately" : "queued_after_stop" };
}
