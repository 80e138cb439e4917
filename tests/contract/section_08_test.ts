/** A test for every row of the contract's tables on exits (section 8), as ruled: limits are off unless written, and fire at one more than their number. */
import { assert, assertEquals } from "@std/assert";
import { backoffDelay, classifyExit, countFailures, emptyWindow, isFailure, recordFailure } from "../../src/core/mod.ts";
import type { Exit, Failure } from "../../src/event/mod.ts";
import type { ChildSpec, JitterMode, RestartPolicy, TaskRole, TreeSpec } from "../../src/spec/mod.ts";
import { CANCELLED, Driver, FAILED, scripted, SUCCEEDED } from "../core/driver.ts";

const failure = (kind: Failure["kind"]): Failure => ({ kind, category: kind, message: "x" });
const PANICKED: Exit = { kind: "panicked", failure: failure("panic") };
const TIMED_OUT: Exit = { kind: "timed_out", failure: failure("timeout") };
const UNHEALTHY: Exit = { kind: "failed", failure: failure("unhealthy") };
const EXTERNAL: Exit = { kind: "panicked", failure: failure("external_dependency") };

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

// --- 8.3 ---------------------------------------------------------------------------------------------------------------------------------

Deno.test("§8.3 restart limit: exceeded by the failure after max_restarts, in the child's own window", () => {
  const limit = { maxRestarts: 2, windowMs: 60_000, onExceeded: "give_up" } as const;
  assertEquals(decisionOf(failing(2, {}, { ...QUICK, limit })), "restart within_restart_budget");
  const driver = failing(3, {}, { ...QUICK, limit });
  assertEquals([decisionOf(driver), driver.phase("a"), driver.phase("b")], ["give_up restart_limit_exhausted", "failed", "ready"]);
});
Deno.test("§8.3 token bucket: exhausted means not now, and once more after retry_after", () => {
  const driver = failing(2, { policy: { restartBudget: { maxBurst: 1, recoveryRatePerSec: 0.5 } } });
  const told = driver.events.flatMap((event) => event.type === "budget_exhausted" ? [event.retryAfterMs] : []);
  assertEquals([decisionOf(driver), told.length], ["restart restart_budget_exhausted", 1]);
  assert(told[0]! > 1_900 && told[0]! <= 2_000);
  assertEquals([driver.pass(1_900).phase("a"), driver.pass(100).phase("a")], ["backoff", "starting"]);
});
for (
  const [row, policy, reason] of [
    ["cold start: more restarts than allowed after the start", { coldStart: { maxRestarts: 5 } }, "cold_start_budget_exhausted"],
    ["hot loop: more crashes than allowed in its window", { hotLoop: { maxRestarts: 5 } }, "hot_loop_detected"],
    [
      "meltdown, child: its fuse opens, it alone is down, and reset_after lets it try again",
      { meltdown: { childMaxRestarts: 5 } },
      "meltdown_child_fuse",
    ],
  ] as const
) {
  Deno.test(`§8.3 ${row}`, () => {
    assertEquals(decisionOf(failing(5, { policy })), "restart within_restart_budget");
    const driver = failing(6, { policy });
    assertEquals([decisionOf(driver), driver.phase("a"), driver.phase("b")], [`restart ${reason}`, "backoff", "ready"]);
    assertEquals([driver.pass(119_000).phase("a"), driver.pass(1_000).phase("a")], ["backoff", "starting"]);
  });
}
Deno.test("§8.3 meltdown, group: its restarts wait until reset_after; its running members go on", () => {
  const tree = { groups: [{ name: "g" }], policy: { meltdown: { groupMaxFailures: 2 } } };
  const driver = failing(3, tree, { ...QUICK, group: "g" });
  assertEquals([decisionOf(driver), driver.phase("a"), driver.phase("b")], ["restart meltdown_group_fuse", "backoff", "ready"]);
});
Deno.test("§8.3 meltdown, supervisor: it escalates", () => {
  const driver = failing(3, { policy: { meltdown: { supervisorMaxFailures: 2 } } });
  assertEquals([decisionOf(driver), driver.node.phase], ["escalate meltdown_supervisor_fuse", "stopping"]);
});
Deno.test("§8.3 merge: the supervisor counts before group and child; of the others the longest wait", () => {
  const meltdown = { childMaxRestarts: 1, groupMaxFailures: 1 };
  const tree = { groups: [{ name: "g" }], policy: { meltdown, restartBudget: { maxBurst: 1, recoveryRatePerSec: 0.1 } } };
  assertEquals(decisionOf(failing(2, tree, { ...QUICK, group: "g" })), "restart meltdown_child_fuse");
  const withSupervisor = { ...tree, policy: { ...tree.policy, meltdown: { ...meltdown, supervisorMaxFailures: 1 } } };
  assertEquals(decisionOf(failing(2, withSupervisor, { ...QUICK, group: "g" })), "escalate meltdown_supervisor_fuse");
});

// --- 8.4 ---------------------------------------------------------------------------------------------------------------------------------

