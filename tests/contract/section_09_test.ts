/** Contract, section 9 (groups and severity): every rule by name. */
import { assertEquals } from "@std/assert";
import { fuseState } from "../../src/core/mod.ts";
import { type ChildSpec, type PolicyOptions, type Severity, type TaskRole, type TreeSpec, validateTree } from "../../src/spec/mod.ts";
import { CANCELLED, Driver, scripted } from "../core/driver.ts";

const QUICK = { backoff: { initialMs: 10, maxMs: 10, jitter: "none" }, limit: { maxRestarts: 1_000 } } as const;
const NAMES = ["a1", "a2", "b1", "b2", "c1"];
const FUSE: PolicyOptions = { meltdown: { groupMaxFailures: 1, resetAfterSecs: 60 } };

/** Two members of each of the groups a and b, and one of c. */
function up(tree: Partial<TreeSpec>, options: Partial<ChildSpec> = {}): Driver {
  const children = NAMES.map((name) => scripted(name, { ...QUICK, group: name.slice(0, 1), ...options }));
  const driver = new Driver(children, { groups: [{ name: "a" }, { name: "b" }, { name: "c" }], ...tree }).begin();
  return driver.running(...NAMES);
}

function fuseOf(driver: Driver, group: string): string {
  const index = driver.node.plan.groups.findIndex(({ name }) => name === group);
  return fuseState(driver.node.guards.groups[index]?.fuse ?? null, 60_000, driver.now);
}

const reasonOf = (driver: Driver, name: string): unknown => driver.slot(name).lastDecision?.reason;

/** `group from propagation` of the fuses that were told of. */
const told = (driver: Driver): string[] =>
  driver.events.flatMap((event) =>
    event.type === "group_fuse_triggered" ? [`${event.group} ${event.propagatedFromGroup} ${event.propagation}`] : []
  );

const errorsOf = (spec: Partial<TreeSpec>): string[] =>
  validateTree({ children: [], ...spec }).filter(({ severity }) => severity === "error").map(({ rule, pointer }) => `${rule} ${pointer}`);

// ---- membership ----

for (
  const [how, child, tree] of [
    ["the group of the child", { group: "g" }, { groups: [{ name: "g" }] }],
    ["the children of the group", {}, { groups: [{ name: "g", children: ["a"] }] }],
    ["a tag of the child", { tags: ["g"] }, { groups: [{ name: "g" }] }],
  ] as const
) {
  Deno.test(`§9 membership: one concept for strategy scope, budgets and fuses, said by ${how}`, () => {
    const children = [scripted("a", { ...QUICK, ...child }), scripted("m", { ...QUICK, group: "g" }), scripted("z", QUICK)];
    const driver = new Driver(children, {
      groupStrategies: [{ group: "g", strategy: "one_for_all" }],
      policy: FUSE,
      ...tree,
      groups: tree.groups.map((group) => ({ ...group, budget: { maxBurst: 9, recoveryRatePerSec: 1 } })),
    }).begin().running("a", "m", "z");
    assertEquals(driver.exit("a").cancelled, ["m"]);
    assertEquals(driver.node.guards.groups[0]?.bucket?.tokens, 8);
    driver.exit("m", CANCELLED).pass(10).running("a", "m").exit("a");
    assertEquals([reasonOf(driver, "a"), driver.phase("z")], ["meltdown_group_fuse", "ready"]);
  });
}

// ---- isolation ----

Deno.test("§9 isolation: without an edge, the fuse of group a never affects group b", () => {
  const driver = up({ policy: FUSE }).exit("a1").exit("a2");
  assertEquals([fuseOf(driver, "a"), fuseOf(driver, "b"), told(driver)], ["open", "closed", ["a null full"]]);
  driver.exit("b1");
  assertEquals([reasonOf(driver, "b1"), driver.pass(10).started], ["within_restart_budget", ["b1"]]);
});

Deno.test("§9 isolation: without an edge, the budget of group a never affects group b", () => {
  const budget = { maxBurst: 1, recoveryRatePerSec: 0.1 };
  const driver = up({ groups: [{ name: "a", budget }, { name: "b", budget }, { name: "c" }] });
  for (const name of ["a1", "a2", "b1", "c1"]) driver.exit(name);
  assertEquals(["a1", "a2", "b1", "c1"].map((name) => driver.slot(name).lastDecision?.delayMs), [10, 10_000, 10, 10]);
});

