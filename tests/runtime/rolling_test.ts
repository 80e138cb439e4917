/** Children with several copies: their start and end, rolling restarts, other counts, new declarations. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { child, type ChildSpec, ReeveError, type TaskContext, type Tree, type TreeSpec } from "../../mod.ts";
import type { VirtualClock } from "../../src/testing/mod.ts";
import { untilAborted } from "../support/tasks.ts";
import { done as doneIn, end, running } from "../support/virtual_tree.ts";

type Options = NonNullable<Parameters<typeof child.task>[2]>;

/** What the copies did, and how few of them were ready at any time since the first were all. */
class Record {
  readonly log: string[] = [];
  readonly ready = new Set<TaskContext>();
  fewest = Infinity;
  most = 0;
  /** Whether an attempt with these arguments fails. */
  fails: (args: unknown) => boolean = () => false;

  task(name: string, options: Options = {}): ChildSpec {
    return child.task(name, async (context) => {
      const number = context.environment.get("REEVE_INSTANCE") ?? "";
      this.log.push(`+${context.name}/${number} ${JSON.stringify(context.args)}`);
      if (this.fails(context.args)) throw new Error("does not work");
      context.ready();
      this.ready.add(context);
      this.most = Math.max(this.most, this.ready.size);
      await untilAborted(context);
      this.ready.delete(context);
      this.fewest = Math.min(this.fewest, this.ready.size);
      this.log.push(`-${context.name}`);
    }, { readiness: { mode: "explicit" }, ...options });
  }

  /** What was done since it was last asked. */
  news(): string[] {
    return this.log.splice(0);
  }
}

const done = <T>(clock: VirtualClock, work: Promise<T>): Promise<T> => doneIn(clock, work, 20);

/** A promise that the test resolves. */
function gate(): { readonly promise: Promise<void>; readonly open: () => void } {
  let open = (): void => {};
  return { promise: new Promise((resolve) => open = resolve), open: () => open() };
}

function phases(tree: Tree): string[] {
  const [set] = tree.snapshot().children;
  return (set?.children ?? []).map(({ path, phase }) => `${path} ${phase}`);
}

Deno.test("copies start together, each with its number, and who depends on them waits for all", async () => {
  const record = new Record();
  const late = gate();
  const web = child.task("web", async (context) => {
    if (context.name === "web:2") await late.promise;
    context.ready();
    await untilAborted(context);
  }, { instances: 3, readiness: { mode: "explicit" } });
  const { tree, clock } = await running({ children: [web, record.task("proxy", { dependencies: ["web"] })] });
  assertEquals(phases(tree), ["/web/web:1 ready", "/web/web:2 running", "/web/web:3 ready"]);
  assertEquals([tree.child("/web").kind, tree.child("/proxy").phase, tree.child("/proxy").waitingFor], ["supervisor", "waiting", ["web"]]);
  late.open();
  await clock.advance(100);
  assertEquals([tree.child("/proxy").phase, tree.snapshot().ready], ["ready", true]);
  await end(tree, clock);
});

Deno.test("a copy that fails comes back alone", async () => {
  const record = new Record();
  const { tree, clock } = await running({ children: [record.task("web", { instances: 3 })] });
  record.news();
  await tree.child("/web/web:2").restart();
  await clock.advance(100);
  assertEquals(record.news(), ["-web:2", "+web:2/2 null"]);
  await end(tree, clock);
});

Deno.test("a child is ready, and over, when its copies are that run once", async () => {
  const log: string[] = [];
  const [first, second] = [gate(), gate()];
  const job = child.task("job", async (context) => {
    await (context.name === "job:1" ? first : second).promise;
    log.push(`${context.name} is done`);
  }, { instances: 2, readiness: { mode: "completed" } });
  const after = child.task("after", async (context) => {
    log.push("after");
    await untilAborted(context);
  }, { dependencies: ["job"] });
  const { tree, clock } = await running({ children: [job, after] });
  first.open();
  await clock.advance(100);
  assertEquals([log, tree.child("/job").phase, tree.child("/after").phase], [["job:1 is done"], "running", "waiting"]);
  second.open();
  await clock.advance(100);
  assertEquals([log, tree.child("/job").phase, tree.snapshot().ready], [["job:1 is done", "job:2 is done", "after"], "stopped", true]);
  await end(tree, clock);
});

