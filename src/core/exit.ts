/** What an exit leads to: classification, window, limit, decision, and the decision carried out. */
import { type Decision, type Exit, isFailedExit, type ShutdownCause, type StartCause } from "../event/mod.ts";
import type { Verdict } from "../spec/mod.ts";
import { backoffDelay } from "./backoff.ts";
import { classifyExit, isFailure } from "./classify.ts";
import { hold } from "./hold.ts";
import { freeIfGone } from "./dynamic.ts";
import { decide, HELD, TEMPORARY } from "./decide.ts";
import { notePeriod } from "./lint.ts";
import { groupName } from "./plan.ts";
import { endReadiness } from "./readiness.ts";
import { startIfDue } from "./schedule.ts";
import { memberEnded, restartTogether, siblingsOf, WITH_SIBLINGS } from "./scope.ts";
import { giveUpTurn } from "./gate.ts";
import { type Guarded, guardRestart, unguarded } from "./guard.ts";
import { childIsDone, childIsDown, passTurn, renew, renewItself, startNextInTurn, startOrWait, stopWaiting } from "./start.ts";
import { type ChildSlot, isOnItsWay, waitingFor } from "./state.ts";
import type { Step } from "./step.ts";
import { endInShutdown, endLate, stopBound, stopNode } from "./stop.ts";
import { emptyWindow, recordFailure, shownCount } from "./window.ts";

/** The live attempt ended; nothing of it is left. */
export function childExited(step: Step, child: number, reported: Exit, verdict: Verdict | null): void {
  const slot = step.slot(child);
  const exit = attribute(slot, reported);
  step.clearTimers(slot);
  slot.stamp = 0;
  slot.correlation = step.newCorrelation();
  slot.lastExit = exit;
  slot.lint = null;
  switch (step.node.phase) {
    case "stopping":
      countFailure(slot, exit);
      endReadiness(step, slot);
      return endInShutdown(step, child, exit);
    case "running": {
      const isPlaceFree = giveUpTurn(step, child, false);
      endWhileRunning(step, child, exit, verdict);
      if (isPlaceFree) startNextInTurn(step);
      startIfDue(step, child);
      return freeIfGone(step, child);
    }
    default:
      countFailure(slot, exit);
      return endLate(step, child, exit);
  }
}

/** A failure counts in the total of the child, whoever wanted the end; against its limit only when nobody did. */
function countFailure(slot: ChildSlot, exit: Exit): void {
  if (isFailedExit(exit)) slot.failuresTotal++;
}

/** The node goes on: policy decides, unless the attempt was stopped for something else to follow. */
function endWhileRunning(step: Step, child: number, exit: Exit, verdict: Verdict | null): void {
  const slot = step.slot(child);
  const { stopCause } = slot;
  slot.stopCause = null;
  stopBound(step, child);
  switch (stopCause) {
    case "restart":
    case "sibling":
    case "dependency":
      return endForRestart(step, child, exit, stopCause);
    case "terminate":
    case "pause":
    case "quarantine":
    case "remove":
      countFailure(slot, exit);
      endReadiness(step, slot);
      slot.lastDecision = HELD;
      step.emitAttempt(slot, { type: "child_stopped", exit, decision: HELD });
      step.enter(slot, "stopped");
      childIsDown(step, child);
      return memberEnded(step, child, false);
    default:
      return settle(step, child, exit, { verdict });
  }
}

