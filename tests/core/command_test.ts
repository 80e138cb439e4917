/** Commands of an operator, and the fence between two attempts (contract, sections 6, 13 and 14). */
import { assertEquals } from "@std/assert";
import type { CommandResult } from "../../src/core/mod.ts";
import type { ChildSpec } from "../../src/spec/mod.ts";
import { CANCELLED, Driver, FAILED, scripted, SUCCEEDED } from "./driver.ts";

function up(options: Partial<ChildSpec> = {}): Driver {
  return new Driver([scripted("a", options), scripted("b")]).begin().running("a", "b");
}

/** What the last command was answered. */
function answer(driver: Driver): CommandResult {
  const [reply] = driver.last.flatMap((effect) => effect.type === "reply" ? [effect.result] : []);
  if (reply === undefined) throw new Error("The command was not answered");
  return reply;
}

function outcome(driver: Driver): string {
  const { outcome, refusal, decision } = answer(driver);
  return [outcome, refusal ?? decision].filter((part) => part !== null).join(" ");
}

// --- restart and the fence -----------------------------------------------------------------------------------------------------------------

Deno.test("restart: a live attempt is asked to stop, and its successor starts when it is gone", () => {
  const driver = up().command("a", "restart");
  assertEquals([outcome(driver), driver.cancelled, answer(driver).cancelDelivered], ["accepted queued_after_stop", ["a"], true]);
  driver.exit("a", CANCELLED);
  assertEquals([driver.started, driver.slot("a").generation, driver.slot("a").attempt], [["a"], 1, 2]);
  assertEquals(driver.typesOf("a").slice(2), [
    "child_restart_fence_entered",
    "child_stopping",
    "child_control_command_completed",
    "child_stopped",
    "child_restart_fence_released",
    "child_restarting",
    "child_starting",
  ]);
});

Deno.test("restart: a child without an attempt starts at once, without its delay", () => {
  const driver = up().exit("a").command("a", "restart");
  assertEquals([outcome(driver), driver.started, driver.timers], ["accepted started_immediately", ["a"], 0]);
});

Deno.test("restart: another one while the old attempt stops changes nothing", () => {
  const driver = up().command("a", "restart").command("a", "restart");
  assertEquals([outcome(driver), driver.cancelled, answer(driver).cancelDelivered], ["idempotent already_pending", [], false]);
  driver.exit("a", CANCELLED);
  assertEquals([driver.slot("a").generation, driver.typesOf("a").filter((type) => type === "child_restart_conflict").length], [1, 1]);
});

Deno.test("restart: an attempt that does not stop is forced by the timer, and only then replaced", () => {
  const driver = up({ run: { kind: "process", command: "x" }, stop: { timeoutMs: 300 } }).command("a", "restart").pass(300);
  assertEquals([driver.killed, driver.started], [["a"], []]);
  assertEquals(driver.typesOf("a").includes("child_restart_fence_abort_requested"), true);
  assertEquals(driver.exit("a", { kind: "killed" }).started, ["a"]);
});

Deno.test("restart: the fence stays closed while an attempt that cannot be forced lives", () => {
  const driver = up({ stop: { timeoutMs: 300, killWaitMs: 50 } }).command("a", "restart").pass(300).abandon("a").pass(100_000);
  assertEquals([driver.phase("a"), driver.slot("a").attempt], ["abandoned", 1]);
  assertEquals(driver.exit("a", CANCELLED).started, ["a"]);
});

Deno.test("restart: what went wrong before no longer counts", () => {
  const driver = up();
  for (let failure = 0; failure < 3; failure++) driver.exit("a").pass(1_000).running("a");
  driver.command("a", "restart").exit("a", CANCELLED);
  const { consecutive, window, restartsTotal, failuresTotal } = driver.slot("a");
  assertEquals([consecutive, window, restartsTotal, failuresTotal], [0, null, 4, 3]);
});

Deno.test("restart: an attempt that fails while it is being replaced counts in the total, and not against the limit", () => {
  const driver = up().command("a", "restart").exit("a", FAILED);
  assertEquals([driver.started, driver.slot("a").failuresTotal, driver.slot("a").window], [["a"], 1, null]);
});