Deno.test("rollingRestart() starts an extra copy, replaces one after the other, and takes the extra one away", async () => {
  const record = new Record();
  const { tree, clock } = await running({ children: [record.task("web", { instances: 3 })] });
  record.news();
  record.fewest = Infinity;
  const result = await done(clock, tree.rollingRestart("/web", { by: "ada", reason: "new certificates" }));
  assertEquals(result, { restarted: ["/web/web:1", "/web/web:2", "/web/web:3"], failed: [] });
  assertEquals(record.news(), [
    "+web:4/4 null",
    ...[1, 2, 3].flatMap((number) => [`-web:${number}`, `+web:${number}/${number} null`]),
    "-web:4",
  ]);
  assertEquals([record.fewest, record.most, phases(tree)], [3, 4, ["/web/web:1 ready", "/web/web:2 ready", "/web/web:3 ready"]]);
  const [intent, outcome] = tree.auditRecords.filter(({ method }) => method === "reeve.rolling_restart");
  assertEquals([intent?.kind, intent?.requestedBy, intent?.reason, outcome?.kind, outcome?.allowed], [
    "intent",
    "ada",
    "new certificates",
    "outcome",
    true,
  ]);
  assertEquals(tree.child("/web/web:2").generation, 1);
  await end(tree, clock);
});

Deno.test("maxSurge is how many extra copies there are, and how many are replaced at a time; with 0 there is one less", async () => {
  for (const [maxSurge, fewest, most] of [[0, 3, 4], [2, 4, 6], [9, 4, 8]] as const) {
    const record = new Record();
    const { tree, clock } = await running({ children: [record.task("web", { instances: 4, rolling: { maxSurge } })] });
    record.fewest = Infinity;
    const { restarted, failed } = await done(clock, tree.rollingRestart("/web"));
    assertEquals([restarted.length, failed, record.fewest, record.most], [4, [], fewest, most]);
    await end(tree, clock);
  }
});

Deno.test("a single copy with rolling is replaced without a gap", async () => {
  const record = new Record();
  const { tree, clock } = await running({ children: [record.task("web", { rolling: {} })] });
  record.fewest = Infinity;
  await done(clock, tree.rollingRestart("/web"));
  assertEquals([record.fewest, record.most, phases(tree)], [1, 2, ["/web/web:1 ready"]]);
  await end(tree, clock);
});

Deno.test("rollingRestart() touches nobody where the extra copy does not get ready", async () => {
  const record = new Record();
  const { tree, clock } = await running({ children: [record.task("web", { instances: 2 })] });
  record.news();
  record.fails = () => true;
  const { restarted, failed } = await done(clock, tree.rollingRestart("/web"));
  assertEquals([restarted, failed.map(({ path }) => path)], [[], ["/web/web:1", "/web/web:2"]]);
  assert(failed[0]!.reason.startsWith("an extra copy did not get ready: "), failed[0]!.reason);
  assertEquals([record.news(), phases(tree)], [["+web:3/3 null"], ["/web/web:1 ready", "/web/web:2 ready"]]);
  await end(tree, clock);
});

Deno.test("rollingRestart() stops at the first copy that does not get ready", async () => {
  const record = new Record();
  const { tree, clock } = await running({
    children: [record.task("web", { instances: 3, rolling: { maxSurge: 0 }, backoff: { initialMs: 5_000 } })],
  });
  record.news();
  let starts = 0;
  record.fails = () => ++starts === 2;
  const { restarted, failed } = await done(clock, tree.rollingRestart("/web"));
  assertEquals([restarted, failed.map(({ path }) => path)], [["/web/web:1"], ["/web/web:2", "/web/web:3"]]);
  assertEquals([failed[1]?.reason, tree.child("/web/web:3").generation], ["web:2 did not get ready", 0]);
  await end(tree, clock);
});

Deno.test("rollingRestart() leaves who is held alone, and starts nothing extra where nobody runs", async () => {
  const record = new Record();
  const { tree, clock } = await running({ children: [record.task("web", { instances: 2 })] });
  await tree.child("/web/web:1").pause();
  await clock.advance(100);
  record.news();
  await done(clock, tree.rollingRestart("/web"));
  assertEquals(record.news(), ["+web:3/3 null", "-web:2", "+web:2/2 null", "-web:3"]);
  await tree.child("/web/web:2").pause();
  await clock.advance(100);
  record.news();
  await done(clock, tree.rollingRestart("/web"));
  assertEquals([record.news(), phases(tree)], [[], ["/web/web:1 stopped", "/web/web:2 stopped"]]);
  await end(tree, clock);
});

Deno.test("rollingRestart() says why not", async () => {
  const record = new Record();
  const { tree, clock } = await running({ children: [record.task("web", { instances: 2 }), record.task("one")] });
  const code = async (path: string, request = {}): Promise<unknown> =>
    (await assertRejects(() => tree.rollingRestart(path, request), ReeveError)).code;
  assertEquals(await Promise.all([code("/nobody"), code("/one"), code("/web/web:1"), code("/web", { reason: " " })]), [
    "child_not_found",
    "command_refused",
    "command_refused",
    "invalid_request",
  ]);
  const first = tree.rollingRestart("/web");
  assertEquals(await code("/web"), "reload_refused");
  await done(clock, first);
  await end(tree, clock);
  assertEquals(await code("/web"), "tree_finished");
});

