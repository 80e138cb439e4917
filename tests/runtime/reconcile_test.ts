/** What is left of a tree at its end, measured. */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { child, type Leftover, supervise } from "../../mod.ts";
import { step } from "../../src/core/mod.ts";
import type { SupervisorEvent } from "../../src/event/mod.ts";
import { Bus, type LogRecord } from "../../src/observe/mod.ts";
import { Interpreter, planTree, reconcile } from "../../src/runtime/mod.ts";
import { Ledger } from "../../src/runtime/ledger.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { untilAborted } from "../support/tasks.ts";

const shown = (left: readonly Leftover[]): string[] => left.map(({ kind, owner, detail }) => `${kind} of ${owner}: ${detail}`);

Deno.test("reconcile: a tree that ended in order is clean, and every child of every depth was looked at", async () => {
  const clock = new VirtualClock();
  const tree = await supervise({
    children: [
      child.task("a", untilAborted, { stop: { timeoutMs: 1_000 } }),
      child.supervisor("s", { children: [child.task("b", untilAborted), child.task("once", () => {}, { restartPolicy: "temporary" })] }),
    ],
  }, { clock });
  await clock.advance(1);
  await tree.add(child.supervisor("gone", { children: [child.task("x", untilAborted)] }));
  await tree.child("/gone").remove();
  await clock.advance(1);
  const { reconcile: measured } = await tree.shutdown();
  assertEquals(measured, { verifiedClean: true, checked: 4, left: [], more: 0 });
});

Deno.test("reconcile: an attempt that does not end is named; when it ends late, shutdown() says so and `finished` keeps what was", async () => {
  const clock = new VirtualClock();
  let release = (): void => {};
  const tree = await supervise({
    shutdown: { gracefulTimeoutMs: 100, abortWaitMs: 100 },
    children: [child.supervisor("s", { children: [child.task("slow", () => new Promise<void>((resolve) => release = resolve))] })],
  }, { clock });
  await clock.advance(1);
  const ending = tree.shutdown();
  await clock.advance(1_000);
  const first = await ending;
  assertEquals(shown(first.reconcile.left), ["attempt of /s/slow: attempt 1 of a task, abandoned"]);
  assertEquals([first.reconcile.verifiedClean, first.abandoned], [false, ["/s/slow"]]);
  assertStrictEquals(await tree.shutdown(), first, "nothing has changed");
  release();
  await clock.advance(1);
  const later = await tree.shutdown();
  assert(later !== first);
  assertEquals(later.reconcile, { verifiedClean: true, checked: 2, left: [], more: 0 });
  assertEquals(later.children.map(({ path, status }) => `${path} ${status}`), ["/s/slow late_report", "/s late_report"]);
  assertEquals([later.abandoned, later.durationMs, later.cause], [[], first.durationMs, first.cause]);
  assertStrictEquals(await tree.finished, first);
  assertStrictEquals(await tree.shutdown(), later);
});

Deno.test("reconcile: a timer that the engine forgot, and one that a probe forgot, are named with their owners", () => {
  const clock = new VirtualClock({ automatic: false });
  const measured: string[][] = [];
  const interpreter: Interpreter = new Interpreter({
    plan: planTree({ children: [child.task("a", () => {}), child.supervisor("s", { children: [child.task("b", () => {})] })] }, 70),
    adapterFor: () => ({
      start: (context) => {
        context.running();
        return { cancel: () => context.exited({ kind: "cancelled" }), kill: () => {} };
      },
    }),
    startProbes: (attempt) => {
      if (attempt.identity.path === "/s/b") attempt.clock.setTimer(() => {}, 5_000);
      return null;
    },
    clock,
    random: () => 0.5,
    events: new Bus<SupervisorEvent>(64),
    eventsPerSlice: 64,
    logs: new Bus<LogRecord>(16),
    onFinished: () => measured.push(shown(reconcile(interpreter).left)),
    // The planted fault: the deadline of a stop is never cleared.
    step: (state, message, environment) =>
      step(state, message, environment).filter((effect) => effect.type !== "clearTimer" || state.plan.path !== "/"),
  });
  interpreter.post({ type: "begin", node: 0, stamp: 0 });
  clock.run();
  clock.jumpTo(clock.now() + 1);
  interpreter.post({ type: "stop", node: 0, stamp: 0, cause: { kind: "shutdown", requestedBy: "x", reason: "x" }, forced: false });
  clock.run();
  assertEquals(measured.length, 1);
  assertEquals(measured[0]!.filter((line) => line.startsWith("timer of /a: a deadline in ")).length, 1, measured[0]!.join());
  assert(measured[0]!.includes("timer of /s/b: a timer of 5000 ms"), measured[0]!.join());
});

Deno.test("Ledger: what is not there any more is forgotten when it is looked at; what is struck out is not looked at", () => {
  const ledger = new Ledger();
  let isThere = true;
  let looks = 0;
  const close = ledger.open("/a", "socket", "one", () => isThere);
  const other = ledger.open("/b", "process", "two", () => looks++ >= 0);
  assertEquals(shown(ledger.left()), ["socket of /a: one", "process of /b: two"]);
  other();
  other();
  isThere = false;
  assertEquals([ledger.left(), looks, ledger.forgotten], [[], 1, 0]);
  close();
});

Deno.test("Ledger: a clock's timers are on it until they fire or are cancelled", () => {
  const clock = new VirtualClock({ automatic: false });
  const ledger = new Ledger();
  const own = ledger.clockOf("/a", clock);
  let fired = 0;
  own.setTimer(() => fired++, 10);
  const cancel = own.setTimer(() => fired++, 20);
  assertEquals(shown(ledger.left()), ["timer of /a: a timer of 10 ms", "timer of /a: a timer of 20 ms"]);
  clock.jumpTo(10);
  assertEquals([fired, ledger.left().length], [1, 1]);
  cancel();
  clock.jumpTo(30);
  assertEquals([fired, ledger.left()], [1, []]);
});

Deno.test("Ledger: it holds so much and no more; the oldest are only counted, those that are gone not even that", () => {
  const ledger = new Ledger();
  const count = 5_000;
  for (let index = 0; index < count; index++) ledger.open("/a", "process", `process ${index}`, () => index % 2 === 0);
  const left = ledger.left();
  assert(left.length <= 4_096);
  assertEquals(left.length + ledger.forgotten, count / 2);
  assertEquals(left.at(-1)?.detail, `process ${count - 2}`);
});
