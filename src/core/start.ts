/** From declared to ready: start order, waiting for dependencies, limits of an attempt. */
import { HELD } from "./decide.ts";
import type { StopCause } from "../event/mod.ts";
import { giveUpTurn, leaveQueue, nextInTurn, takeTurn } from "./gate.ts";
import { neverReadyAtMs, tellNeverReady } from "./lint.ts";
import { type ChildSlot, mustWaitFor, newGuards, waitingFor } from "./state.ts";
import type { Step } from "./step.ts";
import { endReadiness } from "./readiness.ts";
import { stopAttempt } from "./stop.ts";

/** Begins an incarnation of the node: starts what waits for nobody, in start order. */
export function startInOrder(step: Step, stamp: number): void {
  const { node } = step;
  const { plan } = node;
  const isFirst = node.phase === "idle";
  node.phase = "running";
  node.stamp = stamp;
  node.startedAtMs = step.now;
  node.ready = false;
  node.missing = node.order.filter((child) => step.slot(child).plan.required).length;
  node.stop = null;
  node.guards = newGuards(plan);
  for (const child of node.order) resetForIncarnation(step.slot(child), isFirst);
  step.emit(plan.path, 0, { type: "supervisor_started", children: node.order.length });
  if (plan.parent !== null) step.effects.push({ type: "tellParent", node: plan.id, stamp, report: { type: "running" } });
  for (const child of node.order) beginChild(step, child);
  if (node.missing === 0 && !node.ready) nodeIsComplete(step);
}

/** A child begins with its supervisor, or as it was added; one that has a schedule is only there, until it is time. */
export function beginChild(step: Step, child: number): void {
  const slot = step.slot(child);
  const { schedule } = slot.plan;
  if (schedule === null || schedule.atStart) return startOrWait(step, child);
  step.enter(slot, "stopped");
}

/** Starts the child now, or lets it wait for the dependencies that are not ready. */
export function startOrWait(step: Step, child: number): void {
  const slot = step.slot(child);
  if (step.isClosed) return step.enter(slot, "stopped");
  if (slot.operation !== "active") return stayHeld(step, slot);
  if (joinsRestart(step, child)) return;
  const restarting = slot.phase !== "declared";
  if (restarting) {
    slot.restartsTotal++;
    step.emitAttempt(slot, { type: "child_restarting", cause: slot.startCause, restartsTotal: slot.restartsTotal });
  } else {
    slot.correlation = step.newCorrelation();
  }
  const blocking = blockedBy(step, slot);
  if (blocking !== -1) wait(step, child, blocking);
  else if (takeTurn(step, child)) startAttempt(step, child);
}

function wait(step: Step, child: number, blocking: number): void {
  const slot = step.slot(child);
  step.enter(slot, "waiting");
  joinWaiters(step.slot(blocking), child);
  step.emit(slot.plan.path, slot.correlation, { type: "child_waiting", waitingFor: waitingFor(step.node.slots, slot) });
  const { waitMs } = slot.plan.policy;
  if (waitMs !== null) step.setTimer(child, step.now + waitMs);
}

/** The child is ready, or its attempt is over: where it took up a place, it is the turn of others. */
export function passTurn(step: Step, child: number, isReady: boolean): void {
  if (giveUpTurn(step, child, isReady)) startNextInTurn(step);
}

/** Starts those whose turn it is. */
export function startNextInTurn(step: Step): void {
  if (step.isClosed) return;
  for (let next = nextInTurn(step); next.length > 0; next = nextInTurn(step)) {
    for (const child of next) {
      const blocking = blockedBy(step, step.slot(child));
      if (blocking === -1) {
        startAttempt(step, child);
      } else {
        giveUpTurn(step, child, false);
        wait(step, child, blocking);
      }
    }
  }
}

/** The child is down for good: those that can do without it need not wait any longer. */
export function childIsDown(step: Step, child: number): void {
  wakeWaiters(step, step.slot(child));
}

