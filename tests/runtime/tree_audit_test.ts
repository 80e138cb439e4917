/** What is recorded of what is asked of a tree, and of what it does to itself. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type AuditRecord, child, ReeveError, supervise, type Tree, type TreeSpec } from "../../mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { inFolder } from "../support/folder.ts";
import { untilAborted } from "../support/tasks.ts";

/** The records of a tree, a line each. */
function linesOf({ auditRecords }: Tree): string[] {
  return auditRecords.map(lineOf);
}

function lineOf({ kind, origin, method, targetPath, requestedBy, reason, allowed, denialCode }: AuditRecord): string {
  return `${kind} ${origin} ${method} ${targetPath} by ${requestedBy}: ${reason}${allowed ? "" : ` (${denialCode})`}`;
}

async function withTree(spec: Partial<TreeSpec>, use: (tree: Tree, clock: VirtualClock) => Promise<void>): Promise<Tree> {
  const clock = new VirtualClock({ startMs: 1_000 });
  const tree = await supervise({ children: [child.task("a", untilAborted)], ...spec }, { clock, keepAlive: false });
  await clock.advance(10);
  await use(tree, clock);
  const ending = tree.shutdown({ by: "ada", reason: "done" });
  await clock.advance(60_000);
  await ending;
  return tree;
}

Deno.test("each command of the program has its intent before and its outcome after, with who asked and why", async () => {
  const tree = await withTree({ templates: [child.task("copy", untilAborted)] }, async (tree, clock) => {
    const a = tree.child("/a");
    await a.restart({ by: "ada", reason: "slow" });
    await clock.advance(100);
    await a.pause();
    await tree.add(child.task("b", untilAborted), { by: "ada", reason: "more" });
    await tree.startTemplate("copy");
    await tree.scale("copy", 2);
    await clock.advance(100);
  });
  assertEquals(linesOf(tree), [
    "intent program command.restart_child /a by ada: slow",
    "outcome program command.restart_child /a by ada: slow",
    "intent program command.pause_child /a by program: requested",
    "outcome program command.pause_child /a by program: requested",
    "intent program command.add_child /b by ada: more",
    "outcome program command.add_child /b by ada: more",
    "intent program reeve.start_template /copy by program: requested",
    "outcome program reeve.start_template /copy by program: requested",
    "intent program reeve.scale /copy by program: requested",
    "outcome program reeve.scale /copy by program: requested",
    "intent program command.shutdown_tree / by ada: done",
    "outcome program command.shutdown_tree / by ada: done",
  ]);
});

Deno.test("a command that is refused has an outcome that says so; one that does not say who asks has no record at all", async () => {
  const tree = await withTree({}, async (tree) => {
    await tree.child("/a").pause();
    await assertRejects(() => tree.child("/a").release(), ReeveError);
    await assertRejects(() => tree.add(child.task("a", untilAborted)), ReeveError);
    await assertRejects(() => tree.child("/a").pause({ by: " " }), ReeveError);
  });
  assertEquals(linesOf(tree).slice(2, 6), [
    "intent program reeve.release_child /a by program: requested",
    "outcome program reeve.release_child /a by program: requested (command_refused)",
    "intent program command.add_child /a by program: requested",
    "outcome program command.add_child /a by program: requested (child_name_conflict)",
  ]);
  assertEquals(tree.auditRecords.length, 8);
});

Deno.test("what a tree does to itself is recorded where it changes what is wanted; plain restarts are events alone", async () => {
  const fails = (clock: VirtualClock, name: string, onExceeded: "give_up" | "escalate") =>
    child.task(name, async () => {
      await new Promise<void>((resolve) => clock.setTimer(resolve, 100));
      throw new Error("no");
    }, { limit: { maxRestarts: 1, onExceeded }, backoff: { initialMs: 10, maxMs: 10, jitter: "none" } });
  const clock = new VirtualClock({ startMs: 1_000 });
  const tree = await supervise({
    children: [
      fails(clock, "a", "give_up"),
      child.supervisor("s", { escalationPolicy: "quarantine_scope", children: [fails(clock, "b", "escalate")] }),
    ],
  }, { clock, keepAlive: false });
  await clock.advance(2_000);
  assert(tree.summary().restarts >= 2);
  assertEquals(linesOf(tree), [
    "auto runtime policy.give_up /a by runtime: restart_limit_exhausted",
    'auto runtime policy.quarantine_scope /s by runtime: "/s/b" exceeded its restart limit: no',
    'auto runtime command.quarantine_child /s/b by runtime: "/s/b" exceeded its restart limit: no',
  ]);
  const ending = tree.close();
  await clock.advance(10_000);
  await ending;
});