/** The attempt was stopped so that another one can begin. */
function endForRestart(step: Step, child: number, exit: Exit, cause: "restart" | "sibling" | "dependency"): void {
  const slot = step.slot(child);
  const staysDown = cause !== "restart" && slot.plan.policy.restartPolicy === "temporary";
  const isOwn = cause === "restart" && slot.isOwnRestart;
  countFailure(slot, exit);
  endReadiness(step, slot);
  const decision = staysDown ? TEMPORARY : isOwn ? decideOwn(step, child) : NEXT[cause];
  slot.lastDecision = decision;
  step.emitAttempt(slot, { type: "child_stopped", exit, decision });
  if (staysDown) {
    step.enter(slot, "stopped");
    childIsDown(step, child);
    return memberEnded(step, child, false);
  }
  if (cause === "restart") {
    if (isOwn) renewItself(slot);
    else renew(slot);
    step.emitAttempt(slot, { type: "child_restart_fence_released", exitKind: exit.kind });
  } else {
    slot.startCause = cause;
  }
  step.enter(slot, "backoff");
  restart(step, child, decision, false);
}

/** A restart that the child itself wants is one as after an exit, but that the first since it was healthy for long comes at once. */
function decideOwn(step: Step, child: number): Decision {
  const slot = step.slot(child);
  const { consecutive, previousDelayMs, plan: { policy: { backoff } } } = slot;
  const input = { consecutive, previousDelayMs, seed: seedOf(step, child) };
  const delayMs = consecutive === 0 ? 0 : backoffDelay(backoff, input, step.environment.random);
  const { decision } = guardRestart(step, slot, false, { ...NEXT.restart, delayMs, retryAtMs: delayMs === 0 ? null : step.now + delayMs });
  slot.consecutive++;
  slot.previousDelayMs = decision.delayMs;
  return decision;
}

/** Tells children apart. */
function seedOf({ node }: Step, child: number): number {
  return node.plan.id * 1_009 + child;
}

/** Forcing did not end the attempt in time: it stays fenced until it ends by itself. */
export function childAbandoned(step: Step, child: number): void {
  const slot = step.slot(child);
  if (slot.phase === "abandoned") return;
  step.clearTimers(slot);
  endReadiness(step, slot);
  step.enter(slot, "abandoned");
  step.emitAttempt(slot, { type: "child_abandoned" });
  if (step.node.phase === "stopping") endInShutdown(step, child, null);
  else {
    stopBound(step, child);
    childIsDown(step, child);
    memberEnded(step, child, false);
    passTurn(step, child, false);
  }
}

/** The dependencies were not ready in time: a failure without an attempt. */
export function waitTimedOut(step: Step, child: number): void {
  const slot = step.slot(child);
  stopWaiting(step, child);
  const message = `waited ${slot.plan.policy.waitMs} ms for ${waitingFor(step.node.slots, slot).join(", ")}`;
  slot.startedAtMs = step.now;
  slot.correlation = step.newCorrelation();
  settle(step, child, { kind: "timed_out", failure: { kind: "timeout", category: "dependency_timeout", message } }, {
    touchesSiblings: false,
  });
  startIfDue(step, child);
  freeIfGone(step, child);
}

interface Settling {
  /** What the child's own function says. */
  readonly verdict?: Verdict | null;
  /** Whether siblings may be restarted with it. @default {true} */
  readonly touchesSiblings?: boolean;
}

