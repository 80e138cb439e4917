import { assert, assertEquals } from "@std/assert";
import { describe, EVENT_TYPES, type EventType, type SupervisorEvent } from "../../src/event/mod.ts";
import { choose, exitWords, ROW_WORDS } from "../../src/web/text/mod.ts";
import { zhSentence } from "../../src/web/text/zh_sentences.ts";
import { Timeline } from "../../src/web/model/timeline.ts";
import { POLICY_OF_NO_ROLE } from "../support/policies.ts";

const base = { seq: 1, atMs: 0, path: "/a", correlation: 1 };
const attempt = { ...base, generation: 0, attempt: 2 };
const asked = { by: "OPS 7", reason: "WHY (IT); IS: SO" };
const reader = { subscriber: "TAIL, A", stream: "logs" } as const;
const failure = { kind: "error", category: "x", message: "IT BROKE after 3 s; BACK" } as const;
const exit = { kind: "failed", failure } as const;
const decided = { retryAtMs: null, delayMs: 1_500 } as const;

type Decision = (SupervisorEvent & { type: "child_failed" })["decision"];

/** One for each thing that a decision can say. */
const DECISIONS: readonly Decision[] = [
  ...([
    "within_restart_budget",
    "waits_for_dependency",
    "restarted_with_siblings",
    "restart_limit_slow_down",
    "restart_budget_exhausted",
    "hot_loop_detected",
    "cold_start_budget_exhausted",
    "meltdown_child_fuse",
    "meltdown_group_fuse",
  ] as const).map((reason) => ({ ...decided, action: "restart", reason } as const)),
  { ...decided, action: "restart", reason: "within_restart_budget", delayMs: 0 },
  ...(["fatal_config", "never_restart_on", "decided_by_function", "restart_limit_exhausted"] as const).map((reason) =>
    ({ ...decided, action: "give_up", reason }) as const
  ),
  ...(["fatal_bug", "supervisor_failure_limit", "decided_by_function", "restart_limit_exhausted"] as const).map((reason) =>
    ({ ...decided, action: "escalate", reason }) as const
  ),
  { ...decided, action: "shutdown_tree", reason: "fatal_config" },
  ...(["supervisor_stopping", "restart_policy_temporary", "external_cancel_or_manual_stop"] as const).map((reason) =>
    ({ ...decided, action: "stop", reason }) as const
  ),
];
const failed = {
  ...attempt,
  type: "child_failed",
  exit,
  exitClass: "nonzero_exit",
  uptimeMs: 3,
  policy: POLICY_OF_NO_ROLE,
  group: null,
} as const;
const limit = { used: 1.5, limit: 3 };

