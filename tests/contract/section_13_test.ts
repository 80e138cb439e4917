/** Section 13 of the contract, control handle: commands, their answers, the current state, and what comes before what. */
import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type Child,
  child,
  type ChildOptions,
  type ChildSpec,
  type CommandResult,
  ReeveError,
  supervise,
  type SupervisorEvent,
  type Tree,
  type TreeSpec,
} from "../../mod.ts";
import type { ChildCommand } from "../../src/core/mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { CANCELLED, Driver, scripted } from "../core/driver.ts";
import { deaf, untilAborted } from "../support/tasks.ts";

const task = (name: string, options: ChildOptions = {}): ChildSpec => child.task(name, untilAborted, options);

async function started(children: readonly ChildSpec[], options: Partial<TreeSpec> = {}): Promise<{ tree: Tree; clock: VirtualClock }> {
  const clock = new VirtualClock();
  const tree = await supervise({ ...options, children }, { clock, keepAlive: false });
  await clock.advance(0);
  return { tree, clock };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => promise, ReeveError)).code;
}

function up(options: Partial<ChildSpec> = {}): Driver {
  return new Driver([scripted("a", options)]).begin().running("a");
}

function answer(driver: Driver): CommandResult {
  const [reply] = driver.last.flatMap((effect) => effect.type === "reply" ? [effect.result] : []);
  if (reply === undefined) throw new Error("The command was not answered");
  return reply;
}

async function eventsOf(tree: Tree): Promise<SupervisorEvent[]> {
  const events: SupervisorEvent[] = [];
  for await (const event of tree.events()) if (event.type !== "gap") events.push(event);
  return events;
}

const COMMANDS = ["restart", "pause", "resume", "quarantine", "remove", "start", "terminate", "release"] as const;

// --- commands

Deno.test("§13 commands: one at a time, in the order in which they arrived", async () => {
  const { tree } = await started([task("a"), task("b")]);
  const told = tree.events({ since: "now", filter: ({ type }) => type === "child_control_command_completed" });
  const answers = await Promise.all([
    tree.child("/a").pause(),
    tree.child("/b").quarantine(),
    tree.child("/a").resume(),
    tree.child("/b").release(),
  ]);
  assertEquals(answers.map(({ operationBefore, operationAfter }) => `${operationBefore} ${operationAfter}`), [
    "active paused",
    "active quarantined",
    "paused active",
    "quarantined active",
  ]);
  const order: string[] = [];
  for await (const event of told) {
    if (event.type === "child_control_command_completed") order.push(`${event.command} ${event.path}`);
    if (order.length === answers.length) break;
  }
  assertEquals(order, ["pause /a", "quarantine /b", "resume /a", "release /b"]);
  await tree.shutdown();
});

Deno.test("§13 commands: the mailbox is bounded (here: 1 024, more are refused with too_many_commands)", async () => {
  const { tree } = await started([task("a")]);
  const handle = tree.child("/a");
  const answers = await Promise.allSettled(Array.from({ length: 1_025 }, () => handle.resume()));
  const refused = answers.flatMap((one) => one.status === "rejected" && one.reason instanceof ReeveError ? [one.reason.code] : []);
  assertEquals([refused, answers.at(-1)?.status], [["too_many_commands"], "rejected"]);
  await tree.shutdown();
});

for (const blank of [{ by: "" }, { by: " \t" }, { reason: "" }, { reason: "\n" }]) {
  const [[field = "", value] = []] = Object.entries(blank);
  Deno.test(`§13 CommandMeta: ${field} ${JSON.stringify(value)}: refused before it is queued (here: invalid_request)`, async () => {
    const { tree } = await started([task("a")]);
    const { seq } = tree.snapshot();
    const error = await assertRejects(() => tree.child("/a").pause(blank), ReeveError);
    assertEquals([error.code, error.message], ["invalid_request", `Cannot pause "/a": ${field} is blank`]);
    assertEquals([tree.snapshot().seq, tree.child("/a").operation], [seq, "active"]);
    await tree.shutdown();
  });
}

