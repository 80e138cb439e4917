/** Section 17.2 of the contract: templates, and supervisors whose children come and go. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { child, type ChildOptions, type ChildSpec, ReeveError, supervise, type TaskFunction, type Tree, type TreeSpec } from "../../mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { untilAborted } from "../support/tasks.ts";

const task = (name: string, options: ChildOptions = {}): ChildSpec => child.task(name, untilAborted, options);
const paths = (tree: Tree): string[] => tree.snapshot().children.map(({ path }) => path);

async function started(children: readonly ChildSpec[], options: Partial<TreeSpec> = {}): Promise<{ tree: Tree; clock: VirtualClock }> {
  const clock = new VirtualClock();
  const tree = await supervise({ ...options, children }, { clock, keepAlive: false });
  await clock.advance(0);
  return { tree, clock };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => promise, ReeveError)).code;
}

Deno.test("§17.2 templates: they are not started with the tree", async () => {
  const { tree } = await started([task("a")], { templates: [task("worker")] });
  assertEquals(paths(tree), ["/a"]);
  await tree.shutdown();
});

Deno.test("§17.2 templates: start_child(template, args) makes numbered instances", async () => {
  const { tree } = await started([], { templates: [task("worker")] });
  const copies = [await tree.startTemplate("worker"), await tree.startTemplate("worker")];
  assertEquals([copies.map(({ path }) => path), paths(tree)], [["/worker:1", "/worker:2"], ["/worker:1", "/worker:2"]]);
  await tree.shutdown();
});

Deno.test("§17.2 templates: an instance has the arguments of its start, else the template's", async () => {
  const seen: unknown[] = [];
  const worker: TaskFunction = (context) => {
    seen.push([context.name, context.args]);
    return untilAborted(context);
  };
  const { tree } = await started([], { templates: [child.task("worker", worker, { args: { queue: "default" } })] });
  await tree.startTemplate("worker");
  await tree.startTemplate("worker", { args: { queue: "fast" } });
  assertEquals(seen, [["worker:1", { queue: "default" }], ["worker:2", { queue: "fast" }]]);
  await tree.shutdown();
});

Deno.test("§17.2 templates: an instance has the policy of its template", async () => {
  const fails = child.task("worker", () => Promise.reject(new Error("no")), {
    backoff: { initialMs: 700, maxMs: 700, jitter: "none" },
    limit: { maxRestarts: 4 },
  });
  const { tree, clock } = await started([], { templates: [fails] });
  await tree.startTemplate("worker");
  await clock.advance(1);
  const { phase, limit, retryAtMs } = tree.child("/worker:1");
  assertEquals([phase, limit, retryAtMs], ["backoff", 4, 700]);
  await tree.shutdown();
});

Deno.test("§17.2 templates: no number is given twice", async () => {
  const { tree, clock } = await started([], { templates: [task("worker")] });
  await tree.startTemplate("worker");
  await tree.child("/worker:1").remove();
  await clock.advance(1);
  assertEquals((await tree.startTemplate("worker")).path, "/worker:2");
  await tree.shutdown();
});

Deno.test("§17.2 templates: an unknown one is refused", async () => {
  const { tree } = await started([], { templates: [task("worker")] });
  assertEquals([await codeOf(tree.startTemplate("wroker")), paths(tree)], ["template_not_found", []]);
  await tree.shutdown();
});

Deno.test("§17.2 templates: instances count against the limit of their supervisor", async () => {
  const { tree } = await started([task("a")], { templates: [task("worker")], dynamicSupervisor: { childLimit: 2 } });
  await tree.startTemplate("worker");
  assertEquals([await codeOf(tree.startTemplate("worker")), paths(tree)], ["child_limit_exceeded", ["/a", "/worker:1"]]);
  await tree.shutdown();
});

Deno.test("§17.2 templates: a supervisor as a template brings its own children each time", async () => {
  const { tree, clock } = await started([], { templates: [child.supervisor("pool", { children: [task("x")] })] });
  await tree.startTemplate("pool");
  await tree.startTemplate("pool");
  await clock.advance(1);
  assertEquals(["/pool:1/x", "/pool:2/x"].map((path) => tree.child(path).phase), ["ready", "ready"]);
  await tree.shutdown();
});

Deno.test("§17.2 nested supervisors: paths nest", async () => {
  const inner = child.supervisor("inner", { children: [task("leaf")] });
  const { tree } = await started([child.supervisor("outer", { children: [inner] })]);
  assertEquals([tree.child("/outer/inner/leaf").path, tree.child("/outer/inner/leaf").phase], ["/outer/inner/leaf", "ready"]);
  await tree.shutdown();
});

/** A child that fails when it is told to, below a supervisor that then gives up. */
function fragile(): { readonly spec: ChildSpec; fail: () => void } {
  const made = { spec: task("fragile"), fail: (): void => {} };
  const run: TaskFunction = ({ signal }) =>
    new Promise<void>((resolve, reject) => {
      made.fail = () => reject(new Error("broken"));
      signal.addEventListener("abort", () => resolve());
    });
  const options: ChildOptions = { limit: { maxRestarts: 1, onExceeded: "escalate" }, backoff: { initialMs: 0, maxMs: 0 } };
  return Object.assign(made, { spec: child.task("fragile", run, options) });
}