/** Events of each type, in all that they can say; a new type does not compile without one. */
const EVENTS: { readonly [Type in EventType]: readonly (SupervisorEvent & { type: Type })[] } = {
  supervisor_started: [1, 2].map((children) => ({ ...base, type: "supervisor_started", children })),
  supervisor_ready: [20, 2_500, 90_000, 7_200_000].map((tookMs) => ({ ...base, type: "supervisor_ready", tookMs })),
  supervisor_escalated: (["escalate_to_parent", "shutdown_tree", "quarantine_scope"] as const).map((policy) => (
    { ...base, type: "supervisor_escalated", child: "/A", reason: "NO", policy }
  )),
  subscriber_lagged: [{ ...base, ...reader, type: "subscriber_lagged", missed: 7 }, {
    ...base,
    type: "subscriber_lagged",
    subscriber: "A",
    stream: "events",
    missed: 7,
  }],
  backpressure_alert: [{ ...base, ...reader, type: "backpressure_alert", waitingPct: 85.5, thresholdPct: 80 }],
  backpressure_degradation: [true, false].map((recovered) => (
    { ...base, ...reader, type: "backpressure_degradation", sampleRatio: 0.5, peakPct: 97, recovered }
  )),
  sink_changed: (["journal", "audit", "logs", "state"] as const).flatMap((sink) => [
    { ...base, type: "sink_changed", sink, healthy: false, reason: "DISK (FULL)", lost: 0 } as const,
    ...[0, 1, 3].map((lost) => ({ ...base, type: "sink_changed", sink, healthy: true, reason: "DISK (FULL)", lost } as const)),
  ]),
  fairness_probe_starvation: [{ ...base, type: "fairness_probe_starvation", waitMs: 1_500, lagMs: 20, depth: 7 }],
  registration_changed: (["connecting", "registered", "reconnecting", "unavailable", "rejected", "expired"] as const).flatMap((to) =>
    ["", "WHY"].map((reason) => ({ ...base, type: "registration_changed", from: "registered", to, reason }) as const)
  ),
  config_reloaded: [{ added: 1, removed: 2, restarted: 3, live: 4, failed: 5 }, { added: 0, removed: 0, restarted: 0, live: 0, failed: 0 }]
    .map((counts) => ({ ...base, ...asked, ...counts, type: "config_reloaded" })),
  child_added: [{ ...base, ...asked, type: "child_added", transactionId: "t", specHash: "h" }],
  child_declaration_rejected: [{ ...base, ...asked, type: "child_declaration_rejected", code: "x", message: "NO", pointer: null }],
  child_addition_undone: [{ ...base, type: "child_addition_undone", transactionId: "t", reason: "NO" }],
  child_addition_recovered: (["committed", "compensated"] as const).map((outcome) => (
    { ...base, type: "child_addition_recovered", transactionId: "t", outcome }
  )),
  state_restored: [[1, 0, 0], [3, 1, 0], [3, 0, 1], [3, 1, 2]].map(([children = 0, holds = 0, forgotten = 0]) => (
    { ...base, type: "state_restored", children, holds, forgotten }
  )),
  leftover_process: (["stopped", "left", "unsure"] as const).flatMap((outcome) =>
    [0, 77].map((pid) => ({ ...base, type: "leftover_process", pid, outcome, reason: "WHY" }) as const)
  ),
  child_removed: [{ ...attempt, type: "child_removed" }],
  child_waiting: [{ ...base, type: "child_waiting", waitingFor: ["B", "C"] }],
  child_run_skipped: (["still_running", "missed"] as const).flatMap((reason) =>
    [1, 3].map((times) => ({ ...base, type: "child_run_skipped", reason, times }) as const)
  ),
  child_starting: [{ ...attempt, type: "child_starting" }],
  child_running: [{ ...attempt, type: "child_running" }],
  child_ready: [{ ...attempt, type: "child_ready", tookMs: 61_000 }],
  child_not_ready: [{ ...attempt, type: "child_not_ready" }],
  child_failed: [
    ...DECISIONS.map((decision) => ({ ...failed, limit, decision })),
    { ...failed, limit: null, decision: DECISIONS[0]! },
    { ...failed, limit: { used: 2, limit: Infinity }, decision: DECISIONS[0]! },
    { ...failed, exit: { kind: "failed", failure: { ...failure, message: "exited with code 3" } }, limit, decision: DECISIONS[0]! },
    { ...failed, exit: { kind: "failed", failure: { ...failure, message: "ended by signal SIGKILL" } }, limit, decision: DECISIONS[0]! },
  ],
  escalation_bifurcated: [true, false].map((alert) => ({
    ...attempt,
    type: "escalation_bifurcated",
    severity: "critical",
    alert,
    budgetVerdict: null,
    fuseOutcome: null,
    tieBreakReason: null,
  })),
  child_succeeded: DECISIONS.map((decision) => ({
    ...attempt,
    type: "child_succeeded",
    exit: { kind: "succeeded" },
    uptimeMs: 3,
    decision,
  })),
  child_stopped: (["succeeded", "cancelled", "killed"] as const).flatMap((kind) =>
    DECISIONS.map((decision) => ({ ...attempt, type: "child_stopped", exit: { kind }, decision }) as const)
  ),
  backoff_scheduled: [{ ...attempt, type: "backoff_scheduled", delayMs: 5, retryAtMs: 5 }],
  budget_exhausted: [null, "EDGE"].map((group) => ({ ...attempt, type: "budget_exhausted", group, retryAfterMs: 2_000 })),
  meltdown: (["hot_loop_detected", "cold_start_budget_exhausted", "meltdown_child_fuse", "meltdown_group_fuse"] as const).map((reason) => (
    { ...attempt, type: "meltdown", reason, retryAtMs: 9 }
  )),
  group_fuse_triggered: (["full", "escalate_only"] as const).flatMap((propagation) =>
    [null, "STORE"].map((propagatedFromGroup) =>
      ({ ...base, type: "group_fuse_triggered", group: "EDGE", propagatedFromGroup, propagation, retryAtMs: 9 }) as const
    )
  ),
  group_fuse_on_trial: [{ ...base, type: "group_fuse_on_trial", group: "EDGE" }],
  child_restart_queued: [null, "EDGE"].map((group) => ({ ...attempt, type: "child_restart_queued", group, ahead: 2 })),
  fuse_reset: [null, "EDGE"].map((group) => ({ ...attempt, ...asked, type: "fuse_reset", group })),
  child_restarting: ([
    "start",
    "crash",
    "completed",
    "timeout",
    "unhealthy",
    "sibling",
    "dependency",
    "command",
    "schedule",
    "file",
  ] as const).map((cause) => ({ ...attempt, type: "child_restarting", cause, restartsTotal: 4 })),
  child_heartbeat_stale: [{ ...attempt, type: "child_heartbeat_stale", ageMs: 2_500 }],
  child_unhealthy: [{ ...attempt, type: "child_unhealthy", reason: "NO" }],
  child_lint: (["never_ready", "beats_but_never_ready", "ignores_signal", "fails_on_a_period"] as const).map((rule) => (
    { ...attempt, type: "child_lint", rule, afterMs: 5_000 }
  )),
  child_healthy: [{ ...attempt, type: "child_healthy" }],
  child_draining: [{ ...attempt, type: "child_draining", cause: "shutdown", delayMs: 2_000 }],
  child_stopping: ([
    "shutdown",
    "start_timeout",
    "run_timeout",
    "unhealthy",
    "sibling",
    "dependency",
    "restart",
    "terminate",
    "pause",
    "quarantine",
    "remove",
  ] as const).flatMap((cause) => [null, 5_000].map((timeoutMs) => ({ ...attempt, type: "child_stopping", cause, timeoutMs }) as const)),
  child_killing: [{ ...attempt, type: "child_killing", cause: "shutdown" }],
  child_abandoned: [{ ...attempt, type: "child_abandoned" }],
  child_attempt_stale_report: [{ ...attempt, type: "child_attempt_stale_report", report: "FAILED" }],
  child_shutdown: (["already_exited", "graceful", "aborted", "abort_failed", "late_report"] as const).map((status) => (
    { ...attempt, type: "child_shutdown", status, tookMs: 7, exit: null }
  )),
  child_control_command_completed: (["accepted", "idempotent", "refused"] as const).flatMap((result) =>
    ["pause", "reset_fuse", "reload"].map((command) =>
      ({ ...attempt, ...asked, type: "child_control_command_completed", command, result }) as const
    )
  ),
  child_control_operation_changed: ["active", "paused", "quarantined", "removed"].map((to) => (
    { ...attempt, ...asked, type: "child_control_operation_changed", from: "active", to }
  )),
  child_restart_fence_entered: [{ ...attempt, ...asked, type: "child_restart_fence_entered", targetGeneration: 2 }],
  child_restart_fence_abort_requested: [{ ...attempt, type: "child_restart_fence_abort_requested" }],
  child_restart_fence_released: ["succeeded", "cancelled", "killed", "failed", "panicked", "timed_out"].map((exitKind) => (
    { ...attempt, type: "child_restart_fence_released", exitKind }
  )),
  child_restart_conflict: [{ ...attempt, ...asked, type: "child_restart_conflict", decision: "already_pending" }],
  shutdown_requested: [true, false].map((forced) => (
    { ...base, type: "shutdown_requested", cause: { kind: "shutdown", requestedBy: "OPS 7", reason: "WHY" }, forced }
  )),
  shutdown_completed: [{ ...base, type: "shutdown_completed", exitCode: 0, tookMs: 7 }],
};

