/** Section 14 of the contract, generation fence: a new attempt begins only after the old one is known to be gone. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { child, ReeveError, supervise, type SupervisorEvent } from "../../mod.ts";
import type { CommandResult } from "../../src/core/mod.ts";
import { Bus, type LogRecord } from "../../src/observe/mod.ts";
import { Interpreter, planTree } from "../../src/runtime/mod.ts";
import type { ChildSpec } from "../../src/spec/mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { CANCELLED, Driver, FAILED, scripted, SUCCEEDED } from "../core/driver.ts";
import { untilAborted } from "../support/tasks.ts";

/** A process, which can be forced, with 300 ms to stop. */
const FORCIBLE: Partial<ChildSpec> = { run: { kind: "process", command: "x" }, stop: { timeoutMs: 300, killWaitMs: 50 } };

function up(options: Partial<ChildSpec> = FORCIBLE): Driver {
  return new Driver([scripted("a", options)]).begin().running("a");
}

function answer(driver: Driver): CommandResult {
  const [reply] = driver.last.flatMap((effect) => effect.type === "reply" ? [effect.result] : []);
  if (reply === undefined) throw new Error("The command was not answered");
  return reply;
}

/** Types of the events of the last message. */
function told(driver: Driver): string[] {
  return driver.last.flatMap((effect) => effect.type === "emit" ? [effect.event.type] : []);
}

function count(driver: Driver, type: SupervisorEvent["type"]): number {
  return driver.events.filter((event) => event.type === type).length;
}

/** Where the old attempt is when something else happens. */
const PENDING = [
  ["waiting_for_old_stop", (): Driver => up().command("a", "restart"), "stopping"],
  ["aborting_old", (): Driver => up().command("a", "restart").pass(300), "killing"],
] as const;

Deno.test("§14 fence: open, restart with no live attempt: the target starts at once", () => {
  const driver = up().exit("a");
  assertEquals([driver.phase("a"), driver.timers], ["backoff", 1]);
  driver.command("a", "restart");
  const { outcome, decision, cancelDelivered } = answer(driver);
  assertEquals([outcome, decision, cancelDelivered], ["accepted", "started_immediately", false]);
  assertEquals([driver.started, driver.timers, driver.slot("a").generation], [["a"], 0, 1]);
  assertEquals(count(driver, "child_restart_fence_entered"), 0);
});

Deno.test("§14 fence: open, restart with a live attempt: it is cancelled once, and its successor waits for its end", () => {
  const driver = up().command("a", "restart");
  const { outcome, decision, cancelDelivered } = answer(driver);
  assertEquals([outcome, decision, cancelDelivered], ["accepted", "queued_after_stop", true]);
  assertEquals([driver.cancelled, driver.started, driver.phase("a")], [["a"], [], "stopping"]);
  assertEquals(told(driver), ["child_restart_fence_entered", "child_stopping", "child_control_command_completed"]);
});

Deno.test("§14 fence: open, restart with a live attempt: old generation and attempt are pinned, the target is old + 1", () => {
  const driver = up().command("a", "restart");
  const entered = driver.events.find((event) => event.type === "child_restart_fence_entered");
  assertEquals([entered?.generation, entered?.attempt, entered?.targetGeneration], [0, 1, 1]);
  assertEquals([driver.slot("a").generation, driver.slot("a").attempt], [0, 1]);
});

Deno.test("§14 fence: open, restart with a live attempt: the deadline is now + the graceful time", () => {
  const driver = up();
  const now = driver.now;
  driver.command("a", "restart");
  const deadlines = driver.last.flatMap((effect) => effect.type === "setTimer" ? [effect.dueMs] : []);
  assertEquals(deadlines, [now + 300]);
});

for (const [phase, pending, shown] of PENDING) {
  Deno.test(`§14 fence: ${phase}, another restart: already pending, no new generation and no second cancel`, () => {
    const driver = pending().command("a", "restart");
    const { outcome, decision, cancelDelivered } = answer(driver);
    assertEquals([outcome, decision, cancelDelivered], ["idempotent", "already_pending", false]);
    assertEquals([driver.cancelled, driver.killed, driver.phase("a")], [[], [], shown]);
    assertEquals(told(driver), ["child_restart_conflict", "child_control_command_completed"]);
    driver.exit("a", CANCELLED);
    assertEquals([driver.slot("a").generation, driver.slot("a").attempt], [1, 2]);
  });

  Deno.test(`§14 fence: ${phase}, every further restart is counted (here: by one conflict event each)`, () => {
    const driver = pending();
    for (let times = 0; times < 3; times++) driver.command("a", "restart");
    assertEquals([count(driver, "child_restart_conflict"), count(driver, "child_restart_fence_entered")], [3, 1]);
  });

  Deno.test(`§14 fence: ${phase}, the old attempt's exit arrives: it is told as stopped, and the fence as released`, () => {
    const driver = pending().exit("a", CANCELLED);
    assertEquals(told(driver).slice(0, 2), ["child_stopped", "child_restart_fence_released"]);
    assertEquals(driver.slot("a").lastDecision?.reason, "restarted_by_command");
    assertEquals(driver.started, ["a"]);
  });
}

