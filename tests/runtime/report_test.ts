import { assertEquals, assertStringIncludes } from "@std/assert";
import { step } from "../../src/core/mod.ts";
import type { SupervisorEvent } from "../../src/event/mod.ts";
import { Bus, type LogRecord } from "../../src/observe/mod.ts";
import { Interpreter, Planner, planTree } from "../../src/runtime/mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { child, type Report, supervise, type SupervisorEvent as Event, type Tree } from "../../mod.ts";
import { deaf, untilAborted } from "../support/tasks.ts";

async function endOf(tree: Tree, clock: VirtualClock): Promise<Report> {
  const ending = tree.shutdown();
  await clock.advance(10_000);
  return await ending;
}

Deno.test("report: every child of every depth is in it once, in the order in which they were stopped", async () => {
  const clock = new VirtualClock({ startMs: 500 });
  const tree = await supervise({
    children: [
      child.task("db", untilAborted),
      child.supervisor("outer", {
        children: [
          child.supervisor("inner", { children: [child.task("leaf", untilAborted)] }),
          child.task("last", untilAborted, { dependencies: ["inner"] }),
        ],
        dependencies: ["db"],
      }),
      child.task("web", untilAborted, { dependencies: ["outer"] }),
    ],
  }, { clock });
  await clock.advance(1_000);
  const report = await endOf(tree, clock);
  assertEquals(report.children.map(({ path, kind, status }) => `${path} ${kind} ${status}`), [
    "/web task graceful",
    "/outer/last task graceful",
    "/outer/inner/leaf task graceful",
    "/outer/inner supervisor graceful",
    "/outer supervisor graceful",
    "/db task graceful",
  ]);
  assertEquals([report.exitCode, report.startedAtMs, report.durationMs, report.abandoned], [0, 500, 1_000, []]);
  assertEquals(report.cause, { kind: "shutdown", requestedBy: "program", reason: "close" });
});

Deno.test("report: it counts starts, restarts and failures, and says how the last attempt ended", async () => {
  const clock = new VirtualClock();
  const backoff = { initialMs: 100, maxMs: 100, jitter: "none" } as const;
  const tree = await supervise({
    children: [
      child.task("failing", () => Promise.reject(new RangeError("too far")), { backoff, limit: { maxRestarts: 2, onExceeded: "give_up" } }),
      child.task("once", () => {}, { restartPolicy: "transient" }),
      child.task("temporary", () => Promise.reject(new Error("no")), { restartPolicy: "temporary" }),
    ],
  }, { clock });
  await clock.advance(1_000);
  const report = await endOf(tree, clock);
  const of = (path: string): unknown[] => {
    const found = report.children.find((one) => one.path === path);
    return [found?.starts, found?.restarts, found?.failures, found?.lastExit?.kind, found?.status, found?.phase];
  };
  assertEquals(of("/once"), [1, 0, 0, "succeeded", "already_exited", "stopped"]);
  assertEquals(of("/temporary"), [1, 0, 1, "panicked", "already_exited", "failed"]);
  assertEquals(report.exitCode, 0);
  const failing = report.children.find(({ path }) => path === "/failing");
  assertEquals([failing?.failures, failing?.phase], [3, "failed"]);
  assertEquals(failing?.lastExit, { kind: "panicked", failure: { kind: "panic", category: "RangeError", message: "too far" } });
});

Deno.test("report: what was left behind is listed with its full path, supervisors are not", async () => {
  const clock = new VirtualClock();
  const tree = await supervise({
    shutdown: { gracefulTimeoutMs: 1_000, abortWaitMs: 100 },
    children: [
      child.supervisor("inner", { children: [child.task("deaf", deaf), child.task("calm", untilAborted)] }),
      child.task("also", deaf),
    ],
  }, { clock });
  const report = await endOf(tree, clock);
  assertEquals([...report.abandoned].sort(), ["/also", "/inner/deaf"]);
  assertEquals(report.children.find(({ path }) => path === "/inner/calm")?.status, "graceful");
  assertEquals(report.exitCode, 0);
});

