/** Adding and removing at the level of one node: places, names, ties between siblings, readiness (contract, section 17). */
import { assertEquals } from "@std/assert";
import { type AddRefusal, childrenOf, Planner } from "../../src/core/mod.ts";
import type { ChildSpec, TreeSpec } from "../../src/spec/mod.ts";
import { CANCELLED, Driver, FAILED, scripted, SUCCEEDED } from "./driver.ts";

const explicit = { readiness: { mode: "explicit" } } as const;

/** A driver whose node can be given children. */
class Growing extends Driver {
  readonly planner: Planner;

  constructor(children: readonly ChildSpec[], tree: Partial<TreeSpec> = {}) {
    super(children, tree);
    this.planner = new Planner({ ...tree, children }, 70);
  }

  add(name: string, options: Partial<ChildSpec> = {}): this {
    const child = this.planner.planChild(0, scripted(name, options));
    return this.send({ type: "add", node: 0, id: 7, child, by: "ops", reason: "test", transactionId: "t", specHash: "h" });
  }

  get refusal(): AddRefusal | null {
    const refused = this.last.find((effect) => effect.type === "refused");
    return refused?.type === "refused" ? refused.refusal : null;
  }

  get names(): string[] {
    return childrenOf(this.node).map((child) => this.node.slots[child]!.plan.name);
  }
}

const up = (...names: string[]): Growing => new Growing(names.map((name) => scripted(name))).begin().running(...names);

Deno.test("add: the child is known, told and started in one step, before its first event", () => {
  const driver = up("a").add("b");
  assertEquals(driver.last.map((effect) => effect.type === "emit" ? effect.event.type : effect.type), [
    "added",
    "child_added",
    "child_starting",
    "start",
  ]);
  assertEquals(driver.names, ["a", "b"]);
});

Deno.test("add: dependencies in all strengths tie the child to its siblings, and removal unties it", () => {
  const driver = up("a", "b", "c").add("d", { dependencies: ["a"], wants: ["b"], bindsTo: ["c"] });
  const ties = (): unknown =>
    ["a", "b", "c"].map((name) => [driver.slot(name).plan.dependants.length, driver.slot(name).plan.bound.length]);
  assertEquals(ties(), [[1, 0], [1, 0], [1, 1]]);
  assertEquals(driver.running("d").exit("c").cancelled, ["d"]);
  driver.exit("d", CANCELLED).command("d", "remove");
  assertEquals([ties(), driver.names], [[[0, 0], [0, 0], [0, 0]], ["a", "b", "c"]]);
});

for (
  const [what, tree, name, options, refusal] of [
    ["a name that is taken", {}, "a", {}, { code: "child_name_conflict" }],
    ["a dependency that is not there", {}, "x", { dependencies: ["nobody"] }, { code: "dependency_not_found", name: "nobody" }],
    ["a primary that is not there", {}, "x", { taskRole: "sidecar", sidecarConfig: { primaryChildId: "nobody", linkedLifecycle: true } }, {
      code: "dependency_not_found",
      name: "nobody",
    }],
    ["a supervisor that takes none", { dynamicSupervisor: { enabled: false } }, "x", {}, { code: "dynamic_children_disabled" }],
    ["a supervisor that is full", { dynamicSupervisor: { childLimit: 1 } }, "x", {}, { code: "child_limit_exceeded", limit: 1 }],
  ] as const
) {
  Deno.test(`add: refuses ${what}, and changes nothing`, () => {
    const driver = new Growing([scripted("a")], tree).begin().running("a").add(name, options);
    assertEquals([driver.refusal, driver.names, driver.last.length], [refusal, ["a"], 1]);
  });
}

Deno.test("add: refuses a dependency that is on its way out", () => {
  const driver = up("a").command("a", "remove").add("b", { dependencies: ["a"] });
  assertEquals(driver.refusal, { code: "dependency_not_found", name: "a" });
});

Deno.test("add: refused before the node began, while it stops, and when its number was given to another one", () => {
  const early = new Growing([scripted("a")]).add("b");
  assertEquals(early.refusal, { code: "supervisor_not_running" });
  assertEquals(up("a").stop().add("b").refusal, { code: "supervisor_not_running" });
  const planned = new Planner({ children: [{ name: "s", run: { kind: "supervisor", children: [] } }] }, 70).planChild(1, scripted("x"));
  const other = up("a").send({ type: "add", node: 0, id: 7, child: planned, by: "ops", reason: "test", transactionId: "t", specHash: "h" });
  assertEquals(other.last.map(({ type }) => type), ["refused"]);
});

