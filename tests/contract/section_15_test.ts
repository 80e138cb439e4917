/** Section 15 of the contract, tree shutdown: its phases, the status of each child, and what the report says. */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  child,
  type ChildOptions,
  type ChildSpec,
  ReeveError,
  supervise,
  type SupervisorEvent,
  type Tree,
  type TreeSpec,
} from "../../mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { CANCELLED, Driver, scripted, SUCCEEDED } from "../core/driver.ts";
import { FAILED, supervisor, task as idle, TreeDriver } from "../core/tree_driver.ts";
import { deaf, untilAborted } from "../support/tasks.ts";

/** A process, which can be forced, with 300 ms to stop. */
const FORCIBLE: Partial<ChildSpec> = { run: { kind: "process", command: "x" }, stop: { timeoutMs: 300, killWaitMs: 50 } };

const task = (name: string, options: ChildOptions = {}): ChildSpec => child.task(name, untilAborted, options);

async function started(children: readonly ChildSpec[], options: Partial<TreeSpec> = {}): Promise<{ tree: Tree; clock: VirtualClock }> {
  const clock = new VirtualClock();
  const tree = await supervise({ ...options, children }, { clock, keepAlive: false });
  await clock.advance(0);
  return { tree, clock };
}

function up(options: Partial<ChildSpec> = {}, tree: Partial<TreeSpec> = {}): Driver {
  return new Driver([scripted("a", options)], tree).begin().running("a");
}

function all(driver: Driver, type: SupervisorEvent["type"]): SupervisorEvent[] {
  return driver.events.filter((event) => event.type === type);
}

/** The statuses of a child that were told, oldest first. */
function told(driver: Driver, name = "a"): string[] {
  return driver.events.flatMap((event) => event.type === "child_shutdown" && event.path === `/${name}` ? [event.status] : []);
}

// --- phases --------------------------------

Deno.test("§15 phases: idle: nothing is stopped, until the first request is accepted", () => {
  const driver = up().pass(3_600_000);
  assertEquals([driver.node.phase, driver.node.stop, driver.phase("a")], ["running", null, "ready"]);
  driver.stop();
  assertEquals([driver.node.phase, driver.phase("a")], ["stopping", "stopping"]);
});

Deno.test("§15 phases: request_stop: the cause of the first request is kept", async () => {
  const { tree, clock } = await started([child.task("deaf", deaf)]);
  const first = tree.shutdown({ by: "ops", reason: "deploy" });
  await clock.advance(1);
  const second = tree.shutdown({ by: "somebody", reason: "something else" });
  await clock.advance(60_000);
  const cause = { kind: "shutdown", requestedBy: "ops", reason: "deploy" } as const;
  assertEquals([(await first).cause, (await second).cause], [cause, cause]);
});

Deno.test("§15 phases: request_stop: a start that waits for a dependency is blocked", () => {
  const driver = new Driver([scripted("db", { readiness: { mode: "explicit" } }), scripted("web", { dependencies: ["db"] })]).begin()
    .running("db");
  assertEquals(driver.phase("web"), "waiting");
  driver.stop().ready("db");
  assertEquals([driver.started, told(driver, "web"), driver.slot("web").attempt], [[], ["already_exited"], 0]);
});

Deno.test("§15 phases: request_stop: a delayed restart is blocked, and its timer gone", () => {
  const driver = new Driver([scripted("a"), scripted("b")]).begin().running("a", "b").exit("a");
  assertEquals([driver.phase("a"), driver.timers], ["backoff", 1]);
  driver.stop().exit("b", CANCELLED).pass(60_000);
  assertEquals([driver.timers, driver.slot("a").attempt, driver.slot("a").outcome], [0, 1, "already_exited"]);
});

/** A supervisor that is not yet asked to stop, because one that depends on it still stops. */
function beforeItsTurn(children: readonly ChildSpec[]): TreeDriver {
  return new TreeDriver([supervisor("s", children, { readiness: { mode: "started" } }), idle("top", { dependencies: ["s"] })]).begin();
}