Deno.test("§13 add_child: target, declaration, who and why: the child is added and started", async () => {
  const { tree } = await started([child.supervisor("pool", { children: [] })]);
  const added = await tree.add(task("a"), { to: "/pool", by: "ops", reason: "more load" });
  assertEquals([added.path, added.phase], ["/pool/a", "ready"]);
  await tree.shutdown();
  const told = (await eventsOf(tree)).find(({ type }) => type === "child_added");
  assertEquals(told?.type === "child_added" ? [told.path, told.by, told.reason] : null, ["/pool/a", "ops", "more load"]);
});

Deno.test("§13 remove_child: the outcome is removed; then the child is unknown", async () => {
  const { tree, clock } = await started([task("a")]);
  const { outcome, operationBefore, operationAfter } = await tree.child("/a").remove({ by: "ops", reason: "done" });
  assertEquals([outcome, operationBefore, operationAfter], ["accepted", "active", "removed"]);
  await clock.advance(1);
  assertEquals(assertThrows(() => tree.child("/a"), ReeveError).code, "child_not_found");
  await tree.shutdown();
});

Deno.test("§13 restart_child: the outcome comes with what the fence decided", async () => {
  const { tree, clock } = await started([task("a")]);
  const { outcome, decision, generation } = await tree.child("/a").restart({ by: "ops", reason: "new certificate" });
  assertEquals([outcome, decision, generation], ["accepted", "queued_after_stop", 0]);
  await clock.advance(1);
  assertEquals([tree.child("/a").generation, tree.child("/a").phase], [1, "ready"]);
  await tree.shutdown();
});

for (const [command, operation] of [["pause", "paused"], ["quarantine", "quarantined"]] as const) {
  Deno.test(`§13 ${command}_child: the outcome is ${operation}, and the child goes down and stays so`, async () => {
    const { tree, clock } = await started([task("a")]);
    const { outcome, operationAfter, cancelDelivered } = await tree.child("/a")[command]({ by: "ops", reason: "disk is full" });
    assertEquals([outcome, operationAfter, cancelDelivered], ["accepted", operation, true]);
    await clock.advance(3_600_000);
    assertEquals([tree.child("/a").phase, tree.child("/a").attempt], ["stopped", 1]);
    await tree.shutdown();
  });
}

Deno.test("§13 resume_child: the outcome is active, and the child starts", async () => {
  const { tree, clock } = await started([task("a")]);
  await tree.child("/a").pause();
  await clock.advance(1);
  const { outcome, operationBefore, operationAfter } = await tree.child("/a").resume({ by: "ops", reason: "disk is empty" });
  assertEquals([outcome, operationBefore, operationAfter], ["accepted", "paused", "active"]);
  await clock.advance(1);
  assertEquals([tree.child("/a").phase, tree.child("/a").attempt], ["ready", 2]);
  await tree.shutdown();
});

for (const command of COMMANDS) {
  Deno.test(`§13 ${command}_child: a child that is there no longer is not found, nothing is invented`, async () => {
    const { tree, clock } = await started([task("a"), task("b")]);
    const handle: Child = tree.child("/a");
    await handle.remove();
    await clock.advance(1);
    assertEquals(await codeOf(handle[command]()), "child_not_found");
    assertEquals(tree.snapshot().children.map(({ path }) => path), ["/b"]);
    await tree.shutdown();
  });
}

Deno.test("§13 shutdown_tree: who and why; the result is the report", async () => {
  const { tree } = await started([task("a")]);
  const { cause, exitCode } = await tree.shutdown({ by: "ops", reason: "deploy" });
  assertEquals([cause, exitCode], [{ kind: "shutdown", requestedBy: "ops", reason: "deploy" }, 0]);
});

Deno.test("§13 current_state: the state, at once", async () => {
  const { tree } = await started([task("a")]);
  const { phase, ready, children } = tree.snapshot();
  assertEquals([phase, ready, children.map(({ path, phase }) => `${path} ${phase}`)], ["running", true, ["/a ready"]]);
  await tree.shutdown();
});

