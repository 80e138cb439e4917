/** A test for every row of the contract's tables on exits, their class, windows, backoff and execution (sections 8, 8.1, 8.2, 8.6 and 8.7). */
import { assert, assertEquals } from "@std/assert";
import { backoffDelay, classifyExit, countFailures, emptyWindow, isFailure, recordFailure } from "../../src/core/mod.ts";
import type { Exit, Failure } from "../../src/event/mod.ts";
import type { ChildSpec, JitterMode, TreeSpec } from "../../src/spec/mod.ts";
import { CANCELLED, Driver, FAILED, scripted, SUCCEEDED } from "../core/driver.ts";

const failure = (kind: Failure["kind"]): Failure => ({ kind, category: kind, message: "x" });
const PANICKED: Exit = { kind: "panicked", failure: failure("panic") };
const TIMED_OUT: Exit = { kind: "timed_out", failure: failure("timeout") };

const QUICK = { backoff: { initialMs: 10, maxMs: 10, jitter: "none" }, limit: { maxRestarts: 1_000 } } as const;

/** A child that has just ended so. */
function ended(exit: Exit, options: Partial<ChildSpec> = {}, tree: Partial<TreeSpec> = {}): Driver {
  return new Driver([scripted("a", options), scripted("b")], tree).begin().running("a", "b").exit("a", exit);
}

const decisionOf = (driver: Driver): string => {
  const { lastDecision } = driver.slot("a");
  return `${lastDecision?.action} ${lastDecision?.reason}`;
};

/** Fails so often, each time after its restart. */
function failing(times: number, tree: Partial<TreeSpec> = {}, options: Partial<ChildSpec> = QUICK): Driver {
  const driver = new Driver([scripted("a", options), scripted("b", options)], tree).begin().running("a", "b");
  for (let count = 0; count < times; count++) {
    if (driver.phase("a") === "backoff") driver.pass(10).running("a");
    driver.exit("a", FAILED);
  }
  return driver;
}

// --- 8 -----------------------------------------------------------------------------------------------------------------------------------

Deno.test("§8 exit: 1: an exit of an attempt that is not the live one changes nothing, and is told", () => {
  const driver = ended(FAILED);
  const before = JSON.stringify(driver.node.slots);
  driver.send({ type: "exited", node: 0, child: 0, stamp: 999, exit: SUCCEEDED });
  assertEquals([JSON.stringify(driver.node.slots), driver.events.at(-1)?.type], [before, "child_attempt_stale_report"]);
});
Deno.test("§8 exit: 2: the last exit and the counters are noted, and no attempt is live", () => {
  const { lastExit, failuresTotal, stamp } = ended(FAILED).slot("a");
  assertEquals([lastExit, failuresTotal, stamp], [FAILED, 1, 0]);
});
Deno.test("§8 exit: 3: the account of the limit is told with the failure", () => {
  const told = ended(FAILED).events.flatMap((event) => event.type === "child_failed" ? [event.limit] : []);
  assertEquals(told, [{ used: 1, limit: 3 }]);
});
Deno.test("§8 exit: 4: one decision with its reason, for ends that lead to nothing too", () => {
  assertEquals([decisionOf(ended(SUCCEEDED, { restartPolicy: "temporary" })), decisionOf(ended(FAILED))], [
    "stop role_success_stop",
    "restart within_restart_budget",
  ]);
});
Deno.test("§8 exit: 5: a restart that somebody asked for starts its target, whatever policy says", () => {
  const driver = new Driver([scripted("a", { restartPolicy: "temporary" })]).begin().running("a").command("a", "restart").exit("a", FAILED);
  assertEquals([driver.started, driver.slot("a").generation], [["a"], 1]);
});
Deno.test("§8 exit: 6: nothing by itself while the tree stops or the child is held", () => {
  for (const hold of ["pause", "quarantine", "remove"] as const) {
    const driver = new Driver([scripted("a")]).begin().running("a").command("a", hold).exit("a", FAILED).pass(60_000);
    assertEquals(driver.started, [], hold);
  }
  assertEquals(new Driver([scripted("a")]).begin().running("a").stop().exit("a", FAILED).pass(60_000).started, []);
});
Deno.test("§8 exit: 7: the decision is carried out", () => assertEquals(ended(FAILED).pass(100).started, ["a"]));

