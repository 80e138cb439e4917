/** A new declaration for a tree that runs. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  child,
  type ChildSpec,
  ReeveError,
  SpecError,
  supervise,
  type SupervisorEvent,
  type TaskContext,
  type Tree,
  type TreeSpec,
} from "../../mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { untilAborted } from "../support/tasks.ts";

/** Attempts by child, as `name generation.attempt args`. */
let starts: string[] = [];

async function work(context: TaskContext): Promise<void> {
  starts.push(`${context.name} ${context.generation}.${context.attempt} ${JSON.stringify(context.args)}`);
  await untilAborted(context);
}

function task(name: string, options: Parameters<typeof child.task>[2] = {}): ChildSpec {
  return child.task(name, work, options);
}

async function running(spec: TreeSpec): Promise<{ readonly tree: Tree; readonly clock: VirtualClock }> {
  starts = [];
  const clock = new VirtualClock({ startMs: 1_000 });
  const tree = await supervise(spec, { clock, keepAlive: false });
  await clock.advance(10);
  return { tree, clock };
}

/** Lets a reload go on while it waits for what the clock brings. */
async function done<T>(clock: VirtualClock, work: Promise<T>): Promise<T> {
  let isOver = false;
  const end = (): void => void (isOver = true);
  work.then(end, end);
  for (let turn = 0; turn < 1_000 && !isOver; turn++) await clock.advance(50);
  return await work;
}

async function end(tree: Tree, clock: VirtualClock): Promise<void> {
  const ending = tree.close();
  await clock.advance(60_000);
  await ending;
}

Deno.test("apply() does nothing where nothing has changed, and tells nothing", async () => {
  const spec: TreeSpec = { children: [task("a"), task("b", { dependencies: ["a"] })] };
  const { tree, clock } = await running(spec);
  const before = tree.snapshot().seq;
  const result = await done(clock, tree.apply({ ...spec, children: [...spec.children] }));
  assertEquals([result.applied, result.changes, result.unchanged, tree.snapshot().seq], [false, [], 2, before]);
  await end(tree, clock);
});

Deno.test("apply() starts what is other anew, adds and removes, and touches nobody else", async () => {
  const { tree, clock } = await running({ children: [task("a"), task("b", { args: 1 }), task("c")] });
  const result = await done(clock, tree.apply({ children: [task("a"), task("b", { args: 2 }), task("d", { dependencies: ["b"] })] }));
  assertEquals(result.changes.map(({ kind, path, keys }) => `${kind} ${path} ${keys.join()}`), [
    "restart /b args",
    "add /d ",
    "remove /c ",
  ]);
  assertEquals([result.applied, result.unchanged, result.failed], [true, 1, []]);
  assertEquals(starts, ["a 0.1 null", "b 0.1 1", "c 0.1 null", "b 1.2 2", "d 0.1 null"]);
  assertEquals(tree.snapshot().children.map(({ path, phase }) => `${path} ${phase}`), ["/a ready", "/b ready", "/d ready"]);
  await end(tree, clock);
});

Deno.test("apply() lets limits and delays count at once, for the attempt that runs", async () => {
  const limited = (maxRestarts: number): TreeSpec => ({
    children: [task("a", { limit: { maxRestarts } })],
    policy: { initialBackoffMs: 100 },
  });
  const { tree, clock } = await running(limited(3));
  const { changes } = await done(clock, tree.apply(limited(7)));
  assertEquals(changes.map(({ kind, path }) => `${kind} ${path}`), ["live /a"]);
  assertEquals([tree.child("/a").limit, tree.child("/a").spec.limit?.maxRestarts, starts.length], [7, 7, 1]);
  await end(tree, clock);
});

Deno.test("apply() lets new defaults of the tree count for every child that says nothing itself", async () => {
  const { tree, clock } = await running({ children: [task("a"), task("b", { limit: { maxRestarts: 2 } })] });
  const { changes, applied } = await done(
    clock,
    tree.apply({ children: [task("a"), task("b", { limit: { maxRestarts: 2 } })], policy: { childRestartLimit: 9 } }),
  );
  assertEquals([applied, changes.map(({ kind, path, keys }) => `${kind} ${path} ${keys.join()}`)], [true, ["live / policy"]]);
  assertEquals([tree.child("/a").limit, tree.child("/b").limit, starts.length], [9, 2, 2]);
  await end(tree, clock);
});