Deno.test("§9 isolation: a fused group blocks new restarts only; its running children go on", () => {
  const driver = up({ policy: { meltdown: { groupMaxFailures: 1, resetAfterSecs: 60 } } }).exit("a1").pass(10).running("a1").exit("a1");
  assertEquals([fuseOf(driver, "a"), driver.cancelled, driver.phase("a2")], ["open", [], "ready"]);
  driver.pass(59_000);
  assertEquals([driver.phase("a1"), driver.phase("a2")], ["backoff", "ready"]);
  driver.exit("a2");
  assertEquals([driver.phase("a2"), reasonOf(driver, "a2")], ["backoff", "meltdown_group_fuse"]);
});

// ---- edges ----

const EDGES = (propagation: "full" | "escalate_only" | "none"): Partial<TreeSpec> => ({
  policy: FUSE,
  groupDependencies: [
    { fromGroup: "a", toGroup: "b", propagation },
    { fromGroup: "c", toGroup: "a", propagation },
  ],
});

Deno.test("§9 edge: from depends on to: the fuse of from has no effect on to", () => {
  const driver = up({ policy: FUSE, groupDependencies: [{ fromGroup: "a", toGroup: "b", propagation: "full" }] }).exit("a1").exit("a2");
  assertEquals([fuseOf(driver, "a"), fuseOf(driver, "b"), told(driver)], ["open", "closed", ["a null full"]]);
});

Deno.test("§9 edge: Full: from's fuse opens too, with propagated_from_group", () => {
  const driver = up(EDGES("full")).exit("b1").exit("b2");
  assertEquals([fuseOf(driver, "b"), fuseOf(driver, "a")], ["open", "open"]);
  assertEquals(told(driver), ["b null full", "a b full"]);
  assertEquals([reasonOf(driver.exit("a1"), "a1"), driver.phase("a2")], ["meltdown_group_fuse", "ready"]);
});

Deno.test("§9 edge: EscalateOnly: only the parent is told (here: by an event about the group, whose fuse stays closed)", () => {
  const driver = up(EDGES("escalate_only")).exit("b1").exit("b2");
  assertEquals([fuseOf(driver, "b"), fuseOf(driver, "a")], ["open", "closed"]);
  assertEquals(told(driver), ["b null full", "a b escalate_only"]);
  assertEquals([reasonOf(driver.exit("a1"), "a1"), driver.node.phase], ["within_restart_budget", "running"]);
});

Deno.test("§9 edge: None: nothing", () => {
  const driver = up(EDGES("none")).exit("b1").exit("b2");
  assertEquals([fuseOf(driver, "b"), fuseOf(driver, "a"), told(driver)], ["open", "closed", ["b null full"]]);
  assertEquals(reasonOf(driver.exit("a1"), "a1"), "within_restart_budget");
});

Deno.test("§9 edge: no transitive propagation unless edges say so", () => {
  const through = up(EDGES("full")).exit("b1").exit("b2");
  assertEquals([fuseOf(through, "c"), told(through).length], ["closed", 2]);
  const groupDependencies = [
    { fromGroup: "a", toGroup: "b", propagation: "full" },
    { fromGroup: "c", toGroup: "b", propagation: "full" },
  ] as const;
  const direct = up({ policy: FUSE, groupDependencies }).exit("b1").exit("b2");
  assertEquals([fuseOf(direct, "a"), fuseOf(direct, "c")], ["open", "open"]);
});

Deno.test("§9 edge: cycles are refused", () => {
  const groupDependencies = [
    { fromGroup: "a", toGroup: "b", propagation: "none" },
    { fromGroup: "b", toGroup: "a", propagation: "none" },
  ] as const;
  assertEquals(errorsOf({ groups: [{ name: "a" }, { name: "b" }], groupDependencies }), ["dependency_cycle /groupDependencies"]);
});

// ---- conflicts ----

const TWO_GROUPS: readonly (readonly [how: string, spec: TreeSpec, rule: string])[] = [
  ["the child says one and a group lists it", {
    groups: [{ name: "a" }, { name: "b", children: ["x"] }],
    children: [scripted("x", { group: "a" })],
  }, "contradicting_group /groups/1/children/0"],
  ["two groups list it", {
    groups: [{ name: "a", children: ["x"] }, { name: "b", children: ["x"] }],
    children: [scripted("x")],
  }, "contradicting_group /groups/1/children/0"],
  ["its tags name two", {
    groups: [{ name: "a", children: ["y"] }, { name: "b", children: ["z"] }],
    groupStrategies: [{ group: "a", strategy: "one_for_all" }, { group: "b", strategy: "one_for_all" }],
    children: [scripted("x", { tags: ["a", "b"] }), scripted("y"), scripted("z")],
  }, "ambiguous_group /children/0/tags"],
];

for (const [how, spec, rule] of TWO_GROUPS) {
  Deno.test(`§9 conflict: a child seen by two groups (here: refused, a child has one group at most): ${how}`, () => {
    assertEquals(errorsOf(spec), [rule]);
  });
}