/** The child no longer waits, for siblings or its turn. */
export function stopWaiting(step: Step, child: number): void {
  const slot = step.slot(child);
  if (slot.phase === "waiting") leaveWaiters(step, child);
  if (slot.phase === "queued") leaveQueue(step, child);
  step.clearTimer(slot);
}

function leaveWaiters(step: Step, child: number): void {
  for (const index of step.slot(child).plan.dependencies) {
    const dependency = step.slot(index);
    dependency.waiters = dependency.waiters?.filter((waiter) => waiter !== child) ?? null;
  }
}

/** The attempt began. */
export function childIsRunning(step: Step, child: number): void {
  const slot = step.slot(child);
  if (slot.phase !== "starting") return;
  const { policy } = slot.plan;
  if (policy.health?.mode === "heartbeat") step.setHealthTimer(child, step.now + policy.health.staleAfterMs);
  step.enter(slot, "running");
  // A supervisor takes up its place until it runs: its children have places of their own.
  if (slot.plan.node !== -1) passTurn(step, child, true);
  if (policy.readyWhenRunning) return childBecameReady(step, child);
  step.emitAttempt(slot, { type: "child_running" });
}

/** The child is ready: those that wait for it may start. */
export function childBecameReady(step: Step, child: number): void {
  const slot = step.slot(child);
  if (slot.phase !== "running") return;
  step.enter(slot, "ready");
  slot.readyAtMs = step.now;
  slot.lint = null;
  step.emitAttempt(slot, { type: "child_ready", tookMs: step.now - slot.startedAtMs });
  if (slot.timer !== 0) {
    step.clearTimer(slot);
    armAttemptLimit(step, child);
  }
  wakeWaiters(step, slot);
  countAsReady(step, slot);
  passTurn(step, child, true);
}

/** The child has done its part for the readiness of its supervisor: it was ready, or it succeeded and stays down. */
export function countAsReady(step: Step, slot: ChildSlot): void {
  if (slot.hasBeenReady) return;
  slot.hasBeenReady = true;
  const { node } = step;
  if (node.ready || !slot.plan.required) return;
  node.missing--;
  if (node.missing === 0) nodeIsComplete(step);
}

/** The child succeeded and stays down: for those that run once before others start, that is being ready. */
export function childIsDone(step: Step, child: number): void {
  const slot = step.slot(child);
  if (slot.plan.policy.readyWhenDone) {
    slot.readyAtMs = step.now;
    wakeWaiters(step, slot);
  }
  countAsReady(step, slot);
}

/** The child is running but says it is not ready; those that already run go on. */
export function childLostReadiness(step: Step, child: number): void {
  const slot = step.slot(child);
  if (slot.phase !== "ready") return;
  step.enter(slot, "running");
  endReadiness(step, slot);
  step.emitAttempt(slot, { type: "child_not_ready" });
}

/** Siblings are being stopped to be started together: a child that would start among them starts with them. */
function joinsRestart({ node, now }: Step, child: number): boolean {
  if (node.scopes.length === 0) return false;
  const slot = node.slots[child]!;
  const scope = node.scopes.find(({ first, group, pending }) =>
    pending > 0 && slot.position >= first && (group === -1 || group === slot.plan.group)
  );
  if (scope === undefined) return false;
  scope.members.add(child);
  slot.scope = scope;
  slot.phase = "backoff";
  slot.sinceMs = now;
  return true;
}

/** Somebody holds the child: it would start now, and does not. */
function stayHeld(step: Step, slot: ChildSlot): void {
  slot.wanted = true;
  // Its supervisor need not wait for whom somebody held before it began.
  if (slot.phase === "declared") countAsReady(step, slot);
  slot.lastDecision = HELD;
  step.enter(slot, "stopped");
  wakeWaiters(step, slot);
}

/** A new incarnation by the will of an operator, or because it is time: what went wrong before no longer counts. */
export function renew(slot: ChildSlot): void {
  renewItself(slot);
  forgetFailures(slot);
}

/** A new incarnation by the will of the child: it does not get rid of what counts against it. */
export function renewItself(slot: ChildSlot): void {
  slot.generation++;
  slot.startCause = slot.renewCause;
  slot.renewCause = "command";
  slot.due = false;
}

