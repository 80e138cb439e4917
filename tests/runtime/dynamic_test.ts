/** Children that come and go while the tree runs, through the whole runtime (contract, section 17). */
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { child, type ChildSpec, ReeveError, SpecError, supervise, type TaskFunction, type Tree, type TreeSpec } from "../../mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { deaf, untilAborted } from "../support/tasks.ts";

async function started(children: readonly ChildSpec[], options: Partial<TreeSpec> = {}): Promise<{ tree: Tree; clock: VirtualClock }> {
  const clock = new VirtualClock();
  const tree = await supervise({ ...options, children }, { clock, keepAlive: false });
  await clock.advance(0);
  return { tree, clock };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => promise, ReeveError)).code;
}

const paths = (tree: Tree): string[] => tree.snapshot().children.map(({ path }) => path);

Deno.test("add() starts a child and hands out its handle; events say who asked and why", async () => {
  const { tree, clock } = await started([child.task("db", untilAborted)]);
  const added = await tree.add(child.task("web", untilAborted, { dependencies: ["db"] }), { by: "ops", reason: "more load" });
  assertEquals([added.path, added.phase], ["/web", "ready"]);
  await clock.advance(1);
  assertEquals(paths(tree), ["/db", "/web"]);
  const report = await tree.shutdown();
  assertEquals(report.children.map(({ path, status }) => [path, status]), [["/web", "graceful"], ["/db", "graceful"]]);
  const events: string[] = [];
  for await (const event of tree.events()) if (event.type === "child_added") events.push(`${event.path} ${event.by} ${event.reason}`);
  assertEquals(events, ["/web ops more load"]);
});

Deno.test("add() lets the child wait for its dependencies, and stops it before them", async () => {
  let release = (): void => {};
  const slow: TaskFunction = async (context) => {
    await new Promise<void>((resolve) => release = resolve);
    context.ready();
    await untilAborted(context);
  };
  const { tree, clock } = await started([child.task("db", slow, { readiness: { mode: "explicit" } })]);
  const web = await tree.add(child.task("web", untilAborted, { dependencies: ["db"] }));
  assertEquals([web.phase, web.waitingFor], ["waiting", ["db"]]);
  release();
  await clock.advance(1);
  assertEquals(tree.child("/web").phase, "ready");
  await tree.shutdown();
});

Deno.test("add() into a nested supervisor, and a supervisor with children of its own", async () => {
  const { tree, clock } = await started([child.supervisor("pool", { children: [] })]);
  await tree.add(child.task("a", untilAborted), { to: "/pool" });
  const inner = child.supervisor("more", {
    children: [child.task("x", untilAborted), child.supervisor("deep", { children: [child.task("y", untilAborted)] })],
  });
  await tree.add(inner, { to: "/pool" });
  await clock.advance(1);
  assertEquals(tree.child("/pool/more/deep/y").phase, "ready");
  await tree.add(child.task("z", untilAborted), { to: "/pool/more/deep" });
  await tree.child("/pool/more").remove();
  await clock.advance(1);
  assertThrows(() => tree.child("/pool/more/deep/z"), ReeveError, "Cannot find child");
  // The numbers of what is gone are given again.
  await tree.add(inner, { to: "/pool" });
  await clock.advance(1);
  assertEquals(tree.child("/pool/more/deep").children.map(({ path }) => path), ["/pool/more/deep/y"]);
  const report = await tree.shutdown();
  assertEquals(report.abandoned, []);
});

Deno.test("add() is kept when its supervisor is restarted as a unit", async () => {
  let fail = (): void => {};
  const fragile: TaskFunction = ({ signal }) =>
    new Promise<void>((resolve, reject) => {
      fail = () => reject(new Error("broken"));
      signal.addEventListener("abort", () => resolve());
    });
  const { tree, clock } = await started([
    child.supervisor("pool", { children: [child.task("fragile", fragile, { limit: { maxRestarts: 1, onExceeded: "escalate" } })] }),
  ]);
  await tree.add(child.task("a", untilAborted), { to: "/pool" });
  fail();
  await clock.advance(1_000);
  fail();
  await clock.advance(10_000);
  assertEquals([tree.child("/pool").attempt, tree.child("/pool/a").phase], [2, "ready"]);
  await tree.shutdown();
});

