/** A test for every row of the contract's tables on control, the fence, shutdown and the loop (sections 13 to 16). */
import { assert, assertEquals, assertMatch, assertRejects, assertStrictEquals } from "@std/assert";
import { child, type ChildOptions, type ChildSpec, ReeveError, supervise, type Tree, type TreeSpec } from "../../mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { CANCELLED, Driver, FAILED, scripted } from "../core/driver.ts";
import { deaf, untilAborted } from "../support/tasks.ts";

async function started(children: readonly ChildSpec[], options: Partial<TreeSpec> = {}): Promise<{ tree: Tree; clock: VirtualClock }> {
  const clock = new VirtualClock({ startMs: 1_000 });
  const tree = await supervise({ ...options, children }, { clock, keepAlive: false });
  await clock.advance(1);
  return { tree, clock };
}

const idle = (name: string, options: ChildOptions = {}): ChildSpec => child.task(name, untilAborted, options);
const codeOf = async (promise: Promise<unknown>): Promise<string> => (await assertRejects(() => promise, ReeveError)).code;

async function close(tree: Tree, clock: VirtualClock): Promise<void> {
  const ending = tree.shutdown();
  await clock.advance(60_000);
  await ending;
}

// --- 13 ----------------------------------------------------------------------------------------------------------------------------------

Deno.test("§13 add_child: the child is there and starts; its answer is its handle", async () => {
  const { tree, clock } = await started([]);
  assertEquals((await tree.add(idle("a"), { by: "ops", reason: "load" })).path, "/a");
  await close(tree, clock);
});
Deno.test("§13 remove_child: outcome; an unknown child is ChildNotFound, with the nearest name", async () => {
  const { tree, clock } = await started([idle("worker")]);
  assertEquals((await tree.child("/worker").remove()).outcome, "accepted");
  await clock.advance(1);
  const { tree: other, clock: otherClock } = await started([idle("worker")]);
  try {
    other.child("/wroker");
    assert(false, "must throw");
  } catch (error) {
    assert(error instanceof ReeveError);
    assertEquals(error.code, "child_not_found");
    assertMatch(error.message, /Did you mean "\/worker"/);
  }
  await close(tree, clock);
  await close(other, otherClock);
});
Deno.test("§13 restart_child: outcome with the fence's decision", async () => {
  const { tree, clock } = await started([idle("a")]);
  assertEquals((await tree.child("/a").restart()).decision, "queued_after_stop");
  await close(tree, clock);
});
for (
  const [command, before, after] of [["pause", "active", "paused"], ["resume", "paused", "active"], [
    "quarantine",
    "active",
    "quarantined",
  ]] as const
) {
  Deno.test(`§13 ${command}_child: outcome, with what was wanted before and after`, async () => {
    const { tree, clock } = await started([idle("a")]);
    if (command === "resume") await tree.child("/a").pause();
    const { outcome, operationBefore, operationAfter } = await tree.child("/a")[command]();
    assertEquals([outcome, operationBefore, operationAfter], ["accepted", before, after]);
    await close(tree, clock);
  });
}
Deno.test("§13 shutdown_tree: a report", async () => {
  const { tree } = await started([idle("a")]);
  assertEquals((await tree.shutdown({ by: "ops", reason: "deploy" })).cause, { kind: "shutdown", requestedBy: "ops", reason: "deploy" });
});
Deno.test("§13 current_state: at once, in the order of declaration and then of addition, while the tree stops too", async () => {
  const { tree, clock } = await started([child.task("deaf", deaf), idle("a")]);
  await tree.add(idle("new"));
  const paths = ["/deaf", "/a", "/new"];
  assertEquals(tree.snapshot().children.map(({ path }) => path), paths);
  const ending = tree.shutdown();
  await clock.advance(1);
  assertEquals([tree.snapshot().phase, tree.snapshot().children.map(({ path }) => path)], ["stopping", paths]);
  await clock.advance(60_000);
  await ending;
});
Deno.test("§13 subscribe_events: a stream, filtered", async () => {
  const { tree, clock } = await started([idle("a"), idle("b")]);
  const stream = tree.events({ filter: ({ path }) => path === "/b" });
  const { value } = await stream.next();
  assert(value !== undefined && "path" in value);
  assertEquals(value.path, "/b");
  await close(tree, clock);
});
Deno.test("§13 is_alive, health, join: the phase of the root, and its end as often as anybody wants", async () => {
  const { tree, clock } = await started([idle("a")]);
  assertEquals(tree.snapshot().phase, "running");
  await close(tree, clock);
  assertEquals(tree.snapshot().phase, "stopped");
  assertStrictEquals(await tree.finished, await tree.finished);
});
Deno.test("§13: blank requested_by or reason is refused", async () => {
  const { tree, clock } = await started([idle("a")]);
  assertEquals([await codeOf(tree.child("/a").pause({ by: " " })), await codeOf(tree.child("/a").pause({ reason: "\t" }))], [
    "invalid_request",
    "invalid_request",
  ]);
  await close(tree, clock);
});
Deno.test("§13: repeating a reached target is idempotent: no second cancel, no second change", async () => {
  const { tree, clock } = await started([idle("a")]);
  await tree.child("/a").pause();
  const { outcome, cancelDelivered, operationBefore, operationAfter } = await tree.child("/a").pause();
  assertEquals([outcome, cancelDelivered, operationBefore, operationAfter], ["idempotent", false, "paused", "paused"]);
  await close(tree, clock);
});
Deno.test("§13: the answer names the attempt it acted on, and does not wait for its end", async () => {
  const { tree, clock } = await started([child.task("deaf", deaf)]);
  const { attempt, generation, cancelDelivered, phase } = await tree.child("/deaf").restart();
  assertEquals([attempt, generation, cancelDelivered, phase], [1, 0, true, "stopping"]);
  await close(tree, clock);
});
Deno.test("§13: priority: shutdown before operators, operators before policy", () => {
  const driver = new Driver([scripted("a"), scripted("b")]).begin().running("a", "b").exit("a", FAILED).command("a", "quarantine");
  assertEquals(driver.pass(60_000).phase("a"), "stopped");
  driver.stop().command("b", "restart");
  const reply = driver.last.flatMap((effect) => effect.type === "reply" ? [effect.result.refusal] : []);
  assertEquals(reply, ["supervisor_not_running"]);
});

