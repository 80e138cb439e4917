/** From running to stopped: one attempt, or a whole node in reverse order of its dependencies. */
import type { Exit, ShutdownCause, ShutdownStatus, StopCause } from "../event/mod.ts";
import { IGNORES_SIGNAL_MS, tellIgnoresSignal } from "./lint.ts";
import { endReadiness } from "./readiness.ts";
import { type ChildSlot, isLive } from "./state.ts";
import type { Step } from "./step.ts";

/** Asks the live attempt to stop; its exit is then counted for the cause. One that was ready is left alone for a while first, if it is to drain. */
export function stopAttempt(step: Step, child: number, cause: StopCause): void {
  const slot = step.slot(child);
  const { stop } = slot.plan.policy;
  const drains = stop.drainMs > 0 && slot.readyAtMs !== null && cause !== "unhealthy";
  step.clearTimers(slot);
  slot.stopCause = cause;
  slot.stopAtMs = step.now;
  endReadiness(step, slot);
  if (cause !== "shutdown") stopBound(step, child);
  if (stop.mode === "kill") return kill(step, child);
  if (!drains) return askToStop(step, child);
  step.emitAttempt(slot, { type: "child_draining", cause, delayMs: stop.drainMs });
  step.enter(slot, "draining");
  step.setTimer(child, step.now + stop.drainMs);
}

/** The time to drain is over, or there was none. */
export function askToStop(step: Step, child: number): void {
  const slot = step.slot(child);
  const { timeoutMs } = slot.plan.policy.stop;
  step.emitAttempt(slot, { type: "child_stopping", cause: slot.stopCause!, timeoutMs });
  cancel(step, child);
  step.enter(slot, "stopping");
  // Where there is no limit, it is only told of.
  if (timeoutMs !== null || slot.plan.node === -1) step.setTimer(child, step.now + (timeoutMs ?? IGNORES_SIGNAL_MS));
}

/** The child goes down: those that are bound to it go with it, and wait for its return. */
export function stopBound(step: Step, child: number): void {
  for (const index of step.slot(child).plan.bound) {
    const slot = step.slot(index);
    if (isLive(slot) && slot.stopCause === null) stopAttempt(step, index, "dependency");
  }
}

/** The budget of a stop is over, or it has none and takes long. */
export function stopOverdue(step: Step, child: number): void {
  const slot = step.slot(child);
  tellIgnoresSignal(step, slot);
  if (slot.plan.policy.stop.timeoutMs === null) return;
  if (slot.stopCause === "restart") step.emitAttempt(slot, { type: "child_restart_fence_abort_requested" });
  if (slot.plan.policy.stop.force) return kill(step, child);
  step.enter(slot, "killing");
  step.setTimer(child, step.now + slot.plan.policy.stop.killWaitMs);
}

/** Stops the node: a child is asked to stop once everything that depends on it has ended, independent children at once. */
export function stopNode(step: Step, cause: ShutdownCause): void {
  const { node } = step;
  if (node.phase !== "running") return;
  node.phase = "stopping";
  node.stop = { cause, forced: false, startedAtMs: step.now, remaining: node.order.length, ended: [] };
  step.emit(node.plan.path, step.newCorrelation(), { type: "shutdown_requested", cause, forced: false });
  const { totalTimeoutMs } = step.environment.tree;
  if (node.plan.parent === null && totalTimeoutMs !== null) step.setTotalTimer(step.now + totalTimeoutMs);
  node.scopes = [];
  endGuards(step);
  for (const slot of node.slots) {
    slot.holders = slot.plan.dependants.length;
    slot.scope = null;
    if (slot.stamp === 0) step.clearTimers(slot);
  }
  const free = node.order.filter((child) => step.slot(child).holders === 0).reverse();
  if (node.order.length === 0) return nodeEnded(step);
  release(step, free);
}

/** Nobody waits for a turn any more, and no fuse for its end. */
function endGuards(step: Step): void {
  const { guards } = step.node;
  guards.queue = [];
  for (const group of guards.groups) step.clearTimer(group);
}

/** Stops the node by force: every live attempt at once. */
export function forceNode(step: Step, cause: ShutdownCause): void {
  const { node } = step;
  stopNode(step, cause);
  if (node.phase !== "stopping" || node.stop === null || node.stop.forced) return;
  node.stop.forced = true;
  step.emit(node.plan.path, step.newCorrelation(), { type: "shutdown_requested", cause, forced: true });
  for (let index = node.order.length - 1; index >= 0; index--) {
    const child = node.order[index]!;
    const slot = step.slot(child);
    const isForced = slot.phase === "killing" && slot.plan.policy.stop.force;
    if (slot.stamp === 0 || isForced || slot.phase === "abandoned") continue;
    if (slot.stopCause === null) {
      slot.stopCause = "shutdown";
      slot.stopAtMs = step.now;
    }
    step.clearTimers(slot);
    kill(step, child);
  }
}