Deno.test("report: a task that ends after it was passed over is late, and was no longer waited for", async () => {
  const clock = new VirtualClock();
  const release: (() => void)[] = [];
  const tree = await supervise({
    shutdown: { gracefulTimeoutMs: 100, abortWaitMs: 100 },
    children: [
      child.task(
        "base",
        ({ signal }) => new Promise<void>((resolve) => signal.addEventListener("abort", () => clock.setTimer(resolve, 50))),
      ),
      child.task("slow", () => new Promise<void>((resolve) => release.push(resolve)), { dependencies: ["base"] }),
    ],
  }, { clock });
  const ending = tree.shutdown();
  await clock.advance(100);
  assertEquals([tree.child("/slow").phase, tree.child("/base").phase], ["abandoned", "stopping"]);
  release.forEach((resolve) => resolve());
  await clock.advance(50);
  const report = await ending;
  assertEquals(report.children.map(({ path, status }) => `${path} ${status}`), ["/slow late_report", "/base graceful"]);
  assertEquals(report.abandoned, []);
});

Deno.test("report: an escalation of a nested supervisor reaches the root with its exit code, and stops the rest in order", async () => {
  const clock = new VirtualClock();
  const backoff = { initialMs: 10, maxMs: 10, jitter: "none" } as const;
  const limit = { maxRestarts: 1, onExceeded: "escalate" } as const;
  const tree = await supervise({
    policy: { escalation: { exitCode: 3 } },
    children: [
      child.supervisor("inner", {
        children: [child.task("wild", () => Promise.reject(new Error("no")), { backoff, limit })],
        backoff,
        limit,
      }),
      child.task("beside", untilAborted),
    ],
  }, { clock });
  await clock.advance(1_000);
  const report = await tree.finished;
  assertEquals([report.exitCode, report.cause.kind, report.cause.path], [3, "escalation", "/inner"]);
  assertStringIncludes(report.cause.reason, "/inner/wild");
  assertEquals(report.children.map(({ path }) => path).sort(), ["/beside", "/inner", "/inner/wild"]);
  const events: Event[] = [];
  for await (const event of tree.events()) if (event.type !== "gap") events.push(event);
  assertEquals(events.filter(({ type }) => type === "supervisor_escalated").map(({ path }) => path), ["/inner", "/inner", "/"]);
  assertEquals(events.at(-1)?.type, "shutdown_completed");
});

Deno.test("report: a fault of the package itself ends the tree with the exit code of an escalation, and names the fault", () => {
  const clock = new VirtualClock({ automatic: false });
  const ends: unknown[] = [];
  const interpreter = new Interpreter({
    plan: planTree({ children: [child.task("a", () => {})] }, 70),
    adapterFor: () => ({ start: () => ({ cancel: () => {}, kill: () => {} }) }),
    startProbes: () => null,
    clock,
    random: () => 0.5,
    events: new Bus<SupervisorEvent>(16),
    eventsPerSlice: 8,
    logs: new Bus<LogRecord>(16),
    onFinished: (cause, exitCode) => ends.push([cause.kind, cause.requestedBy, cause.reason, exitCode]),
    step: (state, message, environment) => {
      if (message.type === "stop") throw new Error("planted");
      return step(state, message, environment);
    },
  });
  interpreter.post({ type: "begin", node: 0, stamp: 0 });
  clock.run();
  const stop = { type: "stop", node: 0, stamp: 0, cause: { kind: "shutdown", requestedBy: "x", reason: "x" }, forced: false } as const;
  interpreter.post(stop);
  clock.run();
  interpreter.post(stop);
  clock.run();
  assertEquals(ends, [["fault", "reeve", "internal fault, please report it: planted", 70]]);
});

