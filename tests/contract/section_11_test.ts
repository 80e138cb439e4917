/** Contract, section 11 (readiness): every rule by name. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { child, type ChildOptions, ReeveError, supervise, type TaskContext, type Tree, validateTree } from "../../mod.ts";
import { readinessDelay, startProber } from "../../src/runtime/probes/mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { CANCELLED, Driver, scripted } from "../core/driver.ts";
import { untilAborted } from "../support/tasks.ts";

const EXPLICIT = { readiness: { mode: "explicit" } } as const;

const readyEvents = (driver: Driver, name = "a"): number => driver.typesOf(name).filter((type) => type === "child_ready").length;

interface Running {
  readonly tree: Tree;
  readonly clock: VirtualClock;
  /** The contexts of the attempts of `a`, in order. */
  readonly contexts: readonly TaskContext[];
}

/** A tree with `a`, and `b`, which depends on it. */
async function started(options: ChildOptions = {}): Promise<Running> {
  const clock = new VirtualClock();
  const contexts: TaskContext[] = [];
  const a = child.task("a", (context) => {
    contexts.push(context);
    return untilAborted(context);
  }, options);
  const children = [a, child.task("b", untilAborted, { dependencies: ["a"] })];
  const tree = await supervise({ children }, { clock, keepAlive: false });
  await clock.advance(1);
  return { tree, clock, contexts };
}

const phases = ({ tree }: Running): string[] => [tree.child("/a").phase, tree.child("/b").phase];

Deno.test("§11 policy: immediate: ready as soon as the run starts", async () => {
  const driver = new Driver([scripted("a")]).begin();
  assertEquals([driver.phase("a"), readyEvents(driver)], ["starting", 0]);
  assertEquals([driver.running("a").phase("a"), readyEvents(driver)], ["ready", 1]);
  const running = await started();
  assertEquals([phases(running), running.tree.snapshot().ready], [["ready", "ready"], true]);
  await running.tree.shutdown();
});

Deno.test("§11 policy: explicit: ready only after mark_ready", async () => {
  const running = await started(EXPLICIT);
  running.contexts[0]?.ready();
  await running.clock.advance(0);
  assertEquals([phases(running), running.tree.snapshot().ready], [["ready", "ready"], true]);
  await running.tree.ready();
  await running.tree.shutdown();
});

Deno.test("§11 policy: explicit: before that no state may say ready", async () => {
  const running = await started(EXPLICIT);
  await running.clock.advance(20_000);
  assertEquals([phases(running), running.tree.child("/b").waitingFor], [["running", "waiting"], ["a"]]);
  assertEquals(running.tree.snapshot().ready, false);
  const waiting = assertRejects(() => running.tree.ready({ timeoutMs: 100 }), ReeveError);
  await running.clock.advance(100);
  await waiting;
  await running.tree.shutdown();
});

Deno.test("§11 policy: explicit: before that no event may say ready", () => {
  const driver = new Driver([scripted("a", EXPLICIT), scripted("b", { dependencies: ["a"] })]).begin().running("a").pass(20_000);
  assertEquals(driver.typesOf("a"), ["child_starting", "child_running"]);
  assertEquals(driver.events.filter(({ type }) => type === "child_ready" || type === "supervisor_ready"), []);
});

Deno.test("§11 report: the first emits ChildReady once per attempt", () => {
  const driver = new Driver([scripted("a", EXPLICIT)]).begin().running("a").pass(250).ready("a").ready("a").ready("a");
  const told = driver.events.flatMap((event) => event.type === "child_ready" ? [[event.attempt, event.tookMs]] : []);
  assertEquals(told, [[1, 250]]);
});

Deno.test("§11 report: ChildReady again in the next attempt", () => {
  const driver = new Driver([scripted("a", EXPLICIT)]).begin().running("a").ready("a").exit("a").pass(100).running("a").ready("a");
  assertEquals(driver.events.flatMap((event) => event.type === "child_ready" ? [event.attempt] : []), [1, 2]);
});

Deno.test("§11 not_ready: removes the child from those who are ready", async () => {
  const running = await started(EXPLICIT);
  running.contexts[0]?.ready();
  await running.clock.advance(0);
  running.contexts[0]?.ready(false);
  await running.clock.advance(0);
  assertEquals(phases(running), ["running", "ready"]);
  await running.tree.child("/b").restart();
  await running.clock.advance(1);
  assertEquals([running.tree.child("/b").phase, running.tree.child("/b").waitingFor], ["waiting", ["a"]]);
  await running.tree.shutdown();
});

