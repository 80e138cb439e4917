/** Contract, section 18 (events): the real runtime tells every event there is. */
import { assert, assertEquals } from "@std/assert";
import type { EventType, SupervisorEvent } from "../../src/event/mod.ts";
import { SCENES } from "../support/scenes.ts";

/** The scene that shows an event; one that is declared and shown nowhere does not compile. */
const SHOWN_BY: Readonly<Record<EventType, string>> = {
  supervisor_started: "children that wait, get ready, are ready no more, and stop",
  supervisor_ready: "children that wait, get ready, are ready no more, and stop",
  supervisor_escalated: "a supervisor that gives up",
  subscriber_lagged: "a reader that is too slow, and then reads on",
  backpressure_alert: "a reader that is too slow, and then reads on",
  backpressure_degradation: "a reader that is too slow, and then reads on",
  sink_changed: "a journal whose file cannot be written, and then can",
  fairness_probe_starvation: "a loop that does not get its turn",
  registration_changed: "a target whose relay is not there",
  config_reloaded: "a declaration that is applied anew",
  child_added: "children that come and go",
  child_declaration_rejected: "children that come and go",
  child_addition_undone: "children that come and go",
  child_addition_recovered: "an addition that the last end of the program cut short",
  state_restored: "a program that was killed, and its next run",
  leftover_process: "a program that was killed, and its next run",
  child_removed: "children that come and go",
  child_waiting: "children that wait, get ready, are ready no more, and stop",
  child_run_skipped: "a scheduled child that still runs when it is time again",
  child_starting: "children that wait, get ready, are ready no more, and stop",
  child_running: "children that wait, get ready, are ready no more, and stop",
  child_ready: "children that wait, get ready, are ready no more, and stop",
  child_not_ready: "children that wait, get ready, are ready no more, and stop",
  child_failed: "a critical child that fails",
  escalation_bifurcated: "a critical child that fails",
  child_succeeded: "children that wait, get ready, are ready no more, and stop",
  child_stopped: "a restart of a child that does not stop, and ends much later",
  backoff_scheduled: "a critical child that fails",
  budget_exhausted: "a budget that is used up",
  meltdown: "a fuse of a child that opens, and is closed by an operator",
  group_fuse_triggered: "a fuse of a group that opens, and is on trial",
  group_fuse_on_trial: "a fuse of a group that opens, and is on trial",
  child_restart_queued: "a fuse of a group that opens, and is on trial",
  fuse_reset: "a fuse of a child that opens, and is closed by an operator",
  child_restarting: "a critical child that fails",
  child_heartbeat_stale: "heartbeats that stop, and come again",
  child_unhealthy: "heartbeats that stop, and come again",
  child_lint: "a child that runs and never gets ready",
  child_healthy: "heartbeats that stop, and come again",
  child_draining: "children that wait, get ready, are ready no more, and stop",
  child_stopping: "children that wait, get ready, are ready no more, and stop",
  child_killing: "a restart of a child that does not stop, and ends much later",
  child_abandoned: "a restart of a child that does not stop, and ends much later",
  child_attempt_stale_report: "an adapter that reports an end twice",
  child_shutdown: "children that wait, get ready, are ready no more, and stop",
  child_control_command_completed: "a fuse of a child that opens, and is closed by an operator",
  child_control_operation_changed: "children that come and go",
  child_restart_fence_entered: "a restart of a child that does not stop, and ends much later",
  child_restart_fence_abort_requested: "a restart of a child that does not stop, and ends much later",
  child_restart_fence_released: "a restart of a child that does not stop, and ends much later",
  child_restart_conflict: "a restart of a child that does not stop, and ends much later",
  shutdown_requested: "children that wait, get ready, are ready no more, and stop",
  shutdown_completed: "children that wait, get ready, are ready no more, and stop",
};

const seen = new Map<string, Promise<SupervisorEvent[]>>();

function eventsOf(scene: string): Promise<SupervisorEvent[]> {
  const events = seen.get(scene) ?? SCENES[scene]!();
  seen.set(scene, events);
  return events;
}

for (const [type, scene] of Object.entries(SHOWN_BY)) {
  Deno.test(`§18 the real runtime tells ${type}: ${scene}`, async () => {
    assert(
      (await eventsOf(scene)).some((event) => event.type === type),
      `not among ${[...new Set((await eventsOf(scene)).map((event) => event.type))].join(", ")}`,
    );
  });
}

Deno.test("§18 correlation: one number from an exit to the ready that follows it, another one for the next exit", async () => {
  const chains = new Map<number, string[]>();
  for (const event of await eventsOf("a critical child that fails")) {
    if (event.path !== "/a") continue;
    chains.set(event.correlation, [...chains.get(event.correlation) ?? [], event.type]);
  }
  const [first, ...others] = [...chains.values()];
  assertEquals(first, ["child_starting", "child_ready"]);
  const whole = ["child_failed", "escalation_bifurcated", "backoff_scheduled", "child_restarting", "child_starting", "child_ready"];
  const complete = others.filter((types) => types.length >= whole.length);
  assert(complete.length >= 10, `${others.length} chains`);
  for (const types of complete) assertEquals(types.slice(0, whole.length), whole);
});

Deno.test("§18 correlation: whoever starts a child that waits for its next attempt goes on with the number of the exit before", async () => {
  const events = await eventsOf("a command while a child waits for its next attempt");
  const failed = events.find(({ type }) => type === "child_failed");
  const own = events.filter(({ correlation }) => correlation === failed?.correlation).map(({ type }) => type);
  assertEquals(own, [
    "child_failed",
    "backoff_scheduled",
    "child_control_command_completed",
    "child_restarting",
    "child_starting",
    "child_control_command_completed",
    "child_ready",
    "child_stopping",
  ]);
});