/** Words of the protocol that stand in Chinese as they are. */
const LEFT = /\b(?:temporary|ready)\b/g;

Deno.test("every event says in Chinese all that it says in English, and nothing of it is left in English", () => {
  assertEquals(Object.keys(EVENTS).sort(), [...EVENT_TYPES].sort());
  for (const event of Object.values(EVENTS).flat()) {
    const sent = describe(event);
    const said = zhSentence(event.type, sent);
    assert(said !== null && /\p{Script=Han}/u.test(said), `${event.type}: ${sent}`);
    // What people wrote is in capitals here, and stays.
    assertEquals(said.replaceAll(failure.message, "").replace(LEFT, "").match(/[a-z{}[\]]+/g), null, `${event.type}: ${said}`);
    const free = sent.match(/\b[A-Z][A-Z ]+\b/g) ?? [];
    for (const word of free) assert(said.includes(word.trim()), `${event.type}: ${said} has no ${word}`);
    for (const number of sent.match(/\d+(?:\.\d+)?/g) ?? []) assert(said.includes(number), `${event.type}: ${said} has no ${number}`);
  }
});

Deno.test("a sentence of an event that nobody knows stays as it was sent", () => {
  assertEquals(zhSentence("child_ready", "ready at last"), null);
  assertEquals(zhSentence("child_dreaming", "dreams"), null);
  assertEquals(zhSentence("constructor", "x"), null);
  assertEquals(zhSentence("child_failed", "failed: x after 3 ms; something new"), null);
});

