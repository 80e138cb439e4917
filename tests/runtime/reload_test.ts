/** A new declaration for a tree that runs. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { readFile } from "node:fs/promises";
import {
  child,
  type ChildSpec,
  type LogOptions,
  ReeveError,
  SpecError,
  supervise,
  type SupervisorEvent,
  type TaskContext,
  type TreeSpec,
} from "../../mod.ts";
import type { VirtualClock } from "../../src/testing/mod.ts";
import { inFolder } from "../support/folder.ts";
import { untilAborted } from "../support/tasks.ts";
import { done as doneIn, end, running as begun } from "../support/virtual_tree.ts";

/** Attempts by child, as `name generation.attempt args`. */
let starts: string[] = [];

async function work(context: TaskContext): Promise<void> {
  starts.push(`${context.name} ${context.generation}.${context.attempt} ${JSON.stringify(context.args)}`);
  await untilAborted(context);
}

function task(name: string, options: Parameters<typeof child.task>[2] = {}): ChildSpec {
  return child.task(name, work, options);
}

function running(spec: TreeSpec): ReturnType<typeof begun> {
  starts = [];
  return begun(spec);
}

const done = <T>(clock: VirtualClock, work: Promise<T>): Promise<T> => doneIn(clock, work, 50);

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

Deno.test("a child that is done stays in the tree, whether it was declared from the start or by a reload", async () => {
  const once = (name: string): ChildSpec => child.task(name, () => {}, { restartPolicy: "temporary" });
  const first = once("first");
  const { tree, clock } = await running({ children: [task("a"), first] });
  const next = { children: [task("a"), first, once("second"), child.supervisor("s", { children: [task("b"), once("third")] })] };
  const { failed } = await done(clock, tree.apply(next));
  await clock.advance(100);
  const shown = () => tree.snapshot().children.map(({ path, phase }) => `${path} ${phase}`);
  assertEquals([failed, shown().slice(0, 3)], [[], ["/a ready", "/first stopped", "/second stopped"]]);
  assertEquals(tree.child("/s/third").phase, "stopped");
  // It can be commanded, declared otherwise and removed as any other.
  await tree.child("/second").restart({ by: "ada", reason: "again" });
  await clock.advance(100);
  assertEquals([tree.child("/second").phase, tree.child("/second").attempt], ["stopped", 2]);
  const { changes } = await done(clock, tree.apply({ children: [task("a"), first] }));
  assertEquals(changes.map(({ kind, path }) => `${kind} ${path}`).sort(), ["remove /s", "remove /second"]);
  // Who is added by hand for once leaves by itself, as before; who takes the place of one that has gone is shown last.
  await tree.add(once("guest"));
  await clock.advance(100);
  await done(clock, tree.apply({ children: [task("a"), first, once("fourth")] }));
  await clock.advance(100);
  assertEquals(shown(), ["/a ready", "/first stopped", "/fourth stopped"]);
  await end(tree, clock);
});

// --- schedules ---------------------------------------------------------------------------------------------------------------------------

const HOURLY = { everyMs: 3_600_000 };

Deno.test("apply() starts who loses the schedule for which it waited, as its policy wants it", async () => {
  const names = ["never_ran", "ran", "held", "temporary"];
  const declared = (schedule: ChildSpec["schedule"]): ChildSpec[] => [
    task("never_ran", { schedule }),
    child.task("ran", work, { schedule, restartPolicy: schedule === undefined ? "permanent" : undefined }),
    task("held", { schedule }),
    child.task("temporary", (context) => void starts.push(context.name), { schedule, restartPolicy: "temporary" }),
  ];
  const { tree, clock } = await running({ children: declared(HOURLY) });
  const phases = () => names.map((name) => tree.child(`/${name}`).phase);
  for (const name of ["ran", "temporary"]) await tree.child(`/${name}`).start({ by: "ada", reason: "now" });
  await clock.advance(100);
  await tree.child("/ran").terminate({ by: "ada", reason: "enough" });
  await tree.child("/held").pause({ by: "ada", reason: "later" });
  await clock.advance(100);
  assertEquals(phases(), ["stopped", "stopped", "stopped", "stopped"]);
  const { changes } = await done(clock, tree.apply({ children: declared(undefined) }));
  await clock.advance(100);
  assertEquals(changes.map(({ kind }) => kind), ["live", "live", "live", "restart"]);
  assertEquals(phases(), ["ready", "ready", "stopped", "stopped"]);
  await tree.child("/held").resume();
  await clock.advance(100);
  assertEquals([tree.child("/held").phase, tree.snapshot().ready], ["ready", true]);
  await end(tree, clock);
});

Deno.test("apply() lets who gains a schedule while it runs go on, and wait for its time after that", async () => {
  let finish = (): void => {};
  const job = (schedule: ChildSpec["schedule"]): ChildSpec => ({
    ...base,
    schedule,
    restartPolicy: schedule === undefined ? "permanent" : undefined,
  });
  const base = child.task("job", ({ attempt }) =>
    new Promise<void>((resolve) => {
      starts.push(`job ${attempt}`);
      finish = resolve;
    }));
  const { tree, clock } = await running({ children: [job(undefined)] });
  const { changes } = await done(clock, tree.apply({ children: [job(HOURLY)] }));
  assertEquals([changes[0]?.kind, starts, tree.child("/job").phase], ["live", ["job 1"], "ready"]);
  finish();
  await clock.advance(60_000);
  assertEquals([starts, tree.child("/job").phase], [["job 1"], "stopped"]);
  await clock.advance(3_600_000);
  assertEquals(starts, ["job 1", "job 2"]);
  // The other way round while it runs: the run goes on, and its new policy follows.
  await done(clock, tree.apply({ children: [job(undefined)] }));
  assertEquals(starts.length, 2);
  finish();
  await clock.advance(60_000);
  assertEquals([starts.length, tree.child("/job").phase], [3, "ready"]);
  finish();
  await end(tree, clock);
});

// --- output ------------------------------------------------------------------------------------------------------------------------------

Deno.test("apply() lets what is new in logs count for the attempt that runs, from the next line on", () =>
  inFolder(async (folder) => {
    let say = (_line: string): void => {};
    const speaker = child.task("speaker", async (context) => {
      say = context.log;
      await untilAborted(context);
    });
    const spec = (logs: LogOptions): TreeSpec => ({ children: [{ ...speaker, logs }] });
    const tree = await supervise(spec({ file: `${folder}/first`, tailLines: 5 }), { keepAlive: false });
    await tree.ready();
    for (let line = 1; line <= 4; line++) say(`line ${line}`);
    const { changes } = await tree.apply(spec({ file: `${folder}/second`, format: "json", tailLines: 2 }));
    say("line 5");
    assertEquals([changes.map(({ kind }) => kind), tree.child("/speaker").attempt], [["live"], 1]);
    await tree.apply(spec({ file: `${folder}/first` }));
    say("line 6");
    await tree.close();
    assertEquals(await readFile(`${folder}/first`, "utf8"), "line 1\nline 2\nline 3\nline 4\nline 6\n");
    assertEquals((await readFile(`${folder}/second`, "utf8")).trim().split("\n").map((line) => JSON.parse(line).line), ["line 5"]);
  }));
