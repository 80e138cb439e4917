/** Groups: membership, strategies, fuses, budgets, isolation and propagation (contract, sections 4 and 9), turns, and sidecars (section 10). */
import { assertEquals } from "@std/assert";
import type { ChildSpec, PolicyOptions, TreeSpec } from "../../src/spec/mod.ts";
import { CANCELLED, Driver, scripted } from "./driver.ts";

const QUICK = { backoff: { initialMs: 10, maxMs: 10, jitter: "none" }, limit: { maxRestarts: 1_000 } } as const;
const explicit = { readiness: { mode: "explicit" } } as const;
const EDGE = ["e1", "e2", "e3"];
const STORE = ["s1", "s2"];

function members(options: Partial<ChildSpec> = {}): ChildSpec[] {
  return [
    ...STORE.map((name) => scripted(name, { ...QUICK, group: "storage", ...options })),
    ...EDGE.map((name) => scripted(name, { ...QUICK, group: "edge", ...options })),
  ];
}

function up(tree: Partial<TreeSpec>, children: readonly ChildSpec[] = members()): Driver {
  const driver = new Driver(children, { groups: [{ name: "edge" }, { name: "storage" }], ...tree }).begin();
  for (const { name } of children) if (driver.phase(name) === "starting") driver.running(name);
  return driver;
}

const FUSE: PolicyOptions = { meltdown: { groupMaxFailures: 2, groupWindowSecs: 30, resetAfterSecs: 60 } };
const stateOf = (driver: Driver, group: string): string => {
  const index = driver.node.plan.groups.findIndex(({ name }) => name === group);
  return driver.node.guards.groups[index]!.fuse === null ? "closed" : "open";
};

for (
  const [way, children, tree] of [
    ["the child", [scripted("a", { group: "g" }), scripted("b")], { groups: [{ name: "g" }] }],
    ["the group", [scripted("a"), scripted("b")], { groups: [{ name: "g", children: ["a"] }] }],
    ["a tag that is the name of a group strategy", [scripted("a", { tags: ["x", "g"] }), scripted("b", { tags: ["x"] })], {
      groups: [{ name: "g" }],
      groupStrategies: [{ group: "g", strategy: "one_for_all" }],
    }],
  ] as const
) {
  Deno.test(`group: ${way} says who is a member`, () => {
    const driver = new Driver(children, tree);
    assertEquals([driver.slot("a").plan.group, driver.slot("b").plan.group], [0, -1]);
  });
}

Deno.test("group: its strategy restarts members of the group only, and nobody else's failure touches them", () => {
  const driver = up({ groupStrategies: [{ group: "edge", strategy: "one_for_all" }] }).exit("e2");
  assertEquals(driver.cancelled, ["e3", "e1"]);
  driver.exit("e3", CANCELLED).exit("e1", CANCELLED);
  assertEquals(driver.pass(10).started, EDGE);
  assertEquals(driver.running(...EDGE).exit("s1").cancelled, []);
});

Deno.test("group: rest_for_one counts in the order of declaration within the group", () => {
  const driver = up({ groupStrategies: [{ group: "edge", strategy: "rest_for_one" }] }).exit("e2");
  assertEquals(driver.cancelled, ["e3"]);
});

Deno.test("override: the strategy of a child goes before that of its group, and over all siblings", () => {
  const tree = {
    groupStrategies: [{ group: "edge", strategy: "one_for_one" }],
    childStrategyOverrides: [{ childId: "e1", strategy: "one_for_all" }],
  } as const;
  assertEquals(up(tree).exit("e1").cancelled, ["e3", "e2", "s2", "s1"]);
  assertEquals(up(tree).exit("e2").cancelled, []);
});

Deno.test("override: limit and escalation are those of the child's own strategy, else of its group, else of the supervisor", () => {
  const tree: Partial<TreeSpec> = {
    escalationPolicy: "shutdown_tree",
    groupStrategies: [{
      group: "edge",
      strategy: "one_for_one",
      restartLimit: { maxRestarts: 7, windowMs: 5_000 },
      escalationPolicy: "quarantine_scope",
    }],
    childStrategyOverrides: [{ childId: "e1", strategy: "one_for_one", restartLimit: { maxRestarts: 2 } }],
  };
  const driver = new Driver(members({ limit: undefined }), { groups: [{ name: "edge" }, { name: "storage" }], ...tree });
  const found = ["e1", "e2", "s1"].map((name) => {
    const { policy: { limit: { maxRestarts, windowMs } }, escalationPolicy } = driver.slot(name).plan;
    return [maxRestarts, windowMs, escalationPolicy];
  });
  assertEquals(found, [[2, 60_000, "shutdown_tree"], [7, 5_000, "quarantine_scope"], [3, 60_000, "shutdown_tree"]]);
});

