/** Section 17 of the contract, dynamic children: the policy, and the addition of a child (17.1) with its phases and errors. */
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  child,
  type ChildOptions,
  type ChildSpec,
  type Problem,
  ReeveError,
  SpecError,
  supervise,
  type SupervisorEvent,
  type TaskFunction,
  type Tree,
  type TreeSpec,
} from "../../mod.ts";
import { type AddRefusal, Planner } from "../../src/core/mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { CANCELLED, Driver, scripted } from "../core/driver.ts";
import { deaf, untilAborted } from "../support/tasks.ts";

const EXPLICIT: ChildOptions = { readiness: { mode: "explicit" } };

const task = (name: string, options: ChildOptions = {}): ChildSpec => child.task(name, untilAborted, options);
const paths = (tree: Tree): string[] => tree.snapshot().children.map(({ path }) => path);

const failing: TaskFunction = () => Promise.reject(new Error("no port"));

async function started(children: readonly ChildSpec[], options: Partial<TreeSpec> = {}): Promise<{ tree: Tree; clock: VirtualClock }> {
  const clock = new VirtualClock();
  const tree = await supervise({ ...options, children }, { clock, keepAlive: false });
  await clock.advance(0);
  return { tree, clock };
}

async function refusal(promise: Promise<unknown>): Promise<[string, string]> {
  const { code, message } = await assertRejects(() => promise, ReeveError);
  return [code, message];
}

async function errorsOf(promise: Promise<unknown>): Promise<Problem[]> {
  const { problems } = await assertRejects(() => promise, SpecError);
  return problems.filter(({ severity }) => severity === "error");
}

async function eventsOf(tree: Tree): Promise<SupervisorEvent[]> {
  const events: SupervisorEvent[] = [];
  for await (const event of tree.events()) if (event.type !== "gap") events.push(event);
  return events;
}

/** What a node says when it is given a child that was checked before. */
function refusalOfNode(driver: Driver, tree: Partial<TreeSpec>, added: ChildSpec): AddRefusal | null {
  const planner = new Planner({ ...tree, children: [scripted("a")] }, 70);
  const identity = { transactionId: "t", specHash: "h" };
  driver.send({ type: "add", node: 0, id: 7, child: planner.planChild(0, added), by: "ops", reason: "test", ...identity });
  const [refused] = driver.last.flatMap((effect) => effect.type === "refused" ? [effect.refusal] : []);
  return refused ?? null;
}

// --- policy

Deno.test("§17 policy: enabled: off refuses every addition", async () => {
  const { tree } = await started([task("a")], { dynamicSupervisor: { enabled: false } });
  const [code, message] = await refusal(tree.add(task("b")));
  assertEquals([code, paths(tree)], ["dynamic_children_disabled", ["/a"]]);
  assertStringIncludes(message, "set dynamicSupervisor.enabled");
  await tree.shutdown();
});

Deno.test("§17 policy: enabled: on by itself, without a limit", async () => {
  const { tree } = await started([]);
  for (let index = 0; index < 20; index++) await tree.add(task(`c${index}`));
  assertEquals(tree.counts(), { ready: 20 });
  await tree.shutdown();
});

Deno.test("§17 policy: child_limit counts declared and added children together", async () => {
  const { tree } = await started([task("a"), task("b")], { dynamicSupervisor: { childLimit: 3 } });
  await tree.add(task("c"));
  assertEquals((await refusal(tree.add(task("d"))))[0], "child_limit_exceeded");
  await tree.shutdown();
});

Deno.test("§17 policy: it is each supervisor's own", async () => {
  const { tree } = await started([child.supervisor("closed", { children: [], dynamicSupervisor: { enabled: false } })]);
  assertEquals((await refusal(tree.add(task("a"), { to: "/closed" })))[0], "dynamic_children_disabled");
  assertEquals((await tree.add(task("a"))).path, "/a");
  await tree.shutdown();
});