Deno.test("apply() goes back to what was where the new one fails, and says so; the others go on", async () => {
  const broken = child.task("a", () => Promise.reject(new Error("no port")), { args: 2, backoff: { initialMs: 5_000, maxMs: 5_000 } });
  const { tree, clock } = await running({ children: [task("a", { args: 1 }), task("b", { args: 1 })] });
  const result = await done(clock, tree.apply({ children: [broken, task("b", { args: 2 })] }));
  assertEquals(result.failed.map(({ path }) => path), ["/a"]);
  assert(result.failed[0]?.reason.includes("no port"), result.failed[0]?.reason);
  await clock.advance(100);
  assertEquals(starts, ["a 0.1 1", "b 0.1 1", "b 1.2 2", "a 2.3 1"].sort((x, y) => starts.indexOf(x) - starts.indexOf(y)));
  assertEquals(tree.child("/a").phase, "ready");
  // What counts is what runs: the same new declaration is new again.
  const again = await tree.apply({ children: [broken, task("b", { args: 2 })] }, { dryRun: true });
  assertEquals(again.changes.map(({ kind, path }) => `${kind} ${path}`), ["restart /a"]);
  await end(tree, clock);
});

Deno.test("apply() with dryRun says what would be done, and does nothing", async () => {
  const { tree, clock } = await running({ children: [task("a")] });
  const before = tree.snapshot().seq;
  const plan = await tree.apply({ children: [task("a", { args: 3 })], autoShutdown: "any_significant" }, { dryRun: true });
  assertEquals(plan.changes.map(({ kind, path }) => `${kind} ${path}`), ["refused /", "restart /a"]);
  assertEquals([plan.applied, tree.snapshot().seq, tree.auditRecords.length], [false, before, 0]);
  await end(tree, clock);
});

Deno.test("apply() refuses the whole where a part needs a new start of the program, or somebody stays who names one that goes", async () => {
  const { tree, clock } = await running({ children: [task("a"), task("b", { dependencies: ["a"] })] });
  const before = tree.snapshot().seq;
  const refusals: readonly (readonly [TreeSpec, string])[] = [
    [
      { children: [task("a", { args: 1 }), task("b", { dependencies: ["a"] })], observability: { eventJournalCapacity: 64 } },
      "observability",
    ],
    [{ children: [child.supervisor("a", { children: [] }), task("b", { dependencies: ["a"] })] }, "/b"],
  ];
  for (const [spec, named] of refusals) {
    const error = await assertRejects(() => tree.apply(spec), ReeveError);
    if (error.code === "reload_refused") assert(error.message.includes(named), error.message);
    else assertEquals(error.code, "reload_refused");
  }
  await assertRejects(() => tree.apply({ children: [task("a", { dependencies: ["nobody"] })] }), SpecError);
  assertEquals([tree.snapshot().seq, starts.length], [before, 2]);
  await end(tree, clock);
});

Deno.test("apply() keeps counters and what operators want, leaves who was added alone, and looks into supervisors", async () => {
  const inner = (args: number): ChildSpec => child.supervisor("s", { children: [task("x", { args }), task("y")] });
  const { tree, clock } = await running({ children: [task("a", { args: 1 }), inner(1)] });
  await tree.child("/a").pause({ by: "ada", reason: "later" });
  await tree.add(task("extra"));
  await clock.advance(100);
  const result = await done(
    clock,
    tree.apply({ children: [task("a", { args: 2 }), inner(2)] }, { by: "ada", reason: "new file", configVersion: "2" }),
  );
  assertEquals(result.changes.map(({ kind, path }) => `${kind} ${path}`), ["restart /a", "restart /s/x"]);
  assertEquals([tree.child("/a").operation, tree.child("/extra").phase], ["paused", "ready"]);
  assertEquals(starts.filter((start) => !start.startsWith("extra")), ["a 0.1 1", "x 0.1 1", "y 0.1 null", "x 1.2 2"]);
  await tree.child("/a").resume();
  await clock.advance(100);
  assertEquals(starts.at(-1), "a 1.2 2");
  const told: SupervisorEvent[] = [];
  await end(tree, clock);
  for await (const event of tree.events()) if (event.type !== "gap") told.push(event);
  const [reloaded] = told.filter((event) => event.type === "config_reloaded");
  assert(reloaded?.type === "config_reloaded");
  assertEquals([reloaded.by, reloaded.restarted, reloaded.failed], ["ada", 2, 0]);
  const methods = tree.auditRecords.map(({ kind, method }) => `${kind} ${method}`).filter((line) => line.includes("reload"));
  assertEquals(methods, ["intent reeve.reload", "outcome reeve.reload"]);
});

Deno.test("apply() makes room for a child that is tied otherwise, in the order in which things stop and start", async () => {
  const { tree, clock } = await running({ children: [task("a"), task("b", { dependencies: ["a"] }), task("c")] });
  const result = await done(clock, tree.apply({ children: [task("a"), task("b", { dependencies: ["c"] }), task("c")] }));
  assertEquals(result.changes.map(({ kind, path, keys }) => `${kind} ${path} ${keys.join()}`), ["replace /b dependencies"]);
  assertEquals([result.failed, starts.at(-1), starts.length, tree.child("/b").phase], [[], "b 0.1 null", 4, "ready"]);
  await end(tree, clock);
});
