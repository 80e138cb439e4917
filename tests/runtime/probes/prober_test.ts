import { assertEquals } from "@std/assert";
import { type Check, type ProberOptions, readinessDelay, startProber } from "../../../src/runtime/probes/mod.ts";
import { VirtualClock } from "../../../src/testing/mod.ts";

interface Run {
  readonly clock: VirtualClock;
  /** When each question was asked. */
  readonly asked: number[];
  /** `time reason failures` of each answer. */
  readonly answers: string[];
  readonly stop: () => void;
}

function run(check: Check, options: Partial<ProberOptions> = {}): Run {
  const clock = new VirtualClock();
  const asked: number[] = [];
  const answers: string[] = [];
  const stop = startProber({
    check: (signal) => {
      asked.push(clock.now());
      return check(signal);
    },
    clock,
    delayMs: () => 1_000,
    timeoutMs: 300,
    onAnswer: (reason, failures) => answers.push(`${clock.now()} ${reason} ${failures}`),
    ...options,
  });
  return { clock, asked, answers, stop };
}

Deno.test("startProber() asks at the interval and counts failures in a row", async () => {
  const replies = [null, "no", "no", null, "no"];
  const { clock, answers, stop } = run(() => Promise.resolve(replies.shift() ?? null));
  await clock.advance(5_000);
  assertEquals(answers, ["1000 null 0", "2000 no 1", "3000 no 2", "4000 null 0", "5000 no 1"]);
  stop();
  assertEquals(clock.timers, 0);
});

Deno.test("startProber() asks quickly until the first yes, then at the interval", async () => {
  let count = 0;
  const { clock, asked, stop } = run(() => Promise.resolve(++count < 7 ? "not yet" : null), { delayMs: readinessDelay(2_000) });
  await clock.advance(9_000);
  assertEquals(asked, [0, 100, 300, 700, 1_500, 3_100, 5_100, 7_100]);
  stop();
});

Deno.test("startProber() counts a question without an answer as failed after the timeout, and aborts it", async () => {
  const aborts: number[] = [];
  const check: Check = (signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve(`aborted ${aborts.push(1)}`)));
  const { clock, answers, stop } = run(check);
  await clock.advance(2_600);
  assertEquals(answers, ["1300 did not answer within 300 ms 1", "2600 did not answer within 300 ms 2"]);
  assertEquals(aborts.length, 2);
  stop();
});

Deno.test("startProber() measures the time of one question, the timeout of one that is not answered", async () => {
  const replies = [0, 40, 250, 1_000];
  const took: number[] = [];
  const { clock, stop } = run((signal) => {
    const { promise, resolve } = waiting();
    clock.setTimer(resolve, replies.shift() ?? 0);
    signal.addEventListener("abort", resolve);
    return promise;
  }, { onAnswer: (_reason, _failures, tookMs) => void took.push(tookMs) });
  await clock.advance(5_000);
  stop();
  assertEquals(took, [0, 40, 250, 300]);
});

/** A question that is answered with yes when the test wants it. */
function waiting(): { readonly promise: Promise<null>; readonly resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<null>((resolveIt) => resolve = () => resolveIt(null));
  return { promise, resolve };
}

Deno.test("startProber() never asks while a question is open", async () => {
  let resolveCheck: (reason: string | null) => void = () => {};
  const { clock, asked, answers, stop } = run(() => new Promise((resolve) => resolveCheck = resolve));
  await clock.advance(60_000);
  assertEquals(asked, [1_000]);
  resolveCheck(null);
  await clock.advance(1_000);
  assertEquals(answers, ["60000 did not answer within 300 ms 1"]);
  assertEquals(asked, [1_000, 61_000]);
  stop();
});

Deno.test("startProber() counts a question that throws or rejects as failed", async () => {
  const checks: readonly (readonly [Check, string])[] = [
    [() => {
      throw new Error("broken");
    }, "broken"],
    [() => Promise.reject(new Error("refused")), "refused"],
    [() => Promise.reject(undefined), "the check threw"],
  ];
  for (const [check, reason] of checks) {
    const { clock, answers, stop } = run(check);
    await clock.advance(2_000);
    assertEquals(answers, [`1000 ${reason} 1`, `2000 ${reason} 2`]);
    stop();
  }
});

Deno.test("stop() aborts the open question, and its answer is not heard", async () => {
  let aborted = false;
  const check: Check = (signal) =>
    new Promise((resolve) =>
      signal.addEventListener("abort", () => {
        aborted = true;
        resolve(null);
      })
    );
  const { clock, answers, stop } = run(check);
  await clock.advance(1_100);
  stop();
  stop();
  await clock.advance(10_000);
  assertEquals({ aborted, answers, timers: clock.timers }, { aborted: true, answers: [], timers: 0 });
});

Deno.test("stop() may be called by the listener of an answer", async () => {
  let stop: () => void = () => {};
  const answers: (string | null)[] = [];
  const probe = run(() => Promise.resolve(null), {
    onAnswer: (reason) => {
      answers.push(reason);
      stop();
    },
  });
  stop = probe.stop;
  await probe.clock.advance(10_000);
  assertEquals(answers, [null]);
  assertEquals(probe.clock.timers, 0);
});