Deno.test("§17 policy: in a supervisor it is looked at before name and dependencies", () => {
  const added = scripted("a", { dependencies: ["nobody"] });
  for (
    const [dynamicSupervisor, expected] of [
      [{ enabled: false }, { code: "dynamic_children_disabled" }],
      [{ childLimit: 1 }, { code: "child_limit_exceeded", limit: 1 }],
      [{}, { code: "child_name_conflict" }],
    ] as const
  ) {
    const driver = new Driver([scripted("a")], { dynamicSupervisor }).begin().running("a");
    assertEquals(refusalOfNode(driver, { dynamicSupervisor }, added), expected);
  }
});

// --- phases

Deno.test("§17.1 phases: parsed: what is no declaration is a plain error, and nothing is begun", async () => {
  const { tree } = await started([task("a")]);
  const garbage: ChildSpec = JSON.parse('{"name": 7, "run": {"kind": "magic"}}');
  const pointers = (await errorsOf(tree.add(garbage))).map(({ pointer }) => pointer);
  assertEquals([pointers.includes("/name"), pointers.some((pointer) => pointer.startsWith("/run")), paths(tree)], [true, true, ["/a"]]);
  await tree.shutdown();
});

for (
  const [rule, spec, expected] of [
    ["declaration rules", task("x", { limit: { maxRestarts: 0 } }), ["out_of_range", "/limit/maxRestarts"]],
    ["dependencies exist", task("x", { dependencies: ["nobody"] }), ["unknown_dependency", "/dependencies/0"]],
  ] as const
) {
  Deno.test(`§17.1 phases: validated: ${rule}: a plain error with the place in the declaration, and nothing is begun`, async () => {
    const { tree } = await started([task("a")]);
    const { seq } = tree.snapshot();
    const found = (await errorsOf(tree.add(spec))).map(({ rule, pointer }) => [rule, pointer]);
    assertEquals([found, paths(tree)], [[[...expected]], ["/a"]]);
    const begun = (await Promise.all([tree.shutdown(), eventsOf(tree)]))[1].filter((event) =>
      event.seq > seq && ["child_added", "child_starting"].includes(event.type)
    );
    assertEquals(begun, []);
  });
}

Deno.test("§17.1 phases: validated: the name is free: a plain error, and the child of that name goes on", async () => {
  const { tree } = await started([task("a")]);
  assertEquals((await refusal(tree.add(task("a"))))[0], "child_name_conflict");
  assertEquals([paths(tree), tree.child("/a").attempt, tree.child("/a").phase], [["/a"], 1, "ready"]);
  await tree.shutdown();
});

Deno.test("§17.1 phases: registered: the child is in the tree, in order, and told before its first start", () => {
  const driver = new Driver([scripted("a")]).begin().running("a");
  assertEquals(refusalOfNode(driver, {}, scripted("b")), null);
  const effects = driver.last.map((effect) => effect.type === "emit" ? effect.event.type : effect.type);
  assertEquals(effects, ["added", "child_added", "child_starting", "start"]);
  assertEquals([driver.node.order.length, driver.slot("b").added], [2, true]);
});

Deno.test("§17.1 phases: registered: refused by its supervisor: nothing of it is left", () => {
  const driver = new Driver([scripted("a")]).begin().running("a");
  const refused = refusalOfNode(driver, {}, scripted("b", { dependencies: ["nobody"] }));
  assertEquals(refused, { code: "dependency_not_found", name: "nobody" });
  assertEquals([driver.node.slots.length, driver.node.order.length, driver.last.length], [1, 1, 1]);
});

