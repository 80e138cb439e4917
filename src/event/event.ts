/** Everything a tree tells: one flat object per event, the single source of every view. */
import type { ChildFuseReason, EffectivePolicy, EscalationPolicy, Propagation } from "../spec/mod.ts";
import { type Exit, type ExitClass, isFailedExit } from "./exit.ts";

/** What was decided after an exit; reasons are stable strings. */
export interface Decision {
  /** Start again, stay down as wanted, stay down for being over the limit, fail the supervisor, or end the tree. */
  readonly action: "restart" | "stop" | "give_up" | "escalate" | "shutdown_tree";
  /** Why. */
  readonly reason:
    | "within_restart_budget"
    | "restart_limit_slow_down"
    | "restart_limit_exhausted"
    | "role_success_restart"
    | "role_success_stop"
    | "restart_policy_temporary"
    | "external_cancel_or_manual_stop"
    | "fatal_config"
    | "fatal_bug"
    | "never_restart_on"
    | "optional_child_never_escalates"
    | "restarted_by_command"
    | "restarted_with_siblings"
    | "waits_for_dependency"
    | "restart_budget_exhausted"
    | "meltdown_group_fuse"
    | "meltdown_supervisor_fuse"
    | "supervisor_failure_limit"
    | "decided_by_function"
    | ChildFuseReason
    | "supervisor_stopping";
  /** Delay in milliseconds before the restart. */
  readonly delayMs: number;
  /** When the child comes back, on the tree's monotonic clock; `null` when it does not by itself. */
  readonly retryAtMs: number | null;
}

/** Why a fuse is open. */
export type FuseReason = ChildFuseReason | "meltdown_group_fuse";

/** How many failures a child has in its window. */
export interface LimitUse {
  /** Failures in the window. */
  readonly used: number;
  /** Failures allowed. */
  readonly limit: number;
}

/** Why an attempt was started. */
export type StartCause =
  | "start"
  | "crash"
  | "completed"
  | "timeout"
  | "unhealthy"
  | "sibling"
  | "dependency"
  | "command"
  | "schedule"
  | "file";

/** Why an attempt is being stopped. */
export type StopCause =
  | "shutdown"
  | "start_timeout"
  | "run_timeout"
  | "unhealthy"
  | "sibling"
  | "dependency"
  | "restart"
  | "terminate"
  | "pause"
  | "quarantine"
  | "remove";

/** Who asked for something, and why. */
export interface Request {
  /** Who asked. */
  readonly by: string;
  /** Why. */
  readonly reason: string;
}

/** Who reads a stream of the tree. */
export interface Subscriber {
  /** What it reads. */
  readonly stream: "events" | "logs";
  /** Its name. */
  readonly subscriber: string;
}

/** How a child ended in a shutdown. */
export type ShutdownStatus = "already_exited" | "graceful" | "aborted" | "abort_failed" | "late_report";

/** Who or what ended a tree, and why. */
export interface ShutdownCause {
  /** A request, significant children that are done, a supervisor that gave up, or a fault in the package itself. */
  readonly kind: "shutdown" | "completed" | "escalation" | "fault";
  /** Who asked. */
  readonly requestedBy: string;
  /** Why. */
  readonly reason: string;
  /** The child whose failure escalated, or whose end ended its supervisor. */
  readonly path?: string;
}

/** What every event says. */
export interface EventBase {
  /** Counts events of the tree from 1, without holes. */
  readonly seq: number;
  /** Milliseconds on the tree's monotonic clock. */
  readonly atMs: number;
  /** Path of the child or supervisor, `/` for the root. */
  readonly path: string;
  /** The same number from an exit to the ready that follows it. */
  readonly correlation: number;
}

/**
 * How the registration of a target at a relay stands: not answered yet, there, there but not renewed, never there, refused for good, or over because it was not
 * renewed in time.
 */
export type RegistrationState = "connecting" | "registered" | "reconnecting" | "unavailable" | "rejected" | "expired";

/** What is written to files. */
export type SinkKind = "journal" | "audit" | "logs" | "state";

/** What became of a process that a killed supervisor left behind. */
export type LeftoverOutcome = "stopped" | "left" | "unsure";

/** What looks wrong with a child although it breaks no limit. */
export type LintRule = "never_ready" | "beats_but_never_ready" | "ignores_signal" | "fails_on_a_period";

/** Of several guards that put a restart off, the one that puts it off for longest counts; the limit of the supervisor counts before all of them. */
export type TieBreak = "longest_delay_wins" | "supervisor_limit_wins";

/** What every event about one attempt says. */
export interface AttemptEventBase extends EventBase {
  /** Which incarnation of the child. */
  readonly generation: number;
  /** Which attempt of the child, counted from 1. */
  readonly attempt: number;
}