Deno.test("§15 phases: request_stop: nothing is restarted below a supervisor whose own turn has not come", () => {
  const tree = beforeItsTurn([idle("x", { backoff: { initialMs: 100, maxMs: 100 } })]).exit("/s/x", FAILED).stop();
  assertEquals([tree.phase("/top"), tree.nodes[1]?.phase], ["stopping", "running"]);
  tree.did();
  assertEquals([tree.advance(1_000).did(), tree.slot("/s/x").attempt], [[], 1]);
});

Deno.test("§15 phases: request_stop: nothing that waited is started below a supervisor whose own turn has not come", () => {
  const tree = beforeItsTurn([idle("db", { readiness: { mode: "explicit" } }), idle("web", { dependencies: ["db"] })]).stop();
  tree.did();
  assertEquals([tree.ready("/s/db").did(), tree.phase("/s/db"), tree.slot("/s/web").attempt], [[], "ready", 0]);
});

Deno.test("§15 phases: graceful_drain: in reverse start order, each after its dependants have ended", () => {
  const driver = new Driver([scripted("db"), scripted("api", { dependencies: ["db"] }), scripted("web", { dependencies: ["api"] })]).begin()
    .running("db").running("api").running("web").stop();
  assertEquals(driver.cancelled, ["web"]);
  assertEquals(driver.exit("web", CANCELLED).cancelled, ["api"]);
  assertEquals(driver.exit("api", CANCELLED).cancelled, ["db"]);
});

Deno.test("§15 phases: graceful_drain: independent children in parallel", () => {
  const driver = new Driver([scripted("a"), scripted("b"), scripted("c")]).begin().running("a", "b", "c").stop();
  assertEquals(driver.cancelled, ["c", "b", "a"]);
});

Deno.test("§15 phases: graceful_drain: goes on to what a child depends on when its time is over", () => {
  const driver = new Driver([scripted("db"), scripted("web", { ...FORCIBLE, dependencies: ["db"] })]).begin().running("db").running("web")
    .stop().pass(349);
  assertEquals([driver.phase("web"), driver.phase("db")], ["killing", "ready"]);
  driver.pass(1);
  assertEquals([driver.cancelled, driver.slot("web").outcome], [["db"], "abort_failed"]);
});

Deno.test("§15 phases: abort_stragglers: all of one wave are forced at the same time (here: waves, not the whole tree)", () => {
  const driver = new Driver(["a", "b", "c"].map((name) => scripted(name, FORCIBLE))).begin().running("a", "b", "c").stop();
  const now = driver.now;
  driver.pass(300);
  assertEquals(all(driver, "child_killing").map(({ path, atMs }) => [path, atMs - now]), [["/c", 300], ["/b", 300], ["/a", 300]]);
});

Deno.test("§15 phases: abort_stragglers: they share one wait, and the stop goes on when it is over", () => {
  const driver = new Driver(["a", "b", "c"].map((name) => scripted(name, FORCIBLE))).begin().running("a", "b", "c").stop().pass(349);
  assertEquals([driver.node.phase, all(driver, "child_shutdown").length], ["stopping", 0]);
  driver.pass(1);
  assertEquals([driver.node.phase, all(driver, "child_shutdown").length], ["stopped", 3]);
});

Deno.test("§15 phases: reconcile: what is left is measured when all have ended", async () => {
  const { tree, clock } = await started([child.task("deaf", deaf), task("a")]);
  const ending = tree.shutdown();
  await clock.advance(60_000);
  assertEquals((await ending).reconcile, {
    verifiedClean: false,
    checked: 2,
    left: [{ kind: "attempt", owner: "/deaf", detail: "attempt 1 of a task, abandoned" }],
    more: 0,
  });
});

Deno.test("§15 phases: completed: terminal, and the state stays readable", async () => {
  const { tree, clock } = await started([task("a")]);
  await tree.shutdown();
  const { seq } = tree.snapshot();
  await clock.advance(3_600_000);
  const { phase, children, seq: later } = tree.snapshot();
  assertEquals([phase, later, children.map(({ path, phase }) => `${path} ${phase}`)], ["stopped", seq, ["/a stopped"]]);
  assertEquals([tree.child("/a").attempt, tree.counts()], [1, { stopped: 1 }]);
});