Deno.test("§8.4 decision: manual_stop, any role: stays down", () => {
  const driver = new Driver([scripted("a", { taskRole: "service" })]).begin().running("a").command("a", "terminate").exit("a", CANCELLED);
  assertEquals([decisionOf(driver), driver.phase("a")], ["stop external_cancel_or_manual_stop", "stopped"]);
});
Deno.test("§8.4 decision: external_cancel, any role: stays down", () =>
  assertEquals(decisionOf(ended(CANCELLED, { taskRole: "service" })), "stop external_cancel_or_manual_stop"));
Deno.test("§8.4 decision: success, on_success = restart: restarts", () =>
  assertEquals(decisionOf(ended(SUCCEEDED, { taskRole: "service" })), "restart role_success_restart"));
Deno.test("§8.4 decision: success, stop or no_op: stays down", () =>
  assertEquals(decisionOf(ended(SUCCEEDED, { taskRole: "worker" })), "stop role_success_stop"));
for (const [name, exit] of [["timeout", TIMED_OUT], ["nonzero_exit", FAILED], ["panic", PANICKED]] as const) {
  Deno.test(`§8.4 decision: ${name}, restart with backoff: the limit decides`, () => {
    const limit = { maxRestarts: 1, onExceeded: "slow_down" } as const;
    const driver = ended(exit, { ...QUICK, limit });
    assertEquals(decisionOf(driver), "restart within_restart_budget");
    assertEquals(decisionOf(driver.pass(10).running("a").exit("a", exit)), "restart restart_limit_slow_down");
  });
  Deno.test(`§8.4 decision: ${name}, stop and escalate: escalates at its limit`, () => {
    const limit = { maxRestarts: 1, onExceeded: "escalate" } as const;
    assertEquals(decisionOf(ended(exit, { ...QUICK, limit }).pass(10).running("a").exit("a", exit)), "escalate restart_limit_exhausted");
  });
}

// --- 8.5 ---------------------------------------------------------------------------------------------------------------------------------

const AFTER: Readonly<Record<RestartPolicy, readonly [success: string, failure: string]>> = {
  permanent: ["restart", "restart"],
  transient: ["stop", "restart"],
  temporary: ["stop", "stop"],
};
for (const restartPolicy of ["permanent", "transient", "temporary"] as const) {
  const [onSuccess, onFailure] = AFTER[restartPolicy];
  const rows = [
    ["success", SUCCEEDED, onSuccess],
    ["recoverable", FAILED, onFailure],
    ["external", EXTERNAL, onFailure],
    ["timeout", TIMED_OUT, onFailure],
    ["panic", PANICKED, onFailure],
    ["unhealthy", UNHEALTHY, onFailure],
    ["cancelled", CANCELLED, "stop"],
    ["fatal config", { kind: "panicked", failure: failure("fatal_config") }, "shutdown_tree"],
    ["fatal bug", { kind: "panicked", failure: failure("fatal_bug") }, "escalate"],
  ] as const;
  for (const [row, exit, action] of rows) {
    Deno.test(`§8.5 restart policy: ${row}, ${restartPolicy}: ${action}`, () =>
      assertEquals(ended(exit, { restartPolicy }).slot("a").lastDecision?.action, action));
  }
}

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

// --- 10 ----------------------------------------------------------------------------------------------------------------------------------

/** What a role does after a success and a failure, its limit, and what follows when that is exceeded (as ruled: a role slows down, gives up or escalates). */
const ROLES: readonly (readonly [TaskRole, string, number, string])[] = [
  ["service", "restart", 10, "restart restart_limit_slow_down"],
  ["worker", "stop", 3, "restart restart_limit_slow_down"],
  ["job", "stop", 1, "give_up restart_limit_exhausted"],
  ["sidecar", "restart", 5, "restart restart_limit_slow_down"],
  ["supervisor", "restart", 3, "escalate restart_limit_exhausted"],
];
for (const [taskRole, onSuccess, maxRestarts, exceeded] of ROLES) {
  Deno.test(`§10 role ${taskRole}: success, failure, manual stop, timeout, its limit, and beyond`, () => {
    const role: Partial<ChildSpec> = {
      taskRole,
      backoff: QUICK.backoff,
      ...(taskRole === "sidecar" ? { sidecarConfig: { primaryChildId: "b" } } : {}),
    };
    assertEquals(ended(SUCCEEDED, role).slot("a").lastDecision?.action, onSuccess);
    assertEquals([ended(FAILED, role), ended(TIMED_OUT, role)].map((driver) => driver.slot("a").lastDecision?.action), [
      "restart",
      "restart",
    ]);
    assertEquals(decisionOf(ended(CANCELLED, role)), "stop external_cancel_or_manual_stop");
    const driver = ended(FAILED, role);
    for (let count = 1; count < maxRestarts; count++) driver.pass(10).running("a").exit("a", FAILED);
    assertEquals(decisionOf(driver), "restart within_restart_budget");
    assertEquals(decisionOf(driver.pass(10).running("a").exit("a", FAILED)), exceeded);
  });
}