Deno.test("what people wrote is never taken for a place to fill", () => {
  assertEquals(zhSentence("child_added", "added by {text}: [{who}] {time}"), "由 {text} 添加：[{who}] {time}");
});

Deno.test("a sentence that goes on and on is looked at quickly", () => {
  const begin = performance.now();
  for (const type of EVENT_TYPES) zhSentence(type, `failed: ${" by after 3 s; (: ".repeat(130)}`);
  assert(performance.now() - begin < 10_000);
});

Deno.test("rows say in the chosen language what they say, audits too, and lines of output as they are", () => {
  const timeline = new Timeline();
  const event = timeline.addEvent("a", { sequence: 1, event_type: "ChildReady" }, "ready after 2 s")!;
  const odd = timeline.addEvent("a", { sequence: 2, event_type: "ChildDreaming" }, "dreams")!;
  const log = timeline.addLog("a", { sequence: 1, message: "ready after 2 s" })!;
  const audit = timeline.addAudit("a", { audit_id: "1", identity: { principal: "ada" }, reason: "try", result: "rejected", detail: "no" })!;
  const said = (): string[] => [event, odd, log, audit].map(ROW_WORDS.text);
  assertEquals(said(), ["ready after 2 s", "dreams", "ready after 2 s", "ada: try → rejected (no)"]);
  assertEquals(exitWords("failed: exited with code 3"), "failed: exited with code 3");
  choose("zh");
  try {
    assertEquals(said(), ["2 秒后就绪", "dreams", "ready after 2 s", "ada：try → 被拒绝（no）"]);
    assertEquals(ROW_WORDS.type(event), "子项就绪");
    assertEquals(exitWords("failed: exited with code 3"), "失败：退出码 3");
  } finally {
    choose("en");
  }
});
