import { assert, assertEquals } from "@std/assert";
import { child, supervise, type SupervisorEvent } from "../../mod.ts";
import { isStuck, LoopWatch, type Resources, type StarvationFacts } from "../../src/runtime/loop_watch.ts";
import { Mailbox } from "../../src/runtime/mailbox.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { untilAborted } from "../support/tasks.ts";

/** A watch over a mailbox that nobody empties but the test, and over a program that uses as much as the test says. */
function watched(startMs = 0): {
  clock: VirtualClock;
  mailbox: Mailbox;
  watch: LoopWatch;
  told: StarvationFacts[];
  use(cpuMs: number): void;
  post(count: number): void;
  handle(count: number): void;
} {
  const clock = new VirtualClock({ startMs });
  const mailbox = new Mailbox();
  const told: StarvationFacts[] = [];
  let used: Resources = { cpuMs: 500, heapUsedBytes: 7, residentBytes: 9 };
  const watch = new LoopWatch({ clock, mailbox, tell: (facts) => told.push(facts), resources: () => used });
  watch.start();
  return {
    clock,
    mailbox,
    watch,
    told,
    use: (cpuMs) => used = { ...used, cpuMs: used.cpuMs + cpuMs },
    post: (count) => {
      for (let index = 0; index < count; index++) mailbox.push({ type: "begin", node: 0, stamp: 0 });
    },
    // What was taken has been handled when the next one is asked for.
    handle: (count) => {
      for (let index = 0; index <= count; index++) mailbox.take();
    },
  };
}

/** The loop does nothing else for so long, and works all the time. */
function block({ clock, use }: ReturnType<typeof watched>, ms: number): void {
  use(ms);
  clock.jumpTo(clock.now() + ms);
}

Deno.test("a loop that gets its turn has no lag and no wait, and is looked at once a second", async () => {
  const { clock, watch, told } = watched(40);
  assertEquals(watch.reading.observedAtMs, 40);
  await clock.advance(2_500);
  assertEquals(watch.reading, {
    observedAtMs: 2_040,
    loopLagMs: 0,
    loopLagMaxMs: 0,
    mailboxDepth: 0,
    mailboxPeak: 0,
    queueWaitMs: 0,
    standstillMs: 0,
    heapUsedBytes: 7,
    residentBytes: 9,
  });
  assertEquals([told, clock.timers], [[], 1]);
});

Deno.test("the time of the observation is that of the last look, not that of the call [W55]", async () => {
  const { clock, watch } = watched();
  await clock.advance(1_000);
  watch.stop();
  await clock.advance(60_000);
  assertEquals([clock.now(), watch.reading.observedAtMs], [61_000, 1_000]);
});

Deno.test("the longest lag of the last minute is remembered, and no longer", async () => {
  const all = watched();
  await all.clock.advance(1_000);
  block(all, 1_900);
  assertEquals([all.watch.reading.loopLagMs, all.watch.reading.loopLagMaxMs], [900, 900]);
  await all.clock.advance(45_000);
  assertEquals([all.watch.reading.loopLagMs, all.watch.reading.loopLagMaxMs], [0, 900]);
  await all.clock.advance(16_000);
  assertEquals(all.watch.reading.loopLagMaxMs, 0);
  assertEquals(all.told, [], "nobody was kept waiting for more than a second");
});

Deno.test("a time far from zero, and one that jumps by hours, leave nothing behind", async () => {
  const all = watched(1e12);
  block(all, 1_500);
  assertEquals(all.watch.reading.loopLagMaxMs, 500);
  all.clock.jumpTo(all.clock.now() + 86_400_000);
  assertEquals(all.watch.reading.loopLagMaxMs, 0);
  await all.clock.advance(1_000);
  assertEquals(all.watch.reading.loopLagMaxMs, 0);
});

Deno.test("the most that waited is that of the last minute, the depth that of now", async () => {
  const { clock, watch, post, handle } = watched();
  post(3);
  handle(2);
  await clock.advance(1_000);
  assertEquals([watch.reading.mailboxDepth, watch.reading.mailboxPeak], [0, 3]);
  post(2);
  await clock.advance(1_000);
  assertEquals([watch.reading.mailboxDepth, watch.reading.mailboxPeak], [2, 3]);
  handle(2);
  await clock.advance(70_000);
  assertEquals([watch.reading.mailboxDepth, watch.reading.mailboxPeak], [0, 0]);
});