// --- 8.1 ---------------------------------------------------------------------------------------------------------------------------------

for (
  const [row, exit, asked, wanted, counts] of [
    ["Succeeded: success, not restartable", SUCCEEDED, false, "success", false],
    ["Cancelled, asked for: manual_stop, not restartable", CANCELLED, true, "manual_stop", false],
    ["Cancelled, not asked for: external_cancel, not restartable", CANCELLED, false, "external_cancel", false],
    ["TimedOut: timeout, restartable", TIMED_OUT, false, "timeout", true],
    ["Panicked: panic, restartable", PANICKED, false, "panic", true],
    ["Failed(other): nonzero_exit, restartable", FAILED, false, "nonzero_exit", true],
  ] as const
) {
  Deno.test(`§8.1 classification: ${row}`, () => {
    const found = classifyExit(exit, asked);
    assertEquals([found, isFailure(found)], [wanted, counts]);
  });
}

// --- 8.2 ---------------------------------------------------------------------------------------------------------------------------------

Deno.test("§8.2 window: time_sliding: failures that are not older than the window", () => {
  const [window, policy] = [emptyWindow(), { maxRestarts: 10, windowMs: 1_000, halfLifeMs: null, maxCount: 10 }];
  const counts = [0, 500, 1_000, 1_501, 5_000].map((now) => recordFailure(window, policy, now));
  assertEquals(counts, [1, 2, 3, 2, 1]);
});
Deno.test("§8.2 window: count_sliding: the last so many, without time", () => {
  const [window, policy] = [emptyWindow(), { maxRestarts: 10, windowMs: null, halfLifeMs: null, maxCount: 3 }];
  const counts = [0, 1e6, 2e6, 3e6, 4e6].map((now) => recordFailure(window, policy, now));
  assertEquals([counts, countFailures(window, policy, 1e12)], [[1, 2, 3, 3, 3], 3]);
});

// --- 8.6 ---------------------------------------------------------------------------------------------------------------------------------

const delay = (jitter: JitterMode, consecutive: number, random: number, more = {}): number =>
  backoffDelay({ initialMs: 100, maxMs: 1_000, factor: 2, jitter, ratio: 0.5, resetAfterMs: 0 }, {
    consecutive,
    previousDelayMs: 0,
    seed: 7,
    ...more,
  }, () => random);

Deno.test("§8.6 backoff: base(n) doubles up to max", () =>
  assertEquals([1, 2, 3, 4, 5, 50].map((n) => delay("none", n, 0.5)), [100, 200, 400, 800, 1_000, 1_000]));
Deno.test("§8.6 backoff: disabled: base", () => assertEquals([delay("none", 2, 0), delay("none", 2, 0.99)], [200, 200]));
Deno.test("§8.6 backoff: deterministic(seed): the same for the same seed, and capped", () => {
  assertEquals(delay("deterministic", 2, 0.1), delay("deterministic", 2, 0.9));
  assert(delay("deterministic", 2, 0, { seed: 8 }) !== delay("deterministic", 2, 0, { seed: 9 }));
  assert(delay("deterministic", 50, 0) <= 1_000);
});
Deno.test("§8.6 backoff: full: base x (1 - ratio x u), as ruled", () =>
  assertEquals([delay("full", 2, 0), delay("full", 2, 0.5), delay("full", 2, 1)], [200, 150, 100]));