Deno.test("§13 subscribe_events: a stream, filtered", async () => {
  const { tree } = await started([task("a"), task("b")]);
  const stream = tree.events({ since: "now", filter: ({ path }) => path === "/b" });
  await tree.child("/a").pause();
  await tree.child("/b").pause();
  const { value } = await stream.next();
  assertEquals([value.type, value.path], ["child_stopping", "/b"]);
  await tree.shutdown();
});

Deno.test("§13 is_alive, health, join, shutdown: the phase, and the end for everybody who waits (here: snapshot, finished)", async () => {
  const { tree } = await started([task("a")]);
  const joined = [tree.finished, tree.finished];
  assertEquals(tree.snapshot().phase, "running");
  const report = await tree.shutdown({ by: "ops", reason: "deploy" });
  assertEquals(tree.snapshot().phase, "stopped");
  for (const one of joined) assertStrictEquals(await one, report);
});

// --- idempotent commands

const REACHED: readonly (readonly [ChildCommand, () => Driver])[] = [
  ["pause", () => up().command("a", "pause")],
  ["quarantine", () => up().command("a", "quarantine")],
  ["resume", () => up()],
  ["release", () => up()],
  ["start", () => up()],
  ["terminate", () => up().command("a", "terminate")],
  ["remove", () => up().command("a", "remove")],
  ["restart", () => up().command("a", "restart")],
];

for (const [command, reached] of REACHED) {
  Deno.test(`§13 commands are idempotent: ${command} again: before = after, no second cancel, no second change`, () => {
    const driver = reached();
    const changes = (): number => driver.events.filter(({ type }) => type === "child_control_operation_changed").length;
    const before = changes();
    driver.command("a", command);
    const { outcome, operationBefore, operationAfter, cancelDelivered } = answer(driver);
    assertEquals([outcome, cancelDelivered, operationBefore], ["idempotent", false, operationAfter]);
    assertEquals([driver.cancelled, driver.started, changes()], [[], [], before]);
  });
}

// --- ChildControlResult

Deno.test("§13 ChildControlResult: operation before and after, attempt and generation, phase, cancel, refusal", () => {
  assertEquals(answer(up().command("a", "pause")), {
    outcome: "accepted",
    refusal: null,
    decision: null,
    operationBefore: "active",
    operationAfter: "paused",
    phase: "stopping",
    generation: 0,
    attempt: 1,
    cancelDelivered: true,
  });
});

Deno.test("§13 ChildControlResult: attempt and generation are those acted on, even when a newer attempt is there by then", async () => {
  const { tree, clock } = await started([task("a")]);
  const asked = tree.child("/a").restart();
  await clock.advance(1);
  assertEquals([tree.child("/a").generation, tree.child("/a").attempt], [1, 2]);
  const { generation, attempt } = await asked;
  assertEquals([generation, attempt], [0, 1]);
  await tree.shutdown();
});

Deno.test("§13 ChildControlResult: the answer to a stop does not wait for the exit; a failure shows in events and state", async () => {
  const { tree, clock } = await started([child.task("deaf", deaf, { stop: { timeoutMs: 300, killWaitMs: 50 } })]);
  const { outcome, phase } = await tree.child("/deaf").pause();
  assertEquals([outcome, phase, clock.now()], ["accepted", "stopping", 0]);
  await clock.advance(1_000);
  assertEquals(tree.child("/deaf").phase, "abandoned");
  await tree.shutdown();
  assertEquals((await eventsOf(tree)).filter(({ type }) => type === "child_abandoned").map(({ path }) => path), ["/deaf"]);
});

// --- CurrentState and ChildRuntimeRecord