// --- 14 ----------------------------------------------------------------------------------------------------------------------------------

const one = (options: Partial<ChildSpec> = {}): Driver => new Driver([scripted("a", options)]).begin().running("a");
const decision = (driver: Driver): unknown => driver.last.flatMap((effect) => effect.type === "reply" ? [effect.result.decision] : [])[0];
const PROCESS = { run: { kind: "process", command: "x" }, stop: { timeoutMs: 400, killWaitMs: 100 } } as const;

Deno.test("§14 fence: open, restart without a live attempt: the target starts at once", () => {
  const driver = one().exit("a", FAILED).command("a", "restart");
  assertEquals([decision(driver), driver.started, driver.slot("a").generation], ["started_immediately", ["a"], 1]);
});
Deno.test("§14 fence: open, restart with a live attempt: cancelled, and the target waits for its end", () => {
  const driver = one().command("a", "restart");
  assertEquals([decision(driver), driver.cancelled, driver.started], ["queued_after_stop", ["a"], []]);
  assertEquals(driver.typesOf("a").at(-3), "child_restart_fence_entered");
});
Deno.test("§14 fence: waiting, another restart: the same, without a new generation", () => {
  const driver = one().command("a", "restart").command("a", "restart");
  assertEquals([decision(driver), driver.cancelled, driver.exit("a", CANCELLED).slot("a").generation], ["already_pending", [], 1]);
});
Deno.test("§14 fence: waiting, deadline passed: forced, by a timer", () => {
  const driver = one(PROCESS).command("a", "restart").pass(400);
  assertEquals([driver.phase("a"), driver.killed, driver.typesOf("a").includes("child_restart_fence_abort_requested")], [
    "killing",
    ["a"],
    true,
  ]);
});
Deno.test("§14 fence: waiting, the exit of the old attempt arrives: the target starts", () => {
  const driver = one().command("a", "restart").exit("a", CANCELLED);
  assertEquals([driver.started, driver.slot("a").generation, driver.slot("a").attempt], [["a"], 1, 2]);
  assert(driver.typesOf("a").includes("child_restart_fence_released"));
});
Deno.test("§14 fence: the target cannot be spawned: a failure like any other (here: counters are never restored)", () => {
  const driver = one().command("a", "restart").exit("a", CANCELLED).exit("a", {
    kind: "failed",
    failure: { kind: "error", category: "start_failed", message: "x" },
  });
  assertEquals([driver.phase("a"), driver.slot("a").generation, driver.slot("a").attempt, driver.pass(100).phase("a")], [
    "backoff",
    1,
    2,
    "starting",
  ]);
});
Deno.test("§14 fence: any, the tree is shutting down: refused", () => {
  const driver = one().stop().command("a", "restart");
  assertEquals(driver.last.flatMap((effect) => effect.type === "reply" ? [effect.result.refusal] : []), ["supervisor_not_running"]);
});
Deno.test("§14 fence: any, an automatic restart while one is pending: the operator's counts", () => {
  const driver = one().command("a", "restart").exit("a", FAILED);
  assertEquals([driver.started, driver.slot("a").startCause, driver.slot("a").consecutive], [["a"], "command", 0]);
});
Deno.test("§14 fence: an unknown child: refused", () => {
  const driver = one();
  driver.send({ type: "command", node: 0, child: 7, id: 1, path: "/x", command: "restart", by: "t", reason: "t" });
  assertEquals(driver.last.flatMap((effect) => effect.type === "reply" ? [effect.result.outcome] : []), ["refused"]);
});
Deno.test("§14 fence: a stale report changes nothing, and is told", () => {
  const driver = one().command("a", "restart");
  const { stamp } = driver.attempt("a");
  driver.exit("a", CANCELLED);
  const before = JSON.stringify(driver.node.slots);
  driver.send({ type: "exited", node: 0, child: 0, stamp, exit: FAILED });
  assertEquals([JSON.stringify(driver.node.slots), driver.events.at(-1)?.type], [before, "child_attempt_stale_report"]);
});
Deno.test("§14 fence: forcing fails: the fence stays closed, and no second copy starts", () => {
  const driver = one(PROCESS).command("a", "restart").pass(500);
  assertEquals([driver.phase("a"), driver.pass(600_000).phase("a"), driver.slot("a").attempt], ["abandoned", "abandoned", 1]);
  assertEquals(driver.exit("a", CANCELLED).started, ["a"]);
});