/** The events by `type`; the fields say what happened. */
export type SupervisorEvent =
  | (EventBase & { readonly type: "supervisor_started"; readonly children: number })
  | (EventBase & { readonly type: "supervisor_ready"; readonly tookMs: number })
  | (EventBase & {
    readonly type: "supervisor_escalated";
    readonly child: string;
    readonly reason: string;
    readonly policy: EscalationPolicy;
  })
  /** Something never got to a reader: it was too slow, and was overtaken, or got a part only. */
  | (EventBase & Subscriber & { readonly type: "subscriber_lagged"; readonly missed: number })
  /** So much waits for a reader that it may be overtaken. */
  | (EventBase & Subscriber & { readonly type: "backpressure_alert"; readonly waitingPct: number; readonly thresholdPct: number })
  /** A slow reader gets only a part of what waits for it, or all of it again. */
  | (EventBase & Subscriber & {
    readonly type: "backpressure_degradation";
    readonly sampleRatio: number;
    readonly peakPct: number;
    readonly recovered: boolean;
  })
  /** Events, records of the audit, lines of output or the state cannot be written any more, or can again. */
  | (EventBase & {
    readonly type: "sink_changed";
    /** What is written there. */
    readonly sink: SinkKind;
    readonly healthy: boolean;
    /** Why it cannot be written; the same when it can again. */
    readonly reason: string;
    /** How many were not written in the end, 0 as long as nobody knows. */
    readonly lost: number;
  })
  /** The loop of the tree, or what it had to do, waited longer than it may. */
  | (EventBase & {
    readonly type: "fairness_probe_starvation";
    /** How long a message waited until it was handled, in milliseconds. */
    readonly waitMs: number;
    /** How late a timer was, in milliseconds. */
    readonly lagMs: number;
    /** How many messages waited. */
    readonly depth: number;
  })
  | (EventBase & {
    readonly type: "registration_changed";
    readonly from: RegistrationState;
    readonly to: RegistrationState;
    readonly reason: string;
  })
  /** A new declaration counts: so many children came, went, were started anew, or have something new at once; with some it did not work. */
  | (EventBase & Request & {
    readonly type: "config_reloaded";
    readonly added: number;
    readonly removed: number;
    readonly restarted: number;
    readonly live: number;
    readonly failed: number;
  })
  | (EventBase & Request & { readonly type: "child_added"; readonly transactionId: string; readonly specHash: string })
  | (EventBase & Request & {
    readonly type: "child_declaration_rejected";
    /** Code of the error. */
    readonly code: string;
    readonly message: string;
    /** JSON Pointer into the declaration, where one place is to blame. */
    readonly pointer: string | null;
  })
  | (EventBase & { readonly type: "child_addition_undone"; readonly transactionId: string; readonly reason: string })
  /** An addition was under way when the program ended the last time. */
  | (EventBase & {
    readonly type: "child_addition_recovered";
    readonly transactionId: string;
    readonly outcome: "committed" | "compensated";
  })
  /** What an earlier run of the program has left was given to the children that are there. */
  | (EventBase & {
    readonly type: "state_restored";
    /** How many children got something. */
    readonly children: number;
    /** How many of them an operator holds. */
    readonly holds: number;
    /** How many were known and are not there any more: what was kept of them is forgotten. */
    readonly forgotten: number;
  })
  /** A supervisor that was killed left a process behind. */
  | (EventBase & {
    readonly type: "leftover_process";
    /** Its id, 0 where nobody knows it. */
    readonly pid: number;
    /** It was ended, it still runs as it was told to or as it can, or nobody can say for certain that it is the one. */
    readonly outcome: LeftoverOutcome;
    readonly reason: string;
  })
  | (AttemptEventBase & { readonly type: "child_removed" })
  | (EventBase & { readonly type: "child_waiting"; readonly waitingFor: readonly string[] })
  /** A scheduled child was not started although it was time. */
  | (EventBase & {
    readonly type: "child_run_skipped";
    /** The run before goes on, or the time passed while nobody was there to start it. */
    readonly reason: "still_running" | "missed";
    /** How many times that were, at least. */
    readonly times: number;
  })
  | (AttemptEventBase & { readonly type: "child_starting" })
  | (AttemptEventBase & { readonly type: "child_running" })
  | (AttemptEventBase & { readonly type: "child_ready"; readonly tookMs: number })
  | (AttemptEventBase & { readonly type: "child_not_ready" })
  | (AttemptEventBase & {
    readonly type: "child_failed";
    readonly exit: Exit;
    readonly exitClass: ExitClass;
    readonly uptimeMs: number;
    readonly limit: LimitUse | null;
    readonly decision: Decision;
    /** Which policy decided, and whose word it is. */
    readonly policy: EffectivePolicy;
    /** Name of the child's group. */
    readonly group: string | null;
  })
  /** A child failed that matters more than most, or less: the first is a reason to raise an alarm, the second none. */
  | (AttemptEventBase & {
    readonly type: "escalation_bifurcated";
    readonly severity: "critical" | "optional";
    readonly alert: boolean;
    /** What the budget of its group or supervisor said, `null` when there is none or it was not asked. */
    readonly budgetVerdict: "granted" | "exhausted" | null;
    /** Why its fuse or that of its group is open, `null` when they are not. */
    readonly fuseOutcome: FuseReason | null;
    /** How several guards were brought to one decision, `null` when one alone had something to say. */
    readonly tieBreakReason: TieBreak | null;
  })
  | (AttemptEventBase & { readonly type: "child_succeeded"; readonly exit: Exit; readonly uptimeMs: number; readonly decision: Decision })
  | (AttemptEventBase & { readonly type: "child_stopped"; readonly exit: Exit; readonly decision: Decision })
  | (AttemptEventBase & { readonly type: "backoff_scheduled"; readonly delayMs: number; readonly retryAtMs: number })
  | (AttemptEventBase & {
    readonly type: "budget_exhausted";
    /** The group whose budget it is, `null` when it is that of the supervisor. */
    readonly group: string | null;
    readonly retryAfterMs: number;
  })
  | (AttemptEventBase & { readonly type: "meltdown"; readonly reason: FuseReason; readonly retryAtMs: number })
  | (EventBase & {
    readonly type: "group_fuse_triggered";
    readonly group: string;
    /** The group whose fuse had opened, `null` when its own members did it. */
    readonly propagatedFromGroup: string | null;
    /** `escalate_only` when the fuse of this group stays closed. */
    readonly propagation: Propagation;
    readonly retryAtMs: number;
  })
  | (EventBase & { readonly type: "group_fuse_on_trial"; readonly group: string })
  | (AttemptEventBase & {
    readonly type: "child_restart_queued";
    /** The group whose turn it waits for, `null` when it is that of the supervisor. */
    readonly group: string | null;
    /** How many are before it. */
    readonly ahead: number;
  })
  | (AttemptEventBase & Request & { readonly type: "fuse_reset"; readonly group: string | null })
  | (AttemptEventBase & { readonly type: "child_restarting"; readonly cause: StartCause; readonly restartsTotal: number })
  | (AttemptEventBase & { readonly type: "child_heartbeat_stale"; readonly ageMs: number })
  | (AttemptEventBase & { readonly type: "child_unhealthy"; readonly reason: string })
  | (AttemptEventBase & { readonly type: "child_lint"; readonly rule: LintRule; readonly afterMs: number })
  | (AttemptEventBase & { readonly type: "child_healthy" })
  | (AttemptEventBase & { readonly type: "child_draining"; readonly cause: StopCause; readonly delayMs: number })
  | (AttemptEventBase & { readonly type: "child_stopping"; readonly cause: StopCause; readonly timeoutMs: number | null })
  | (AttemptEventBase & { readonly type: "child_killing"; readonly cause: StopCause })
  | (AttemptEventBase & { readonly type: "child_abandoned" })
  | (AttemptEventBase & { readonly type: "child_attempt_stale_report"; readonly report: string })
  | (AttemptEventBase & {
    readonly type: "child_shutdown";
    readonly status: ShutdownStatus;
    readonly tookMs: number;
    readonly exit: Exit | null;
  })
  | (AttemptEventBase & Request & {
    readonly type: "child_control_command_completed";
    readonly command: string;
    readonly result: "accepted" | "idempotent" | "refused";
  })
  | (AttemptEventBase & Request & { readonly type: "child_control_operation_changed"; readonly from: string; readonly to: string })
  | (AttemptEventBase & Request & { readonly type: "child_restart_fence_entered"; readonly targetGeneration: number })
  | (AttemptEventBase & { readonly type: "child_restart_fence_abort_requested" })
  | (AttemptEventBase & { readonly type: "child_restart_fence_released"; readonly exitKind: string })
  | (AttemptEventBase & Request & { readonly type: "child_restart_conflict"; readonly decision: "already_pending" })
  | (EventBase & { readonly type: "shutdown_requested"; readonly cause: ShutdownCause; readonly forced: boolean })
  | (EventBase & { readonly type: "shutdown_completed"; readonly exitCode: number; readonly tookMs: number });

/** The name of an event. */
export type EventType = SupervisorEvent["type"];

/** Stands in a stream where events are missing because the reader was too slow or came too late. */
export interface GapMarker {
  /** Tells it from events. */
  readonly type: "gap";
  /** First missing sequence number. */
  readonly from: number;
  /** Last missing sequence number. */
  readonly to: number;
}

/** Members of a union that have these common fields, without them. */
export type Without<T, Base> = T extends Base ? Omit<T, keyof Base> : never;

/** Any event before its common fields are added. */
export type EventFacts = Without<SupervisorEvent, EventBase>;

/** An event about an attempt before its common fields are added. */
export type AttemptEventFacts = Without<SupervisorEvent, AttemptEventBase>;

/** The failure that an event tells: of a child that failed, or of one that failed while it was being stopped; else `null`. */
export function failedExitIn(event: SupervisorEvent): Exit | null {
  switch (event.type) {
    case "child_failed":
      return event.exit;
    case "child_stopped":
    case "child_shutdown":
      return event.exit !== null && isFailedExit(event.exit) ? event.exit : null;
    default:
      return null;
  }
}