Deno.test("§17.1 phases: started: spawned at once; waits for ready only when asked to (here: untilReady)", async () => {
  let ready = (): void => {};
  const slow: TaskFunction = (context) => {
    ready = () => context.ready();
    return untilAborted(context);
  };
  const { tree, clock } = await started([]);
  assertEquals((await tree.add(child.task("a", slow, EXPLICIT))).phase, "running");
  let isDone = false;
  const adding = tree.add(child.task("b", slow, EXPLICIT), { untilReady: true }).finally(() => isDone = true);
  await clock.advance(1_000);
  assertEquals(isDone, false);
  ready();
  await clock.advance(1);
  assertEquals((await adding).phase, "ready");
  await tree.shutdown();
});

Deno.test("§17.1 phases: started: a failure before ready is compensated", async () => {
  const { tree, clock } = await started([task("a")]);
  const { timers } = clock;
  assertEquals((await refusal(tree.add(child.task("bad", failing, EXPLICIT), { untilReady: true })))[0], "addition_undone");
  await clock.advance(1);
  assertEquals([paths(tree), clock.timers], [["/a"], timers]);
  await tree.shutdown();
});

Deno.test("§17.1 phases: compensating, compensated: the child is stopped, then dropped, and its name is free", async () => {
  const { tree, clock } = await started([]);
  const lateFailure: TaskFunction = async (context) => {
    if (context.attempt > 1) return await untilAborted(context);
    throw new Error("no port");
  };
  const options: ChildOptions = { ...EXPLICIT, backoff: { initialMs: 0, maxMs: 0 } };
  assertEquals((await refusal(tree.add(child.task("a", lateFailure, options), { untilReady: true })))[0], "addition_undone");
  await clock.advance(1);
  assertEquals((await tree.add(task("a"))).phase, "ready");
  await tree.shutdown();
  const told = (await eventsOf(tree)).filter(({ path }) => path === "/a").map(({ type }) => type);
  const [added, stopping, removed, again] = [
    told.indexOf("child_added"),
    told.indexOf("child_stopping"),
    told.indexOf("child_removed"),
    told.lastIndexOf("child_added"),
  ];
  assert(added! < stopping! && stopping! < removed! && removed! < again!, told.join());
});

Deno.test("§17.1 events: an accepted declaration is told with who asked and why (here: child_added)", async () => {
  const { tree } = await started([]);
  await tree.add(task("a"), { by: "ops", reason: "more load" });
  await tree.shutdown();
  const [added] = (await eventsOf(tree)).filter(({ type }) => type === "child_added");
  assertEquals(added?.type === "child_added" ? [added.path, added.by, added.reason] : null, ["/a", "ops", "more load"]);
});

// --- errors

Deno.test("§17.1 errors: TransactionInProgress (here: additions take turns, none is refused for another)", async () => {
  const { tree } = await started([]);
  const added = await Promise.all(["a", "b", "c"].map((name) => tree.add(task(name))));
  assertEquals([added.map(({ path }) => path), paths(tree)], [["/a", "/b", "/c"], ["/a", "/b", "/c"]]);
  await tree.shutdown();
});

Deno.test("§17.1 errors: ChildNameConflict: a duplicate, with its name", async () => {
  const { tree } = await started([task("a")]);
  const [code, message] = await refusal(tree.add(task("a")));
  assertEquals([code, message], ["child_name_conflict", 'Cannot add "/a": supervisor "/" has a child of that name']);
  await tree.shutdown();
});

Deno.test("§17.1 errors: ChildNameConflict: two additions of one name at once make one child", async () => {
  const { tree } = await started([]);
  const results = await Promise.allSettled([tree.add(task("a")), tree.add(task("a"))]);
  const codes = results.map((one) => one.status === "rejected" && one.reason instanceof ReeveError ? one.reason.code : one.status);
  assertEquals([codes, paths(tree)], [["fulfilled", "child_name_conflict"], ["/a"]]);
  await tree.shutdown();
});

Deno.test("§17.1 errors: ChildNameConflict: the name of one that is on its way out", async () => {
  const { tree, clock } = await started([child.task("a", deaf)]);
  await tree.child("/a").remove();
  assertEquals((await refusal(tree.add(task("a"))))[0], "child_name_conflict");
  const ending = tree.shutdown();
  await clock.advance(60_000);
  await ending;
});