Deno.test("group: two common restarts in two groups go on side by side", () => {
  const strategies = [{ group: "edge", strategy: "one_for_all" }, { group: "storage", strategy: "one_for_all" }] as const;
  const driver = up({ groupStrategies: strategies }).exit("e2").exit("s1");
  assertEquals(driver.node.scopes.length, 2);
  driver.exit("e3", CANCELLED).exit("e1", CANCELLED).pass(10);
  assertEquals([...EDGE, "s1"].map((name) => driver.phase(name)), ["starting", "starting", "starting", "backoff"]);
  assertEquals(driver.exit("s2", CANCELLED).started, STORE);
});

Deno.test("group fuse: opens at one more failure of members than its number, and keeps off restarts only", () => {
  const driver = up({ policy: FUSE }).exit("e1").exit("e2");
  assertEquals(stateOf(driver, "edge"), "closed");
  driver.pass(10).running("e1", "e2").exit("e1");
  assertEquals([stateOf(driver, "edge"), stateOf(driver, "storage")], ["open", "closed"]);
  assertEquals([driver.phase("e1"), driver.slot("e1").lastDecision?.reason, driver.slot("e1").lastDecision?.delayMs], [
    "backoff",
    "meltdown_group_fuse",
    60_000,
  ]);
  assertEquals([driver.phase("e2"), driver.phase("e3")], ["ready", "ready"]);
  assertEquals(driver.exit("s1").slot("s1").lastDecision?.reason, "within_restart_budget");
});

Deno.test("group fuse: on trial it lets one restart through; when that is ready the others follow", () => {
  const driver = up({ policy: FUSE }, members(explicit));
  for (const name of EDGE) driver.running(name).ready(name).exit(name);
  assertEquals(stateOf(driver, "edge"), "open");
  driver.pass(60_000);
  const phases = (): string[] => EDGE.map((name) => driver.phase(name)).sort();
  assertEquals(phases(), ["queued", "queued", "starting"]);
  const trial = EDGE.find((name) => driver.phase(name) === "starting")!;
  driver.running(trial).ready(trial);
  assertEquals(phases(), ["ready", "starting", "starting"]);
});

Deno.test("group fuse: a trial that fails opens it again, and the next trial comes after the same time", () => {
  const driver = up({ policy: FUSE }, members(explicit));
  for (const name of EDGE) driver.running(name).ready(name).exit(name);
  driver.pass(60_000);
  const trial = EDGE.find((name) => driver.phase(name) === "starting")!;
  driver.exit(trial).pass(59_999);
  assertEquals(EDGE.some((name) => driver.phase(name) === "starting"), false);
  driver.pass(1);
  assertEquals(EDGE.filter((name) => driver.phase(name) === "starting").length, 1);
});

Deno.test("group fuse: resetting it from any member starts all whom it kept down", () => {
  const driver = up({ policy: FUSE });
  for (const name of EDGE) driver.exit(name);
  driver.pass(10);
  assertEquals(driver.command("e3", "reset_fuse").started.includes("e3"), true);
  assertEquals([stateOf(driver, "edge"), driver.node.guards.groups.map(({ timer }) => timer)], ["closed", [0, 0]]);
});

for (
  const [propagation, opened] of [["full", "open"], ["escalate_only", "closed"], ["none", "closed"]] as const
) {
  Deno.test(`group dependency: with ${propagation} the fuse of the group that depends is ${opened}, and it goes no further`, () => {
    const groups = [{ name: "edge" }, { name: "storage" }, { name: "far" }];
    const groupDependencies = [{ fromGroup: "edge", toGroup: "storage", propagation }, { fromGroup: "far", toGroup: "edge", propagation }];
    const driver = up({ policy: FUSE, groups, groupDependencies });
    for (const name of ["s1", "s2"]) driver.exit(name);
    driver.pass(10).running("s1").exit("s1");
    assertEquals(["storage", "edge", "far"].map((group) => stateOf(driver, group)), ["open", opened, "closed"]);
    const told = driver.events.filter((event) => event.type === "group_fuse_triggered").map((event) =>
      event.type === "group_fuse_triggered" ? [event.group, event.propagatedFromGroup, event.propagation] : []
    );
    const own = ["storage", null, "full"];
    assertEquals(told, propagation === "none" ? [own] : [own, ["edge", "storage", propagation]]);
  });
}

Deno.test("group budget: members share it, and others have that of the supervisor", () => {
  const driver = up({
    policy: { restartBudget: { maxBurst: 5, recoveryRatePerSec: 1 } },
    groups: [{ name: "edge", budget: { maxBurst: 1, recoveryRatePerSec: 0.1 } }, { name: "storage" }],
  });
  const delays = [...EDGE, ...STORE].map((name) => driver.exit(name).slot(name).lastDecision?.delayMs);
  assertEquals(delays, [10, 10_000, 20_000, 10, 10]);
});

