/** One sentence for each event, the same in every view. */
import type { Decision, GapMarker, SupervisorEvent } from "./event.ts";
import type { Exit } from "./exit.ts";

/**
 * Says in one line what an event means, without time and path.
 *
 * @example
 * ```ts
 * import { child, describe, supervise } from "@reeve/supervisor";
 *
 * await using tree = await supervise({ children: [child.task("hello", ({ log }) => log("hi"), { restartPolicy: "temporary" })] });
 * for await (const event of tree.events()) {
 *   if (event.type === "gap") continue;
 *   console.log(event.path, describe(event));
 *   if (event.type === "child_succeeded") break;
 * }
 * ```
 */
export function describe(event: SupervisorEvent | GapMarker): string {
  switch (event.type) {
    case "gap":
      return `${event.to - event.from + 1} events were missed`;
    case "supervisor_started":
      return `supervising ${event.children} ${event.children === 1 ? "child" : "children"}`;
    case "supervisor_ready":
      return `everything is ready after ${duration(event.tookMs)}`;
    case "supervisor_escalated":
      return `${ESCALATIONS[event.policy]} because of "${event.child}": ${event.reason}`;
    case "child_waiting":
      return `waits for ${event.waitingFor.join(", ")}`;
    case "child_starting":
      return `starting, attempt ${event.attempt}`;
    case "child_running":
      return "running, not ready yet";
    case "child_ready":
      return `ready after ${duration(event.tookMs)}`;
    case "child_not_ready":
      return "no longer ready";
    case "child_failed": {
      const count = event.limit === null || event.limit.used === 0 ? "" : ` (failure ${event.limit.used}, limit ${event.limit.limit})`;
      return `${describeExit(event.exit)} after ${duration(event.uptimeMs)}${count}; ${describeDecision(event.decision)}`;
    }
    case "child_succeeded":
      return `finished after ${duration(event.uptimeMs)}; ${describeDecision(event.decision)}`;
    case "child_stopped":
      return `${describeExit(event.exit)}; ${describeDecision(event.decision)}`;
    case "backoff_scheduled":
      return `next attempt in ${duration(event.delayMs)}`;
    case "child_restarting":
      return `restarting after ${event.cause.replaceAll("_", " ")}, restart ${event.restartsTotal}`;
    case "child_heartbeat_stale":
      return `no heartbeat for ${duration(event.ageMs)}`;
    case "child_unhealthy":
      return `unhealthy: ${event.reason}`;
    case "child_healthy":
      return "healthy again";
    case "child_stopping":
      return `asked to stop (${event.cause.replaceAll("_", " ")})${
        event.timeoutMs === null ? "" : `, forced in ${duration(event.timeoutMs)}`
      }`;
    case "child_killing":
      return "forced to stop";
    case "child_abandoned":
      return "cannot be forced to stop; left behind, not started again until it ends";
    case "child_attempt_stale_report":
      return `a report of an attempt that is over was ignored (${event.report})`;
    case "child_shutdown":
      return describeShutdown(event.status, event.tookMs);
    case "child_control_command_completed":
      return `${event.command} by ${event.by}: ${event.reason}${COMMAND_RESULTS[event.result]}`;
    case "child_control_operation_changed":
      return `${event.to} by ${event.by}: ${event.reason}`;
    case "child_restart_fence_entered":
      return `to be restarted by ${event.by} when this attempt is gone: ${event.reason}`;
    case "child_restart_fence_abort_requested":
      return "did not stop in time for its restart, is forced";
    case "child_restart_fence_released":
      return `the attempt before is gone (${event.exitKind})`;
    case "child_restart_conflict":
      return `a restart was pending already when ${event.by} asked for one`;
    case "shutdown_requested":
      return `${event.forced ? "forced shutdown" : "shutdown"} by ${event.cause.requestedBy}: ${event.cause.reason}`;
    case "shutdown_completed":
      return `shut down in ${duration(event.tookMs)}, exit code ${event.exitCode}`;
    default:
      return event satisfies never;
  }
}

const ESCALATIONS = {
  escalate_to_parent: "gives up",
  shutdown_tree: "ends the tree",
  quarantine_scope: "quarantines what belongs together",
} as const;

const COMMAND_RESULTS = { accepted: "", idempotent: " (was so already)", refused: " (refused)" } as const;

/** Says how an attempt ended. */
export function describeExit(exit: Exit): string {
  switch (exit.kind) {
    case "succeeded":
      return "finished";
    case "cancelled":
      return "cancelled";
    case "killed":
      return "killed";
    default:
      return `failed: ${exit.failure.message}`;
  }
}

/** Renders a duration in milliseconds for people, such as `250 ms`, `1.5 s` or `3 min`. */
export function duration(durationMs: number): string {
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 60_000) return `${trimmed(durationMs / 1000)} s`;
  if (durationMs < 3_600_000) return `${trimmed(durationMs / 60_000)} min`;
  return `${trimmed(durationMs / 3_600_000)} h`;
}

function trimmed(value: number): string {
  return String(Number(value.toFixed(1)));
}

function describeDecision(decision: Decision): string {
  switch (decision.action) {
    case "restart":
      if (decision.reason === "waits_for_dependency") return "back when what it is bound to is ready";
      if (decision.reason === "restarted_with_siblings") return "back with its siblings";
      if (decision.delayMs === 0) return "back at once";
      return `back in ${duration(decision.delayMs)}${decision.reason === "restart_limit_slow_down" ? ", slowed down at its limit" : ""}`;
    case "give_up":
      if (decision.reason === "fatal_config" || decision.reason === "fatal_bug") return "fatal, stays down until someone starts it";
      if (decision.reason === "never_restart_on") return "never started again after such a failure, stays down until someone starts it";
      return "over its restart limit, stays down until someone starts it";
    case "escalate":
      return `${decision.reason === "fatal_bug" ? "a fault of its own" : "over its restart limit"}, the supervisor gives up`;
    case "shutdown_tree":
      return "nothing can run with this configuration, the tree ends";
    case "stop":
      if (decision.reason === "supervisor_stopping") return "not started again, as its supervisor stops";
      return decision.reason === "restart_policy_temporary" ? "stays down, as its restart policy is temporary" : "stays down, as wanted";
  }
}

function describeShutdown(status: string, tookMs: number): string {
  switch (status) {
    case "already_exited":
      return "was not running";
    case "graceful":
      return `stopped in ${duration(tookMs)}`;
    case "aborted":
      return `forced to stop after ${duration(tookMs)}`;
    case "abort_failed":
      return `did not stop within ${duration(tookMs)} and cannot be forced`;
    default:
      return `ended late, after ${duration(tookMs)}`;
  }
}