Deno.test("restart: an attempt that is stopped for being unhealthy is replaced by the operator's", () => {
  const driver = up({ timeouts: { runMs: 1_000 } }).pass(1_000);
  assertEquals(driver.phase("a"), "stopping");
  driver.command("a", "restart");
  assertEquals([outcome(driver), answer(driver).cancelDelivered], ["accepted queued_after_stop", false]);
  assertEquals([driver.exit("a", CANCELLED).started, driver.slot("a").failuresTotal], [["a"], 0]);
});

Deno.test("restart: a child that is held is not restarted", () => {
  for (const hold of ["pause", "quarantine"] as const) {
    const driver = up().command("a", hold).exit("a", CANCELLED).command("a", "restart");
    assertEquals([outcome(driver), driver.started], ["refused child_held", []]);
  }
});

// --- start and terminate ---------------------------------------------------------------------------------------------------------------------

Deno.test("start: brings back a child that finished, gave up, or waits for its next attempt", () => {
  const once = up({ restartPolicy: "temporary" }).exit("a", SUCCEEDED).command("a", "start");
  assertEquals([outcome(once), once.started], ["accepted started_immediately", ["a"]]);
  const lost = up({ limit: { maxRestarts: 1, onExceeded: "give_up" } }).exit("a").pass(1_000).running("a").exit("a");
  assertEquals(lost.phase("a"), "failed");
  assertEquals([lost.command("a", "start").started, lost.slot("a").window], [["a"], null]);
  const delayed = up().exit("a").command("a", "start");
  assertEquals([delayed.started, delayed.timers], [["a"], 0]);
});

Deno.test("start: changes nothing when the child runs, or waits for others", () => {
  assertEquals(outcome(up().command("a", "start")), "idempotent");
  const waiting = new Driver([scripted("db", { readiness: { mode: "explicit" } }), scripted("web", { dependencies: ["db"] })]).begin();
  assertEquals([outcome(waiting.command("web", "start")), waiting.phase("web")], ["idempotent", "waiting"]);
});

Deno.test("start: a child whose dependencies are not ready waits for them", () => {
  const driver = new Driver([scripted("db"), scripted("web", { dependencies: ["db"] })]).begin().running("db").running("web");
  driver.command("web", "terminate").exit("web", CANCELLED).exit("db").command("web", "start");
  assertEquals([driver.started, driver.phase("web")], [[], "waiting"]);
  assertEquals(driver.pass(1_000).running("db").started, ["web"]);
});

Deno.test("terminate: stops the child, which stays down whatever its policy says", () => {
  const driver = up().command("a", "terminate");
  assertEquals([outcome(driver), driver.cancelled], ["accepted", ["a"]]);
  driver.exit("a", FAILED).pass(100_000);
  assertEquals([driver.phase("a"), driver.slot("a").window, driver.slot("a").operation], ["stopped", null, "active"]);
  assertEquals(outcome(driver.command("a", "terminate")), "idempotent");
});

Deno.test("terminate: calls off a planned restart", () => {
  const driver = up().exit("a").command("a", "terminate");
  assertEquals([outcome(driver), driver.timers, driver.phase("a")], ["accepted", 0, "stopped"]);
});

Deno.test("terminate, then start before it has ended: the next attempt follows", () => {
  const driver = up().command("a", "terminate").command("a", "start");
  assertEquals(outcome(driver), "accepted queued_after_stop");
  assertEquals(driver.exit("a", CANCELLED).started, ["a"]);
});

// --- pause, quarantine, resume, release ---------------------------------------------------------------------------------------------------------

