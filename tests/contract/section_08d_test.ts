/** Contract, section 8.3, meltdown: its table, how scopes are merged, and how fuses close: every row by name. */
import { assertEquals } from "@std/assert";
import { type FuseState, fuseState } from "../../src/core/mod.ts";
import type { MeltdownOptions, PolicyOptions } from "../../src/spec/mod.ts";
import { Driver, scripted, SUCCEEDED } from "../core/driver.ts";

const QUICK = { backoff: { initialMs: 10, maxMs: 10, jitter: "none" }, limit: { maxRestarts: 1_000 } } as const;
const MEMBERS = ["g1", "g2"];

/** Two members of a group and one child that is in none. */
function up(meltdown: MeltdownOptions, policy: PolicyOptions = {}): Driver {
  const children = [...MEMBERS.map((name) => scripted(name, { ...QUICK, group: "g" })), scripted("other", QUICK)];
  const driver = new Driver(children, { groups: [{ name: "g" }], policy: { ...policy, meltdown } }).begin();
  return driver.running(...MEMBERS, "other");
}

function fail(driver: Driver, name: string, times: number): Driver {
  for (let count = 0; count < times; count++) {
    if (driver.phase(name) === "backoff") driver.pass(10).running(name);
    driver.exit(name);
  }
  return driver;
}

const decisionOf = (driver: Driver, name: string): unknown[] => {
  const { lastDecision } = driver.slot(name);
  return [lastDecision?.action, lastDecision?.reason, lastDecision?.delayMs];
};
const WITHIN = ["restart", "within_restart_budget", 10];

/** How the fuses of the first member and of its group are, with the time that they are open. */
function fusesOf(driver: Driver, resetAfterMs = 120_000): FuseState[] {
  const fuses = [driver.slot("g1").fuse, driver.node.guards.groups[0]?.fuse ?? null];
  return fuses.map((fuse) => fuseState(fuse, resetAfterMs, driver.now));
}

const lastBifurcation = (driver: Driver): unknown[] =>
  driver.events.flatMap((event) => event.type === "escalation_bifurcated" ? [[event.fuseOutcome, event.tieBreakReason]] : []).slice(-1);

// ---- table ----

Deno.test("§8.3 meltdown: child, 3 / 10 s: ChildFuse, quarantine (here: off unless written, the 4th, open for 120 s)", () => {
  assertEquals(decisionOf(fail(up({}), "g1", 20), "g1"), WITHIN);
  const driver = fail(up({ childMaxRestarts: 3 }), "g1", 3);
  assertEquals([decisionOf(driver, "g1"), fusesOf(driver)], [WITHIN, ["closed", "closed"]]);
  fail(driver, "g1", 1);
  assertEquals(decisionOf(driver, "g1"), ["restart", "meltdown_child_fuse", 120_000]);
  assertEquals([driver.phase("g1"), fusesOf(driver), driver.phase("g2")], ["backoff", ["open", "closed"], "ready"]);
});

Deno.test("§8.3 meltdown: child window 10 s by default", () => {
  const driver = fail(up({ childMaxRestarts: 3 }), "g1", 3).pass(10_001).running("g1");
  assertEquals(decisionOf(fail(driver, "g1", 1), "g1"), WITHIN);
});

Deno.test("§8.3 meltdown: group, 5 / 30 s: GroupFuse, supervision_paused for the group (here: off unless written, the 6th)", () => {
  const driver = fail(fail(up({ groupMaxFailures: 5 }), "g1", 3), "g2", 2);
  assertEquals([decisionOf(driver, "g2"), fusesOf(driver)], [WITHIN, ["closed", "closed"]]);
  driver.pass(10).running("g1", "g2");
  fail(driver, "g2", 1);
  assertEquals(decisionOf(driver, "g2"), ["restart", "meltdown_group_fuse", 120_000]);
  assertEquals(fusesOf(driver), ["closed", "open"]);
  assertEquals([driver.phase("g1"), decisionOf(driver.exit("g1"), "g1")], ["ready", ["restart", "meltdown_group_fuse", 120_000]]);
  assertEquals(decisionOf(driver.exit("other"), "other"), WITHIN);
});

Deno.test("§8.3 meltdown: group window 30 s by default", () => {
  const driver = fail(up({ groupMaxFailures: 5 }), "g1", 5).pass(30_001).running("g1");
  assertEquals(decisionOf(fail(driver, "g1", 1), "g1"), WITHIN);
});

Deno.test("§8.3 meltdown: supervisor, 10 / 60 s: SupervisorFuse, escalated (here: off unless written, the 11th)", () => {
  const driver = fail(fail(fail(up({ supervisorMaxFailures: 10 }), "g1", 4), "g2", 3), "other", 3);
  assertEquals([driver.node.phase, decisionOf(driver, "other")], ["running", WITHIN]);
  driver.pass(10).running("g1", "g2", "other");
  fail(driver, "g2", 1);
  assertEquals(decisionOf(driver, "g2"), ["escalate", "meltdown_supervisor_fuse", 0]);
  assertEquals([driver.node.phase, driver.cancelled.sort()], ["stopping", ["g1", "other"]]);
});

Deno.test("§8.3 meltdown: supervisor window 60 s by default", () => {
  const driver = fail(up({ supervisorMaxFailures: 10 }), "other", 10).pass(60_001).running("other");
  assertEquals(decisionOf(fail(driver, "other", 1), "other"), WITHIN);
});

