/** A test for every rule of the contract on groups and severity, readiness and health (sections 9, 11 and 12). */
import { assertEquals, assertRejects } from "@std/assert";
import { child, SpecError, supervise } from "../../mod.ts";
import { healthOf } from "../../src/core/mod.ts";
import type { ChildSpec, TreeSpec } from "../../src/spec/mod.ts";
import { validateTree } from "../../src/spec/mod.ts";
import { CANCELLED, Driver, FAILED, scripted } from "../core/driver.ts";
import { untilAborted } from "../support/tasks.ts";

const QUICK = { backoff: { initialMs: 10, maxMs: 10, jitter: "none" }, limit: { maxRestarts: 1_000 } } as const;

/** Groups a and b with two children each, all ready. */
function groups(options: Partial<TreeSpec>): Driver {
  const names = ["a1", "a2", "b1", "b2"];
  const children = names.map((name) => scripted(name, { ...QUICK, group: name[0] }));
  const { policy = { meltdown: { groupMaxFailures: 1 } }, ...rest } = options;
  return new Driver(children, { groups: [{ name: "a" }, { name: "b" }], ...rest, policy }).begin().running(...names);
}

/** The fuse of group a opens. */
function fused(options: Partial<TreeSpec> = {}): Driver {
  return groups(options).exit("a1", FAILED).exit("a2", FAILED);
}

const decision = (driver: Driver, name: string): string => driver.slot(name).lastDecision?.reason ?? "none";
const triggers = (driver: Driver): unknown[] =>
  driver.events.flatMap((event) =>
    event.type === "group_fuse_triggered" ? [[event.group, event.propagatedFromGroup, event.propagation]] : []
  );

Deno.test("§9 groups: membership is one thing: a child is in the group it names, or that names it, and in no other", () => {
  const rules = (spec: Partial<TreeSpec>): string[] =>
    validateTree({ children: [scripted("x", { group: "a" })], ...spec }).filter(({ severity }) => severity === "error").map(({ rule }) =>
      rule
    );
  assertEquals(rules({ groups: [{ name: "a" }] }), []);
  assertEquals(rules({ groups: [{ name: "a" }, { name: "b", children: ["x"] }] }).length, 1);
  assertEquals(rules({ groups: [{ name: "b" }] }).length, 1);
});
Deno.test("§9 isolation: without an edge the fuse of one group never affects the other", () => {
  const driver = fused();
  assertEquals([decision(driver, "a2"), triggers(driver)], ["meltdown_group_fuse", [["a", null, "full"]]]);
  assertEquals(driver.exit("b1", FAILED).pass(10).phase("b1"), "starting");
});
Deno.test("§9 isolation: without an edge the budget of one group never affects the other", () => {
  const budget = { maxBurst: 1, recoveryRatePerSec: 0.01 };
  const driver = groups({ groups: [{ name: "a", budget }, { name: "b", budget }], policy: {} }).exit("a1", FAILED).exit("a2", FAILED).exit(
    "b1",
    FAILED,
  );
  assertEquals(["a1", "a2", "b1"].map((name) => decision(driver, name)), [
    "within_restart_budget",
    "restart_budget_exhausted",
    "within_restart_budget",
  ]);
});
Deno.test("§9 isolation: an open fuse blocks new restarts only; children that run go on", () => {
  const driver = groups({}).exit("a1", FAILED).pass(10).running("a1").exit("a1", FAILED);
  assertEquals([driver.phase("a1"), driver.phase("a2"), driver.slot("a2").stopCause], ["backoff", "ready", null]);
});
Deno.test("§9 edge: full: the fuse of the group that depends on it opens too, and says from whom", () => {
  const driver = fused({ groupDependencies: [{ fromGroup: "b", toGroup: "a", propagation: "full" }] });
  assertEquals(triggers(driver), [["a", null, "full"], ["b", "a", "full"]]);
  assertEquals(decision(driver.exit("b1", FAILED), "b1"), "meltdown_group_fuse");
});
Deno.test("§9 edge: escalate_only: it is only told", () => {
  const driver = fused({ groupDependencies: [{ fromGroup: "b", toGroup: "a", propagation: "escalate_only" }] });
  assertEquals(triggers(driver), [["a", null, "full"], ["b", "a", "escalate_only"]]);
  assertEquals(decision(driver.exit("b1", FAILED), "b1"), "within_restart_budget");
});
Deno.test("§9 edge: none: nothing", () =>
  assertEquals(triggers(fused({ groupDependencies: [{ fromGroup: "b", toGroup: "a", propagation: "none" }] })), [["a", null, "full"]]));
Deno.test("§9 edge: it goes no further than its edge says", () => {
  const names = ["a1", "a2", "b1", "c1"];
  const children = names.map((name) => scripted(name, { ...QUICK, group: name[0] }));
  const driver = new Driver(children, {
    groups: [{ name: "a" }, { name: "b" }, { name: "c" }],
    groupDependencies: [{ fromGroup: "b", toGroup: "a", propagation: "full" }, { fromGroup: "c", toGroup: "b", propagation: "full" }],
    policy: { meltdown: { groupMaxFailures: 1 } },
  }).begin().running(...names).exit("a1", FAILED).exit("a2", FAILED);
  assertEquals(triggers(driver), [["a", null, "full"], ["b", "a", "full"]]);
});

const severityOf = (options: Partial<ChildSpec>, tree: Partial<TreeSpec> = {}): unknown =>
  new Driver([scripted("x", options), scripted("y")], tree).slot("x").plan.policy.severity;

