/** Contract, section 8.3 (budget, limit, cold start, hot loop, meltdown): every row by name. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { fuseState, tokensAt } from "../../src/core/mod.ts";
import { takeRestart } from "../../src/core/bucket.ts";
import { type ChildSpec, type PolicyOptions, resolveBudget, ROLE_PACKS, type TreeSpec, validateTree } from "../../src/spec/mod.ts";
import { CANCELLED, Driver, FAILED, scripted, SUCCEEDED } from "../core/driver.ts";

const QUICK = { backoff: { initialMs: 10, maxMs: 10, jitter: "none" }, limit: { maxRestarts: 1_000 } } as const;

function up(
  policy: PolicyOptions,
  children: readonly ChildSpec[] = [scripted("a", QUICK), scripted("b", QUICK)],
  tree: Partial<TreeSpec> = {},
): Driver {
  return new Driver(children, { ...tree, policy }).begin().running(...children.map(({ name }) => name));
}

/** Lets a child fail so often, each time after its restart. */
function fail(driver: Driver, name: string, times: number): Driver {
  for (let count = 0; count < times; count++) {
    if (driver.phase(name) === "backoff") driver.pass(10).running(name);
    driver.exit(name);
  }
  return driver;
}

const reasonOf = (driver: Driver, name = "a"): unknown => driver.slot(name).lastDecision?.reason;
const delayOf = (driver: Driver, name = "a"): unknown => driver.slot(name).lastDecision?.delayMs;
const usesOf = (driver: Driver, name = "a"): unknown[] =>
  driver.events.flatMap((event) =>
    event.type === "child_failed" && event.path === `/${name}` ? [[event.limit?.used, event.limit?.limit]] : []
  );

// ---- order ----

Deno.test("§8.3 order: restart limit and token bucket first: what the limit refuses takes no token", () => {
  const policy = { restartBudget: { maxBurst: 2, recoveryRatePerSec: 0.1 } };
  const strict = scripted("a", { ...QUICK, limit: { maxRestarts: 1, onExceeded: "give_up" } });
  const driver = fail(up(policy, [strict, scripted("b", QUICK)]), "a", 2);
  assertEquals([driver.phase("a"), reasonOf(driver)], ["failed", "restart_limit_exhausted"]);
  driver.exit("b");
  assertEquals([reasonOf(driver, "b"), delayOf(driver, "b")], ["within_restart_budget", 10]);
});

Deno.test("§8.3 order: meltdown for granted restarts only (here: the fuse counts the others too, and the longest delay counts)", () => {
  const driver = up({ restartBudget: { maxBurst: 1, recoveryRatePerSec: 1 }, meltdown: { childMaxRestarts: 2 } });
  driver.exit("a").pass(10).running("a").exit("a");
  assertEquals(reasonOf(driver), "restart_budget_exhausted");
  driver.pass(1_000).running("a").exit("a");
  assertEquals([reasonOf(driver), delayOf(driver)], ["meltdown_child_fuse", 120_000]);
});

Deno.test("§8.3 order: backoff last: it is the delay where no guard asks for a longer one", () => {
  const slow = { ...QUICK, backoff: { initialMs: 5_000, maxMs: 5_000, jitter: "none" } } as const;
  const driver = up({ restartBudget: { maxBurst: 1, recoveryRatePerSec: 1 } }, [scripted("a", slow), scripted("b", slow)]);
  driver.exit("a").exit("b");
  assertEquals([delayOf(driver, "a"), delayOf(driver, "b"), reasonOf(driver, "b")], [5_000, 5_000, "within_restart_budget"]);
});

// ---- restart limit ----

Deno.test("§8.3 restart limit: source: the limit of the declaration", () => {
  const child = scripted("a", { taskRole: "service", limit: { maxRestarts: 7 } });
  assertEquals(usesOf(up({}, [child]).exit("a")), [[1, 7]]);
  assertEquals(usesOf(up({ childRestartLimit: 4 }, [scripted("a", { taskRole: "service" })]).exit("a")), [[1, 4]]);
});

for (const [taskRole, { maxRestarts }] of Object.entries(ROLE_PACKS)) {
  if (taskRole !== "service" && taskRole !== "worker" && taskRole !== "job") continue;
  Deno.test(`§8.3 restart limit: source: else the default of the role, ${taskRole}`, () => {
    assertEquals(usesOf(up({}, [scripted("a", { taskRole })]).exit("a")), [[1, maxRestarts]]);
  });
}