Deno.test("§13 CurrentState: all children, in the order of declaration, then those that were added", async () => {
  const { tree } = await started([task("web", { dependencies: ["db"] }), task("db")]);
  await tree.add(task("b"));
  await tree.add(task("a"));
  assertEquals(tree.snapshot().children.map(({ path }) => path), ["/web", "/db", "/b", "/a"]);
  assertEquals(tree.counts(), { ready: 4 });
  await tree.shutdown();
});

Deno.test("§13 CurrentState: whether the shutdown is completed", async () => {
  const { tree } = await started([task("a")]);
  assertEquals(tree.snapshot().phase, "running");
  await tree.shutdown();
  assertEquals(tree.snapshot().phase, "stopped");
});

Deno.test("§13 CurrentState: read-only: looking changes nothing", async () => {
  const { tree, clock } = await started([task("a")]);
  const [first, timers] = [tree.snapshot(), clock.timers];
  for (let times = 0; times < 100; times++) tree.snapshot();
  assertEquals([tree.snapshot(), clock.timers], [first, timers]);
  await tree.shutdown();
});

Deno.test("§13 CurrentState: available during shutdown", async () => {
  const { tree, clock } = await started([child.task("deaf", deaf), task("a")]);
  const ending = tree.shutdown();
  await clock.advance(1);
  const { phase, children } = tree.snapshot();
  assertEquals([phase, children.map(({ path, phase }) => `${path} ${phase}`)], ["stopping", ["/deaf stopping", "/a stopped"]]);
  await clock.advance(60_000);
  await ending;
});

Deno.test("§13 ChildRuntimeRecord: path, generation, attempt, status, operation, limit, last exit, next attempt", async () => {
  const fails = child.task("a", () => Promise.reject(new RangeError("too far")), {
    backoff: { initialMs: 1_000, maxMs: 1_000, jitter: "none" },
    limit: { maxRestarts: 3 },
  });
  const { tree } = await started([fails]);
  const { path, generation, attempt, phase, operation, limit, limitUsed, retryAtMs, lastExit, lastDecision } = tree.snapshot().children[0]!;
  assertEquals({ path, generation, attempt, phase, operation, limit, limitUsed, retryAtMs }, {
    path: "/a",
    generation: 0,
    attempt: 1,
    phase: "backoff",
    operation: "active",
    limit: 3,
    limitUsed: 1,
    retryAtMs: 1_000,
  });
  assertEquals([lastExit?.kind, lastDecision?.action, lastDecision?.reason], ["panicked", "restart", "within_restart_budget"]);
  await tree.shutdown();
});

// --- priority

Deno.test("§13 priority: tree shutdown before an operator's command", () => {
  const driver = up().command("a", "restart").stop();
  assertEquals([driver.exit("a", CANCELLED).started, driver.node.phase], [[], "stopped"]);
});

Deno.test("§13 priority: an operator's command is refused once the tree shuts down", () => {
  const driver = up().stop().command("a", "pause");
  assertEquals([answer(driver).outcome, answer(driver).refusal, driver.slot("a").operation], [
    "refused",
    "supervisor_not_running",
    "active",
  ]);
});

Deno.test("§13 priority: an operator's command before automatic policy", () => {
  const driver = up().command("a", "terminate").exit("a").pass(60_000);
  assertEquals([driver.phase("a"), driver.slot("a").attempt, driver.timers], ["stopped", 1, 0]);
});

Deno.test("§13 priority: a quarantine by hand beats the decision of a fuse", () => {
  const tree: Partial<TreeSpec> = { policy: { meltdown: { childMaxRestarts: 1, childWindowSecs: 60, resetAfterSecs: 30 } } };
  const fused = (): Driver => new Driver([scripted("a")], tree).begin().running("a").exit("a").pass(100).running("a").exit("a");
  assertEquals([fused().slot("a").lastDecision?.reason, fused().pass(30_000).slot("a").attempt], ["meltdown_child_fuse", 3]);
  const driver = fused().command("a", "quarantine").pass(3_600_000);
  assertEquals([driver.slot("a").operation, driver.phase("a"), driver.slot("a").attempt], ["quarantined", "stopped", 2]);
});