/** Decides what follows from an exit and does it; a failure without an attempt touches no siblings, or a slow dependency would never get ready. */
function settle(step: Step, child: number, exit: Exit, { verdict = null, touchesSiblings = true }: Settling): void {
  const slot = step.slot(child);
  const { policy } = slot.plan;
  const exitClass = classifyExit(exit, false);
  const failed = isFailure(exitClass);
  endReadiness(step, slot);
  slot.lastExit = exit;
  let failures = 0;
  if (failed) {
    slot.failuresTotal++;
    slot.window ??= emptyWindow();
    failures = recordFailure(slot.window, policy.limit, step.now);
  }
  slot.consecutive++;
  const { consecutive, previousDelayMs } = slot;
  const seed = seedOf(step, child);
  const wanted = step.environment.closed ? CLOSED : decide(policy, {
    exitClass,
    failure: "failure" in exit ? exit.failure : null,
    now: step.now,
    failures,
    consecutive,
    previousDelayMs,
    seed,
    verdict,
  }, step.environment.random);
  const guarded = wanted.action === "restart" ? guardRestart(step, slot, failed, wanted) : unguarded(wanted);
  const { decision } = guarded;
  slot.lastDecision = decision;
  const uptimeMs = step.now - slot.startedAtMs;
  if (failed) {
    const limit = { used: shownCount(failures), limit: policy.limit.maxRestarts };
    const group = groupName(step.node.plan, slot.plan);
    step.emitAttempt(slot, { type: "child_failed", exit, exitClass, uptimeMs, limit, decision, policy: policy.effective, group });
    tellBySeverity(step, slot, guarded);
    notePeriod(step, slot, uptimeMs);
  } else if (exitClass === "success") {
    step.emitAttempt(slot, { type: "child_succeeded", exit, uptimeMs, decision });
  } else {
    step.emitAttempt(slot, { type: "child_stopped", exit, decision });
  }
  switch (decision.action) {
    case "restart":
      slot.startCause = startCause(exit);
      slot.previousDelayMs = decision.delayMs;
      step.enter(slot, "backoff");
      return restart(step, child, decision, touchesSiblings);
    case "stop":
      step.enter(slot, failed ? "failed" : "stopped");
      // Nothing may start any more when this is the end of the supervisor.
      if (endsSupervisor(step, slot)) return stopNode(step, endOf(step, slot));
      if (exitClass === "success") childIsDone(step, child);
      childIsDown(step, child);
      return memberEnded(step, child, false);
    case "give_up":
      step.enter(slot, "failed");
      childIsDown(step, child);
      return memberEnded(step, child, false);
    case "escalate":
    case "shutdown_tree":
      step.enter(slot, "failed");
      return escalate(step, child, exit, decision);
  }
}

/** A failure of a child that matters more than most, or less, is told apart. */
function tellBySeverity(step: Step, slot: ChildSlot, { budgetVerdict, fuseOutcome, tieBreakReason }: Guarded): void {
  const { severity } = slot.plan.policy;
  if (severity === "standard") return;
  const alert = severity === "critical";
  step.emitAttempt(slot, { type: "escalation_bifurcated", severity, alert, budgetVerdict, fuseOutcome, tieBreakReason });
}

/** Starts the child again, now or after its delay, with the siblings that its supervisor's strategy wants to come along. */
function restart(step: Step, child: number, { delayMs }: Decision, touchesSiblings: boolean): void {
  const slot = step.slot(child);
  if (delayMs > 0) {
    step.setTimer(child, step.now + delayMs);
    step.emitAttempt(slot, { type: "backoff_scheduled", delayMs, retryAtMs: step.now + delayMs });
  }
  if (slot.scope !== null) memberEnded(step, child, true);
  const siblings = touchesSiblings ? siblingsOf(step, child) : [];
  // The others may just have been started, and the child with them.
  if (siblings.length > 0 && slot.phase === "backoff") return restartTogether(step, child, siblings);
  if (delayMs === 0 && slot.phase === "backoff" && slot.scope === null) startOrWait(step, child);
}

/** What follows a stop that was not the end. */
const NEXT: Readonly<Record<"restart" | "sibling" | "dependency", Decision>> = {
  sibling: WITH_SIBLINGS,
  restart: { action: "restart", reason: "restarted_by_command", delayMs: 0, retryAtMs: null },
  dependency: { action: "restart", reason: "waits_for_dependency", delayMs: 0, retryAtMs: null },
};

/** A supervisor above is stopping. */
const CLOSED: Decision = { action: "stop", reason: "supervisor_stopping", delayMs: 0, retryAtMs: null };

/** Whether a child that ended by itself, and for good, ends its supervisor. */
function endsSupervisor(step: Step, { plan }: ChildSlot): boolean {
  const { autoShutdown } = step.node.plan;
  if (!plan.significant || autoShutdown === "never" || step.isClosed) return false;
  return autoShutdown === "any_significant" || !step.node.slots.some((other) => other.plan.significant && mayGoOn(other));
}

