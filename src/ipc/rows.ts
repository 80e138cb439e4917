/** The rows of a child as the wire has them. */
import { lastName } from "../base/mod.ts";
import { describeExit } from "../event/mod.ts";
import type { ChildSnapshot, TreeMoment } from "../runtime/mod.ts";
import type { WireTime } from "./wire_time.ts";

/** What a limit without a number is called on the wire. */
const UNLIMITED = 4_294_967_295;

/** Window of a limit that has none, in milliseconds. */
const NO_WINDOW_MS = 60_000;

/** Phases in which there is an attempt, with what the wire calls it. */
const STATUSES: ReadonlyMap<string, string> = new Map([
  ["starting", "starting"],
  ["running", "running"],
  ["ready", "ready"],
  ["draining", "cancelling"],
  ["stopping", "cancelling"],
  ["killing", "cancelling"],
  ["abandoned", "cancelling"],
]);

/** The state of the live attempt, `null` without one. */
export function statusOf({ phase }: ChildSnapshot): string | null {
  return STATUSES.get(phase) ?? null;
}

/** Whether operators hold the child; what runs or not is another matter. */
export function managedState({ operation }: ChildSnapshot): string {
  return operation === "active" ? "running" : operation;
}

/** Whether the child is ready, not ready, or has said nothing because nothing runs. */
export function readinessOf({ phase }: ChildSnapshot): string {
  return phase === "ready" ? "ready" : STATUSES.has(phase) ? "not_ready" : "unreported";
}

/** Where a stop stands. */
export function stopState(child: ChildSnapshot): string {
  if (child.phase === "abandoned") return "failed";
  if (child.stopCause !== null) return "cancel_delivered";
  if (STATUSES.has(child.phase)) return "idle";
  return child.lastExit === null ? "no_active_attempt" : "completed";
}

/** Heartbeat and readiness. */
export function livenessOf(child: ChildSnapshot, time: WireTime): object {
  return {
    last_heartbeat_at_unix_nanos: time.atOrNull(child.lastHeartbeatAtMs),
    heartbeat_stale: child.health === "stale" || child.health === "unhealthy",
    readiness: readinessOf(child),
  };
}

/** The limit and what is used of it. */
export function limitOf(child: ChildSnapshot, time: WireTime): object {
  const limit = Math.min(child.limit, UNLIMITED);
  const used = Math.ceil(child.limitUsed);
  return {
    window_millis: child.limitWindowMs ?? NO_WINDOW_MS,
    limit,
    used,
    remaining: Math.max(0, limit - used),
    exhausted: used > limit,
    updated_at_unix_nanos: child.lastExit === null ? 0 : time.at(child.sinceMs),
  };
}

/** What went wrong with a command that is done, as far as the state shows it. */
export function failureOf({ phase }: ChildSnapshot): object | null {
  if (phase !== "abandoned") return null;
  return { phase: "wait_completion", reason: "the attempt did not end when it was forced", recoverable: false };
}

/** A row of `runtime_state`. */
export function runtimeRow(child: ChildSnapshot, { phase }: Pick<TreeMoment, "phase">): object {
  const hasAttempt = STATUSES.has(child.phase);
  const { lastExit } = child;
  return {
    child_path: child.path,
    lifecycle_state: child.operation === "active" ? child.phase : child.operation,
    health: child.health,
    readiness: readinessOf(child),
    generation: hasAttempt ? child.generation : 0,
    child_start_count: hasAttempt ? child.attempt : 0,
    restart_count: Math.ceil(child.limitUsed),
    last_failure: lastExit !== null && "failure" in lastExit ? describeExit(lastExit) : null,
    last_policy_decision: child.lastDecision?.reason ?? `restart_limit_remaining=${Math.max(0, Math.min(child.limit, UNLIMITED))}`,
    shutdown_state: phase === "stopped" ? "completed" : phase,
  };
}

/** A row of `child_runtime_records`. */
export function runtimeRecord(child: ChildSnapshot, time: WireTime): object {
  const status = statusOf(child);
  const isRestarting = child.stopCause === "restart";
  return {
    child_id: lastName(child.path),
    child_path: child.path,
    generation: status === null ? null : child.generation,
    attempt: status === null ? null : child.attempt,
    status,
    operation: child.operation,
    managed_child_state: managedState(child),
    liveness: livenessOf(child, time),
    restart_limit: limitOf(child, time),
    stop_state: stopState(child),
    failure: failureOf(child),
    generation_fence_phase: !isRestarting ? "open" : child.phase === "killing" ? "aborting_old" : "waiting_for_old_stop",
    pending_restart: isRestarting
      ? { old_generation: child.generation, old_attempt: child.attempt, target_generation: child.generation + 1 }
      : null,
  };
}
