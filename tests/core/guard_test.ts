/** Fuses, budgets and the accounts of supervisors (contract, section 8.3, with the rulings: off unless written, at one more than the number). */
import { assert, assertEquals } from "@std/assert";
import { fuseState, tokensAt } from "../../src/core/mod.ts";
import { takeRestart } from "../../src/core/bucket.ts";
import type { PolicyOptions } from "../../src/spec/mod.ts";
import { Driver, FAILED, scripted, SUCCEEDED } from "./driver.ts";

const QUICK = { backoff: { initialMs: 10, maxMs: 10, jitter: "none" }, limit: { maxRestarts: 1_000 } } as const;

function up(policy: PolicyOptions, names: readonly string[] = ["a", "b"]): Driver {
  const driver = new Driver(names.map((name) => scripted(name, QUICK)), { policy }).begin();
  return driver.running(...names);
}

/** Lets a child fail some times, each after its restart. */
function fail(driver: Driver, name: string, times: number): Driver {
  for (let count = 0; count < times; count++) {
    if (driver.phase(name) === "backoff") driver.pass(10).running(name);
    driver.exit(name);
  }
  return driver;
}

const reasonOf = (driver: Driver, name: string): unknown => driver.slot(name).lastDecision?.reason;
const retryIn = (driver: Driver, name: string): unknown => driver.slot(name).lastDecision?.delayMs;

for (
  const [guard, policy, allowed] of [
    ["hot_loop_detected", { hotLoop: { maxRestarts: 3, windowSecs: 10 } }, 3],
    ["hot_loop_detected", { hotLoop: {} }, 3],
    ["cold_start_budget_exhausted", { coldStart: { maxRestarts: 5, windowSecs: 60 } }, 5],
    ["cold_start_budget_exhausted", { coldStart: {} }, 5],
    ["meltdown_child_fuse", { meltdown: { childMaxRestarts: 2 } }, 2],
  ] as const
) {
  Deno.test(`guard: ${guard} opens the fuse of a child at restart ${allowed + 1}, for reset_after (${JSON.stringify(policy)})`, () => {
    const driver = fail(up(policy), "a", allowed);
    assertEquals([reasonOf(driver, "a"), retryIn(driver, "a")], ["within_restart_budget", 10]);
    fail(driver, "a", 1);
    assertEquals([reasonOf(driver, "a"), retryIn(driver, "a"), driver.phase("a")], [guard, 120_000, "backoff"]);
    assertEquals(driver.typesOf("a").slice(-3), ["meltdown", "child_failed", "backoff_scheduled"]);
    // Nobody else is touched.
    fail(driver, "b", allowed);
    assertEquals(reasonOf(driver, "b"), "within_restart_budget");
    driver.pass(119_900);
    assertEquals(driver.phase("a"), "backoff");
    assertEquals(driver.pass(1_000).phase("a"), "starting");
  });
}

Deno.test("guard: nothing is guarded that was not asked for, and null turns a guard off", () => {
  const driver = fail(up({ coldStart: null, hotLoop: null, meltdown: {} }), "a", 100);
  assertEquals([reasonOf(driver, "a"), retryIn(driver, "a")], ["within_restart_budget", 10]);
});

Deno.test("guard: a failure while the fuse is on trial opens it again at once; after a quiet time it is closed", () => {
  const driver = fail(up({ meltdown: { childMaxRestarts: 2, resetAfterSecs: 5 } }), "a", 3);
  driver.pass(5_000).running("a");
  assertEquals(fuseState(driver.slot("a").fuse, 5_000, driver.now), "half_open");
  driver.exit("a");
  assertEquals([reasonOf(driver, "a"), retryIn(driver, "a")], ["meltdown_child_fuse", 5_000]);
  driver.pass(5_000).running("a").pass(5_000);
  assertEquals(fuseState(driver.slot("a").fuse, 5_000, driver.now), "closed");
  driver.exit("a");
  assertEquals(reasonOf(driver, "a"), "within_restart_budget");
});