Deno.test("add: a child that must be ready holds up the readiness of a node that was not ready; after that it does not", () => {
  const driver = new Growing([scripted("a", explicit)]).begin().running("a").add("b", explicit).running("b").ready("a");
  assertEquals(driver.node.ready, false);
  assertEquals(driver.ready("b").node.ready, true);
  assertEquals(driver.add("c", explicit).node.ready, true);
});

Deno.test("remove: the last that was missing makes the node ready", () => {
  const driver = new Growing([scripted("a"), scripted("b", explicit)]).begin().running("a", "b");
  assertEquals(driver.node.ready, false);
  driver.command("b", "remove").exit("b", CANCELLED);
  assertEquals(driver.node.ready, true);
});

Deno.test("remove: a place that became free is given again, and the order stays that in which they came", () => {
  const driver = up("a", "b").command("a", "remove").exit("a", CANCELLED).add("c").running("c");
  assertEquals([driver.node.slots.length, driver.names], [2, ["b", "c"]]);
  const rest = new Growing([scripted("a"), scripted("b"), scripted("c")], { strategy: "rest_for_one" }).begin().running("a", "b", "c");
  rest.command("a", "remove").exit("a", CANCELLED).add("d").running("d");
  assertEquals(rest.exit("c").cancelled, ["d"]);
});

for (
  const [state, prepare] of [
    ["waits for its delay", (driver: Driver): Driver => driver.exit("b")],
    ["is stopped", (driver: Driver): Driver => driver.command("b", "terminate").exit("b", CANCELLED)],
    ["is paused", (driver: Driver): Driver => driver.command("b", "pause").exit("b", CANCELLED)],
    [
      "gave up",
      (driver: Driver): Driver => driver.exit("b", { kind: "panicked", failure: { kind: "fatal_bug", category: "x", message: "x" } }),
    ],
  ] as const
) {
  Deno.test(`remove: a child that ${state} is gone at once, with its timers`, () => {
    const driver = new Growing([scripted("a"), scripted("b", { severity: "optional" })]).begin().running("a", "b");
    prepare(driver);
    driver.command("b", "remove");
    assertEquals([driver.names, driver.timers], [["a"], 0]);
    assertEquals(driver.last.some((effect) => effect.type === "removed"), true);
  });
}

Deno.test("remove: a child that waits for a sibling no longer does", () => {
  const driver = new Growing([scripted("a", explicit), scripted("b", { dependencies: ["a"], waitTimeoutMs: 500 })]).begin().running("a");
  const before = driver.timers;
  driver.command("b", "remove");
  assertEquals([driver.names, driver.timers - before, driver.ready("a").started], [["a"], -1, []]);
});

Deno.test("remove: what is being restarted, or stopped for something else, goes for good", () => {
  for (const before of ["restart", "terminate", "pause", "quarantine"] as const) {
    const driver = up("a", "b").command("b", before).command("b", "remove");
    assertEquals(driver.exit("b", FAILED).started, []);
    assertEquals(driver.names, ["a"]);
  }
});

Deno.test("remove: is stopped in the ordinary way, and its end is told", () => {
  const driver = up("a").command("a", "remove");
  assertEquals(driver.cancelled, ["a"]);
  driver.exit("a", CANCELLED);
  assertEquals(driver.typesOf("a").slice(-3), ["child_control_command_completed", "child_stopped", "child_removed"]);
});

Deno.test("remove: a node that stops while a child is being removed ends as always, and begins without it", () => {
  const driver = up("a", "b").command("b", "remove").stop().exit("b", CANCELLED).exit("a", CANCELLED);
  assertEquals(driver.node.phase, "stopped");
  driver.begin();
  assertEquals([driver.names, driver.started], [["a"], ["a"]]);
});

Deno.test("a temporary child that was added is taken out when it is done, unless a sibling names it", () => {
  const once = { restartPolicy: "temporary" } as const;
  assertEquals(up("a").add("job", once).running("job").exit("job", SUCCEEDED).names.length, 1);
  assertEquals(up("a").add("job", once).running("job").exit("job", FAILED).names.length, 1);
  const needed = up("a").add("job", once).add("user", { wants: ["job"] });
  assertEquals(needed.running("job").exit("job", SUCCEEDED).names, ["a", "job", "user"]);
});

Deno.test("remove: a sidecar that is on its way out stays so when its primary is paused", () => {
  const log = scripted("log", { taskRole: "sidecar", sidecarConfig: { primaryChildId: "app", linkedLifecycle: true } });
  const driver = new Growing([scripted("app"), log]).begin().running("app", "log").command("log", "remove").command("app", "pause");
  assertEquals(driver.slot("log").operation, "removed");
  assertEquals(driver.exit("log", CANCELLED).names, ["app"]);
});
