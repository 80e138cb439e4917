import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, duration, type EventType, type SupervisorEvent } from "../../src/event/mod.ts";
import { POLICY_OF_NO_ROLE } from "../support/policies.ts";

const base = { seq: 1, atMs: 0, path: "/a", correlation: 1 };
const attempt = { ...base, generation: 0, attempt: 2 };
const exit = { kind: "failed", failure: { kind: "error", category: "x", message: "it broke" } } as const;
const back = { action: "restart", reason: "within_restart_budget", delayMs: 1_500, retryAtMs: 1_500 } as const;
const stays = { action: "stop", reason: "role_success_stop", delayMs: 0, retryAtMs: null } as const;

/** One event of each type with the sentence for it; a new type does not compile without one. */
const SENTENCES = {
  supervisor_started: [{ ...base, type: "supervisor_started", children: 1 }, "supervising 1 child"],
  supervisor_ready: [{ ...base, type: "supervisor_ready", tookMs: 20 }, "everything is ready after 20 ms"],
  supervisor_escalated: [
    { ...base, type: "supervisor_escalated", child: "/a", reason: "no", policy: "escalate_to_parent" },
    'gives up because of "/a": no',
  ],
  subscriber_lagged: [
    { ...base, type: "subscriber_lagged", stream: "logs", subscriber: "tail", missed: 7 },
    '"tail", which reads logs, is too slow and missed 7',
  ],
  backpressure_alert: [
    { ...base, type: "backpressure_alert", stream: "events", subscriber: "reader 1", waitingPct: 85, thresholdPct: 80 },
    '"reader 1", which reads events, is slow: 85 % of what is kept waits for it',
  ],
  backpressure_degradation: [
    {
      ...base,
      type: "backpressure_degradation",
      stream: "events",
      subscriber: "reader 1",
      sampleRatio: 0.5,
      peakPct: 97,
      recovered: false,
    },
    '"reader 1", which reads events, is too slow, and gets a part only',
  ],
  state_restored: [
    { ...base, type: "state_restored", children: 3, holds: 1, forgotten: 2 },
    "3 children go on where the last run ended, 1 of them held by an operator; 2 are not there any more",
  ],
  leftover_process: [
    { ...base, type: "leftover_process", pid: 77, outcome: "unsure", reason: "its environment does not tell whose it is" },
    "process 77 may be one that the last run left behind, and was not touched: its environment does not tell whose it is",
  ],
  child_waiting: [{ ...base, type: "child_waiting", waitingFor: ["b", "c"] }, "waits for b, c"],
  child_run_skipped: [
    { ...base, type: "child_run_skipped", reason: "missed", times: 3 },
    "3 runs were left out: nobody was there when it was time",
  ],
  child_starting: [{ ...attempt, type: "child_starting" }, "starting, attempt 2"],
  child_running: [{ ...attempt, type: "child_running" }, "running, not ready yet"],
  child_ready: [{ ...attempt, type: "child_ready", tookMs: 61_000 }, "ready after 1 min"],
  child_not_ready: [{ ...attempt, type: "child_not_ready" }, "no longer ready"],
  child_failed: [
    {
      ...attempt,
      type: "child_failed",
      exit,
      exitClass: "nonzero_exit",
      uptimeMs: 3,
      limit: { used: 1, limit: 3 },
      decision: back,
      policy: POLICY_OF_NO_ROLE,
      group: null,
    },
    "failed: it broke after 3 ms (failure 1, limit 3); back in 1.5 s",
  ],
  child_succeeded: [
    { ...attempt, type: "child_succeeded", exit: { kind: "succeeded" }, uptimeMs: 3, decision: stays },
    "finished after 3 ms; stays down, as wanted",
  ],
  child_stopped: [{ ...attempt, type: "child_stopped", exit: { kind: "cancelled" }, decision: stays }, "cancelled; stays down, as wanted"],
  backoff_scheduled: [{ ...attempt, type: "backoff_scheduled", delayMs: 5, retryAtMs: 5 }, "next attempt in 5 ms"],
  child_restarting: [{ ...attempt, type: "child_restarting", cause: "crash", restartsTotal: 4 }, "restarting after crash, restart 4"],
  child_heartbeat_stale: [{ ...attempt, type: "child_heartbeat_stale", ageMs: 2_500 }, "no heartbeat for 2.5 s"],
  escalation_bifurcated: [
    {
      ...attempt,
      type: "escalation_bifurcated",
      severity: "critical",
      alert: true,
      budgetVerdict: null,
      fuseOutcome: null,
      tieBreakReason: null,
    },
    "failed, and it is critical",
  ],
  child_lint: [
    { ...attempt, type: "child_lint", rule: "ignores_signal", afterMs: 5_000 },
    "ignores for 5 s that it is to stop",
  ],
  child_unhealthy: [{ ...attempt, type: "child_unhealthy", reason: "refused" }, "unhealthy: refused"],
  child_healthy: [{ ...attempt, type: "child_healthy" }, "healthy again"],
  child_draining: [
    { ...attempt, type: "child_draining", cause: "shutdown", delayMs: 2_000 },
    "no longer ready (shutdown), asked to stop in 2 s",
  ],
  child_stopping: [
    { ...attempt, type: "child_stopping", cause: "run_timeout", timeoutMs: 5_000 },
    "asked to stop (run timeout), forced in 5 s",
  ],
  child_killing: [{ ...attempt, type: "child_killing", cause: "shutdown" }, "forced to stop"],
  child_abandoned: [{ ...attempt, type: "child_abandoned" }, "cannot be forced to stop; left behind, not started again until it ends"],
  child_attempt_stale_report: [
    { ...attempt, type: "child_attempt_stale_report", report: "failed" },
    "a report of an attempt that is over was ignored (failed)",
  ],
  child_shutdown: [{ ...attempt, type: "child_shutdown", status: "graceful", tookMs: 7, exit: null }, "stopped in 7 ms"],
  child_control_command_completed: [
    { ...attempt, type: "child_control_command_completed", command: "pause", by: "ops", reason: "leaks", result: "idempotent" },
    "pause by ops: leaks (was so already)",
  ],
  child_control_operation_changed: [
    { ...attempt, type: "child_control_operation_changed", from: "active", to: "paused", by: "ops", reason: "leaks" },
    "paused by ops: leaks",
  ],
  child_restart_fence_entered: [
    { ...attempt, type: "child_restart_fence_entered", targetGeneration: 2, by: "ops", reason: "leaks" },
    "to be restarted by ops when this attempt is gone: leaks",
  ],
  child_restart_fence_abort_requested: [
    { ...attempt, type: "child_restart_fence_abort_requested" },
    "did not stop in time for its restart, is forced",
  ],
  child_restart_fence_released: [
    { ...attempt, type: "child_restart_fence_released", exitKind: "cancelled" },
    "the attempt before is gone (cancelled)",
  ],
  child_restart_conflict: [
    { ...attempt, type: "child_restart_conflict", decision: "already_pending", by: "ops", reason: "leaks" },
    "a restart was pending already when ops asked for one",
  ],
  child_declaration_rejected: [
    { ...base, type: "child_declaration_rejected", by: "ops", reason: "x", code: "invalid_spec", message: "no", pointer: null },
    "was not added for ops: no",
  ],
  child_addition_undone: [
    { ...base, type: "child_addition_undone", transactionId: "t", reason: "no port" },
    "its addition was undone: no port",
  ],
  child_addition_recovered: [
    { ...base, type: "child_addition_recovered", transactionId: "t", outcome: "compensated" },
    "its addition was cut short by the last end of the program; nothing of it is left",
  ],
  registration_changed: [
    { ...base, type: "registration_changed", from: "registered", to: "reconnecting", reason: "the relay does not answer" },
    "cannot renew its registration at the relay, which still counts: the relay does not answer",
  ],
  config_reloaded: [
    { ...base, type: "config_reloaded", by: "ops", reason: "new file", added: 1, removed: 0, restarted: 2, live: 0, failed: 1 },
    "reloaded by ops (new file): 1 added, 2 started anew, 1 as before, because it failed",
  ],
  child_added: [
    { ...base, type: "child_added", by: "ops", reason: "more load", transactionId: "t", specHash: "h" },
    "added by ops: more load",
  ],
  sink_changed: [
    { ...base, type: "sink_changed", sink: "journal", healthy: true, reason: "disk full", lost: 3 },
    "the journal is written again (disk full), 3 are missing",
  ],
  fairness_probe_starvation: [
    { ...base, type: "fairness_probe_starvation", waitMs: 1_500, lagMs: 20, depth: 7 },
    "the program does not get to its work: a message waited 1.5 s, a timer was 20 ms late, 7 messages wait",
  ],
  child_removed: [{ ...attempt, type: "child_removed" }, "removed"],
  budget_exhausted: [
    { ...attempt, type: "budget_exhausted", group: "edge", retryAfterMs: 2_000 },
    'no restart is left for group "edge", the next in 2 s',
  ],
  meltdown: [
    { ...attempt, type: "meltdown", reason: "hot_loop_detected", retryAtMs: 9 },
    "its fuse is open: it restarts in rapid succession",
  ],
  group_fuse_triggered: [
    { ...base, type: "group_fuse_triggered", group: "edge", propagatedFromGroup: "storage", propagation: "full", retryAtMs: 9 },
    'the fuse of group "edge" is open: it depends on group "storage", whose fuse is open',
  ],
  group_fuse_on_trial: [{ ...base, type: "group_fuse_on_trial", group: "edge" }, 'the fuse of group "edge" lets one restart through'],
  child_restart_queued: [
    { ...attempt, type: "child_restart_queued", group: null, ahead: 2 },
    "waits for its turn to restart, 2 before it",
  ],
  fuse_reset: [
    { ...attempt, type: "fuse_reset", group: "edge", by: "ops", reason: "repaired" },
    'its fuse and that of group "edge" were reset by ops: repaired',
  ],
  shutdown_requested: [
    { ...base, type: "shutdown_requested", cause: { kind: "shutdown", requestedBy: "ops", reason: "deploy" }, forced: false },
    "shutdown by ops: deploy",
  ],
  shutdown_completed: [{ ...base, type: "shutdown_completed", exitCode: 0, tookMs: 7 }, "shut down in 7 ms, exit code 0"],
} satisfies { readonly [Type in EventType]: readonly [SupervisorEvent & { type: Type }, string] };