Deno.test("guard: a success on trial is no failure, but successes that are restarted are counted as restarts", () => {
  const driver = up({ hotLoop: { maxRestarts: 2, windowSecs: 10 }, meltdown: { resetAfterSecs: 5 } });
  for (let count = 0; count < 2; count++) driver.exit("a", SUCCEEDED).pass(10).running("a");
  driver.exit("a", SUCCEEDED);
  assertEquals([reasonOf(driver, "a"), retryIn(driver, "a")], ["hot_loop_detected", 5_000]);
  driver.pass(5_000).running("a").exit("a", SUCCEEDED);
  assertEquals([reasonOf(driver, "a"), retryIn(driver, "a")], ["role_success_restart", 10]);
});

Deno.test("guard: the window slides, and a cold start is over when its window is", () => {
  const driver = fail(up({ meltdown: { childMaxRestarts: 2, childWindowSecs: 1 } }), "a", 2);
  fail(driver.pass(1_001).running("a"), "a", 2);
  assertEquals(reasonOf(driver, "a"), "within_restart_budget");
  const late = up({ coldStart: { maxRestarts: 1, windowSecs: 1 } }).pass(1_001);
  assertEquals(reasonOf(fail(late, "a", 5), "a"), "within_restart_budget");
});

Deno.test("guard: a quarantine by hand beats the fuse, and a restart by hand goes past it", () => {
  const driver = fail(up({ meltdown: { childMaxRestarts: 1 } }), "a", 2);
  driver.command("a", "quarantine");
  assertEquals([driver.phase("a"), driver.pass(200_000).started], ["stopped", []]);
  const other = fail(up({ meltdown: { childMaxRestarts: 1 } }), "a", 2);
  assertEquals(other.command("a", "restart").started, ["a"]);
  assertEquals(other.slot("a").fuse, null);
});

Deno.test("guard: resetting the fuse starts whom it kept down, as a restart that goes on counting", () => {
  const driver = fail(up({ meltdown: { childMaxRestarts: 1 } }), "a", 2);
  assertEquals(driver.command("a", "reset_fuse").started, ["a"]);
  assertEquals([driver.slot("a").generation, driver.slot("a").restartsTotal, driver.timers], [0, 2, 0]);
  assert(driver.typesOf("a").includes("fuse_reset"));
  const reply = driver.running("a").command("a", "reset_fuse").last.find((effect) => effect.type === "reply");
  assertEquals(reply?.type === "reply" && reply.result.outcome, "idempotent");
});

for (
  const [reason, policy] of [
    ["supervisor_failure_limit", { supervisorFailureLimit: 4, supervisorFailureWindowMs: 10_000 }],
    ["meltdown_supervisor_fuse", { meltdown: { supervisorMaxFailures: 4, supervisorWindowSecs: 10 } }],
  ] as const
) {
  Deno.test(`guard: ${reason} counts the failures of all children, and escalates at one more than the number`, () => {
    const driver = fail(fail(up(policy), "a", 2), "b", 2);
    assertEquals(driver.node.phase, "running");
    fail(driver, "a", 1);
    assertEquals([driver.node.phase, reasonOf(driver, "a"), driver.phase("a")], ["stopped", reason, "failed"]);
  });

  Deno.test(`guard: ${reason} forgets what is older than its window, and does not count optional children`, () => {
    const driver = fail(up(policy), "a", 4).pass(10_001).running("a");
    assertEquals(fail(driver, "a", 1).node.phase, "running");
    const optional = new Driver([scripted("a", { ...QUICK, severity: "optional" })], { policy }).begin().running("a");
    assertEquals(fail(optional, "a", 20).node.phase, "running");
  });
}