Deno.test("§8.3 restart limit: count: restartable failures only, neither successes nor stops", () => {
  const children = [scripted("a", { ...QUICK, restartPolicy: "permanent" }), scripted("b", QUICK)];
  const driver = up({}, children, { strategy: "one_for_all" }).exit("a", SUCCEEDED).exit("b").pass(10).running("a", "b");
  assertEquals([usesOf(driver, "a"), usesOf(driver, "b")], [[], []]);
  driver.exit("a").exit("b", FAILED).pass(10).running("a", "b").exit("b").exit("a", CANCELLED);
  assertEquals([usesOf(driver, "a"), usesOf(driver, "b")], [[[1, 1_000]], [[1, 1_000]]]);
});

Deno.test("§8.3 restart limit: count: of this child alone", () => {
  const strict = { ...QUICK, limit: { maxRestarts: 1, onExceeded: "give_up" } } as const;
  const driver = up({}, [scripted("a", strict), scripted("b", strict)]).exit("a").exit("b");
  assertEquals([reasonOf(driver, "a"), reasonOf(driver, "b")], ["within_restart_budget", "within_restart_budget"]);
  assertEquals([usesOf(driver, "a"), usesOf(driver, "b")], [[[1, 1]], [[1, 1]]]);
});

Deno.test("§8.3 restart limit: count: in the limit's own window", () => {
  const windows = [scripted("a", { ...QUICK, limit: { windowMs: 1_000 } }), scripted("b", { ...QUICK, limit: { windowMs: 5_000 } })];
  const driver = up({}, windows).exit("a").exit("b").pass(2_000).running("a", "b").exit("a").exit("b");
  assertEquals([usesOf(driver, "a").at(-1), usesOf(driver, "b").at(-1)], [[1, 3], [2, 3]]);
});

Deno.test("§8.3 restart limit: remaining = max - count, never below 0 (here: used stops at one more than the limit)", () => {
  const driver = fail(up({}, [scripted("a", { ...QUICK, limit: { maxRestarts: 2 } })]), "a", 5);
  assertEquals(usesOf(driver), [[1, 2], [2, 2], [3, 2], [3, 2], [3, 2]]);
});

Deno.test("§8.3 restart limit: exhausted when count > max", () => {
  const strict = { ...QUICK, limit: { maxRestarts: 3, onExceeded: "give_up" } } as const;
  const driver = fail(up({}, [scripted("a", strict)]), "a", 3);
  assertEquals([reasonOf(driver), driver.phase("a")], ["within_restart_budget", "backoff"]);
  fail(driver, "a", 1);
  assertEquals([reasonOf(driver), driver.phase("a")], ["restart_limit_exhausted", "failed"]);
});

Deno.test("§8.3 restart limit: without any limit (here: the numbers of worker, 3 in 60 s, and then the longest delay)", () => {
  const child = scripted("a", { backoff: { initialMs: 10, maxMs: 1_000, jitter: "none", factor: 1 } });
  const driver = fail(up({}, [child]), "a", 3);
  assertEquals([usesOf(driver).at(-1), reasonOf(driver)], [[3, 3], "within_restart_budget"]);
  fail(driver, "a", 1);
  assertEquals([reasonOf(driver), delayOf(driver)], ["restart_limit_slow_down", 1_000]);
  assertEquals(driver.slot("a").plan.policy.limit.windowMs, 60_000);
});

// ---- token bucket ----

const EDGE = { groups: [{ name: "edge", budget: { maxBurst: 1, recoveryRatePerSec: 0.1 } }, { name: "plain" }] } as const;

Deno.test("§8.3 token bucket: scope: the child's group if it has a budget, else the supervisor", () => {
  const children = [
    scripted("e1", { ...QUICK, group: "edge" }),
    scripted("e2", { ...QUICK, group: "edge" }),
    scripted("p1", { ...QUICK, group: "plain" }),
    scripted("s1", QUICK),
    scripted("s2", QUICK),
  ];
  const driver = up({ restartBudget: { maxBurst: 2, recoveryRatePerSec: 1 } }, children, EDGE);
  for (const { name } of children) driver.exit(name);
  assertEquals(children.map(({ name }) => delayOf(driver, name)), [10, 10_000, 10, 10, 1_000]);
  const told = driver.events.flatMap((event) => event.type === "budget_exhausted" ? [[event.path, event.group]] : []);
  assertEquals(told, [["/e2", "edge"], ["/s2", null]]);
});

