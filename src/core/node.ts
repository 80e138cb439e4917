/**
 * One step of a supervisor node: message in, effects out.
 *
 * Deterministic: time, random numbers and counters come with the environment; only the given state is changed.
 */
import { onCommand } from "./command.ts";
import type { AttemptMessage, Effect, Message, TimerMessage } from "./message.ts";
import { childAbandoned, childExited, waitTimedOut } from "./exit.ts";
import { addChild, freeRemoved } from "./dynamic.ts";
import { childExceeded, childHealth, heartbeatDue } from "./health.ts";
import { groupOfTimer } from "./fuse.ts";
import { onDue } from "./schedule.ts";
import {
  attemptIsOverdue,
  childBecameReady,
  childIsRunning,
  childLostReadiness,
  startInOrder,
  startNextInTurn,
  startOrWait,
} from "./start.ts";
import { reviseChild } from "./revise.ts";
import { askToStop, forceNode, stopNode, stopOverdue } from "./stop.ts";
import { memberDelayIsOver } from "./scope.ts";
import { Step } from "./step.ts";
import type { NodeState, StepEnvironment } from "./state.ts";

/** Handles one message and returns what must be done. */
export function step(state: NodeState, message: Message, environment: StepEnvironment): Effect[] {
  const current = new Step(state, environment);
  switch (message.type) {
    case "begin":
      freeRemoved(current);
      startInOrder(current, message.stamp);
      break;
    case "stop":
      if (message.stamp === state.stamp) (message.forced ? forceNode : stopNode)(current, message.cause);
      break;
    case "timer":
      onTimer(current, message);
      break;
    case "command":
      onCommand(current, message);
      break;
    case "add":
      addChild(current, message);
      break;
    case "revise":
      reviseChild(current, message);
      break;
    case "due":
      onDue(current, message);
      break;
    case "tell":
      current.emit(message.path, current.newCorrelation(), message.facts);
      break;
    default:
      onReport(current, message);
  }
  return current.effects;
}

function onReport(step: Step, message: AttemptMessage): void {
  // The whole supervisor may be gone, and its number have been given to a smaller one.
  const slot = step.node.slots[message.child];
  if (slot === undefined || slot.stamp !== message.stamp) {
    if (message.type !== "exited" && message.type !== "abandoned") return;
    const facts = { type: "child_attempt_stale_report", report: message.type === "exited" ? message.exit.kind : message.type } as const;
    if (slot === undefined) step.emit(step.node.plan.path, step.newCorrelation(), { ...facts, generation: 0, attempt: 0 });
    else step.emitAttempt(slot, facts);
    return;
  }
  switch (message.type) {
    case "running":
      return childIsRunning(step, message.child);
    case "ready":
      return message.ready ? childBecameReady(step, message.child) : childLostReadiness(step, message.child);
    case "health":
      return childHealth(step, message.child, message.failed, message.reason);
    case "exceeded":
      return childExceeded(step, message.child, message);
    case "exited":
      return childExited(step, message.child, message.exit, message.verdict ?? null);
    case "abandoned":
      return childAbandoned(step, message.child);
  }
}

function onTimer(step: Step, message: TimerMessage): void {
  const { node } = step;
  if (message.child === -1) {
    if (message.timer === node.totalTimer) {
      node.totalTimer = 0;
      forceNode(step, node.stop!.cause);
    }
    return;
  }
  if (message.child < -1) return onGroupTimer(step, groupOfTimer(message.child), message.timer);
  const slot = node.slots[message.child];
  if (slot === undefined) return;
  if (message.timer === slot.healthTimer) {
    slot.healthTimer = 0;
    return heartbeatDue(step, message.child, message);
  }
  if (message.timer !== slot.timer) return;
  slot.timer = 0;
  switch (slot.phase) {
    case "waiting":
      return waitTimedOut(step, message.child);
    case "backoff":
      return slot.scope === null ? startOrWait(step, message.child) : memberDelayIsOver(step, slot.scope);
    case "starting":
    case "running":
    case "ready":
      return attemptIsOverdue(step, message.child, message.heartbeatAtMs > 0);
    case "draining":
      return askToStop(step, message.child);
    case "stopping":
      return stopOverdue(step, message.child);
    case "killing":
      return childAbandoned(step, message.child);
  }
}

/** The fuse of a group lets a restart through, as a trial. */
function onGroupTimer(step: Step, index: number, timer: number): void {
  const { plan, guards } = step.node;
  const group = guards.groups[index]!;
  if (timer !== group.timer) return;
  group.timer = 0;
  step.emit(plan.path, step.newCorrelation(), { type: "group_fuse_on_trial", group: plan.groups[index]!.name });
  startNextInTurn(step);
}