Deno.test("guard: ten children that fail at the same moment all come back", () => {
  const names = Array.from({ length: 10 }, (_, index) => `c${index}`);
  const driver = new Driver(names.map((name) => scripted(name, { backoff: { initialMs: 10, maxMs: 10, jitter: "none" } }))).begin();
  driver.running(...names);
  for (const name of names) driver.exit(name);
  driver.pass(10).running(...names);
  assertEquals(names.map((name) => driver.phase(name)), names.map(() => "ready"));
});

Deno.test("budget: a restart takes a token; without one it is promised the next, first come first served", () => {
  const names = ["a", "b", "c", "d"];
  const driver = up({ restartBudget: { maxBurst: 2, recoveryRatePerSec: 0.5 } }, names);
  for (const name of names) driver.exit(name);
  assertEquals(names.map((name) => retryIn(driver, name)), [10, 10, 2_000, 4_000]);
  assertEquals([reasonOf(driver, "b"), reasonOf(driver, "c")], ["within_restart_budget", "restart_budget_exhausted"]);
  assert(driver.typesOf("c").includes("budget_exhausted") && !driver.typesOf("b").includes("budget_exhausted"));
  driver.pass(2_000);
  assertEquals([driver.phase("c"), driver.phase("d")], ["starting", "backoff"]);
});

Deno.test("budget: starts full, fills at its rate, never over its burst", () => {
  const policy = { maxBurst: 3, recoveryRatePerSec: 1 };
  const bucket = { tokens: 3, atMs: 0 };
  assertEquals([takeRestart(bucket, policy, 0), takeRestart(bucket, policy, 0), takeRestart(bucket, policy, 0)], [0, 0, 0]);
  assertEquals(takeRestart(bucket, policy, 500), 500);
  assertEquals([tokensAt(bucket, policy, 2_000), tokensAt(bucket, policy, 60_000)], [1, 3]);
});

Deno.test("budget: in no minute are there more restarts than burst and rate allow", () => {
  const policy = { maxBurst: 10, recoveryRatePerSec: 0.5 };
  const bucket = { tokens: 10, atMs: 0 };
  const starts: number[] = [];
  for (let now = 0; now < 600_000; now += 100) starts.push(now + takeRestart(bucket, policy, now));
  for (const from of starts.filter((time) => time < 600_000)) {
    const inMinute = starts.filter((time) => time >= from && time < from + 60_000).length;
    assert(inMinute <= 10 + 30 + 1, `${inMinute} from ${from}`);
  }
});

Deno.test("decay: the count falls by half in each half-life, and the limit is exceeded above its number", () => {
  const limit = { maxRestarts: 3, halfLifeMs: 1_000, onExceeded: "give_up" } as const;
  const driver = new Driver([scripted("a", { backoff: { initialMs: 1_000, maxMs: 1_000, jitter: "none" }, limit })]).begin();
  driver.running("a");
  // With one failure per half-life the count stays below two.
  for (let count = 0; count < 20; count++) driver.exit("a").pass(1_000).running("a");
  assertEquals(driver.phase("a"), "ready");
  for (let count = 0; count < 2; count++) driver.command("a", "restart").exit("a", FAILED).running("a");
  driver.exit("a");
  const [failed] = driver.events.filter((event) => event.type === "child_failed").slice(-1);
  assertEquals(failed?.type === "child_failed" && failed.limit?.used, 1);
});

Deno.test("decay: failures in rapid succession exceed the limit at one more than its number", () => {
  const limit = { maxRestarts: 3, halfLifeMs: 60_000, onExceeded: "give_up" } as const;
  const driver = new Driver([scripted("a", { ...QUICK, limit })]).begin().running("a");
  fail(driver, "a", 3);
  assertEquals([driver.phase("a"), reasonOf(driver, "a")], ["backoff", "within_restart_budget"]);
  fail(driver, "a", 1);
  assertEquals([driver.phase("a"), reasonOf(driver, "a")], ["failed", "restart_limit_exhausted"]);
});
