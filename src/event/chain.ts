/** Causal chains: what one exit, one request or one start has led to, told by the number that its events have in common. */
import { ReeveError } from "../base/mod.ts";
import type { EventType, GapMarker, StartCause, SupervisorEvent } from "./event.ts";

/** Where in a chain an event belongs: an attempt begins, is ready, a failure is judged, a restart is on its way, something ends. */
export type ChainStage = "spawn" | "ready" | "failure_decision" | "restart_attempt" | "shutdown";

const STAGES: Readonly<Record<EventType, ChainStage | null>> = {
  supervisor_started: null,
  supervisor_ready: null,
  supervisor_escalated: "failure_decision",
  subscriber_lagged: null,
  backpressure_alert: null,
  backpressure_degradation: null,
  sink_changed: null,
  fairness_probe_starvation: null,
  registration_changed: null,
  config_reloaded: null,
  child_added: null,
  child_declaration_rejected: null,
  child_addition_undone: null,
  child_addition_recovered: null,
  state_restored: null,
  leftover_process: null,
  child_removed: "shutdown",
  child_waiting: null,
  child_run_skipped: null,
  child_starting: "spawn",
  child_running: "spawn",
  child_ready: "ready",
  child_not_ready: null,
  child_failed: "failure_decision",
  escalation_bifurcated: "failure_decision",
  child_succeeded: "shutdown",
  child_stopped: "shutdown",
  backoff_scheduled: "restart_attempt",
  budget_exhausted: "failure_decision",
  meltdown: "failure_decision",
  group_fuse_triggered: "failure_decision",
  group_fuse_on_trial: null,
  child_restart_queued: "restart_attempt",
  fuse_reset: null,
  child_restarting: "restart_attempt",
  child_heartbeat_stale: null,
  child_unhealthy: null,
  child_lint: null,
  child_healthy: "ready",
  child_draining: "shutdown",
  child_stopping: "shutdown",
  child_killing: "shutdown",
  child_abandoned: "shutdown",
  child_attempt_stale_report: null,
  child_shutdown: "shutdown",
  child_control_command_completed: null,
  child_control_operation_changed: null,
  child_restart_fence_entered: "restart_attempt",
  child_restart_fence_abort_requested: "shutdown",
  child_restart_fence_released: "restart_attempt",
  child_restart_conflict: null,
  shutdown_requested: "shutdown",
  shutdown_completed: "shutdown",
};

/** One event of a chain. */
export interface ChainEntry {
  /** Where it belongs, `null` for what only goes along. */
  readonly stage: ChainStage | null;
  /** The event itself. */
  readonly event: SupervisorEvent;
}

/** Which part of a chain is wanted. */
export interface ChainOptions {
  /** Only what is about the child with this path. @default {all} */
  readonly path?: string;
  /** Only the entries of one stage; whether the chain is whole is judged by all of them. @default {all} */
  readonly stage?: ChainStage;
}

/** What belongs together. */
export interface CorrelationChain {
  /** The number that the events have in common. */
  readonly correlation: number;
  /** The events in their order, each once. */
  readonly entries: readonly ChainEntry[];
  /** Whether nothing is missing. */
  readonly complete: boolean;
  /** Stages that follow from what there is and are not there: they did not happen yet, never will, or were missed. */
  readonly missing: readonly ChainStage[];
  /** Whether events were missed that may belong to it. */
  readonly truncated: boolean;
}

/** In which stage an event belongs, `null` for what goes along with others. */
export function stageOf(type: EventType): ChainStage | null {
  return STAGES[type];
}

/**
 * Puts together what has one correlation number, out of the events of one run.
 *
 * A chain begins with an exit, with a request, or with the first start of a child, and goes on until the next exit; an attempt that begins in it must get
 * ready. Where it was decided that no attempt follows, where the child was stopped, or where the numbers belong to no child, nothing more must come.
 * Throws `correlation_not_found` when no event has the number.
 *
 * @example
 * ```ts
 * import { child, correlationChain, describe, supervise, type SupervisorEvent } from "@reeve/supervisor";
 *
 * await using tree = await supervise({ children: [child.task("hello", ({ log }) => log("hi"), { restartPolicy: "temporary" })] });
 * const events: SupervisorEvent[] = [];
 * for await (const event of tree.events()) {
 *   if (event.type === "gap") continue;
 *   events.push(event);
 *   if (event.type === "child_ready") break;
 * }
 * const { entries, complete } = correlationChain(events, events.at(-1)?.correlation ?? 0);
 * for (const { stage, event } of entries) console.log(stage, describe(event));
 * console.log(complete);
 * ```
 */
