import { assertEquals } from "@std/assert";
import { seededRandom, VirtualClock } from "../../src/testing/mod.ts";
import { child, supervise } from "../../mod.ts";

Deno.test("VirtualClock stands still until it is moved", async () => {
  const clock = new VirtualClock({ startMs: 100 });
  let fired = false;
  clock.setTimer(() => fired = true, 10);
  await clock.advance(9);
  assertEquals([clock.now(), clock.wallNow(), fired, clock.nextDueMs, clock.timers], [109, 109, false, 110, 1]);
  await clock.advance(1);
  assertEquals([clock.now(), fired, clock.nextDueMs, clock.timers], [110, true, undefined, 0]);
});

Deno.test("VirtualClock fires timers in order of time, then in the order in which they were set", () => {
  const clock = new VirtualClock();
  const fired: string[] = [];
  for (const [name, delayMs] of [["late", 30], ["first", 10], ["middle", 20], ["second", 10]] as const) {
    clock.setTimer(() => fired.push(name), delayMs);
  }
  clock.jumpTo(30);
  assertEquals(fired, ["first", "second", "middle", "late"]);
});

Deno.test("VirtualClock never fires a timer that was cancelled, and cancelling twice or late is harmless", () => {
  const clock = new VirtualClock();
  const fired: string[] = [];
  const cancelEarly = clock.setTimer(() => fired.push("early"), 10);
  const cancelLate = clock.setTimer(() => fired.push("late"), 20);
  cancelEarly();
  cancelEarly();
  clock.jumpTo(20);
  cancelLate();
  assertEquals([fired, clock.timers], [["late"], 0]);
});

Deno.test("VirtualClock.advance() stops at each timer, so that one timer may set the next", async () => {
  const clock = new VirtualClock();
  const firedAt: number[] = [];
  const repeat = (): void => {
    firedAt.push(clock.now());
    clock.setTimer(repeat, 10);
  };
  clock.setTimer(repeat, 10);
  await clock.advance(35);
  assertEquals([firedAt, clock.now()], [[10, 20, 30], 35]);
});

Deno.test("VirtualClock.jumpTo() moves at once, as after a suspend, and never back", () => {
  const clock = new VirtualClock();
  const seenAt: number[] = [];
  clock.setTimer(() => seenAt.push(clock.now()), 10);
  clock.setTimer(() => seenAt.push(clock.now()), 20);
  clock.jumpTo(1_000);
  clock.jumpTo(5);
  assertEquals([seenAt, clock.now()], [[1_000, 1_000], 1_000]);
});

Deno.test("VirtualClock.run() runs what is waiting when the clock is not automatic, and nothing runs before", () => {
  const clock = new VirtualClock({ automatic: false });
  const ran: string[] = [];
  clock.microtask(() => {
    ran.push("micro");
    clock.macrotask(() => ran.push("nested"));
  });
  clock.macrotask(() => ran.push("macro"));
  assertEquals(ran, []);
  clock.run();
  assertEquals(ran, ["micro", "macro", "nested"]);
});

Deno.test("VirtualClock and seededRandom make two runs of the same tree the same", async () => {
  const run = async (): Promise<string> => {
    const clock = new VirtualClock();
    const failing = child.task("a", () => Promise.reject(new Error("no")), { backoff: { initialMs: 100, jitter: "decorrelated" } });
    const tree = await supervise({ children: [failing] }, { clock, random: seededRandom(7) });
    await clock.advance(30_000);
    await tree.close();
    const events: unknown[] = [];
    for await (const event of tree.events()) events.push(event);
    return JSON.stringify(events);
  };
  assertEquals(await run(), await run());
});