Deno.test("§8.3 token bucket: capacity max_burst, starts full", () => {
  const names = ["a", "b", "c", "d"];
  const driver = up({ restartBudget: { maxBurst: 3, recoveryRatePerSec: 0.1 } }, names.map((name) => scripted(name, QUICK)));
  for (const name of names) driver.exit(name);
  assertEquals(names.map((name) => reasonOf(driver, name) === "restart_budget_exhausted"), [false, false, false, true]);
});

Deno.test("§8.3 token bucket: refill elapsed_secs x recovery_rate_per_sec, capped", () => {
  const policy = { maxBurst: 4, recoveryRatePerSec: 0.5 };
  const bucket = { tokens: 0, atMs: 1_000 };
  assertEquals([1_000, 2_000, 5_000, 9_000, 60_000].map((now) => tokensAt(bucket, policy, now)), [0, 0.5, 2, 4, 4]);
});

Deno.test("§8.3 token bucket: takes 1 if there is one: Granted", () => {
  const policy = { maxBurst: 4, recoveryRatePerSec: 0.5 };
  const bucket = { tokens: 1, atMs: 0 };
  assertEquals([takeRestart(bucket, policy, 0), bucket.tokens], [0, 0]);
  assertEquals([takeRestart(bucket, policy, 2_000), bucket.tokens], [0, 0]);
});

Deno.test("§8.3 token bucket: Exhausted, retry_after = (1 - tokens) / rate", () => {
  const policy = { maxBurst: 4, recoveryRatePerSec: 0.5 };
  assertEquals(takeRestart({ tokens: 0.25, atMs: 0 }, policy, 0), 1_500);
  assertEquals(takeRestart({ tokens: 0, atMs: 0 }, policy, 0), 2_000);
});

Deno.test("§8.3 token bucket: the window when rate is 0 (here: a rate of 0 is refused, without a rate the window tells it)", () => {
  const problems = (budget: { maxBurst?: number; recoveryRatePerSec?: number; windowSecs?: number }): string[] =>
    validateTree({ children: [scripted("a")], policy: { restartBudget: budget } }).map(({ pointer, severity }) => `${severity} ${pointer}`);
  assertEquals(problems({ maxBurst: 5, recoveryRatePerSec: 0 }), ["error /policy/restartBudget/recoveryRatePerSec"]);
  assertEquals(problems({ maxBurst: 5, windowSecs: 10 }), []);
  assertEquals(resolveBudget({ maxBurst: 5, windowSecs: 10 }), { maxBurst: 5, recoveryRatePerSec: 0.5 });
});

Deno.test("§8.3 token bucket: tokens stay in [0, max_burst] (here: what is promised for later counts below 0)", () => {
  const policy = { maxBurst: 2, recoveryRatePerSec: 1 };
  const bucket = { tokens: 2, atMs: 0 };
  assertEquals([0, 0, 0, 0].map((now) => takeRestart(bucket, policy, now)), [0, 0, 1_000, 2_000]);
  assertEquals([tokensAt(bucket, policy, 0), tokensAt(bucket, policy, 2_000), tokensAt(bucket, policy, 1e9)], [-2, 0, 2]);
});

Deno.test("§8.3 token bucket: exhausted: not now, one automatic retry after retry_after, and BudgetExhausted", () => {
  const driver = up({ restartBudget: { maxBurst: 1, recoveryRatePerSec: 0.5 } }).exit("a").exit("b");
  const told = driver.events.flatMap((event) => event.type === "budget_exhausted" ? [[event.path, event.retryAfterMs]] : []);
  assertEquals([told, driver.phase("b"), reasonOf(driver, "b")], [[["/b", 2_000]], "backoff", "restart_budget_exhausted"]);
  assertEquals([driver.pass(1_999).phase("b"), driver.pass(1).started], ["backoff", ["b"]]);
  assertEquals(driver.running("b").pass(60_000).slot("b").attempt, 2);
});

Deno.test("§8.3 token bucket: upper envelope: (max_burst / window_secs + rate) x 60 restarts per minute, x 1.05", () => {
  const policy = resolveBudget({ maxBurst: 60, recoveryRatePerSec: 0.5 });
  const bucket = { tokens: policy.maxBurst, atMs: 0 };
  const starts: number[] = [];
  for (let now = 0; now < 300_000; now += 100) starts.push(now + takeRestart(bucket, policy, now));
  const highest = Math.max(...[0, 30_000, 60_000, 120_000].map((from) => starts.filter((at) => at >= from && at < from + 60_000).length));
  const envelope = (policy.maxBurst / 60 + policy.recoveryRatePerSec) * 60;
  assert(highest <= envelope * 1.05, `${highest} in a minute`);
  assertGreater(highest, 60);
});