for (const [event, sentence] of Object.values(SENTENCES)) {
  Deno.test(`describe() says what ${event.type} means`, () => assertEquals(describe(event), sentence));
}

Deno.test("describe() says how much a reader missed", () =>
  assertEquals(describe({ type: "gap", from: 3, to: 7 }), "5 events were missed"));

Deno.test("describe() says when a child does not come back, and why", () => {
  const failed = (decision: (SupervisorEvent & { type: "child_failed" })["decision"]): string =>
    describe({
      ...attempt,
      type: "child_failed",
      exit,
      exitClass: "nonzero_exit",
      uptimeMs: 0,
      limit: null,
      decision,
      policy: POLICY_OF_NO_ROLE,
      group: null,
    });
  assertMatch(failed({ ...stays, action: "give_up", reason: "restart_limit_exhausted" }), /stays down until someone starts it/);
  assertMatch(failed({ ...stays, action: "escalate", reason: "restart_limit_exhausted" }), /the supervisor gives up/);
  assertMatch(failed({ ...stays, reason: "restart_policy_temporary" }), /its restart policy is temporary/);
  assertMatch(failed({ ...back, reason: "restart_limit_slow_down" }), /back in 1\.5 s, slowed down at its limit/);
  assertMatch(failed({ ...back, delayMs: 0 }), /back at once/);
});

Deno.test("duration() renders any time for people", () => {
  assertEquals([0, 999, 1_000, 59_949, 90_000, 5_400_000].map(duration), ["0 ms", "999 ms", "1 s", "59.9 s", "1.5 min", "1.5 h"]);
  assert(!duration(1e12).includes("e"));
});