Deno.test("a fault of the package itself leaves no command without an answer, and the state says that nothing runs", () => {
  const clock = new VirtualClock({ automatic: false });
  const answers: unknown[] = [];
  const spec = { children: [child.task("a", () => {})] };
  const planner = new Planner(spec, 70);
  const interpreter = new Interpreter({
    plan: planner.tree,
    adapterFor: () => ({ start: () => ({ cancel: () => {}, kill: () => {} }) }),
    startProbes: () => null,
    clock,
    random: () => 0.5,
    events: new Bus<SupervisorEvent>(16),
    eventsPerSlice: 8,
    logs: new Bus<LogRecord>(16),
    onFinished: () => {},
    step: (state, message, environment) => {
      if (message.type === "command") throw new Error("planted");
      return step(state, message, environment);
    },
  });
  interpreter.post({ type: "begin", node: 0, stamp: 0 });
  clock.run();
  const who = { by: "ops", reason: "x" };
  interpreter.command(
    { node: 0, child: 0, path: "/a", command: "pause", ...who },
    ({ outcome, refusal }) => answers.push([outcome, refusal]),
  );
  const added = planner.planChild(0, child.task("b", () => {}));
  interpreter.add(0, added, { ...who, transactionId: "t", specHash: "h" }, (answer) => answers.push(answer));
  clock.run();
  assertEquals(answers, [["refused", "supervisor_not_running"], { code: "supervisor_not_running" }]);
  assertEquals(interpreter.nodes.map(({ phase }) => phase), ["stopped"]);
});

Deno.test("summary: failures and restarts are counted however short the journal is, of children that are gone too; the last ones are named", async () => {
  const clock = new VirtualClock({ startMs: 500 });
  const back = { backoff: { initialMs: 100, maxMs: 100, jitter: "none" }, limit: { maxRestarts: 1_000 } } as const;
  const failing = async (): Promise<never> => {
    await new Promise<void>((resolve) => clock.setTimer(resolve, 900));
    throw new Error("boom");
  };
  const tree = await supervise({
    children: [child.task("a", failing, back), child.supervisor("s", { children: [child.task("b", failing, back)] })],
    observability: { eventJournalCapacity: 16 },
  }, { clock });
  assertEquals(tree.summary(), {
    failures: 0,
    restarts: 0,
    recentFailures: [],
    recentEvents: tree.summary().recentEvents,
    lastDecision: null,
  });
  await clock.advance(20_450);
  await tree.child("/a").remove();
  await clock.advance(100);
  const { failures, restarts, recentFailures, recentEvents, lastDecision } = tree.summary();
  assertEquals([failures, restarts], [40, 40]);
  assertEquals([recentFailures.length, recentEvents.length], [16, 32]);
  assertEquals([recentFailures.at(-1)?.path, recentEvents.at(-1)?.path, lastDecision?.action], ["/s/b", "/a", "restart"]);
  const report = await endOf(tree, clock);
  // Both fail once more, while they are being stopped.
  assertEquals([report.summary.failures, report.summary.recentEvents.at(-1)?.type], [42, "shutdown_completed"]);
  const { seq } = tree.snapshot();
  assertEquals(report.summary.recentEvents.map((event) => event.seq), Array.from({ length: 32 }, (_, index) => seq - 31 + index));
});

Deno.test("summary: a tree that gave up, or whose own code failed, has its summary too", async () => {
  const clock = new VirtualClock({ startMs: 500 });
  const tree = await supervise({
    children: [
      child.task("a", () => Promise.reject(new Error("boom")), {
        limit: { maxRestarts: 1, onExceeded: "escalate" },
        backoff: { initialMs: 0 },
      }),
    ],
  }, { clock });
  await clock.advance(60_000);
  const { cause, exitCode, summary } = await tree.finished;
  assertEquals([cause.kind, exitCode, summary.failures, summary.restarts], ["escalation", 70, 2, 1]);
  assertEquals(summary.lastDecision?.action, "escalate");
});