Deno.test("scale() brings copies and takes the newest away; nobody else is touched, not even who depends on them", async () => {
  const record = new Record();
  const { tree, clock } = await running({
    children: [record.task("web", { instances: 2 }), record.task("proxy", { dependencies: ["web"] })],
  });
  record.news();
  assertEquals(await done(clock, tree.scale("web", 4)), { added: ["/web/web:3", "/web/web:4"], removed: [] });
  await clock.advance(100);
  assertEquals(record.news(), ["+web:3/3 null", "+web:4/4 null"]);
  assertEquals(await done(clock, tree.scale("web", 1)), { added: [], removed: ["/web/web:4", "/web/web:3", "/web/web:2"] });
  assertEquals([record.news(), phases(tree)], [["-web:4", "-web:3", "-web:2"], ["/web/web:1 ready"]]);
  assertEquals((await assertRejects(() => tree.scale("web", 0), ReeveError)).code, "invalid_request");
  assertEquals((await assertRejects(() => tree.scale("proxy", 2), ReeveError)).code, "template_not_found");
  await end(tree, clock);
});

Deno.test("a new declaration rolls the copies, and another count brings or takes some", async () => {
  const record = new Record();
  const spec = (args: number, instances: number): TreeSpec => ({ children: [record.task("web", { args, instances })] });
  // The functions are the same ones.
  const [one] = spec(1, 2).children;
  const { tree, clock } = await running({ children: [one!] });
  record.news();
  record.fewest = Infinity;
  const result = await done(clock, tree.apply({ children: [{ ...one!, args: 2, instances: 3 }] }));
  assertEquals(result.changes.map(({ kind, path, keys }) => `${kind} ${path} ${keys.join()}`), [
    "live /web instances",
    "restart /web/web:1 args",
    "restart /web/web:2 args",
    "add /web/web:3 ",
  ]);
  assertEquals(record.news(), [
    "+web:3/3 2",
    ...[1, 2].flatMap((number) => [`-web:${number}`, `+web:${number}/${number} 2`]),
    "-web:3",
    "+web:3/3 2",
  ]);
  assertEquals([record.fewest, result.failed], [2, []]);
  await done(clock, tree.apply({ children: [{ ...one!, args: 2, instances: 2 }] }));
  assertEquals([record.news(), phases(tree)], [["-web:3"], ["/web/web:1 ready", "/web/web:2 ready"]]);
  await end(tree, clock);
});

Deno.test("a new declaration that does not work leaves all copies as they were, those that come later too", async () => {
  const record = new Record();
  const web = record.task("web", { args: 1, instances: 2 });
  const { tree, clock } = await running({ children: [web] });
  record.news();
  record.fails = (args) => args === 2;
  const result = await done(clock, tree.apply({ children: [{ ...web, args: 2, instances: 3 }] }));
  assertEquals(result.failed.map(({ path }) => path), ["/web/web:1", "/web/web:2", "/web/web:3"]);
  assertEquals([record.news(), phases(tree)], [["+web:3/3 2"], ["/web/web:1 ready", "/web/web:2 ready"]]);
  await done(clock, tree.scale("web", 3));
  await clock.advance(100);
  assertEquals(record.news(), ["+web:3/3 1"]);
  // It is tried anew, because it does not count yet.
  record.fails = () => false;
  const again = await done(clock, tree.apply({ children: [{ ...web, args: 2, instances: 3 }] }));
  assertEquals([again.failed, again.changes.map(({ kind, path }) => `${kind} ${path}`)], [[], [
    "restart /web/web:1",
    "restart /web/web:2",
    "restart /web/web:3",
  ]]);
  await end(tree, clock);
});

Deno.test("copies that were replaced already go back when a later one does not work", async () => {
  const record = new Record();
  const web = record.task("web", { args: 1, instances: 3, rolling: { maxSurge: 0 } });
  const { tree, clock } = await running({ children: [web] });
  record.news();
  let starts = 0;
  record.fails = (args) => args === 2 && ++starts === 3;
  const { failed } = await done(clock, tree.apply({ children: [{ ...web, args: 2 }] }));
  await clock.advance(1_000);
  assertEquals(failed.map(({ path }) => path), ["/web/web:3", "/web/web:1", "/web/web:2"]);
  assertEquals(record.news().filter((line) => line.startsWith("+")), [
    ...[1, 2, 3].map((number) => `+web:${number}/${number} 2`),
    ...[3, 1, 2].map((number) => `+web:${number}/${number} 1`),
  ]);
  assertEquals(phases(tree), ["/web/web:1 ready", "/web/web:2 ready", "/web/web:3 ready"]);
  await end(tree, clock);
});

Deno.test("a child that is added may have copies, and a copy of a template has its number too", async () => {
  const record = new Record();
  const { tree, clock } = await running({ children: [record.task("a")], templates: [record.task("job", { args: "{instance}" })] });
  record.news();
  await tree.add(record.task("web", { instances: 2 }));
  await tree.scale("job", 2);
  await clock.advance(100);
  assertEquals(record.news(), ["+web:1/1 null", "+web:2/2 null", '+job:1/1 "1"', '+job:2/2 "2"']);
  await end(tree, clock);
});