Deno.test("turn: so many restarts at once, the others first come first served, and a place is free when its holder is ready or failed", () => {
  const driver = up({ policy: { supervisionPipeline: { concurrentRestartLimit: 1 } } }, members(explicit));
  for (const name of EDGE) driver.running(name).ready(name);
  for (const name of ["e2", "e1", "e3"]) driver.exit(name);
  driver.pass(10);
  assertEquals(EDGE.map((name) => driver.phase(name)), ["queued", "starting", "queued"]);
  assertEquals(driver.running("e2").started, []);
  assertEquals(driver.ready("e2").started, ["e1"]);
  assertEquals(driver.exit("e1").started, ["e3"]);
  assertEquals(driver.pass(10).phase("e1"), "queued");
});

Deno.test("turn: who never gets ready loses its place by the time limit that a gate brings along", () => {
  const driver = up({ policy: { supervisionPipeline: { concurrentRestartLimit: 1 } } }, members(explicit));
  driver.running("e1").ready("e1").exit("e1").running("e2").ready("e2").exit("e2").pass(10).running("e1");
  assertEquals([driver.phase("e1"), driver.phase("e2")], ["running", "queued"]);
  driver.pass(30_000);
  assertEquals(driver.exit("e1", CANCELLED).started, ["e2"]);
});

Deno.test("turn: first starts and what operators ask for wait for nobody", () => {
  const driver = up({ policy: { supervisionPipeline: { concurrentRestartLimit: 1 } } }, members(explicit));
  assertEquals([...EDGE, ...STORE].map((name) => driver.phase(name)), ["running", "running", "running", "running", "running"]);
  driver.exit("e1").exit("e2").pass(10);
  assertEquals(driver.phase("e2"), "queued");
  assertEquals(driver.command("e2", "restart").started, ["e2"]);
});

Deno.test("turn: a group has places of its own, and the stricter gate wins", () => {
  const groups = [{ name: "edge", concurrentRestartLimit: 1 }, { name: "storage" }];
  const driver = up({ groups }, members(explicit));
  for (const name of ["e1", "e2", "s1", "s2"]) driver.exit(name);
  driver.pass(10);
  assertEquals(["e1", "e2", "s1", "s2"].map((name) => driver.phase(name)), ["starting", "queued", "starting", "starting"]);
});

for (const command of ["pause", "quarantine", "terminate"] as const) {
  Deno.test(`sidecar: linked, it is put down by ${command} of its primary, and comes back with it; not the other way round`, () => {
    const children = [
      scripted("app"),
      scripted("log", { taskRole: "sidecar", sidecarConfig: { primaryChildId: "app", linkedLifecycle: true } }),
    ];
    const driver = new Driver(children).begin().running("app", "log");
    assertEquals(driver.command("log", command).cancelled, ["log"]);
    driver.exit("log", CANCELLED).command("log", command === "terminate" ? "start" : "resume").running("log");
    assertEquals(driver.command("app", command).cancelled.sort(), ["app", "log"]);
    driver.exit("log", CANCELLED).exit("app", CANCELLED);
    assertEquals(driver.command("app", command === "terminate" ? "start" : "resume").started, ["app", "log"]);
  });
}

Deno.test("sidecar: failures stay independent, and without the link so does everything", () => {
  const sidecar = (linkedLifecycle: boolean): ChildSpec =>
    scripted("log", { taskRole: "sidecar", sidecarConfig: { primaryChildId: "app", linkedLifecycle } });
  const driver = new Driver([scripted("app"), sidecar(true)]).begin().running("app", "log");
  assertEquals(driver.exit("app").cancelled, []);
  assertEquals(new Driver([scripted("app"), sidecar(false)]).begin().running("app", "log").command("app", "pause").cancelled, ["app"]);
});

// Seed 3124928 of the simulation: the trial outlasted its time, and who came after those that waited for it waited as well, for ever.
Deno.test("group fuse: a trial that is not ready when its time is over is still the only one", () => {
  const driver = up({ policy: { meltdown: { groupMaxFailures: 2, resetAfterSecs: 5 } } }, members(explicit));
  for (const name of EDGE) driver.running(name).ready(name).exit(name);
  driver.pass(5_000);
  const trial = EDGE.find((name) => driver.phase(name) === "starting")!;
  driver.running(trial).pass(10_000).running("s1").ready("s1").exit("s1").pass(10);
  assertEquals([driver.phase("s1"), EDGE.filter((name) => driver.phase(name) === "queued").length], ["starting", 2]);
  assertEquals(driver.exit(trial).started.sort(), EDGE.filter((name) => name !== trial));
});

// Seed 10047749: the fuse was closed by its time, so that resetting it was no change, although a trial still kept somebody waiting.
Deno.test("group fuse: resetting it ends a trial that has outlasted its time", () => {
  const driver = up({ policy: { meltdown: { groupMaxFailures: 2, resetAfterSecs: 5 } } }, members(explicit));
  for (const name of EDGE) driver.running(name).ready(name).exit(name);
  driver.pass(5_000);
  const trial = EDGE.find((name) => driver.phase(name) === "starting")!;
  driver.running(trial).pass(10_000);
  assertEquals(driver.command(trial, "reset_fuse").started.sort(), EDGE.filter((name) => name !== trial));
});