Deno.test("add() says everything that is wrong with the declaration, and changes nothing", async () => {
  const { tree } = await started([child.task("db", untilAborted)]);
  const error = await assertRejects(
    () => tree.add(child.task("web", untilAborted, { dependencies: ["dc"], limit: { maxRestarts: 0 } })),
    SpecError,
  );
  assertMatch(error.message, /^Cannot add "\/web": 2 violations\n/);
  assertEquals(error.problems.filter(({ severity }) => severity === "error").map(({ rule, pointer }) => [rule, pointer]), [
    ["unknown_dependency", "/dependencies/0"],
    ["out_of_range", "/limit/maxRestarts"],
  ]);
  const missing = await assertRejects(() => tree.add(child.process("x", { command: "no-such-command-anywhere" })), SpecError);
  assertMatch(missing.message, /no-such-command-anywhere/);
  assertEquals(paths(tree), ["/db"]);
  await tree.shutdown();
});

Deno.test("add() refuses a name that is taken, a place that is none, a blank reason, and a tree that is over", async () => {
  const { tree } = await started([child.task("a", untilAborted)]);
  assertEquals(await codeOf(tree.add(child.task("a", untilAborted))), "child_name_conflict");
  assertEquals(await codeOf(tree.add(child.task("b", untilAborted), { to: "/a" })), "not_a_supervisor");
  assertEquals(await codeOf(tree.add(child.task("b", untilAborted), { to: "/x" })), "child_not_found");
  assertEquals(await codeOf(tree.add(child.task("b", untilAborted), { reason: " " })), "invalid_request");
  await tree.shutdown();
  assertEquals(await codeOf(tree.add(child.task("b", untilAborted))), "tree_finished");
});

Deno.test("add() is refused while its supervisor stops", async () => {
  const { tree, clock } = await started([child.task("deaf", deaf)]);
  const stopping = tree.shutdown();
  await clock.advance(10);
  assertEquals(await codeOf(tree.add(child.task("b", untilAborted))), "command_refused");
  await clock.advance(60_000);
  await stopping;
});

Deno.test("add() keeps to the number of children and to a supervisor that takes none", async () => {
  const { tree, clock } = await started([
    child.task("a", untilAborted),
    child.supervisor("closed", { children: [], dynamicSupervisor: { enabled: false } }),
  ], {
    dynamicSupervisor: { childLimit: 3 },
  });
  await tree.add(child.task("b", untilAborted));
  assertEquals(await codeOf(tree.add(child.task("c", untilAborted))), "child_limit_exceeded");
  assertEquals(await codeOf(tree.add(child.task("c", untilAborted), { to: "/closed" })), "dynamic_children_disabled");
  await tree.child("/b").remove();
  await clock.advance(1);
  assertEquals((await tree.add(child.task("c", untilAborted))).path, "/c");
  await tree.shutdown();
});