Deno.test("§11 not_ready: without restarting it", () => {
  const driver = new Driver([scripted("a", EXPLICIT)]).begin().running("a").ready("a").ready("a", false).pass(60_000);
  assertEquals([driver.phase("a"), driver.slot("a").attempt, driver.slot("a").restartsTotal, driver.cancelled], ["running", 1, 0, []]);
  assert(driver.typesOf("a").includes("child_not_ready"));
});

Deno.test("§11 not_ready: the child can be ready again in the same attempt", () => {
  const driver = new Driver([scripted("a", EXPLICIT)]).begin().running("a").ready("a").ready("a", false).ready("a");
  assertEquals([driver.phase("a"), driver.slot("a").attempt], ["ready", 1]);
});

Deno.test("§11 probe: readiness.check_interval_secs: quickly until the first yes, then at the interval", async () => {
  const clock = new VirtualClock();
  const asked: number[] = [];
  const answers = ["refused", "refused", null];
  const stop = startProber({
    check: () => {
      asked.push(clock.now());
      return Promise.resolve(answers.shift() ?? null);
    },
    clock,
    delayMs: readinessDelay(5_000),
    timeoutMs: 3_000,
    onAnswer: () => {},
  });
  await clock.advance(11_000);
  assertEquals(asked, [0, 100, 300, 5_300, 10_300]);
  stop();
});

Deno.test("§11 probe: readiness.timeout_secs is one probe's time, never time to ready", async () => {
  const clock = new VirtualClock();
  const answers: (string | null)[] = [];
  let asked = 0;
  const stop = startProber({
    check: (signal) =>
      ++asked < 3 ? new Promise((resolve) => signal.addEventListener("abort", () => resolve("no"))) : Promise.resolve(null),
    clock,
    delayMs: readinessDelay(5_000),
    timeoutMs: 3_000,
    onAnswer: (reason) => answers.push(reason),
  });
  await clock.advance(6_300);
  assertEquals(answers, ["did not answer within 3000 ms", "did not answer within 3000 ms", null]);
  stop();
});

Deno.test("§11 probe: for process children, which cannot say ready themselves", () => {
  const rules = (readiness: NonNullable<ChildOptions["readiness"]>): string[] =>
    validateTree({ children: [child.process("p", { command: "x", readiness })] }).map(({ rule, pointer }) => `${rule} ${pointer}`);
  assertEquals(rules({ mode: "explicit" }), ["readiness_not_for_kind /children/0/readiness/mode"]);
  assertEquals(rules({ mode: "tcp", port: 80, checkIntervalSecs: 1, timeoutSecs: 2 }), []);
  assertEquals(rules({ mode: "http", port: 80, checkIntervalSecs: 1, timeoutSecs: 2 }), []);
  assertEquals(rules({ mode: "exec", command: "true" }), []);
});

Deno.test("§11 probe: an answer makes the child ready, and no longer ready", () => {
  const process = { kind: "process", command: "x" } as const;
  const driver = new Driver([scripted("a", { run: process, readiness: { mode: "tcp", port: 80 } })]).begin().running("a");
  assertEquals([driver.phase("a"), driver.ready("a").phase("a"), driver.ready("a", false).phase("a")], ["running", "ready", "running"]);
});

Deno.test("§11 reset: readiness is reset on every new attempt", () => {
  const driver = new Driver([scripted("a", EXPLICIT)]).begin().running("a").ready("a");
  driver.exit("a");
  assertEquals([driver.phase("a"), driver.slot("a").readyAtMs], ["backoff", null]);
  driver.pass(100).running("a");
  assertEquals([driver.phase("a"), driver.slot("a").readyAtMs, driver.slot("a").attempt], ["running", null, 2]);
  driver.ready("a").command("a", "restart").exit("a", CANCELLED).running("a");
  assertEquals([driver.phase("a"), driver.slot("a").readyAtMs, driver.slot("a").attempt], ["running", null, 3]);
});

Deno.test("§11 reset: a report of the attempt before does not make the next one ready", async () => {
  const running = await started(EXPLICIT);
  await running.tree.child("/a").restart();
  await running.clock.advance(1);
  running.contexts[0]?.ready();
  await running.clock.advance(1);
  assertEquals([running.contexts.length, phases(running)], [2, ["running", "waiting"]]);
  running.contexts[1]?.ready();
  await running.clock.advance(1);
  assertEquals(phases(running), ["ready", "ready"]);
  await running.tree.shutdown();
});
