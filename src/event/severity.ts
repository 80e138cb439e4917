/** Which events there are, and how grave each is. */
import type { EventType } from "./event.ts";

/** How grave an event is: something failed, something may, or all is as wanted. */
export type EventSeverity = "error" | "warning" | "info";

const SEVERITIES: Readonly<Record<EventType, EventSeverity>> = {
  supervisor_started: "info",
  supervisor_ready: "info",
  supervisor_escalated: "error",
  subscriber_lagged: "warning",
  backpressure_alert: "warning",
  backpressure_degradation: "warning",
  sink_changed: "warning",
  fairness_probe_starvation: "warning",
  registration_changed: "info",
  config_reloaded: "info",
  child_added: "info",
  child_declaration_rejected: "warning",
  child_addition_undone: "info",
  child_addition_recovered: "info",
  state_restored: "info",
  leftover_process: "warning",
  child_removed: "info",
  child_waiting: "info",
  child_run_skipped: "warning",
  child_starting: "info",
  child_running: "info",
  child_ready: "info",
  child_not_ready: "info",
  child_failed: "error",
  escalation_bifurcated: "info",
  child_succeeded: "info",
  child_stopped: "info",
  backoff_scheduled: "warning",
  budget_exhausted: "info",
  meltdown: "error",
  group_fuse_triggered: "info",
  group_fuse_on_trial: "info",
  child_restart_queued: "info",
  fuse_reset: "info",
  child_restarting: "warning",
  child_heartbeat_stale: "info",
  child_unhealthy: "error",
  child_lint: "warning",
  child_healthy: "info",
  child_draining: "info",
  child_stopping: "info",
  child_killing: "info",
  child_abandoned: "error",
  child_attempt_stale_report: "info",
  child_shutdown: "info",
  child_control_command_completed: "info",
  child_control_operation_changed: "info",
  child_restart_fence_entered: "info",
  child_restart_fence_abort_requested: "info",
  child_restart_fence_released: "info",
  child_restart_conflict: "info",
  shutdown_requested: "info",
  shutdown_completed: "info",
};

/** The names of all events. */
export const EVENT_TYPES: readonly EventType[] = Object.keys(SEVERITIES).filter((type) => isEventType(type));

/** Whether a name is that of an event. */
export function isEventType(name: string): name is EventType {
  return Object.hasOwn(SEVERITIES, name);
}

/** How grave an event is. */
export function severityOf(type: EventType): EventSeverity {
  return SEVERITIES[type];
}