Deno.test("§14 fence: waiting_for_old_stop, deadline passed: the timer forces the old attempt, nobody has to ask again", () => {
  const driver = up().command("a", "restart").pass(299);
  assertEquals([count(driver, "child_restart_fence_abort_requested"), driver.phase("a")], [0, "stopping"]);
  driver.pass(1);
  assertEquals([driver.killed, driver.started, driver.phase("a")], [["a"], [], "killing"]);
  assertEquals(told(driver).includes("child_restart_fence_abort_requested"), true);
});

Deno.test("§14 fence: ready_to_start, target spawned: the fence is open, and the next restart enters it anew", () => {
  const driver = up().command("a", "restart").exit("a", CANCELLED);
  assertEquals(told(driver), ["child_stopped", "child_restart_fence_released", "child_restarting", "child_starting"]);
  driver.running("a").command("a", "restart");
  assertEquals([answer(driver).decision, count(driver, "child_restart_fence_entered")], ["queued_after_stop", 2]);
  driver.exit("a", CANCELLED);
  assertEquals([driver.slot("a").generation, driver.slot("a").attempt], [2, 3]);
});

Deno.test("§14 fence: ready_to_start, spawn failed: a recoverable failure, and the fence is open (here: the counters are kept)", () => {
  const clock = new VirtualClock({ automatic: false });
  const results: CommandResult[] = [];
  let starts = 0;
  const backoff = { initialMs: 10, maxMs: 10, jitter: "none" } as const;
  const interpreter = new Interpreter({
    plan: planTree({ children: [child.task("a", () => {}, { backoff })] }, 70),
    adapterFor: () => ({
      start: (context) => {
        if (++starts === 2) throw new Error("no such file");
        context.running();
        return { cancel: () => context.exited({ kind: "cancelled" }), kill: () => {} };
      },
    }),
    startProbes: () => null,
    clock,
    random: () => 0.5,
    events: new Bus<SupervisorEvent>(64),
    eventsPerSlice: 64,
    logs: new Bus<LogRecord>(16),
    onFinished: () => {},
  });
  const restart = (): void => {
    interpreter.command({ node: 0, child: 0, path: "/a", command: "restart", by: "ops", reason: "test" }, (result) => results.push(result));
    clock.run();
  };
  interpreter.post({ type: "begin", node: 0, stamp: 0 });
  clock.run();
  restart();
  const slot = interpreter.nodes[0]!.slots[0]!;
  const failure = slot.lastExit?.kind === "failed" ? slot.lastExit.failure : null;
  assertEquals([failure?.category, failure?.message, slot.phase], ["start_failed", "no such file", "backoff"]);
  assertEquals([slot.generation, slot.attempt], [1, 2]);
  restart();
  assertEquals([results.map(({ decision }) => decision), slot.phase], [["queued_after_stop", "started_immediately"], "ready"]);
  assertEquals([slot.generation, slot.attempt], [2, 3]);
});

for (const [phase, pending] of PENDING) {
  Deno.test(`§14 fence: ${phase}, the tree is shutting down: the fence is closed, the old attempt gets no successor`, () => {
    const driver = pending().stop().exit("a", CANCELLED);
    assertEquals([driver.started, driver.node.phase, driver.slot("a").attempt], [[], "stopped", 1]);
    assertEquals(count(driver, "child_restart_fence_released"), 0);
  });
}

Deno.test("§14 fence: any, a restart while the tree is shutting down is blocked (here: refused with supervisor_not_running)", () => {
  const driver = up().stop().command("a", "restart");
  const { outcome, refusal, decision, cancelDelivered } = answer(driver);
  assertEquals([outcome, refusal, decision, cancelDelivered], ["refused", "supervisor_not_running", null, false]);
  const completed = driver.events.at(-1);
  assertEquals(completed?.type === "child_control_command_completed" ? completed.result : completed?.type, "refused");
  assertEquals(driver.exit("a", CANCELLED).started, []);
});

for (const exit of [FAILED, SUCCEEDED]) {
  Deno.test(`§14 fence: any, automatic restart while pending: an old attempt that ends as ${exit.kind} gives policy nothing to do`, () => {
    const driver = up().command("a", "restart").exit("a", exit);
    assertEquals([driver.started, driver.timers, count(driver, "backoff_scheduled")], [["a"], 0, 0]);
    assertEquals([count(driver, "child_failed"), driver.slot("a").generation, driver.slot("a").attempt], [0, 1, 2]);
  });
}