// ---- cold start, hot loop ----

Deno.test("§8.3 cold start: 60 s from supervisor start, at most 5 restarts (here: off unless written)", () => {
  assertEquals(reasonOf(fail(up({}), "a", 20)), "within_restart_budget");
  const driver = fail(up({ coldStart: {} }), "a", 5);
  assertEquals(reasonOf(driver), "within_restart_budget");
  assertEquals(reasonOf(fail(driver, "a", 1)), "cold_start_budget_exhausted");
  const late = up({ coldStart: {} }).pass(60_001);
  assertEquals(reasonOf(fail(late, "a", 9)), "within_restart_budget");
});

Deno.test("§8.3 cold start: exceeded: at least restart_denied (here: the child's fuse is open for reset_after)", () => {
  const driver = fail(up({ coldStart: { maxRestarts: 2, windowSecs: 30 }, meltdown: { resetAfterSecs: 7 } }), "a", 3);
  assertEquals([driver.phase("a"), delayOf(driver), fuseState(driver.slot("a").fuse, 7_000, driver.now)], ["backoff", 7_000, "open"]);
  const told = driver.events.flatMap((event) => event.type === "meltdown" ? [[event.path, event.reason]] : []);
  assertEquals(told, [["/a", "cold_start_budget_exhausted"]]);
});

Deno.test("§8.3 cold start: inside the window otherwise InitialStartup (here: the reason of every restart within its limit)", () => {
  assertEquals(reasonOf(fail(up({ coldStart: {} }), "a", 3)), "within_restart_budget");
});

Deno.test("§8.3 cold start: per child", () => {
  const driver = fail(fail(up({ coldStart: { maxRestarts: 2 } }), "a", 2), "b", 2);
  assertEquals([reasonOf(driver, "a"), reasonOf(driver, "b")], ["within_restart_budget", "within_restart_budget"]);
});

Deno.test("§8.3 hot loop: 3 crashes in 10 s: RapidCrashDetected (here: off unless written, at one more than the number)", () => {
  assertEquals(reasonOf(fail(up({}), "a", 20)), "within_restart_budget");
  const driver = fail(up({ hotLoop: {} }), "a", 3);
  assertEquals(reasonOf(driver), "within_restart_budget");
  assertEquals(reasonOf(fail(driver, "a", 1)), "hot_loop_detected");
});

Deno.test("§8.3 hot loop: at least supervision_paused (here: the child's fuse is open, its siblings go on)", () => {
  const driver = fail(up({ hotLoop: { maxRestarts: 1 } }), "a", 2);
  assertEquals([driver.phase("a"), delayOf(driver), driver.pass(119_000).phase("a"), driver.phase("b")], [
    "backoff",
    120_000,
    "backoff",
    "ready",
  ]);
});

Deno.test("§8.3 hot loop: per child", () => {
  const driver = fail(fail(up({ hotLoop: { maxRestarts: 2 } }), "a", 2), "b", 2);
  assertEquals([reasonOf(driver, "a"), reasonOf(driver, "b")], ["within_restart_budget", "within_restart_budget"]);
});

Deno.test("§8.3 hot loop: configurable", () => {
  const driver = fail(up({ hotLoop: { maxRestarts: 1, windowSecs: 1 } }), "a", 1).pass(1_001).running("a");
  assertEquals(reasonOf(fail(driver, "a", 1)), "within_restart_budget");
  assertEquals(reasonOf(fail(driver, "a", 1)), "hot_loop_detected");
});

// ---- bounds of what is counted ----

Deno.test("§8.3 meltdown: pruned by window before evaluation", () => {
  const driver = fail(up({ meltdown: { childMaxRestarts: 2, childWindowSecs: 1 } }), "a", 2).pass(1_001).running("a");
  assertEquals(reasonOf(fail(driver, "a", 2)), "within_restart_budget");
  assertEquals(reasonOf(fail(driver, "a", 1)), "meltdown_child_fuse");
});

Deno.test("§8.3 meltdown: recorded only for granted restarts: who only comes along with a sibling has none", () => {
  const driver = up({ meltdown: { childMaxRestarts: 1 } }, undefined, { strategy: "one_for_all" });
  driver.exit("a").exit("b", FAILED).pass(10).running("a", "b").exit("b").exit("a", CANCELLED);
  assertEquals([reasonOf(driver, "a"), reasonOf(driver, "b")], ["restarted_with_siblings", "within_restart_budget"]);
  assertEquals(reasonOf(driver.pass(10).running("a", "b").exit("b"), "b"), "meltdown_child_fuse");
});