// --- policy --------------------------------

Deno.test("§15 ShutdownPolicy: graceful_timeout bounds what a child has, where it has no budget of its own", () => {
  const tree = { shutdown: { gracefulTimeoutMs: 700 } } as const;
  const driver = new Driver([scripted("a"), scripted("b", { stop: { timeoutMs: 200 } })], tree).begin().running("a", "b").stop();
  const now = driver.now;
  driver.pass(10_000);
  assertEquals(all(driver, "child_killing").map(({ path, atMs }) => [path, atMs - now]), [["/b", 200], ["/a", 700]]);
});

Deno.test("§15 ShutdownPolicy: abort_wait bounds what follows force", () => {
  const driver = up({ run: { kind: "process", command: "x" } }, { shutdown: { gracefulTimeoutMs: 700, abortWaitMs: 40 } }).stop().pass(739);
  assertEquals(driver.node.phase, "stopping");
  assertEquals(driver.pass(1).node.phase, "stopped");
});

Deno.test("§15 ShutdownPolicy: abort_after_timeout is on by itself", () => {
  assertEquals(up(FORCIBLE).stop().pass(300).killed, ["a"]);
});

Deno.test("§15 ShutdownPolicy: abort_after_timeout off: a straggler has abort_wait to report late", () => {
  const tree = { shutdown: { abortAfterTimeout: false, gracefulTimeoutMs: 300, abortWaitMs: 50 } };
  const driver = up({ run: { kind: "process", command: "x" } }, tree).stop().pass(349);
  assertEquals([all(driver, "child_killing").length, driver.node.phase], [0, "stopping"]);
  driver.exit("a", CANCELLED);
  assertEquals([driver.slot("a").outcome, driver.node.phase], ["graceful", "stopped"]);
});

Deno.test("§15 ShutdownPolicy: abort_after_timeout off: then it is listed as failed", () => {
  const tree = { shutdown: { abortAfterTimeout: false, gracefulTimeoutMs: 300, abortWaitMs: 50 } };
  const driver = up({ run: { kind: "process", command: "x" } }, tree).stop().pass(350);
  assertEquals([all(driver, "child_killing").length, driver.slot("a").outcome, driver.node.phase], [0, "abort_failed", "stopped"]);
});

Deno.test("§15 ShutdownPolicy: total time is at most graceful + abort_wait for each level of dependencies", () => {
  const levels = ["db", "api", "web"].map((name, index, names) => {
    const before = names[index - 1];
    return scripted(name, { ...FORCIBLE, dependencies: before === undefined ? [] : [before] });
  });
  const driver = new Driver(levels).begin().running("db").running("api").running("web").stop().pass(3 * 350 - 1);
  assertEquals(driver.node.phase, "stopping");
  assertEquals(driver.pass(1).node.phase, "stopped");
});

// --- status of a child --------------------------------

Deno.test("§15 ChildShutdownStatus: AlreadyExited: no live attempt", () => {
  const driver = up({ restartPolicy: "temporary" }).exit("a", SUCCEEDED).stop();
  assertEquals([told(driver), driver.cancelled], [["already_exited"], []]);
});

for (const command of ["pause", "quarantine"] as const) {
  Deno.test(`§15 ChildShutdownStatus: AlreadyExited: held down by ${command}`, () => {
    const driver = up().command("a", command).exit("a", CANCELLED).stop();
    assertEquals([told(driver), driver.cancelled], [["already_exited"], []]);
  });
}

Deno.test("§15 ChildShutdownStatus: AlreadyExited: removed (here: gone, and so not listed any more)", async () => {
  const { tree, clock } = await started([task("a"), task("b")]);
  await tree.child("/a").remove();
  await clock.advance(1);
  assertEquals((await tree.shutdown()).children.map(({ path, status }) => `${path} ${status}`), ["/b graceful"]);
});

Deno.test("§15 ChildShutdownStatus: AlreadyExited: one that ends by itself before it was asked", () => {
  const driver = new Driver([scripted("db"), scripted("web", { dependencies: ["db"] })]).begin().running("db").running("web").stop();
  assertEquals([driver.exit("db", SUCCEEDED).slot("db").outcome, driver.slot("db").attempt], ["already_exited", 1]);
});