// --- 15 ----------------------------------------------------------------------------------------------------------------------------------

Deno.test("§15 shutdown: idle: nothing is stopped before somebody asks", () => assertEquals(one().pass(600_000).cancelled, []));
Deno.test("§15 shutdown: request_stop: the first cause counts, and nothing starts any more", () => {
  const driver = new Driver([scripted("a"), scripted("b")]).begin().running("a", "b").exit("a", FAILED).stop();
  assertEquals([driver.node.stop?.cause.reason, driver.pass(60_000).started], ["test", []]);
});
Deno.test("§15 shutdown: graceful_drain: in reverse, each when what depends on it has ended, independent ones together", () => {
  const driver = new Driver([scripted("db"), scripted("web", { dependencies: ["db"] }), scripted("free")]).begin().running("db", "free")
    .running("web").stop();
  assertEquals(driver.cancelled.toSorted(), ["free", "web"]);
  assertEquals(driver.exit("web", CANCELLED).cancelled, ["db"]);
});
Deno.test("§15 shutdown: abort_stragglers: all stragglers of a wave are forced at the same time", () => {
  const driver = new Driver([scripted("a", PROCESS), scripted("b", PROCESS)]).begin().running("a", "b").stop().pass(400);
  assertEquals(["a", "b"].map((name) => driver.phase(name)), ["killing", "killing"]);
});
Deno.test("§15 shutdown: reconcile: what is left is looked at, and the report says it", async () => {
  const { tree, clock } = await started([child.task("deaf", deaf), idle("a")]);
  const ending = tree.shutdown();
  await clock.advance(60_000);
  const { reconcile } = await ending;
  assertEquals([reconcile.verifiedClean, reconcile.checked, reconcile.left.map(({ owner }) => owner)], [false, 2, ["/deaf"]]);
});
Deno.test("§15 shutdown: completed: the state stays readable", async () => {
  const { tree, clock } = await started([idle("a")]);
  await close(tree, clock);
  assertEquals([tree.snapshot().phase, tree.child("/a").phase], ["stopped", "stopped"]);
});
Deno.test("§15 shutdown: a stop without force passes a straggler over when its wait is over, as failed", () => {
  const shutdown = { gracefulTimeoutMs: 400, abortWaitMs: 100, abortAfterTimeout: false };
  const driver = new Driver([scripted("a", { run: PROCESS.run })], { shutdown }).begin().running("a").stop().pass(500);
  assertEquals([driver.killed, driver.slot("a").outcome], [[], "abort_failed"]);
});