for (const [hold, operation] of [["pause", "paused"], ["quarantine", "quarantined"]] as const) {
  Deno.test(`${hold}: the live attempt is stopped, and nothing starts another`, () => {
    const driver = up().command("a", hold);
    assertEquals([outcome(driver), driver.cancelled, driver.slot("a").operation], ["accepted", ["a"], operation]);
    driver.exit("a", CANCELLED).pass(100_000);
    assertEquals([driver.phase("a"), driver.slot("a").attempt], ["stopped", 1]);
  });

  Deno.test(`${hold}: a planned restart is called off`, () => {
    const driver = up().exit("a").command("a", hold).pass(100_000);
    assertEquals([driver.timers, driver.phase("a"), driver.slot("a").attempt], [0, "stopped", 1]);
  });

  Deno.test(`${hold}: repeating it sends no second cancel and no second event`, () => {
    const driver = up().command("a", hold).command("a", hold);
    assertEquals([outcome(driver), driver.cancelled], ["idempotent", []]);
    assertEquals(driver.typesOf("a").filter((type) => type === "child_control_operation_changed").length, 1);
  });

  Deno.test(`${hold}: an attempt that does not stop is forced`, () => {
    const driver = up({ run: { kind: "process", command: "x" }, stop: { timeoutMs: 300 } }).command("a", hold).pass(300);
    assertEquals(driver.killed, ["a"]);
  });

  Deno.test(`resume: a child that was ${operation} starts again, as a new incarnation`, () => {
    const driver = up().command("a", hold).exit("a", CANCELLED).command("a", "resume");
    assertEquals([outcome(driver), driver.started, driver.slot("a").generation], ["accepted started_immediately", ["a"], 1]);
  });

  Deno.test(`resume: a child that was ${operation} while its restart was planned starts at once`, () => {
    assertEquals(up().exit("a").command("a", hold).command("a", "resume").started, ["a"]);
  });

  Deno.test(`resume: a child that was done when it was ${operation} stays down`, () => {
    const driver = up({ restartPolicy: "transient" }).exit("a", SUCCEEDED).command("a", hold).command("a", "resume");
    assertEquals([outcome(driver), driver.started, driver.phase("a")], ["accepted", [], "stopped"]);
  });

  Deno.test(`resume: before the attempt of a ${operation} child has ended, the next one follows it`, () => {
    const driver = up().command("a", hold).command("a", "resume");
    assertEquals([outcome(driver), driver.started], ["accepted queued_after_stop", []]);
    assertEquals(driver.exit("a", CANCELLED).started, ["a"]);
  });
}

Deno.test("resume and release: a child that nobody holds is left alone", () => {
  for (const command of ["resume", "release"] as const) assertEquals(outcome(up().command("a", command)), "idempotent");
});

Deno.test("release: ends a quarantine, but not a pause", () => {
  assertEquals(up().command("a", "quarantine").exit("a", CANCELLED).command("a", "release").started, ["a"]);
  const driver = up().command("a", "pause").exit("a", CANCELLED).command("a", "release");
  assertEquals([outcome(driver), driver.slot("a").operation], ["refused child_paused", "paused"]);
});

Deno.test("a hold may change its kind, and the child still comes back when it is over", () => {
  const driver = up().command("a", "pause").exit("a", CANCELLED).command("a", "quarantine");
  assertEquals([outcome(driver), driver.slot("a").operation], ["accepted", "quarantined"]);
  assertEquals(driver.command("a", "resume").started, ["a"]);
});

// --- everywhere --------------------------------------------------------------------------------------------------------------------------------

Deno.test("a command changes nothing else, and its answer says what it acted on", () => {
  const driver = up().command("a", "pause");
  assertEquals(answer(driver), {
    outcome: "accepted",
    refusal: null,
    decision: null,
    operationBefore: "active",
    operationAfter: "paused",
    phase: "stopping",
    generation: 0,
    attempt: 1,
    cancelDelivered: true,
  });
  assertEquals([driver.phase("b"), driver.slot("b").operation], ["ready", "active"]);
});

Deno.test("a command to a child of a supervisor that stops or has not begun is refused", () => {
  for (const command of ["restart", "start", "terminate", "pause", "resume", "quarantine", "release"] as const) {
    assertEquals(outcome(up().stop().command("a", command)), "refused supervisor_not_running");
    assertEquals(outcome(new Driver([scripted("a")]).command("a", command)), "refused supervisor_not_running");
  }
});

Deno.test("a hold outlives the restart of the supervisor", () => {
  const inner = [scripted("a"), scripted("b")];
  const driver = new Driver([scripted("s", { run: { kind: "supervisor", children: inner } })], {}, 1).begin().running("a", "b");
  driver.command("a", "pause").exit("a", CANCELLED).stop().exit("b", CANCELLED).begin();
  assertEquals([driver.started, driver.phase("a"), driver.slot("a").operation], [["b"], "stopped", "paused"]);
  assertEquals(driver.command("a", "resume").started, ["a"]);
});