Deno.test("§15 ChildShutdownStatus: Graceful: asked, and exited before its deadline", () => {
  const driver = up(FORCIBLE).stop();
  assertEquals(driver.cancelled, ["a"]);
  assertEquals(told(driver.pass(299).exit("a", CANCELLED)), ["graceful"]);
});

Deno.test("§15 ChildShutdownStatus: Aborted: exited after it was forced", () => {
  const driver = up(FORCIBLE).stop().pass(300);
  assertEquals(driver.killed, ["a"]);
  assertEquals(told(driver.pass(49).exit("a", { kind: "killed" })), ["aborted"]);
});

Deno.test("§15 ChildShutdownStatus: AbortFailed: did not exit even then", () => {
  const driver = up(FORCIBLE).stop().pass(350);
  assertEquals([told(driver), driver.node.phase], [["abort_failed"], "stopped"]);
});

Deno.test("§15 ChildShutdownStatus: LateReport: exited after its time was over, while the tree still stops", () => {
  const driver = new Driver([scripted("db"), scripted("web", { ...FORCIBLE, dependencies: ["db"] })]).begin().running("db").running("web")
    .stop().pass(350);
  assertEquals(driver.node.phase, "stopping");
  assertEquals(told(driver.exit("web", { kind: "killed" }), "web"), ["abort_failed", "late_report"]);
});

// --- outcome, report and result --------------------------------

Deno.test("§15 ChildShutdownOutcome: exactly one for each declared or added child, in the order of the stop", async () => {
  const { tree } = await started([
    task("db"),
    child.supervisor("pool", { children: [task("x")], dependencies: ["db"] }),
    child.task("done", () => {}, { restartPolicy: "temporary" }),
  ]);
  await tree.add(task("web", { dependencies: ["pool"] }));
  await tree.add(task("y"), { to: "/pool" });
  const { children } = await tree.shutdown();
  assertEquals(children.map(({ path }) => path), ["/done", "/web", "/pool/y", "/pool/x", "/pool", "/db"]);
});

Deno.test("§15 ChildShutdownOutcome: path, generation, starts, status, exit and time (here: status implies phase and reason)", () => {
  const driver = up(FORCIBLE).command("a", "restart").exit("a", CANCELLED).running("a").stop().pass(120).exit("a", CANCELLED);
  const [outcome] = all(driver, "child_shutdown");
  assertEquals({ ...outcome, seq: 0, correlation: 0 }, {
    seq: 0,
    correlation: 0,
    type: "child_shutdown",
    path: "/a",
    atMs: driver.now,
    generation: 1,
    attempt: 2,
    status: "graceful",
    tookMs: 120,
    exit: CANCELLED,
  });
});

Deno.test("§15 ShutdownPipelineReport: cause, begin and end, outcomes, reconcile", async () => {
  const clock = new VirtualClock({ startMs: 500 });
  const tree = await supervise({ children: [task("a")] }, { clock, keepAlive: false });
  await clock.advance(250);
  const { exitCode, cause, startedAtMs, durationMs, children, abandoned, reconcile } = await tree.shutdown({ by: "ops", reason: "deploy" });
  assertEquals([exitCode, startedAtMs, durationMs, abandoned], [0, 500, 250, []]);
  assertEquals(cause, { kind: "shutdown", requestedBy: "ops", reason: "deploy" });
  assertEquals(children, [{
    path: "/a",
    kind: "task",
    starts: 1,
    restarts: 0,
    failures: 0,
    lastExit: { kind: "cancelled" },
    status: "graceful",
    phase: "stopped",
  }]);
  assertEquals(reconcile.verifiedClean, true);
});

Deno.test("§15 ShutdownReconcileReport: verified_clean and total_slots_checked, when nothing is left", async () => {
  const { tree } = await started([task("a"), child.supervisor("s", { children: [task("b")] })]);
  assertEquals((await tree.shutdown()).reconcile, { verifiedClean: true, checked: 3, left: [], more: 0 });
});