Deno.test("§17.2 nested supervisors: their failure and their budget are one unit for the parent", async () => {
  const wild = fragile();
  const backoff = { initialMs: 500, maxMs: 500, jitter: "none" } as const;
  const { tree, clock } = await started([child.supervisor("s", { children: [wild.spec, task("x")], backoff }), task("beside")]);
  wild.fail();
  await clock.advance(1);
  assertEquals([tree.child("/s").failuresTotal, tree.child("/s/fragile").failuresTotal], [0, 1]);
  wild.fail();
  await clock.advance(1);
  const { phase, failuresTotal, limitUsed, lastExit } = tree.child("/s");
  assertEquals([phase, failuresTotal, limitUsed, lastExit?.kind], ["backoff", 1, 1, "failed"]);
  assertEquals(["/s/fragile", "/s/x", "/beside"].map((path) => tree.child(path).phase), ["failed", "stopped", "ready"]);
  await clock.advance(500);
  assertEquals(["/s", "/s/fragile", "/s/x"].map((path) => tree.child(path).phase), ["ready", "ready", "ready"]);
  assertEquals([tree.child("/s").attempt, tree.child("/beside").attempt], [2, 1]);
  await tree.shutdown();
});

Deno.test("§17.2 nested supervisors: their shutdown is one unit for the parent: whole, before what they depend on", async () => {
  const { tree, clock } = await started([task("db"), child.supervisor("s", { children: [task("x"), task("y")], dependencies: ["db"] })]);
  await tree.child("/s").terminate();
  await clock.advance(1);
  assertEquals(["/s", "/s/x", "/s/y", "/db"].map((path) => tree.child(path).phase), ["stopped", "stopped", "stopped", "ready"]);
  const { children } = await tree.shutdown();
  assertEquals(children.map(({ path }) => path), ["/s/y", "/s/x", "/s", "/db"]);
});

Deno.test("§17.2 nested supervisors: they run the same engine: children are added to them, and go with them", async () => {
  const { tree, clock } = await started([]);
  await tree.add(child.supervisor("s", { children: [task("x")] }));
  await tree.add(task("y"), { to: "/s" });
  await clock.advance(1);
  assertEquals(tree.child("/s").children.map(({ path, phase }) => `${path} ${phase}`), ["/s/x ready", "/s/y ready"]);
  await tree.child("/s").remove();
  await clock.advance(1);
  assertEquals(paths(tree), []);
  assertEquals(assertThrows(() => tree.child("/s/y"), ReeveError).code, "child_not_found");
  await tree.shutdown();
});