Deno.test("§9 conflict: higher severity wins (here: of severity and its older name; two that differ are refused)", () => {
  assertEquals(errorsOf({ children: [scripted("x", { severity: "optional", criticality: "critical" })] }), [
    "contradicting_severity /children/0/criticality",
  ]);
});

Deno.test("§9 conflict: smaller max_burst wins (here: that of the group counts instead of the supervisor's)", () => {
  for (const [ofGroup, ofSupervisor, firstRefused] of [[1, 4, 1], [4, 1, -1]] as const) {
    const driver = up({
      policy: { restartBudget: { maxBurst: ofSupervisor, recoveryRatePerSec: 0.1 } },
      groups: [{ name: "a", budget: { maxBurst: ofGroup, recoveryRatePerSec: 0.1 } }, { name: "b" }, { name: "c" }],
    }).exit("a1").exit("a2");
    assertEquals(["a1", "a2"].findIndex((name) => reasonOf(driver, name) === "restart_budget_exhausted"), firstRefused);
  }
});

Deno.test("§9 conflict: a fused group wins: over a budget that would grant the restart", () => {
  const groups = [{ name: "a", budget: { maxBurst: 100, recoveryRatePerSec: 1 } }, { name: "b" }, { name: "c" }];
  const driver = up({ policy: FUSE, groups }).exit("a1").exit("a2");
  assertEquals([reasonOf(driver, "a2"), driver.slot("a2").lastDecision?.delayMs], ["meltdown_group_fuse", 60_000]);
});

Deno.test("§9 conflict: explicit child severity beats the default (here: of its role, groups have none)", () => {
  assertEquals(severityOf({ taskRole: "job", severity: "critical" }, { job: "optional" }), "critical");
});

Deno.test("§9 conflict: each resolution is recorded with tie_break_reason", () => {
  const policy: PolicyOptions = { ...FUSE, restartBudget: { maxBurst: 1, recoveryRatePerSec: 0.1 } };
  const recorded = (driver: Driver): unknown[] =>
    driver.events.flatMap((event) => event.type === "escalation_bifurcated" ? [event.tieBreakReason] : []);
  assertEquals(recorded(up({ policy }, { severity: "critical" }).exit("a1").exit("a2")), [null, "longest_delay_wins"]);
  const limited = up({ policy: { ...policy, supervisorFailureLimit: 1 } }, { severity: "critical" }).exit("a1").exit("a2");
  assertEquals(recorded(limited), [null, "supervisor_limit_wins"]);
});

// ---- severity ----

function failed(options: Partial<ChildSpec>, severityDefaults: TreeSpec["severityDefaults"] = {}): Driver {
  return new Driver([scripted("x", { ...QUICK, ...options })], { severityDefaults }).begin().running("x").exit("x");
}

function severityOf(options: Partial<ChildSpec>, severityDefaults: TreeSpec["severityDefaults"] = {}): Severity | undefined {
  return failed(options, severityDefaults).events.flatMap((event) => event.type === "child_failed" ? [event.policy.severity] : [])[0];
}

Deno.test("§9 severity resolution: child explicit first", () => {
  assertEquals(severityOf({ taskRole: "service", severity: "standard" }, { service: "optional" }), "standard");
});

Deno.test("§9 severity resolution: then severity_defaults[role]", () => {
  assertEquals(severityOf({ taskRole: "service" }, { service: "optional", job: "critical" }), "optional");
});

const BUILT_IN: Readonly<Record<TaskRole, Severity>> = {
  service: "critical",
  supervisor: "critical",
  worker: "standard",
  sidecar: "standard",
  job: "optional",
};

for (const taskRole of ["service", "supervisor", "worker", "sidecar", "job"] as const) {
  Deno.test(`§9 severity resolution: then built-in, ${taskRole}: ${BUILT_IN[taskRole]}`, () => {
    assertEquals(severityOf({ taskRole }), BUILT_IN[taskRole]);
  });
}

const bifurcated = (driver: Driver): unknown[] =>
  driver.events.flatMap((event) => event.type === "escalation_bifurcated" ? [[event.path, event.severity, event.alert]] : []);

Deno.test("§9 severity: critical failure: EscalationBifurcated, and an alert", () => {
  assertEquals(bifurcated(failed({ severity: "critical" })), [["/x", "critical", true]]);
});

Deno.test("§9 severity: optional failure: event only, no alert", () => {
  assertEquals(bifurcated(failed({ severity: "optional" })), [["/x", "optional", false]]);
});

Deno.test("§9 severity: standard failure: role behaviour", () => {
  const driver = failed({ severity: "standard" });
  assertEquals(bifurcated(driver), []);
  assertEquals([driver.phase("x"), reasonOf(driver, "x")], ["backoff", "within_restart_budget"]);
});