export function correlationChain(
  events: Iterable<SupervisorEvent | GapMarker>,
  correlation: number,
  { path, stage }: ChainOptions = {},
): CorrelationChain {
  const found = new Map<number, SupervisorEvent>();
  const gaps: GapMarker[] = [];
  for (const event of events) {
    if (event.type === "gap") gaps.push(event);
    else if (event.correlation === correlation && (path === undefined || event.path === path)) found.set(event.seq, event);
  }
  const chain = [...found.values()].sort((a, b) => a.seq - b.seq);
  const [first] = chain;
  if (first === undefined) throw notFound(correlation, path, gaps);
  const missing = missingStages(chain);
  const last = chain.at(-1) ?? first;
  const entries = chain.map((event) => ({ stage: STAGES[event.type], event }));
  return {
    correlation,
    entries: stage === undefined ? entries : entries.filter((entry) => entry.stage === stage),
    complete: missing.length === 0,
    missing,
    // Between its ends anything may be missing; outside of them only what is not there.
    truncated: gaps.some(({ from, to }) => missing.length > 0 || to > first.seq && from < last.seq),
  };
}

/** What must be there, in the order in which it would come. */
function missingStages(chain: readonly SupervisorEvent[]): ChainStage[] {
  const present = new Set(chain.map(({ type }) => STAGES[type]));
  const due = new Set<ChainStage>();
  if (lostItsBeginning(chain)) due.add("failure_decision");
  if (leadsToAttempt(chain)) {
    if (chain.some(wantsRestart)) due.add("restart_attempt");
    due.add("spawn").add("ready");
  }
  if (chain.some(({ type }) => OF_LIVE_ATTEMPTS.has(type))) due.add("spawn");
  return [...due].filter((stage) => !present.has(stage));
}

/** What only an attempt that was started can tell. */
const OF_LIVE_ATTEMPTS: ReadonlySet<EventType> = new Set(["child_ready", "child_not_ready", "child_unhealthy", "child_healthy"]);

/** A restart after a failure stands behind that failure. */
function lostItsBeginning([first]: readonly SupervisorEvent[]): boolean {
  return first?.type === "child_restarting" && FAILURES.has(first.cause);
}

const FAILURES: ReadonlySet<StartCause> = new Set<StartCause>(["crash", "timeout", "unhealthy"]);

function wantsRestart(event: SupervisorEvent): boolean {
  switch (event.type) {
    case "child_failed":
    case "child_succeeded":
    case "child_stopped":
      return event.decision.action === "restart";
    default:
      return false;
  }
}

/** Whether an attempt must begin, and get ready: the last word about that counts. */
function leadsToAttempt(chain: readonly SupervisorEvent[]): boolean {
  let isDue = false;
  for (const event of chain) {
    switch (event.type) {
      case "child_waiting":
      case "child_restarting":
      case "child_starting":
      case "child_running":
      case "child_ready":
      case "backoff_scheduled":
      case "child_restart_queued":
        isDue = true;
        break;
      case "child_failed":
      case "child_succeeded":
      case "child_stopped":
        isDue = event.decision.action === "restart";
        break;
      case "child_control_operation_changed":
        // What operators hold down does not come back before they let it.
        if (event.to !== "active") isDue = false;
        break;
      case "child_draining":
      case "child_stopping":
        // Who is asked to stop need not get ready any more; who is too slow should have.
        if (event.cause !== "start_timeout" && event.cause !== "run_timeout" && event.cause !== "unhealthy") isDue = false;
        break;
      case "child_shutdown":
      case "child_removed":
      case "child_abandoned":
        isDue = false;
        break;
      default:
        break;
    }
  }
  return isDue;
}

function notFound(correlation: number, path: string | undefined, gaps: readonly GapMarker[]): ReeveError {
  const missed = gaps.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  const where = path === undefined ? "" : ` about "${path}"`;
  return new ReeveError("correlation_not_found", `Cannot find a chain: no event${where} has the number ${correlation}`, {
    ...(path === undefined ? {} : { path }),
    ...(missed === 0 ? {} : { hint: `${missed} events were missed, and may have had it` }),
  });
}