/** A child ended, or was passed over (`exit` is null), while its node stops. */
export function endInShutdown(step: Step, child: number, exit: Exit | null): void {
  const slot = step.slot(child);
  if (slot.outcome !== null) return endLate(step, child, exit!);
  const queue: number[] = [];
  recordOutcome(step, child, shutdownStatus(step, slot, exit), exit, queue);
  release(step, queue);
}

/** A child that had been passed over ended after all. */
export function endLate(step: Step, child: number, exit: Exit): void {
  const { node } = step;
  const slot = step.slot(child);
  slot.outcome = "late_report";
  step.enter(slot, "stopped");
  step.emitAttempt(slot, { type: "child_shutdown", status: "late_report", tookMs: step.now - slot.stopAtMs, exit });
  if (node.phase === "stopped" && node.plan.parent !== null && node.slots.every((other) => other.stamp === 0)) tellParentOfEnd(step);
}

/** Asks these children to stop; those without an attempt have ended, which may release others. */
function release(step: Step, queue: number[]): void {
  for (let index = 0; index < queue.length; index++) {
    const child = queue[index]!;
    const slot = step.slot(child);
    if (slot.outcome !== null) continue;
    if (slot.stamp === 0) recordOutcome(step, child, "already_exited", null, queue);
    else if (slot.phase === "abandoned") recordOutcome(step, child, "abort_failed", null, queue);
    else if (slot.stopCause === null) stopAttempt(step, child, "shutdown");
  }
}

function recordOutcome(step: Step, child: number, status: ShutdownStatus, exit: Exit | null, queue: number[]): void {
  const { node } = step;
  const stop = node.stop!;
  const slot = step.slot(child);
  slot.outcome = status;
  if (status === "graceful" || status === "aborted" || (status === "already_exited" && !isDownForGood(slot))) step.enter(slot, "stopped");
  const tookMs = slot.stopCause === null ? 0 : step.now - slot.stopAtMs;
  step.emitAttempt(slot, { type: "child_shutdown", status, tookMs, exit });
  stop.ended.push(child);
  for (const dependency of slot.plan.dependencies) {
    if (--step.slot(dependency).holders === 0) queue.push(dependency);
  }
  if (--stop.remaining === 0) nodeEnded(step);
}

function isDownForGood(slot: ChildSlot): boolean {
  return slot.phase === "failed" || slot.phase === "stopped";
}

function shutdownStatus({ node }: Step, slot: ChildSlot, exit: Exit | null): ShutdownStatus {
  if (exit === null) return "abort_failed";
  if (slot.stopCause === null) return "already_exited";
  const wasForced = slot.plan.policy.stop.force || node.stop!.forced;
  return slot.phase === "killing" && wasForced ? "aborted" : "graceful";
}

function kill(step: Step, child: number): void {
  const slot = step.slot(child);
  const { kind, policy } = slot.plan;
  const wasAsked = slot.phase === "stopping" || slot.phase === "killing";
  const hadTime = wasAsked && slot.stopAtMs < step.now;
  step.emitAttempt(slot, { type: "child_killing", cause: slot.stopCause! });
  step.enter(slot, "killing");
  // A task cannot be forced: it is asked, if it was not yet, and one that had no time to obey is only waited for.
  if (!wasAsked) cancel(step, child);
  if (hadTime || kind !== "task") step.effects.push({ type: "kill", node: step.node.plan.id, child, stamp: slot.stamp });
  // A supervisor ends by the budgets of its own children.
  if (kind !== "supervisor") step.setTimer(child, step.now + policy.stop.killWaitMs);
}

function cancel(step: Step, child: number): void {
  step.effects.push({ type: "cancel", node: step.node.plan.id, child, stamp: step.slot(child).stamp });
}

function nodeEnded(step: Step): void {
  const { node, environment: { tree } } = step;
  const { cause, startedAtMs } = node.stop!;
  node.phase = "stopped";
  if (node.totalTimer !== 0) step.effects.push({ type: "clearTimer", timer: node.totalTimer });
  node.totalTimer = 0;
  const exitCode = cause.kind === "shutdown" || cause.kind === "completed" ? 0 : tree.escalationExitCode;
  step.emit(node.plan.path, step.newCorrelation(), { type: "shutdown_completed", exitCode, tookMs: step.now - startedAtMs });
  if (node.plan.parent === null) step.effects.push({ type: "finished", cause, exitCode });
  else tellParentOfEnd(step);
}

function tellParentOfEnd(step: Step): void {
  const { node } = step;
  const { cause, forced } = node.stop!;
  const left = node.slots.some((slot) => slot.stamp !== 0);
  const report = left ? { type: "abandoned" } as const : { type: "exited", exit: endOfNode(cause, forced) } as const;
  step.effects.push({ type: "tellParent", node: node.plan.id, stamp: node.stamp, report });
}

function endOfNode(cause: ShutdownCause, forced: boolean): Exit {
  if (cause.kind === "completed") return { kind: "succeeded" };
  if (cause.kind === "shutdown") return { kind: forced ? "killed" : "cancelled" };
  return { kind: "failed", failure: { kind: "error", category: "escalated", message: cause.reason } };
}