Deno.test("§17.1 errors: DependencyNotFound: named, at its place (here: unknown_dependency)", async () => {
  const { tree } = await started([task("redis")]);
  const [problem] = await errorsOf(tree.add(task("a", { dependencies: ["reddis"] })));
  assertEquals([problem?.rule, problem?.pointer], ["unknown_dependency", "/dependencies/0"]);
  assertStringIncludes(problem?.reason ?? "", '"reddis"');
  await tree.shutdown();
});

Deno.test("§17.1 errors: DependencyNotFound: one that went away meanwhile is named", () => {
  const driver = new Driver([scripted("a")]).begin().running("a").command("a", "remove");
  const added = scripted("b", { dependencies: ["a"] });
  assertEquals(refusalOfNode(driver, {}, added), { code: "dependency_not_found", name: "a" });
  driver.exit("a", CANCELLED);
  assertEquals(refusalOfNode(driver, {}, added), { code: "dependency_not_found", name: "a" });
});

Deno.test("§17.1 errors: DependencyCycle: the nodes of a cycle that comes with the child", async () => {
  const { tree } = await started([]);
  const children = [task("x", { dependencies: ["y"] }), task("y", { dependencies: ["x"] })];
  const problems = await errorsOf(tree.add(child.supervisor("s", { children })));
  assertEquals(problems.map(({ rule }) => rule), ["dependency_cycle"]);
  assertStringIncludes(problems[0]?.reason ?? "", "x → y → x");
  await tree.shutdown();
});

Deno.test("§17.1 errors: DependencyCycle: a child that depends on itself", async () => {
  const { tree } = await started([task("b")]);
  const problems = await errorsOf(tree.add(task("a", { dependencies: ["b", "a"] })));
  assertEquals([problems.map(({ pointer }) => pointer), paths(tree)], [["/dependencies/1"], ["/b"]]);
  await tree.shutdown();
});

Deno.test("§17.1 errors: SupervisorShuttingDown: refused while it stops (here: command_refused)", async () => {
  const { tree, clock } = await started([child.task("deaf", deaf)]);
  const ending = tree.shutdown();
  await clock.advance(1);
  assertEquals(await refusal(tree.add(task("a"))), ["command_refused", 'Cannot add "/a": supervisor "/" is not running']);
  await clock.advance(60_000);
  await ending;
});

Deno.test("§17.1 errors: SupervisorShuttingDown: refused after the end (here: tree_finished)", async () => {
  const { tree } = await started([]);
  await tree.shutdown();
  assertEquals((await refusal(tree.add(task("a"))))[0], "tree_finished");
});

Deno.test("§17.1 errors: ChildLimitExceeded: says how many there may be, and makes room when one is gone", async () => {
  const { tree, clock } = await started([task("a")], { dynamicSupervisor: { childLimit: 1 } });
  const [code, message] = await refusal(tree.add(task("b")));
  assertEquals(code, "child_limit_exceeded");
  assertStringIncludes(message, 'supervisor "/" may have 1 children');
  await tree.child("/a").remove();
  await clock.advance(1);
  assertEquals((await tree.add(task("b"))).path, "/b");
  await tree.shutdown();
});

Deno.test("§17.1 errors: TransactionCompensated: says what went wrong, and that nothing is left (here: addition_undone)", async () => {
  const { tree, clock } = await started([]);
  const [code, message] = await refusal(tree.add(child.task("bad", failing, EXPLICIT), { untilReady: true }));
  await clock.advance(1);
  assertEquals([code, assertThrows(() => tree.child("/bad"), ReeveError).code], ["addition_undone", "child_not_found"]);
  assertStringIncludes(message, "no port");
  await tree.shutdown();
});