function forgetFailures(slot: ChildSlot): void {
  slot.consecutive = 0;
  slot.periods = 0;
  slot.previousDelayMs = 0;
  slot.window = null;
  slot.guards = null;
  slot.fuse = null;
}

function startAttempt(step: Step, child: number): void {
  const slot = step.slot(child);
  slot.stamp = ++step.environment.counters.stamp;
  slot.attempt++;
  slot.startedAtMs = step.now;
  slot.readyAtMs = null;
  slot.failedChecks = null;
  slot.exceeded = null;
  slot.lint = null;
  slot.isOwnRestart = false;
  step.enter(slot, "starting");
  step.emitAttempt(slot, { type: "child_starting" });
  const { stamp, generation, attempt } = slot;
  step.effects.push({ type: "start", node: step.node.plan.id, child, stamp, generation, attempt });
  armAttemptLimit(step, child);
}

/** One timer serves all that an attempt must not exceed: time to ready, and time to run. */
function armAttemptLimit(step: Step, child: number): void {
  const slot = step.slot(child);
  const dueMs = Math.min(attemptLimit(slot).atMs, neverReadyAtMs(slot, step.now));
  if (dueMs !== Infinity) step.setTimer(child, dueMs);
}

function attemptLimit({ plan: { policy: { startMs, runMs } }, startedAtMs, readyAtMs }: ChildSlot): { cause: StopCause; atMs: number } {
  const runAtMs = startedAtMs + (runMs ?? Infinity);
  const startAtMs = startedAtMs + (startMs === null || readyAtMs !== null ? Infinity : startMs);
  return runAtMs <= startAtMs ? { cause: "run_timeout", atMs: runAtMs } : { cause: "start_timeout", atMs: startAtMs };
}

/** The timer of an attempt: a limit is reached, or the child is only told of. */
export function attemptIsOverdue(step: Step, child: number, beats: boolean): void {
  const slot = step.slot(child);
  const { cause, atMs } = attemptLimit(slot);
  if (step.now >= atMs) return stopAttempt(step, child, cause);
  tellNeverReady(step, slot, beats);
  armAttemptLimit(step, child);
}

function blockedBy(step: Step, slot: ChildSlot): number {
  for (const dependency of slot.plan.dependencies) {
    if (mustWaitFor(slot, dependency, step.slot(dependency))) return dependency;
  }
  return -1;
}

function joinWaiters(dependency: ChildSlot, child: number): void {
  (dependency.waiters ??= []).push(child);
}

function wakeWaiters(step: Step, dependency: ChildSlot): void {
  const { waiters } = dependency;
  if (waiters === null || step.isClosed) return;
  dependency.waiters = null;
  for (const child of waiters) {
    const slot = step.slot(child);
    if (slot.phase !== "waiting" || slot.operation !== "active") continue;
    const blocking = blockedBy(step, slot);
    if (blocking !== -1) {
      joinWaiters(step.slot(blocking), child);
      continue;
    }
    step.clearTimer(slot);
    if (takeTurn(step, child)) startAttempt(step, child);
  }
}

/** Everything that must be ready has been. */
export function nodeIsComplete(step: Step): void {
  const { node } = step;
  node.ready = true;
  step.emit(node.plan.path, 0, { type: "supervisor_ready", tookMs: step.now - node.startedAtMs });
  if (node.plan.parent !== null) {
    step.effects.push({ type: "tellParent", node: node.plan.id, stamp: node.stamp, report: { type: "ready" } });
  }
}

/** What went wrong before no longer counts; in the first incarnation that is what an earlier run of the program has left. */
function resetForIncarnation(slot: ChildSlot, isFirst: boolean): void {
  slot.phase = "declared";
  slot.hasBeenReady = false;
  slot.readyAtMs = null;
  if (!isFirst) forgetFailures(slot);
  slot.holdsTurn = false;
  slot.waiters = null;
  slot.stopCause = null;
  slot.outcome = null;
  slot.holders = 0;
  slot.scope = null;
  slot.startCause = "start";
  slot.renewCause = "command";
  slot.due = false;
}