for (
  const [status, when, drive] of [
    ["already_exited", "no live attempt", () => one({ restartPolicy: "temporary" }).exit("a", FAILED).stop()],
    ["already_exited", "held", () => one().command("a", "pause").exit("a", CANCELLED).stop()],
    ["graceful", "it ended before its deadline", () => one().stop().exit("a", CANCELLED)],
    ["aborted", "it ended when it was forced", () => one(PROCESS).stop().pass(400).exit("a", { kind: "killed" })],
    ["abort_failed", "it did not end even then", () => one(PROCESS).stop().pass(500)],
    ["late_report", "it ended after that", () => one(PROCESS).stop().pass(500).exit("a", CANCELLED)],
  ] as const
) {
  Deno.test(`§15 status: ${status}: ${when}`, () => assertEquals(drive().slot("a").outcome, status));
}
Deno.test("§15 result: a second request while it runs joins the first; after the end it gets the same report", async () => {
  const { tree, clock } = await started([child.task("deaf", deaf)]);
  const both = [tree.shutdown({ reason: "first" }), tree.shutdown({ reason: "second" })];
  await clock.advance(60_000);
  const [first, second] = await Promise.all(both);
  assertStrictEquals(second, first);
  assertEquals(first?.cause.reason, "first");
  assertStrictEquals(await tree.shutdown(), first);
});
Deno.test("§15 result: exactly one outcome for each declared and added child, in the order of their stop", async () => {
  const { tree } = await started([idle("db"), idle("web", { dependencies: ["db"] })]);
  await tree.add(idle("new", { dependencies: ["web"] }));
  assertEquals((await tree.shutdown()).children.map(({ path }) => path), ["/new", "/web", "/db"]);
});

// --- 16 ----------------------------------------------------------------------------------------------------------------------------------

Deno.test("§16 loop: starting, alive, shutting down, completed", async () => {
  const { tree, clock } = await started([child.task("deaf", deaf)]);
  const phases = [tree.snapshot().phase];
  const ending = tree.shutdown();
  await clock.advance(1);
  phases.push(tree.snapshot().phase);
  await clock.advance(60_000);
  await ending;
  assertEquals([...phases, tree.snapshot().phase], ["running", "stopping", "stopped"]);
});
Deno.test("§16 loop: commands after the end fail, and say that it is over", async () => {
  const { tree, clock } = await started([idle("a")]);
  await close(tree, clock);
  assertEquals(await codeOf(tree.child("/a").restart()), "tree_finished");
});
Deno.test("§16 loop: what a child's own functions throw ends nothing else", async () => {
  const decide = (): never => {
    throw new Error("my own fault");
  };
  const { tree, clock } = await started([child.task("bad", () => Promise.reject(new Error("no")), { decide }), idle("good")]);
  await clock.advance(1_000);
  assertEquals([tree.snapshot().phase, tree.child("/good").phase], ["running", "ready"]);
  await close(tree, clock);
});
Deno.test("§16 loop: the end of the scope shuts down", async () => {
  const { tree } = await started([idle("a")]);
  await tree[Symbol.asyncDispose]();
  assertEquals(tree.snapshot().phase, "stopped");
});