Deno.test("two additions of one name at once make one child", async () => {
  const { tree } = await started([]);
  const results = await Promise.allSettled([tree.add(child.task("a", untilAborted)), tree.add(child.task("a", untilAborted))]);
  assertEquals(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  assertEquals(paths(tree), ["/a"]);
  await tree.shutdown();
});

Deno.test("add() until ready waits for the child, and undoes an addition that fails", async () => {
  const { tree, clock } = await started([]);
  const late: TaskFunction = async (context) => {
    context.signal.throwIfAborted();
    queueMicrotask(() => context.ready());
    await untilAborted(context);
  };
  const explicit = { readiness: { mode: "explicit" } } as const;
  assertEquals((await tree.add(child.task("late", late, explicit), { untilReady: true })).phase, "ready");
  const fail: TaskFunction = () => {
    throw new Error("no port");
  };
  const undone = await assertRejects(() => tree.add(child.task("bad", fail, explicit), { untilReady: true }), ReeveError);
  assertEquals(undone.code, "addition_undone");
  assertMatch(undone.message, /no port/);
  await clock.advance(1);
  assertEquals(paths(tree), ["/late"]);
  await tree.shutdown();
});

Deno.test("remove() stops the child and frees its name when it is gone, not before", async () => {
  const { tree, clock } = await started([
    child.task("deaf", deaf, { stop: { timeoutMs: 1_000, killWaitMs: 100 } }),
    child.task("a", untilAborted),
  ]);
  const { outcome, operationAfter } = await tree.child("/a").remove();
  assertEquals([outcome, operationAfter], ["accepted", "removed"]);
  await clock.advance(1);
  assertEquals(paths(tree), ["/deaf"]);
  await tree.child("/deaf").remove();
  assertEquals((await tree.child("/deaf").remove()).outcome, "idempotent");
  assertEquals(await codeOf(tree.child("/deaf").restart()), "command_refused");
  assertEquals(await codeOf(tree.add(child.task("deaf", untilAborted))), "child_name_conflict");
  await clock.advance(5_000);
  // It cannot be forced: its name stays taken, and it is told as abandoned.
  assertEquals(tree.child("/deaf").phase, "abandoned");
  assertEquals((await tree.shutdown()).abandoned, ["/deaf"]);
});

Deno.test("remove() is refused while siblings name the child, with their names", async () => {
  const { tree, clock } = await started([child.task("db", untilAborted), child.task("web", untilAborted, { dependencies: ["db"] })]);
  const error = await assertRejects(() => tree.child("/db").remove(), ReeveError);
  assertMatch(error.message, /siblings name it, remove them first: web/);
  await tree.child("/web").remove();
  await clock.advance(1);
  await tree.child("/db").remove();
  await clock.advance(1);
  assertEquals(paths(tree), []);
  await tree.shutdown();
});

Deno.test("a temporary child that was added leaves the tree when it is done; one that was declared stays", async () => {
  const once: TaskFunction = () => {};
  const { tree, clock } = await started([child.task("declared", once, { restartPolicy: "temporary" })]);
  assertEquals((await tree.add(child.task("job", once, { restartPolicy: "temporary" }))).path, "/job");
  await clock.advance(1);
  assertEquals(paths(tree), ["/declared"]);
  assertEquals((await tree.add(child.task("job", once, { restartPolicy: "temporary" }), { untilReady: true })).path, "/job");
  await tree.shutdown();
});

Deno.test("a temporary copy that ends at once was started; scale() starts as many as were asked for, each once", async () => {
  let starts = 0;
  const { tree, clock } = await started([], { templates: [child.task("job", () => void starts++, { restartPolicy: "temporary" })] });
  assertEquals((await tree.startTemplate("job")).path, "/job:1");
  assertEquals(await tree.scale("job", 3), { added: ["/job:2", "/job:3", "/job:4"], removed: [] });
  await clock.advance(1);
  assertEquals([starts, tree.counts()], [4, {}]);
  await tree.shutdown();
});

Deno.test("startTemplate() numbers the copies, hands them their arguments, and refuses a name that is none", async () => {
  const seen: unknown[] = [];
  const worker: TaskFunction = async (context) => {
    seen.push([context.name, context.path, context.args]);
    await untilAborted(context);
  };
  const templates = [child.task("worker", worker, { args: { queue: "default" } })];
  const { tree } = await started([child.supervisor("pool", { children: [] })], { templates });
  assertEquals((await tree.startTemplate("worker")).path, "/worker:1");
  assertEquals([tree.child("/worker:1").spec.name, tree.child("/worker:1").spec.args], ["worker:1", { queue: "default" }]);
  await tree.startTemplate("worker", { to: "/pool", args: { queue: "fast" } });
  assertEquals(seen, [["worker:1", "/worker:1", { queue: "default" }], ["worker:1", "/pool/worker:1", { queue: "fast" }]]);
  const error = await assertRejects(() => tree.startTemplate("wroker"), ReeveError);
  assertEquals(error.code, "template_not_found");
  assertMatch(error.message, /Did you mean "worker"/);
  await tree.shutdown();
});

Deno.test("scale() adds copies, removes the newest, and never gives a number twice", async () => {
  const { tree, clock } = await started([], { templates: [child.task("worker", untilAborted)] });
  assertEquals(await tree.scale("worker", 3), { added: ["/worker:1", "/worker:2", "/worker:3"], removed: [] });
  assertEquals(await tree.scale("worker", 3), { added: [], removed: [] });
  assertEquals(await tree.scale("worker", 1, { by: "ops", reason: "quiet night" }), { added: [], removed: ["/worker:3", "/worker:2"] });
  await clock.advance(1);
  assertEquals(paths(tree), ["/worker:1"]);
  assertEquals((await tree.scale("worker", 2)).added, ["/worker:4"]);
  assertEquals(await codeOf(tree.scale("worker", -1)), "invalid_request");
  assertEquals((await tree.scale("worker", 0)).removed.length, 2);
  await tree.shutdown();
});

Deno.test("scale() and startTemplate() of one template at the same moment count each other", async () => {
  const { tree } = await started([], { templates: [child.task("worker", untilAborted)] });
  const [first, second] = await Promise.all([tree.scale("worker", 3), tree.scale("worker", 3)]);
  assertEquals([first.added.length, second], [3, { added: [], removed: [] }]);
  const [copy, scaled] = await Promise.all([tree.startTemplate("worker"), tree.scale("worker", 5)]);
  assertEquals([copy.path, scaled.added], ["/worker:4", ["/worker:5"]]);
  const [down, up] = await Promise.all([tree.scale("worker", 1), tree.scale("worker", 2)]);
  assertEquals([down.removed.length, up.added], [4, ["/worker:6"]]);
  await tree.shutdown();
});

Deno.test("the copies of a supervisor go with it; scale() counts anew when it is added again", async () => {
  const pool = child.supervisor("pool", { children: [child.supervisor("inner", { children: [] })] });
  const { tree, clock } = await started([pool], { templates: [child.task("worker", untilAborted)] });
  for (const to of ["/pool", "/pool/inner"]) await tree.scale("worker", 2, { to });
  await tree.child("/pool").remove();
  await clock.advance(1);
  await tree.add(pool);
  for (const to of ["/pool", "/pool/inner"]) {
    assertEquals((await tree.scale("worker", 1, { to })).added, [`${to}/worker:1`]);
  }
  await tree.shutdown();
});

Deno.test("scale() looks at the template and the place even when nothing is to be done", async () => {
  const { tree } = await started([child.task("a", untilAborted)], { templates: [child.task("worker", untilAborted)] });
  assertEquals(await codeOf(tree.scale("wroker", 0)), "template_not_found");
  assertEquals(await codeOf(tree.scale("worker", 0, { to: "/x" })), "child_not_found");
  assertEquals(await codeOf(tree.scale("worker", 0, { to: "/a" })), "not_a_supervisor");
  await tree.shutdown();
});

Deno.test("scale() that comes to the limit keeps what it added and says so", async () => {
  const { tree } = await started([], { templates: [child.task("worker", untilAborted)], dynamicSupervisor: { childLimit: 3 } });
  const error = await assertRejects(() => tree.scale("worker", 5), ReeveError);
  assertEquals(error.code, "child_limit_exceeded");
  assertMatch(
    error.message,
    /Cannot scale "worker" to 5 copies under "\/".*may have 3 children.*3 were added and 0 removed, which stays so/,
  );
  assertEquals(paths(tree), ["/worker:1", "/worker:2", "/worker:3"]);
  const untouched = await assertRejects(() => tree.scale("worker", 4), ReeveError);
  assertMatch(untouched.message, /^Cannot add "\/worker:5"/);
  await tree.shutdown();
});

Deno.test("scale() until ready waits for all copies side by side, and tells which one was undone", async () => {
  let failing = 2;
  const fragile: TaskFunction = async (context) => {
    if (context.name === `fragile:${failing}`) throw new Error("no port");
    context.ready();
    await untilAborted(context);
  };
  const { tree, clock } = await started([], { templates: [child.task("fragile", fragile, { readiness: { mode: "explicit" } })] });
  const error = await assertRejects(() => tree.scale("fragile", 3, { untilReady: true }), ReeveError);
  assertEquals(error.code, "addition_undone");
  assertMatch(error.message, /fragile:2.*no port/);
  await clock.advance(1);
  assertEquals(paths(tree), ["/fragile:1", "/fragile:3"]);
  failing = 0;
  assertEquals((await tree.scale("fragile", 3, { untilReady: true })).added, ["/fragile:4"]);
  await tree.shutdown();
});

Deno.test("a strategy takes added children along, in the order in which they came", async () => {
  const starts: string[] = [];
  let fail = (): void => {};
  const task: TaskFunction = (context) => {
    starts.push(context.name);
    return untilAborted(context);
  };
  const fragile: TaskFunction = (context) => {
    starts.push(context.name);
    return new Promise<void>((resolve, reject) => {
      fail = () => reject(new Error("broken"));
      context.signal.addEventListener("abort", () => resolve());
    });
  };
  const { tree, clock } = await started([child.task("a", task), child.task("b", fragile), child.task("c", task)], {
    strategy: "rest_for_one",
  });
  await tree.child("/a").remove();
  await clock.advance(1);
  await tree.add(child.task("d", task));
  starts.length = 0;
  fail();
  await clock.advance(1_000);
  assertEquals(starts, ["b", "c", "d"]);
  await tree.shutdown();
});

Deno.test("ten thousand children come and go, and nothing is left of them", async () => {
  const { tree, clock } = await started([]);
  for (let round = 0; round < 10; round++) {
    const names = Array.from({ length: 1_000 }, (_, index) => `c${index}`);
    for (const name of names) await tree.add(child.task(name, untilAborted));
    for (const name of names) await tree.child(`/${name}`).remove();
    await clock.advance(1);
    assertEquals(paths(tree), []);
  }
  const report = await tree.shutdown();
  assert(report.children.length === 0);
});