Deno.test("§8.3 meltdown: supervisor: counts failures (here: no successes, and none of optional children)", () => {
  const children = [scripted("a", { ...QUICK, restartPolicy: "permanent" }), scripted("b", { ...QUICK, severity: "optional" })];
  const driver = new Driver(children, { policy: { meltdown: { supervisorMaxFailures: 2 } } }).begin().running("a", "b");
  for (let count = 0; count < 5; count++) driver.exit("a", SUCCEEDED).pass(10).running("a");
  fail(driver, "b", 5);
  assertEquals(driver.node.phase, "running");
  fail(driver, "a", 2);
  assertEquals([driver.node.phase, decisionOf(driver, "a")], ["running", WITHIN]);
  assertEquals(decisionOf(fail(driver, "a", 1), "a"), ["escalate", "meltdown_supervisor_fuse", 0]);
});

// ---- merge ----

Deno.test("§8.3 merge: continue: no scope over its limit", () => {
  const driver = fail(up({ childMaxRestarts: 5, groupMaxFailures: 5, supervisorMaxFailures: 5 }), "g1", 5);
  assertEquals([decisionOf(driver, "g1"), lastBifurcation(driver)], [WITHIN, []]);
});

Deno.test("§8.3 merge: supervisor > group > child: the supervisor is the strictest, and opens no other fuse", () => {
  const driver = fail(up({ childMaxRestarts: 1, groupMaxFailures: 1, supervisorMaxFailures: 1 }), "g1", 2);
  assertEquals(decisionOf(driver, "g1"), ["escalate", "meltdown_supervisor_fuse", 0]);
  assertEquals(fusesOf(driver), ["closed", "closed"]);
});

Deno.test("§8.3 merge: group > child (here: both fuses open, for as long; the tie is named after the child's)", () => {
  const driver = fail(up({ childMaxRestarts: 1, groupMaxFailures: 1 }), "g1", 2);
  assertEquals([fusesOf(driver), decisionOf(driver, "g1")], [["open", "open"], ["restart", "meltdown_child_fuse", 120_000]]);
  assertEquals(decisionOf(driver.exit("g2"), "g2"), ["restart", "meltdown_group_fuse", 120_000]);
});

Deno.test("§8.3 merge: scopes_triggered lists every scope over its limit (here: one event for each fuse that opens)", () => {
  const driver = fail(up({ childMaxRestarts: 1, groupMaxFailures: 1 }), "g1", 2);
  const told = driver.events.flatMap((event) =>
    event.type === "meltdown" ? [`${event.path} ${event.reason}`] : event.type === "group_fuse_triggered" ? [`group ${event.group}`] : []
  );
  assertEquals(told, ["/g1 meltdown_child_fuse", "group g"]);
  const child = fail(up({ childMaxRestarts: 1 }), "g1", 2);
  assertEquals(child.events.filter(({ type }) => type === "meltdown" || type === "group_fuse_triggered").length, 1);
});

Deno.test("§8.3 merge: lead_scope: the first of child, group, supervisor with the effective outcome", () => {
  const led = (meltdown: MeltdownOptions): unknown[] => {
    const critical = scripted("g1", { ...QUICK, group: "g", severity: "critical" });
    const driver = new Driver([critical], { groups: [{ name: "g" }], policy: { meltdown } }).begin().running("g1");
    return lastBifurcation(fail(driver, "g1", 2));
  };
  assertEquals(led({ childMaxRestarts: 1 }), [["meltdown_child_fuse", null]]);
  assertEquals(led({ groupMaxFailures: 1 }), [["meltdown_group_fuse", null]]);
  assertEquals(led({ childMaxRestarts: 1, groupMaxFailures: 1 }), [["meltdown_child_fuse", "longest_delay_wins"]]);
  assertEquals(led({ childMaxRestarts: 1, supervisorMaxFailures: 1 }), [[null, "supervisor_limit_wins"]]);
});

// ---- reset_after ----

Deno.test("§8.3 reset_after: 120 s by default: the fuse of a child half-opens after it, and closes after as long again", () => {
  const driver = fail(up({ childMaxRestarts: 1 }), "g1", 2);
  const states = [0, 119_999, 1, 119_999, 1].map((passed) => fusesOf(driver.pass(passed))[0]);
  assertEquals(states, ["open", "open", "half_open", "half_open", "closed"]);
});

Deno.test("§8.3 reset_after: a quiet time clears all counters", () => {
  const driver = fail(up({ childMaxRestarts: 2, resetAfterSecs: 5 }), "g1", 3).pass(5_000).running("g1").pass(5_000);
  assertEquals(fusesOf(driver, 5_000), ["closed", "closed"]);
  assertEquals(decisionOf(fail(driver, "g1", 2), "g1"), WITHIN);
  assertEquals(decisionOf(fail(driver, "g1", 1), "g1"), ["restart", "meltdown_child_fuse", 5_000]);
});

Deno.test("§8.3 reset_after: a failure on trial opens the fuse of a child again at once", () => {
  const driver = fail(up({ childMaxRestarts: 2, resetAfterSecs: 5 }), "g1", 3).pass(5_000).running("g1").exit("g1");
  assertEquals(decisionOf(driver, "g1"), ["restart", "meltdown_child_fuse", 5_000]);
  assertEquals(fusesOf(driver, 5_000), ["open", "closed"]);
});

Deno.test("§8.3 reset_after: reopens the fuse of a group on trial, one restart first", () => {
  const driver = fail(up({ groupMaxFailures: 1, resetAfterSecs: 5 }), "g1", 2).exit("g2");
  assertEquals(fusesOf(driver, 5_000), ["closed", "open"]);
  driver.pass(5_000);
  assertEquals(MEMBERS.map((name) => driver.phase(name)).sort(), ["queued", "starting"]);
  assertEquals(fusesOf(driver, 5_000), ["closed", "half_open"]);
  const [trial, other] = driver.phase("g1") === "starting" ? MEMBERS : [...MEMBERS].reverse();
  assertEquals(driver.running(trial!).phase(other!), "starting");
});
