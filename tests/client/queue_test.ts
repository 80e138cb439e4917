/** What waits for a reader of pushes, and how long a client waits before it tries again. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { reconnectDelayMs, untilItWorks } from "../../src/client/backoff.ts";
import { DashboardError } from "../../src/client/link.ts";
import { PushQueue } from "../../src/client/push_queue.ts";

Deno.test("several who wait at once get what comes in their order, and all are told of the end", async () => {
  let ends = 0;
  const queue = new PushQueue<number>(10, () => ends++);
  const waiting = [queue.next(), queue.next(), queue.next(), queue.next()];
  queue.push(1);
  queue.push(2);
  queue.end();
  queue.end(new Error("too late"));
  queue.push(3);
  const all = await Promise.all(waiting);
  assertEquals(all.map(({ value, done }) => [value, done]), [[1, false], [2, false], [undefined, true], [undefined, true]]);
  assertEquals(ends, 1);
});

Deno.test("an error is told when everything before it was read, once", async () => {
  const queue = new PushQueue<number>(10, () => {});
  queue.push(1);
  queue.end(new Error("broken"));
  assertEquals((await queue.next()).value, 1);
  await assertRejects(() => queue.next(), Error, "broken");
  assertEquals((await queue.next()).done, true);
});

Deno.test("delays double up to the longest, less a random half", () => {
  const of = (attempt: number, random: number): number => reconnectDelayMs(attempt, { initialMs: 100, maxMs: 1_000 }, () => random);
  assertEquals([1, 2, 3, 4, 5, 1_000].map((attempt) => of(attempt, 0)), [100, 200, 400, 800, 1_000, 1_000]);
  assertEquals([1, 2, 1_000].map((attempt) => of(attempt, 1)), [50, 100, 500]);
  assertEquals([reconnectDelayMs(1, {}, () => 0), reconnectDelayMs(99, {}, () => 0)], [100, 5_000]);
});

const FAST = { initialMs: 1, maxMs: 1 };
const refusal = (retryable: boolean): DashboardError =>
  new DashboardError({ code: "no", stage: "s", target_id: null, message: "no", retryable });

Deno.test("it is tried until it works, too often, refused for good, or given up", async () => {
  const never = new AbortController().signal;
  const counted = async (errors: readonly Error[], options: object, signal = never): Promise<unknown[]> => {
    let count = 0;
    const work = (): Promise<string> => {
      const error = errors[count++];
      return error === undefined ? Promise.resolve("works") : Promise.reject(error);
    };
    return await untilItWorks(work, { ...FAST, ...options }, signal).then((text) => [count, text], (error) => [count, error.message]);
  };
  const [a, b] = [new Error("a"), new Error("b")];
  assertEquals(await counted([a, b, a, b], {}), [5, "works"]);
  assertEquals(await counted([a, b, a, b], { maxAttempts: 2 }), [2, "b"]);
  assertEquals(await counted([refusal(true), refusal(true)], {}), [3, "works"]);
  assert(String((await counted([a, refusal(false), a], {}))[1]).includes("refused"));
  const delays: number[] = [];
  await untilItWorks(() => delays.length < 3 ? Promise.reject(a) : Promise.resolve(), FAST, never, (delayMs) => delays.push(delayMs));
  assertEquals([delays.length, delays.every((delayMs) => delayMs > 0 && delayMs <= 1)], [3, true]);
  const over = new AbortController();
  const waiting = counted([a], { initialMs: 60_000, maxMs: 60_000 }, over.signal);
  over.abort(new Error("given up"));
  assertEquals(await waiting, [0, "given up"]);
});