function endOf({ node }: Step, { plan }: ChildSlot): ShutdownCause {
  const { autoShutdown, path } = node.plan;
  const reason = autoShutdown === "all_significant" ? `all significant children of "${path}" are done` : `"${plan.path}" is done`;
  return { kind: "completed", requestedBy: "supervisor", reason, path: plan.path };
}

function mayGoOn(slot: ChildSlot): boolean {
  return slot.stamp !== 0 || isOnItsWay(slot) || slot.operation !== "active";
}

/** Why a child takes its supervisor along, beside its limit. */
const ESCALATES: Readonly<Partial<Record<Decision["reason"], string>>> = {
  fatal_config: "cannot run with this configuration",
  fatal_bug: "found a fault in itself",
  supervisor_failure_limit: "failed, and with it too many of its siblings",
  meltdown_supervisor_fuse: "failed, and with it too many of its siblings",
  decided_by_function: "is to be given up by its decide function",
};

function escalate(step: Step, child: number, exit: Exit, { action, reason: why }: Decision): void {
  const slot = step.slot(child);
  const { path } = slot.plan;
  const detail = "failure" in exit ? `: ${exit.failure.message}` : "";
  const reason = `"${path}" ${ESCALATES[why] ?? "exceeded its restart limit"}${detail}`;
  const { path: nodePath, parent } = step.node.plan;
  const escalationPolicy = action === "shutdown_tree" ? action : slot.plan.escalationPolicy;
  step.emit(nodePath, slot.correlation, { type: "supervisor_escalated", child: path, reason, policy: escalationPolicy });
  if (escalationPolicy === "quarantine_scope") return quarantineScope(step, child, reason);
  const cause: ShutdownCause = { kind: "escalation", requestedBy: "supervisor", reason, path };
  if (escalationPolicy === "escalate_to_parent" || parent === null) return stopNode(step, cause);
  // Its siblings wait for it until the stop from above arrives, so that nothing starts before.
  step.effects.push({ type: "shutdownTree", cause });
}

/** The child, and those that its strategy restarts with it, stay down until somebody releases them. */
function quarantineScope(step: Step, child: number, reason: string): void {
  const members = [child, ...siblingsOf(step, child)];
  hold(step, members, "quarantined");
  memberEnded(step, child, false);
  for (const member of members) {
    const slot = step.slot(member);
    // It would run, were it not for this.
    slot.wanted = true;
    step.emitAttempt(slot, { type: "child_control_operation_changed", from: "active", to: "quarantined", by: "supervisor", reason });
  }
  childIsDown(step, child);
}

/** An attempt that was stopped for a reason of ours ends for that reason, whatever it reports itself. */
function attribute(slot: ChildSlot, exit: Exit): Exit {
  const { startMs, runMs } = slot.plan.policy;
  const output = "failure" in exit && exit.failure.lastLines !== undefined ? { lastLines: exit.failure.lastLines } : {};
  switch (slot.stopCause) {
    case "start_timeout":
      return {
        kind: "timed_out",
        failure: { kind: "timeout", category: "start_timeout", message: `not ready within ${startMs} ms`, ...output },
      };
    case "run_timeout":
      return {
        kind: "timed_out",
        failure: { kind: "timeout", category: "run_timeout", message: `ran longer than ${runMs} ms`, ...output },
      };
    case "unhealthy": {
      const { category, message } = slot.exceeded ??
        { category: "unhealthy", message: `failed ${slot.failedChecks} health checks in a row` };
      return { kind: "failed", failure: { kind: "unhealthy", category, message, ...output } };
    }
    default:
      return exit;
  }
}

function startCause(exit: Exit): StartCause {
  switch (exit.kind) {
    case "succeeded":
      return "completed";
    case "timed_out":
      return "timeout";
    case "failed":
      return exit.failure.kind === "unhealthy" ? "unhealthy" : "crash";
    default:
      return "crash";
  }
}