Deno.test("§9 severity: what the child says counts before severity_defaults of its role, and those before its role", () => {
  const severityDefaults = { service: "optional" } as const;
  assertEquals(severityOf({ taskRole: "service", severity: "standard" }, { severityDefaults }), "standard");
  assertEquals(severityOf({ taskRole: "service" }, { severityDefaults }), "optional");
  assertEquals(severityOf({ taskRole: "service" }), "critical");
});
for (
  const [role, severity] of [["service", "critical"], ["supervisor", "critical"], ["worker", "standard"], ["sidecar", "standard"], [
    "job",
    "optional",
  ]] as const
) {
  Deno.test(`§9 severity: ${role}: ${severity}`, () =>
    assertEquals(severityOf({ taskRole: role, ...(role === "sidecar" ? { sidecarConfig: { primaryChildId: "y" } } : {}) }), severity));
}
for (const [severity, told] of [["critical", [true]], ["optional", [false]], ["standard", []]] as const) {
  Deno.test(`§9 severity: the failure of a child that is ${severity}: ${told.length === 0 ? "as its role says" : told[0] ? "told with an alert" : "told without an alert"}`, () => {
    const driver = new Driver([scripted("x", { ...QUICK, severity })]).begin().running("x").exit("x", FAILED);
    assertEquals(driver.events.flatMap((event) => event.type === "escalation_bifurcated" ? [event.alert] : []), [...told]);
  });
}
Deno.test("§9 severity: an optional child never escalates", () => {
  const limit = { maxRestarts: 1, onExceeded: "escalate" } as const;
  const driver = new Driver([scripted("x", { ...QUICK, limit, severity: "optional" })]).begin().running("x").exit("x").pass(10).running("x")
    .exit("x");
  assertEquals([decision(driver, "x"), driver.node.phase], ["optional_child_never_escalates", "running"]);
});

// --- 11 ----------------------------------------------------------------------------------------------------------------------------------

const EXPLICIT = { readiness: { mode: "explicit" } } as const;
const one = (options: Partial<ChildSpec> = {}): Driver => new Driver([scripted("x", options)]).begin();
const readies = (driver: Driver): number => driver.typesOf("x").filter((type) => type === "child_ready").length;

Deno.test("§11 readiness: immediate: ready as soon as the run starts", () => assertEquals(one().running("x").phase("x"), "ready"));
Deno.test("§11 readiness: explicit: ready only after it was said; before that no state and no event says so", () => {
  const driver = one(EXPLICIT).running("x").pass(1_000);
  assertEquals([driver.phase("x"), readies(driver)], ["running", 0]);
  assertEquals([driver.ready("x").phase("x"), readies(driver)], ["ready", 1]);
});
Deno.test("§11 readiness: said twice: told once for each attempt", () =>
  assertEquals(readies(one(EXPLICIT).running("x").ready("x").ready("x")), 1));
Deno.test("§11 readiness: not_ready: no longer ready, and not restarted", () => {
  const driver = one(EXPLICIT).running("x").ready("x").ready("x", false);
  assertEquals([driver.phase("x"), driver.slot("x").attempt, driver.cancelled], ["running", 1, []]);
});
Deno.test("§11 readiness: it begins anew with every attempt", () => {
  const driver = one({ ...EXPLICIT, ...QUICK }).running("x").ready("x").exit("x", FAILED).pass(10).running("x");
  assertEquals([driver.phase("x"), driver.slot("x").attempt], ["running", 2]);
});

// --- 12 ----------------------------------------------------------------------------------------------------------------------------------

const beating = (more = {}): Driver =>
  one({ healthCheck: { checkIntervalSecs: 1, staleAfterMs: 2_000, maxRetries: 1, ...more } }).running("x");

Deno.test("§12 health: the time of the heartbeat counts, not the time of looking", () => {
  const driver = beating();
  driver.pass(2_000, driver.now + 1_500);
  assertEquals([driver.phase("x"), driver.pass(1_499, driver.now - 500).typesOf("x").includes("child_heartbeat_stale")], ["ready", false]);
});
Deno.test("§12 health: stale: told once, with unhealthy; after max_retries more the attempt is stopped, and counts as unhealthy", () => {
  const driver = beating().pass(2_000);
  assertEquals(driver.typesOf("x").slice(-2), ["child_heartbeat_stale", "child_unhealthy"]);
  driver.pass(1_000);
  assertEquals([driver.cancelled, driver.typesOf("x").filter((type) => type === "child_heartbeat_stale").length], [["x"], 1]);
  const { lastExit } = driver.exit("x", CANCELLED).slot("x");
  assertEquals(lastExit !== null && "failure" in lastExit ? lastExit.failure.kind : "", "unhealthy");
});
Deno.test("§12 health: a child without a declared health is not looked at; with one, its age begins with the attempt", () => {
  assertEquals(one().running("x").pass(600_000).phase("x"), "ready");
  assertEquals(beating().pass(1_999).typesOf("x").includes("child_heartbeat_stale"), false);
  assertEquals(beating().pass(2_000).typesOf("x").includes("child_heartbeat_stale"), true);
});
Deno.test("§12 health: stale_after must exceed the interval", async () => {
  const tooShort = child.task("x", untilAborted, { healthCheck: { checkIntervalSecs: 5, staleAfterMs: 5_000 } });
  await assertRejects(() => supervise({ children: [tooShort] }), SpecError, "staleAfterMs");
});
Deno.test("§12 health: unknown, healthy, stale, unhealthy", () => {
  const driver = beating();
  const seen = [healthOf(driver.slot("x"), 0), healthOf(driver.slot("x"), driver.now)];
  driver.pass(2_000);
  seen.push(healthOf(driver.slot("x"), 0));
  driver.pass(1_000);
  seen.push(healthOf(driver.slot("x"), 0));
  assertEquals(seen, ["unknown", "healthy", "stale", "unhealthy"]);
});