Deno.test("§15 ShutdownReconcileReport: what is left is named, at every depth, and measured again", async () => {
  let release = (): void => {};
  const slow = child.task("slow", () => new Promise<void>((resolve) => release = resolve));
  const { tree, clock } = await started([child.supervisor("s", { children: [slow] })]);
  const ending = tree.shutdown();
  await clock.advance(60_000);
  const { reconcile } = await ending;
  assertEquals([reconcile.verifiedClean, reconcile.left.map(({ kind, owner }) => `${kind} ${owner}`)], [false, ["attempt /s/slow"]]);
  release();
  await clock.advance(1);
  assertEquals((await tree.shutdown()).reconcile, { verifiedClean: true, checked: 2, left: [], more: 0 });
});

Deno.test("§15 ShutdownResult: the report is there exactly when it is completed", async () => {
  const { tree, clock } = await started([child.task("deaf", deaf, { stop: { timeoutMs: 100, killWaitMs: 20 } })]);
  let completed = false;
  const ending = tree.shutdown().finally(() => completed = true);
  await clock.advance(99);
  assertEquals([completed, tree.snapshot().phase], [false, "stopping"]);
  await clock.advance(60);
  assertEquals([completed, tree.snapshot().phase], [true, "stopped"]);
  assertStrictEquals(await ending, await tree.finished);
});

Deno.test("§15 ShutdownResult: a second request while it runs changes nothing (here: it joins the first)", async () => {
  const { tree, clock } = await started([child.task("deaf", deaf)]);
  const first = tree.shutdown({ reason: "deploy" });
  await clock.advance(1);
  const { seq } = tree.snapshot();
  const second = tree.shutdown({ reason: "again" });
  await clock.advance(1);
  assertEquals([tree.snapshot().phase, tree.snapshot().seq], ["stopping", seq]);
  await clock.advance(60_000);
  assertStrictEquals(await second, await first);
});

Deno.test("§15 ShutdownResult: after completion, the cached report", async () => {
  const { tree } = await started([task("a")]);
  const report = await tree.shutdown();
  const { seq } = tree.snapshot();
  assertStrictEquals(await tree.shutdown({ reason: "again", force: true }), report);
  assertEquals(tree.snapshot().seq, seq);
});

Deno.test("§15 late exit after completed: it is told, and the outcome becomes LateReport", () => {
  const driver = up(FORCIBLE).stop().pass(350);
  assertEquals(driver.node.phase, "stopped");
  driver.exit("a", { kind: "killed" });
  const [event] = driver.last.flatMap((effect) => effect.type === "emit" ? [effect.event] : []);
  assert(event?.type === "child_shutdown");
  assertEquals([event.status, event.exit?.kind, driver.slot("a").outcome], ["late_report", "killed", "late_report"]);
  assertEquals([driver.started, driver.phase("a")], [[], "stopped"]);
});

Deno.test("§15 late exit after completed: the stored report says so (here: when shutdown() is asked again; finished stays)", async () => {
  let release = (): void => {};
  const { tree, clock } = await started([child.task("slow", () => new Promise<void>((resolve) => release = resolve))]);
  const ending = tree.shutdown();
  await clock.advance(60_000);
  assertEquals((await ending).children.map(({ status }) => status), ["abort_failed"]);
  release();
  await clock.advance(1);
  assertEquals((await tree.shutdown()).children.map(({ status }) => status), ["late_report"]);
  assertEquals((await tree.finished).children.map(({ status }) => status), ["abort_failed"]);
});

Deno.test("§15 state during the stop: readable, and an unknown child is still told", async () => {
  const { tree, clock } = await started([child.task("deaf", deaf), task("a")]);
  const ending = tree.shutdown();
  await clock.advance(1);
  assertEquals([tree.child("/deaf").phase, tree.child("/a").phase, tree.counts()], ["stopping", "stopped", { stopping: 1, stopped: 1 }]);
  assertEquals(assertThrows(() => tree.child("/b"), ReeveError).code, "child_not_found");
  await clock.advance(60_000);
  await ending;
});