Deno.test("§8.6 backoff: decorrelated: between initial and three times the delay before, capped", () => {
  assertEquals([delay("decorrelated", 2, 0, { previousDelayMs: 200 }), delay("decorrelated", 2, 1, { previousDelayMs: 200 })], [100, 600]);
  assertEquals(delay("decorrelated", 9, 1, { previousDelayMs: 900 }), 1_000);
});
Deno.test("§8.6 backoff: reset_after: after so long healthy n is 1 again", () => {
  const options = { backoff: { initialMs: 100, maxMs: 1_000, jitter: "none", resetAfterMs: 5_000 }, limit: { maxRestarts: 100 } } as const;
  const driver = ended(FAILED, options).pass(100).running("a").exit("a", FAILED).pass(200).running("a");
  assertEquals(driver.exit("a", FAILED).slot("a").lastDecision?.delayMs, 400);
  assertEquals(driver.pass(400).running("a").pass(5_000).exit("a", FAILED).slot("a").lastDecision?.delayMs, 100);
});

// --- 8.7 ---------------------------------------------------------------------------------------------------------------------------------

Deno.test("§8.7 execution: restart allowed: the delay is told, then restarting, starting, ready", () => {
  const driver = ended(FAILED).pass(100).running("a");
  assertEquals(driver.typesOf("a").slice(2), ["child_failed", "backoff_scheduled", "child_restarting", "child_starting", "child_ready"]);
});
Deno.test("§8.7 execution: restart queued: first in, first out, and none is dropped", () => {
  const options = { ...QUICK, readiness: { mode: "explicit" } } as const;
  const names = ["a", "b", "c"];
  const driver = new Driver(names.map((name) => scripted(name, options)), {
    policy: { supervisionPipeline: { concurrentRestartLimit: 1 } },
  }).begin();
  for (const name of names) driver.running(name).ready(name);
  for (const name of names) driver.exit(name, FAILED);
  driver.pass(10);
  assertEquals(names.map((name) => driver.phase(name)), ["starting", "queued", "queued"]);
  driver.running("a").ready("a");
  assertEquals(names.map((name) => driver.phase(name)), ["ready", "starting", "queued"]);
  driver.running("b").ready("b").running("c").ready("c");
  assertEquals(names.map((name) => driver.phase(name)), ["ready", "ready", "ready"]);
});
Deno.test("§8.7 execution: restart denied by a fuse: down with the reason and until when, then tried again (here: not for good)", () => {
  const driver = failing(2, { policy: { meltdown: { childMaxRestarts: 1, resetAfterSecs: 60 } } });
  const { lastDecision } = driver.slot("a");
  assertEquals([lastDecision?.reason, lastDecision?.retryAtMs], ["meltdown_child_fuse", driver.now + 60_000]);
});
Deno.test("§8.7 execution: supervision paused for a group: reopened by an operator", () => {
  const driver = failing(2, { groups: [{ name: "g" }], policy: { meltdown: { groupMaxFailures: 1 } } }, { ...QUICK, group: "g" });
  assertEquals([driver.phase("a"), driver.command("a", "reset_fuse").phase("a")], ["backoff", "starting"]);
});
for (
  const [escalationPolicy, phase, operation] of [
    ["escalate_to_parent", "stopping", "active"],
    ["shutdown_tree", "stopping", "active"],
    ["quarantine_scope", "running", "quarantined"],
  ] as const
) {
  Deno.test(`§8.7 execution: escalated, ${escalationPolicy}`, () => {
    const limit = { maxRestarts: 1, onExceeded: "escalate" } as const;
    const driver = failing(2, { escalationPolicy }, { ...QUICK, limit });
    assertEquals([driver.node.phase, driver.slot("a").operation], [phase, operation]);
  });
}
Deno.test("§8.7 execution: supervised stop: down until somebody starts it", () => {
  const driver = ended(SUCCEEDED, { restartPolicy: "transient" }).pass(600_000);
  assertEquals([driver.phase("a"), driver.command("a", "start").started], ["stopped", ["a"]]);
});
