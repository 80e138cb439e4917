import { assertEquals } from "@std/assert";
import { seededRandom, VirtualClock } from "../../src/testing/mod.ts";

Deno.test("VirtualClock stands still until it is moved", async () => {
  const clock = new VirtualClock({ startMs: 100 });
  const fired: number[] = [];
  clock.setTimer(() => fired.push(clock.now()), 50);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals([clock.now(), fired, clock.timers, clock.nextDueMs], [100, [], 1, 150]);
});

Deno.test("VirtualClock.advance() fires timers in order, also those that timers set, and lets promises settle", async () => {
  const clock = new VirtualClock();
  const seen: string[] = [];
  clock.setTimer(() => {
    seen.push(`first at ${clock.now()}`);
    clock.setTimer(() => seen.push(`nested at ${clock.now()}`), 10);
    Promise.resolve().then(() => seen.push(`settled at ${clock.now()}`));
  }, 20);
  clock.setTimer(() => seen.push(`second at ${clock.now()}`), 25);
  const cancel = clock.setTimer(() => seen.push("never"), 22);
  cancel();
  await clock.advance(40);
  assertEquals(seen, ["first at 20", "settled at 20", "second at 25", "nested at 30"]);
  assertEquals([clock.now(), clock.timers], [40, 0]);
});

Deno.test("VirtualClock.jumpTo() fires everything late, as after a suspend", () => {
  const clock = new VirtualClock({ automatic: false });
  const fired: [string, number][] = [];
  clock.setTimer(() => fired.push(["b", clock.now()]), 20);
  clock.setTimer(() => fired.push(["a", clock.now()]), 10);
  clock.jumpTo(1_000);
  assertEquals(fired, [["a", 1_000], ["b", 1_000]]);
});

Deno.test("seededRandom() gives the same numbers for the same seed", () => {
  const [first, second] = [seededRandom(7), seededRandom(7)];
  for (let count = 0; count < 100; count++) assertEquals(first(), second());
});
