/** One sentence for each event, the same in every view. */
import type { Decision, GapMarker, RegistrationState, Subscriber, SupervisorEvent } from "./event.ts";
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
    case "subscriber_lagged":
      return `${reader(event)} is too slow and missed ${event.missed}`;
    case "backpressure_alert":
      return `${reader(event)} is slow: ${event.waitingPct} % of what is kept waits for it`;
    case "backpressure_degradation":
      return event.recovered ? `${reader(event)} gets everything again` : `${reader(event)} is too slow, and gets a part only`;
    case "sink_changed":
      return describeSink(event);
    case "fairness_probe_starvation":
      return `the program does not get to its work: a message waited ${duration(event.waitMs)}, a timer was ${
        duration(event.lagMs)
      } late, ${event.depth} messages wait`;
    case "registration_changed":
      return `${REGISTRATIONS[event.to]}${event.reason === "" ? "" : `: ${event.reason}`}`;
    case "config_reloaded": {
      const { added, removed, restarted, live, failed } = event;
      const counts = { added, removed, "started anew": restarted, "changed at once": live, "as before, because it failed": failed };
      const told = Object.entries(counts).filter(([, count]) => count > 0).map(([what, count]) => `${count} ${what}`);
      return `reloaded by ${event.by} (${event.reason}): ${told.join(", ")}`;
    }
    case "child_added":
      return `added by ${event.by}: ${event.reason}`;
    case "child_declaration_rejected":
      return `was not added for ${event.by}: ${event.message}`;
    case "child_addition_undone":
      return `its addition was undone: ${event.reason}`;
    case "child_addition_recovered":
      return event.outcome === "committed"
        ? "its addition, which the last end of the program cut short, is there"
        : "its addition was cut short by the last end of the program; nothing of it is left";
    case "state_restored": {
      const { children, holds, forgotten } = event;
      const held = holds === 0 ? "" : `, ${holds} of them held by an operator`;
      return `${children} ${children === 1 ? "child goes" : "children go"} on where the last run ended${held}${
        forgotten === 0 ? "" : `; ${forgotten} ${forgotten === 1 ? "is" : "are"} not there any more`
      }`;
    }
    case "leftover_process":
      return `${LEFTOVERS[event.outcome](event.pid === 0 ? "a process" : `process ${event.pid}`)}: ${event.reason}`;
    case "child_removed":
      return "removed";
    case "child_waiting":
      return `waits for ${event.waitingFor.join(", ")}`;
    case "child_run_skipped":
      return `${event.times === 1 ? "a run was" : `${event.times} runs were`} left out: ${SKIPS[event.reason]}`;
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
    case "escalation_bifurcated":
      return event.alert ? "failed, and it is critical" : "failed, and it is optional: nothing else follows";
    case "child_succeeded":
      return `finished after ${duration(event.uptimeMs)}; ${describeDecision(event.decision)}`;
    case "child_stopped":
      return `${describeExit(event.exit)}; ${describeDecision(event.decision)}`;
    case "backoff_scheduled":
      return `next attempt in ${duration(event.delayMs)}`;
    case "budget_exhausted":
      return `no restart is left${event.group === null ? "" : ` for group "${event.group}"`}, the next in ${duration(event.retryAfterMs)}`;
    case "meltdown":
      return `its fuse is open: ${FUSES[event.reason]}`;
    case "group_fuse_triggered": {
      const cause = event.propagatedFromGroup === null
        ? FUSES.meltdown_group_fuse
        : `it depends on group "${event.propagatedFromGroup}", whose fuse is open`;
      return event.propagation === "escalate_only"
        ? `group "${event.group}" goes on although ${cause}`
        : `the fuse of group "${event.group}" is open: ${cause}`;
    }
    case "group_fuse_on_trial":
      return `the fuse of group "${event.group}" lets one restart through`;
    case "child_restart_queued":
      return `waits for its turn to restart${event.group === null ? "" : ` in group "${event.group}"`}, ${event.ahead} before it`;
    case "fuse_reset":
      return `its fuse${event.group === null ? " was" : ` and that of group "${event.group}" were`} reset by ${event.by}: ${event.reason}`;
    case "child_restarting":
      return `restarting after ${event.cause.replaceAll("_", " ")}, restart ${event.restartsTotal}`;
    case "child_heartbeat_stale":
      return `no heartbeat for ${duration(event.ageMs)}`;
    case "child_unhealthy":
      return `unhealthy: ${event.reason}`;
    case "child_lint":
      return LINTS[event.rule](duration(event.afterMs));
    case "child_healthy":
      return "healthy again";
    case "child_draining":
      return `no longer ready (${event.cause.replaceAll("_", " ")}), asked to stop in ${duration(event.delayMs)}`;
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