Deno.test("a message that waits is seen while it waits, and told after a second, once in ten", async () => {
  const { clock, watch, told, post, handle } = watched();
  post(5);
  // A probe finds them at the first look.
  await clock.advance(1_000);
  assertEquals(watch.reading.queueWaitMs, 0);
  await clock.advance(1_000);
  assertEquals([watch.reading.queueWaitMs, told.length], [1_000, 0], "a second is not more than a second");
  await clock.advance(1_000);
  const first: StarvationFacts = { type: "fairness_probe_starvation", waitMs: 2_000, lagMs: 0, depth: 5 };
  assertEquals([watch.reading.queueWaitMs, told], [2_000, [first]]);
  await clock.advance(9_000);
  assertEquals(told, [first]);
  await clock.advance(1_000);
  assertEquals(told, [first, { ...first, waitMs: 12_000 }]);
  assertEquals(isStuck(watch.reading), false);
  await clock.advance(18_000);
  assertEquals([watch.reading.queueWaitMs, isStuck(watch.reading)], [30_000, true]);
  handle(5);
  await clock.advance(1_000);
  assertEquals([watch.reading.queueWaitMs, isStuck(watch.reading)], [0, false], "the next one was handled at once");
  const count = told.length;
  await clock.advance(60_000);
  assertEquals(told.length, count);
});

Deno.test("a wait that was over before the next look is told all the same", async () => {
  const { clock, watch, told, post, handle } = watched();
  post(1);
  await clock.advance(2_000);
  assertEquals(told, []);
  await clock.advance(999);
  handle(1);
  assertEquals(told, [{ type: "fairness_probe_starvation", waitMs: 1_999, lagMs: 0, depth: 1 }]);
  assertEquals(watch.reading.queueWaitMs, 1_999);
});

for (const ms of [3_000, 8_000, 3_600_000]) {
  Deno.test(`a loop that is blocked for ${ms / 1_000} s is told of, however long that is`, async () => {
    const all = watched();
    await all.clock.advance(5_000);
    block(all, ms);
    assertEquals(all.told, [{ type: "fairness_probe_starvation", waitMs: 0, lagMs: ms - 1_000, depth: 0 }]);
    assertEquals([all.watch.reading.loopLagMs, all.watch.reading.standstillMs], [ms - 1_000, 0]);
  });
}

Deno.test("a machine that was suspended is no blocked loop, nor did a message wait for it", async () => {
  const { clock, watch, told, post, handle } = watched();
  post(1);
  await clock.advance(1_000);
  clock.jumpTo(3_600_000);
  assertEquals([watch.reading.loopLagMs, watch.reading.loopLagMaxMs, watch.reading.queueWaitMs], [0, 0, 0]);
  assertEquals(watch.reading.standstillMs, 3_600_000 - 2_000);
  handle(1);
  await clock.advance(5_000);
  assertEquals([told, watch.reading.standstillMs], [[], 3_600_000 - 2_000]);
});

Deno.test("a program with busy threads that is suspended was not blocked, and one that is blocked was not suspended", async () => {
  const all = watched();
  const { clock, watch, told, use } = all;
  for (let second = 0; second < 3; second++) {
    use(4_000);
    await clock.advance(1_000);
  }
  // Four threads go on until the machine stops, and do nothing while it stands still.
  use(4_000);
  clock.jumpTo(clock.now() + 9_000);
  assertEquals([told, watch.reading.standstillMs], [[], 8_000]);
  for (let second = 0; second < 3; second++) {
    use(4_000);
    await clock.advance(1_000);
  }
  use(5 * 9_000);
  clock.jumpTo(clock.now() + 9_000);
  assertEquals([told.length, watch.reading.loopLagMs, watch.reading.standstillMs], [1, 8_000, 8_000]);
});

Deno.test("up to five seconds a program that stood still and one that was blocked are the same: late", async () => {
  const { clock, watch, told } = watched();
  await clock.advance(1_000);
  clock.jumpTo(7_000);
  assertEquals([told.length, watch.reading.loopLagMs, watch.reading.standstillMs], [1, 5_000, 0]);
});

Deno.test("start() and stop() are harmless when repeated, and a watch that stopped hears no probe", async () => {
  const { clock, watch, told, post, handle } = watched();
  watch.start();
  assertEquals(clock.timers, 1);
  post(1);
  await clock.advance(2_000);
  watch.stop();
  watch.stop();
  assertEquals(clock.timers, 0);
  await clock.advance(10_000);
  handle(1);
  assertEquals(told, []);
  watch.start();
  await clock.advance(1_000);
  assertEquals([watch.reading.observedAtMs, watch.reading.loopLagMs, watch.reading.queueWaitMs], [13_000, 0, 0]);
});

Deno.test("a healthy child that never ends is never reported as starved [W43]", async () => {
  const clock = new VirtualClock();
  await using tree = await supervise({ children: [child.task("calm", untilAborted), child.task("other", untilAborted)] }, { clock });
  await clock.advance(3_600_000);
  assertEquals(tree.health().observedAtMs, 3_600_000, "it was looked at up to the end");
  const seen: SupervisorEvent["type"][] = [];
  await tree.close();
  for await (const { type } of tree.events()) if (type !== "gap") seen.push(type);
  assert(seen.includes("shutdown_completed"));
  assertEquals(seen.filter((type) => type === "fairness_probe_starvation"), []);
});