Deno.test("a tree that ends by itself, and a child that asks for a restart or the end, have records of their own", async () => {
  const clock = new VirtualClock({ startMs: 1_000 });
  const tree = await supervise({
    children: [
      child.task("a", async (context) => {
        if (context.attempt === 1) context.requestRestart("stale");
        else context.requestShutdown("all done");
        await untilAborted(context);
      }, { commandPermissions: { allowRestart: true, allowShutdown: true } }),
    ],
  }, { clock, keepAlive: false });
  await clock.advance(10_000);
  await tree.finished;
  assertEquals(linesOf(tree), [
    "auto child command.restart_child /a by /a: stale",
    "auto child command.shutdown_tree / by /a: all done",
  ]);
  const escalating = await supervise({
    children: [child.task("a", () => Promise.reject(new Error("no")), { limit: { maxRestarts: 1, onExceeded: "escalate" } })],
  }, { clock, keepAlive: false });
  await clock.advance(10_000);
  await escalating.finished;
  assertEquals(linesOf(escalating), [
    'auto runtime policy.escalate_to_parent / by runtime: "/a" exceeded its restart limit: no',
    'auto runtime command.shutdown_tree / by runtime: escalation: "/a" exceeded its restart limit: no',
  ]);
});

Deno.test("fail_closed: what cannot be recorded is not done, but the tree can always be ended", () =>
  inFolder(async (folder) => {
    const filePath = join(folder, "audit.jsonl");
    const audit = { backend: "file", filePath } as const;
    const tree = await supervise({ children: [child.task("a", untilAborted)], audit }, { keepAlive: false });
    await tree.child("/a").resume();
    await rm(filePath);
    await mkdir(filePath);
    const error = await assertRejects(() => tree.child("/a").pause(), ReeveError);
    assertEquals(error.code, "audit_write_failed");
    assertEquals(tree.child("/a").operation, "active");
    await assertRejects(() => tree.add(child.task("b", untilAborted)), ReeveError, "audit");
    const { exitCode, summary, unwritten } = await tree.shutdown();
    assertEquals(exitCode, 0);
    const told = summary.recentEvents.flatMap((event) => event.type === "sink_changed" ? [`${event.sink} ${event.healthy}`] : []);
    assertEquals(told, ["audit false"]);
    assertEquals(unwritten.map(({ sink }) => sink), ["audit"]);
  }));

Deno.test("the file has every record when the tree has finished; audit.enabled: false has none", () =>
  inFolder(async (folder) => {
    const filePath = join(folder, "audit.jsonl");
    const tree = await supervise({ children: [child.task("a", untilAborted)], audit: { backend: "file", filePath } }, { keepAlive: false });
    await tree.child("/a").restart({ by: "ada", reason: "slow" });
    await tree.shutdown({ by: "ada", reason: "done" });
    const lines = (await readFile(filePath, "utf8")).trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(lines.map(({ kind, method, requested_by: by }) => `${kind} ${method} ${by}`), [
      "intent command.restart_child ada",
      "outcome command.restart_child ada",
      "intent command.shutdown_tree ada",
      "outcome command.shutdown_tree ada",
    ]);
    const silent = await supervise({ children: [child.task("a", untilAborted)], audit: { enabled: false } }, { keepAlive: false });
    await silent.child("/a").restart();
    await silent.close();
    assertEquals(silent.auditRecords, []);
  }));

Deno.test("an audit that cannot be written from the start keeps the tree from starting", () =>
  inFolder(async (folder) => {
    let starts = 0;
    const spec: TreeSpec = {
      children: [child.task("a", () => void starts++)],
      audit: { backend: "file", filePath: folder },
    };
    const error = await assertRejects(() => supervise(spec), ReeveError);
    assertEquals([error.code, starts], ["audit_not_opened", 0]);
  }));