const SKIPS = { still_running: "the one before goes on", missed: "nobody was there when it was time" } as const;

const LINTS = {
  never_ready: (after: string) => `runs for ${after} and was never ready: see its readiness`,
  beats_but_never_ready: (after: string) => `beats, but was never ready in ${after}: it must call ready()`,
  ignores_signal: (after: string) => `ignores for ${after} that it is to stop`,
  fails_on_a_period: (after: string) => `fails again and again after about ${after}: look for a timeout, a leak or a limit around it`,
} as const;

const LEFTOVERS = {
  stopped: (process: string) => `${process}, which the last run left behind, was ended`,
  left: (process: string) => `${process}, which the last run left behind, still runs`,
  unsure: (process: string) => `${process} may be one that the last run left behind, and was not touched`,
} as const;

const FUSES = {
  hot_loop_detected: "it restarts in rapid succession",
  cold_start_budget_exhausted: "too many restarts soon after the start",
  meltdown_child_fuse: "too many restarts",
  meltdown_group_fuse: "too many failures of its members",
} as const;

const REGISTRATIONS: Readonly<Record<RegistrationState, string>> = {
  connecting: "registers at the relay",
  registered: "is registered at the relay",
  reconnecting: "cannot renew its registration at the relay, which still counts",
  unavailable: "cannot register at the relay",
  rejected: "was refused by the relay, and asks again now and then",
  expired: "is no longer registered at the relay",
};

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

const DELAYS: Readonly<Partial<Record<Decision["reason"], string>>> = {
  restart_limit_slow_down: ", slowed down at its limit",
  restart_budget_exhausted: ", when the budget has a restart for it",
  hot_loop_detected: ", when its fuse lets it",
  cold_start_budget_exhausted: ", when its fuse lets it",
  meltdown_child_fuse: ", when its fuse lets it",
  meltdown_group_fuse: ", when the fuse of its group lets it",
};

const REASONS_TO_ESCALATE: Readonly<Partial<Record<Decision["reason"], string>>> = {
  fatal_bug: "a fault of its own",
  supervisor_failure_limit: "too many failures under this supervisor",
  meltdown_supervisor_fuse: "too many failures under this supervisor",
  decided_by_function: "its decide function wants that",
};

function reader({ stream, subscriber }: Subscriber): string {
  return `"${subscriber}", which reads ${stream},`;
}

function describeDecision(decision: Decision): string {
  switch (decision.action) {
    case "restart":
      if (decision.reason === "waits_for_dependency") return "back when what it is bound to is ready";
      if (decision.reason === "restarted_with_siblings") return "back with its siblings";
      if (decision.delayMs === 0) return "back at once";
      return `back in ${duration(decision.delayMs)}${DELAYS[decision.reason] ?? ""}`;
    case "give_up":
      if (decision.reason === "fatal_config" || decision.reason === "fatal_bug") return "fatal, stays down until someone starts it";
      if (decision.reason === "never_restart_on") return "never started again after such a failure, stays down until someone starts it";
      if (decision.reason === "decided_by_function") return "its decide function wants it down, until someone starts it";
      return "over its restart limit, stays down until someone starts it";
    case "escalate":
      return `${REASONS_TO_ESCALATE[decision.reason] ?? "over its restart limit"}, the supervisor gives up`;
    case "shutdown_tree":
      return "nothing can run with this configuration, the tree ends";
    case "stop":
      if (decision.reason === "supervisor_stopping") return "not started again, as its supervisor stops";
      return decision.reason === "restart_policy_temporary" ? "stays down, as its restart policy is temporary" : "stays down, as wanted";
  }
}

const SINKS = { journal: "the journal", audit: "the audit", logs: "output", state: "the state" } as const;

function describeSink({ sink, healthy, reason, lost }: SupervisorEvent & { readonly type: "sink_changed" }): string {
  if (!healthy) return `${SINKS[sink]} cannot be written: ${reason}`;
  return `${SINKS[sink]} is written again (${reason})${lost === 0 ? "" : `, ${lost} ${lost === 1 ? "is" : "are"} missing`}`;
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