Deno.test("§14 fence: any, automatic restart while pending: a sibling's strategy leaves the fence unchanged", () => {
  const driver = new Driver([scripted("a", FORCIBLE), scripted("b")], { strategy: "one_for_all" }).begin().running("a", "b");
  driver.command("a", "restart").exit("b");
  assertEquals([driver.cancelled, driver.phase("a"), driver.slot("a").stopCause], [[], "stopping", "restart"]);
  driver.exit("a", CANCELLED).pass(100);
  assertEquals([driver.slot("a").generation, driver.slot("a").attempt, driver.slot("b").generation], [1, 2, 0]);
  assertEquals(count(driver, "child_restart_fence_released"), 1);
});

Deno.test("§14 fence: unknown child: rejected (here: child_not_found, with the nearest name)", async () => {
  const tree = await supervise({ children: [child.task("ingest", untilAborted)] }, { clock: new VirtualClock(), keepAlive: false });
  const error = assertThrows(() => tree.child("/ingset"), ReeveError);
  assertEquals([error.code, error.message], ["child_not_found", 'Cannot find child "/ingset". Did you mean "/ingest"?']);
  await tree.shutdown();
});

Deno.test("§14 PendingRestart: who asked, why, when, for which generation (here: in the event of the fence)", async () => {
  const clock = new VirtualClock({ startMs: 40 });
  const tree = await supervise({ children: [child.task("a", untilAborted)] }, { clock, keepAlive: false });
  await tree.child("/a").restart({ by: "ops", reason: "new certificate" });
  await clock.advance(1);
  await tree.shutdown();
  for await (const event of tree.events()) {
    if (event.type !== "child_restart_fence_entered") continue;
    const { by, reason, atMs, generation, attempt, targetGeneration } = event;
    assertEquals({ by, reason, atMs, generation, attempt, targetGeneration }, {
      by: "ops",
      reason: "new certificate",
      atMs: 40,
      generation: 0,
      attempt: 1,
      targetGeneration: 1,
    });
    return;
  }
  throw new Error("The fence was not told");
});

Deno.test("§14 GenerationFenceOutcome: the answer says what was decided, and what it acted on", () => {
  const driver = up().command("a", "restart");
  assertEquals(answer(driver), {
    outcome: "accepted",
    refusal: null,
    decision: "queued_after_stop",
    operationBefore: "active",
    operationAfter: "active",
    phase: "stopping",
    generation: 0,
    attempt: 1,
    cancelDelivered: true,
  });
});

Deno.test("§14 stale report: the exit of an attempt that is no longer live is told, and changes nothing", () => {
  const driver = up();
  const old = driver.attempt("a");
  driver.command("a", "restart").exit("a", CANCELLED).running("a");
  const before = structuredClone(driver.slot("a"));
  driver.send({ type: "exited", exit: FAILED, ...old });
  assertEquals(told(driver), ["child_attempt_stale_report"]);
  assertEquals([driver.last.length, driver.slot("a")], [1, before]);
});

for (const report of ["running", "ready", "health"] as const) {
  Deno.test(`§14 stale report: "${report}" of an attempt that is no longer live is ignored`, () => {
    const driver = up({ ...FORCIBLE, readiness: { mode: "explicit" } });
    const old = driver.attempt("a");
    driver.command("a", "restart").exit("a", CANCELLED);
    if (report === "running") driver.send({ type: "running", ...old });
    if (report === "ready") driver.send({ type: "ready", ready: true, ...old });
    if (report === "health") driver.send({ type: "health", failed: 9, reason: "no answer", ...old });
    assertEquals([driver.last, driver.phase("a")], [[], "starting"]);
  });
}

Deno.test("§14 fence: abort failed too: the fence stays closed, the failure is told, and no second copy starts", () => {
  const driver = up({ stop: { timeoutMs: 300, killWaitMs: 50 } }).command("a", "restart").pass(300).abandon("a").pass(3_600_000);
  assertEquals([driver.phase("a"), driver.slot("a").attempt, count(driver, "child_abandoned")], ["abandoned", 1, 1]);
  assertEquals(answer(driver.command("a", "restart")).decision, "already_pending");
  assertEquals(driver.exit("a", CANCELLED).started, ["a"]);
});

Deno.test("§14 fence: after the end of the tree a restart is refused (here: tree_finished)", async () => {
  const tree = await supervise({ children: [child.task("a", untilAborted)] }, { clock: new VirtualClock(), keepAlive: false });
  const handle = tree.child("/a");
  await tree.shutdown();
  assertEquals((await assertRejects(() => handle.restart(), ReeveError)).code, "tree_finished");
});
