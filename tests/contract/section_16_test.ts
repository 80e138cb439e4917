/** Section 16 of the contract, control plane lifecycle: the states of the loop, its end, and what must not end it. */
import { assertEquals, assertRejects, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { child, type ChildOptions, type ChildSpec, ReeveError, supervise, type Tree, type TreeSpec } from "../../mod.ts";
import { step } from "../../src/core/mod.ts";
import type { ShutdownCause, SupervisorEvent } from "../../src/event/mod.ts";
import { Bus, type LogRecord } from "../../src/observe/mod.ts";
import { type ChildAdapter, Interpreter, type InterpreterOptions, planTree } from "../../src/runtime/mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { Driver, scripted } from "../core/driver.ts";
import { deaf, untilAborted } from "../support/tasks.ts";

const QUICK: ChildOptions = { backoff: { initialMs: 10, maxMs: 10, jitter: "none" }, stop: { timeoutMs: 100, killWaitMs: 50 } };
const CAUSE: ShutdownCause = { kind: "shutdown", requestedBy: "ops", reason: "deploy" };

const task = (name: string, options: ChildOptions = {}): ChildSpec => child.task(name, untilAborted, options);

async function started(children: readonly ChildSpec[], options: Partial<TreeSpec> = {}): Promise<{ tree: Tree; clock: VirtualClock }> {
  const clock = new VirtualClock({ startMs: 500 });
  const tree = await supervise({ ...options, children }, { clock, keepAlive: false });
  await clock.advance(0);
  return { tree, clock };
}

interface Rig {
  readonly interpreter: Interpreter;
  readonly clock: VirtualClock;
  readonly ends: { readonly cause: ShutdownCause; readonly exitCode: number }[];
}

const OBEDIENT: ChildAdapter = {
  start: (context) => {
    context.running();
    return { cancel: () => context.exited({ kind: "cancelled" }), kill: () => {} };
  },
};

/** A loop of its own, whose parts a test replaces. */
function rig(children: readonly ChildSpec[], adapterFor: InterpreterOptions["adapterFor"], parts: Partial<InterpreterOptions> = {}): Rig {
  const clock = new VirtualClock({ automatic: false });
  const ends: Rig["ends"] = [];
  const interpreter = new Interpreter({
    plan: planTree({ children }, 70),
    adapterFor,
    startProbes: () => null,
    clock,
    random: () => 0.5,
    events: new Bus<SupervisorEvent>(256),
    eventsPerSlice: 128,
    logs: new Bus<LogRecord>(64),
    onFinished: (cause, exitCode) => void ends.push({ cause, exitCode }),
    ...parts,
  });
  interpreter.post({ type: "begin", node: 0, stamp: 0 });
  clock.run();
  return { interpreter, clock, ends };
}

function stop({ interpreter, clock }: Rig): void {
  interpreter.post({ type: "stop", node: 0, stamp: 0, cause: CAUSE, forced: false });
  clock.run();
}

/** The loop meets a fault of the package itself. */
function breakDown({ interpreter, clock }: Rig): void {
  interpreter.post({ type: "health", node: 0, child: 0, stamp: 1, failed: 1, reason: "planted" });
  clock.run();
}

const BROKEN: Partial<InterpreterOptions> = {
  step: (state, message, environment) => {
    if (message.type === "health") throw new Error("planted");
    return step(state, message, environment);
  },
};

// --- states

Deno.test("§16 states: starting: no command is taken before it has begun (here: supervise() resolves when it has)", async () => {
  const driver = new Driver([scripted("a")]);
  assertEquals(driver.node.phase, "idle");
  driver.command("a", "restart");
  const [reply] = driver.last.flatMap((effect) => effect.type === "reply" ? [effect.result.refusal] : []);
  assertEquals([reply, driver.started], ["supervisor_not_running", []]);
  const { tree } = await started([task("a")]);
  assertEquals([tree.snapshot().phase, tree.child("/a").attempt], ["running", 1]);
  await tree.shutdown();
});

Deno.test("§16 states: alive: commands are taken, children are restarted", async () => {
  let attempts = 0;
  const { tree, clock } = await started([
    child.task("a", (context) => ++attempts === 1 ? Promise.reject(new Error("no")) : untilAborted(context), QUICK),
  ]);
  await clock.advance(10);
  assertEquals([tree.snapshot().phase, attempts, (await tree.child("/a").restart()).outcome], ["running", 2, "accepted"]);
  await tree.shutdown();
});

Deno.test("§16 states: shutting_down: from the first request until all have ended", async () => {
  const { tree, clock } = await started([child.task("deaf", deaf, QUICK)]);
  const ending = tree.shutdown();
  await clock.advance(99);
  assertEquals(tree.snapshot().phase, "stopping");
  await clock.advance(60);
  assertEquals(tree.snapshot().phase, "stopped");
  await ending;
});

Deno.test("§16 states: completed is terminal: nothing happens any more", async () => {
  const { tree, clock } = await started([task("a")]);
  const { cause, exitCode } = await tree.shutdown(CAUSE);
  const { phase, seq } = tree.snapshot();
  await clock.advance(3_600_000);
  assertEquals([cause.kind, exitCode, phase, tree.snapshot().seq, clock.timers], ["shutdown", 0, "stopped", seq, 0]);
});

Deno.test("§16 states: failed is terminal: the loop handles nothing any more, and has one end", () => {
  const broken = rig([task("a")], () => OBEDIENT, BROKEN);
  breakDown(broken);
  stop(broken);
  breakDown(broken);
  broken.clock.jumpTo(3_600_000);
  assertEquals([broken.ends.map(({ cause }) => cause.kind), broken.interpreter.nodes[0]!.slots[0]!.attempt], [["fault"], 1]);
});

// --- health and exit report

Deno.test("§16 RuntimeHealthReport: alive, state, started_at (here: in snapshot and report)", async () => {
  const { tree, clock } = await started([task("a")]);
  await clock.advance(250);
  assertEquals([tree.snapshot().phase, tree.snapshot().atMs], ["running", 750]);
  const { startedAtMs, durationMs } = await tree.shutdown();
  assertEquals([startedAtMs, durationMs], [500, 250]);
});

Deno.test("§16 RuntimeHealthReport: failure: phase, reason, recoverable, panic (here: a cause of kind fault)", () => {
  const broken = rig([task("a")], () => OBEDIENT, BROKEN);
  breakDown(broken);
  assertEquals(broken.ends, [{
    cause: { kind: "fault", requestedBy: "reeve", reason: "internal fault, please report it: planted" },
    exitCode: 70,
  }]);
});

for (
  const [what, cause] of [["another shutdown", { by: "somebody", reason: "again" }], ["force", { reason: "now", force: true }]] as const
) {
  Deno.test(`§16 RuntimeExitReport: written once: ${what} gets the first one`, async () => {
    const { tree } = await started([task("a")]);
    const [first, second] = await Promise.all([tree.shutdown({ by: "ops", reason: "deploy" }), tree.shutdown(cause)]);
    assertStrictEquals(second, first);
    assertStrictEquals(await tree.shutdown(cause), first);
    assertEquals([first.cause.requestedBy, first.cause.reason], ["ops", "deploy"]);
  });
}

Deno.test("§16 RuntimeExitReport: an escalation is the end that a later shutdown gets", async () => {
  const fails = child.task("a", () => Promise.reject(new Error("no")), { ...QUICK, limit: { maxRestarts: 1, onExceeded: "escalate" } });
  const { tree, clock } = await started([fails]);
  await clock.advance(100);
  const report = await tree.shutdown({ by: "ops", reason: "deploy" });
  assertEquals([report.cause.kind, report.cause.path, report.exitCode], ["escalation", "/a", 70]);
  assertStrictEquals(await tree.finished, report);
});

Deno.test("§16 join: many times, by many, before and after the end: the same report (here: finished)", async () => {
  const { tree } = await started([task("a")]);
  const before = [tree.finished, tree.finished, tree.finished];
  const report = await tree.shutdown();
  for (const one of [...before, tree.finished, tree.finished]) assertStrictEquals(await one, report);
});

// --- shutdown

Deno.test("§16 shutdown: it first stops the tree: no child runs when it has resolved", async () => {
  let running = 0;
  const counted = (name: string): ChildSpec =>
    child.task(name, async (context) => {
      running++;
      await untilAborted(context);
      running--;
    });
  const { tree } = await started([counted("a"), child.supervisor("s", { children: [counted("b"), counted("c")] })]);
  assertEquals(running, 3);
  const { children } = await tree.shutdown({ by: "ops", reason: "deploy" });
  assertEquals([running, children.map(({ status }) => status)], [0, ["graceful", "graceful", "graceful", "graceful"]]);
});

for (const command of ["restart", "start", "terminate", "pause", "resume", "quarantine", "release", "remove", "resetFuse"] as const) {
  Deno.test(`§16 commands after the end: ${command} fails (here: tree_finished; finished has state, phase and reason)`, async () => {
    const { tree } = await started([task("a")]);
    const handle = tree.child("/a");
    await tree.shutdown();
    const error = await assertRejects(() => handle[command](), ReeveError);
    assertEquals(error.code, "tree_finished");
    assertStringIncludes(error.message, 'tree "reeve" has finished');
  });
}

Deno.test("§16 commands after the end: add, startTemplate and ready fail too", async () => {
  const { tree } = await started([task("a", { readiness: { mode: "explicit" } })], { templates: [task("worker")] });
  await tree.shutdown();
  for (const late of [() => tree.add(task("b")), () => tree.startTemplate("worker"), () => tree.ready()]) {
    assertEquals((await assertRejects<ReeveError>(late, ReeveError)).code, "tree_finished");
  }
});

// --- the watchdog

Deno.test("§16 watchdog: an exception in the loop is its failure: all children are stopped by force, timers are gone", () => {
  const ended: string[] = [];
  const adapterFor: InterpreterOptions["adapterFor"] = ({ name }) => ({
    start: (context) => {
      context.running();
      return { cancel: () => void ended.push(`cancel ${name}`), kill: () => void ended.push(`kill ${name}`) };
    },
  });
  const waiting = task("waiting", { dependencies: ["late"], waitTimeoutMs: 9_000 });
  const children = [
    task("a"),
    child.supervisor("s", { children: [task("b")] }),
    task("late", { readiness: { mode: "explicit" } }),
    waiting,
  ];
  const broken = rig(children, adapterFor, BROKEN);
  assertEquals(broken.interpreter.liveTimers > 0, true);
  breakDown(broken);
  assertEquals(ended, ["cancel a", "kill a", "cancel late", "kill late", "cancel b", "kill b"]);
  assertEquals([broken.interpreter.liveTimers, broken.ends.length], [0, 1]);
});

Deno.test("§16 watchdog: a child that resists keeps no other from being stopped", () => {
  const ended: string[] = [];
  const no = (): never => {
    throw new Error("no");
  };
  const adapterFor: InterpreterOptions["adapterFor"] = ({ name }) => ({
    start: () => name === "a" ? { cancel: no, kill: no } : { cancel: () => void ended.push(name), kill: () => {} },
  });
  const broken = rig([task("a"), task("b")], adapterFor, BROKEN);
  breakDown(broken);
  assertEquals([ended, broken.ends.map(({ cause }) => cause.kind)], [["b"], ["fault"]]);
});

Deno.test("§16 watchdog: a new supervisor can be made of the same declaration", () => {
  const children = [task("a")];
  const broken = rig(children, () => OBEDIENT, BROKEN);
  breakDown(broken);
  const again = rig(children, () => OBEDIENT);
  assertEquals(again.interpreter.nodes[0]!.slots[0]!.phase, "ready");
  stop(again);
  assertEquals(again.ends.map(({ cause, exitCode }) => [cause.kind, exitCode]), [["shutdown", 0]]);
});

// --- what one child does wrong

Deno.test("§16 handler exception: an attempt that cannot be started does not end the loop", () => {
  let starts = 0;
  const adapterFor: InterpreterOptions["adapterFor"] = ({ name }) => ({
    start: (context) => {
      if (name === "a" && ++starts === 1) throw new Error("cannot start");
      return OBEDIENT.start(context);
    },
  });
  const loop = rig([task("a", QUICK), task("b")], adapterFor);
  const phases = (): string[] => loop.interpreter.nodes[0]!.slots.map(({ phase }) => phase);
  assertEquals(phases(), ["backoff", "ready"]);
  loop.clock.jumpTo(10);
  assertEquals([phases(), loop.ends], [["ready", "ready"], []]);
});

Deno.test("§16 handler exception: an attempt that cannot be stopped or forced is passed over, the others end in order", () => {
  const no = (): never => {
    throw new Error("no");
  };
  const adapterFor: InterpreterOptions["adapterFor"] = ({ name }) => ({
    start: (context) => {
      if (name !== "a") return OBEDIENT.start(context);
      context.running();
      return { cancel: no, kill: no };
    },
  });
  const loop = rig([task("a", QUICK), task("b")], adapterFor);
  stop(loop);
  loop.clock.jumpTo(100);
  loop.clock.jumpTo(150);
  assertEquals(loop.interpreter.nodes[0]!.slots.map(({ outcome }) => outcome), ["abort_failed", "graceful"]);
  assertEquals(loop.ends.map(({ cause }) => cause.kind), ["shutdown"]);
});

for (
  const [what, options] of [
    ["its task", {}],
    ["its decide function", {
      decide: (): never => {
        throw new Error("undecided");
      },
    }],
  ] as const
) {
  Deno.test(`§16 handler exception: what ${what} throws ends nothing else`, async () => {
    const fails = child.task("a", () => {
      throw new Error("no");
    }, { ...QUICK, ...options });
    const { tree, clock } = await started([fails, task("b")]);
    await clock.advance(10);
    assertEquals([tree.child("/a").attempt, tree.child("/b").phase, tree.snapshot().phase], [2, "ready", "running"]);
    await tree.shutdown();
  });
}

Deno.test("§16 handler exception: what a reader's filter throws is the reader's alone", async () => {
  const { tree } = await started([task("a")]);
  const broken = tree.events({
    filter: () => {
      throw new Error("filter");
    },
  });
  await assertRejects(() => broken.next(), Error, "filter");
  assertEquals([(await tree.child("/a").pause()).outcome, tree.snapshot().phase], ["accepted", "running"]);
  await tree.shutdown();
});

// --- without a handle

Deno.test("§16 scope: its end shuts down (await using)", async () => {
  const clock = new VirtualClock();
  const log: string[] = [];
  const logged = child.task("a", async (context) => {
    await untilAborted(context);
    log.push("ended");
  });
  let ended: Promise<unknown> = Promise.resolve();
  {
    await using tree = await supervise({ children: [logged] }, { clock, keepAlive: false });
    ended = tree.finished.then(({ cause }) => log.push(`${cause.requestedBy} ${cause.reason}`));
    log.push(tree.snapshot().phase);
  }
  await ended;
  assertEquals(log, ["running", "ended", "program close"]);
});

Deno.test("§16 scope: a signal shuts down a tree whose handle nobody holds (here: supervise({ signal }))", async () => {
  const scope = new AbortController();
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => end = resolve);
  const logged = child.task("a", async (context) => {
    await untilAborted(context);
    end();
  });
  const { finished } = await supervise({ children: [logged] }, { clock: new VirtualClock(), keepAlive: false, signal: scope.signal });
  scope.abort(new Error("the request is over"));
  await ended;
  const { cause } = await finished;
  assertEquals([cause.requestedBy, cause.reason], ["signal", "the request is over"]);
});
