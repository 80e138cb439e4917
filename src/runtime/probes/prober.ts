/** Asks a child again and again, never two questions at a time. */
import type { Clock } from "../../base/mod.ts";
import type { Check } from "./check.ts";

/** Hears the answers. */
export interface ProberOptions {
  readonly check: Check;
  readonly clock: Clock;
  /** Delay in milliseconds before a question, given how many yes answers there have been. */
  readonly delayMs: (successes: number, asked: number) => number;
  /** Longest time of one question, in milliseconds. */
  readonly timeoutMs: number;
  /** `reason` is null for yes; `failures` counts the no answers in a row; the question took `tookMs` milliseconds. */
  readonly onAnswer: (reason: string | null, failures: number, tookMs: number) => void;
}

/** First delay in milliseconds between two questions of a child that is not ready yet; it doubles. */
const FIRST_DELAY_MS = 100;

/** Delays for readiness: quick until the first yes, then at the interval. */
export function readinessDelay(intervalMs: number): (successes: number, asked: number) => number {
  return (successes, asked) =>
    successes > 0 ? intervalMs : asked === 0 ? 0 : Math.min(intervalMs, FIRST_DELAY_MS * 2 ** Math.min(asked - 1, 16));
}

/** Starts asking; the returned function ends it at once and for good. */
export function startProber({ check, clock, delayMs, timeoutMs, onAnswer }: ProberOptions): () => void {
  let stopped = false;
  let successes = 0;
  let failures = 0;
  let asked = 0;
  let abort: (() => void) | null = null;
  let cancelTimer: () => void = () => {};

  const ask = async (): Promise<void> => {
    const controller = new AbortController();
    const askedAtMs = clock.now();
    let timedOut = false;
    abort = () => controller.abort();
    cancelTimer = clock.setTimer(() => {
      timedOut = true;
      controller.abort();
    }, timeoutMs);
    const answer = await answerOf(check, controller.signal);
    cancelTimer();
    abort = null;
    if (stopped) return;
    asked++;
    const reason = timedOut ? `did not answer within ${timeoutMs} ms` : answer;
    if (reason === null) successes++;
    failures = reason === null ? 0 : failures + 1;
    onAnswer(reason, failures, clock.now() - askedAtMs);
    schedule();
  };
  // onAnswer may stop the prober.
  const schedule = (): void => {
    if (!stopped) cancelTimer = clock.setTimer(ask, delayMs(successes, asked));
  };

  schedule();
  return () => {
    stopped = true;
    cancelTimer();
    abort?.();
  };
}

/** A question that throws has not been answered with yes. */
async function answerOf(check: Check, signal: AbortSignal): Promise<string | null> {
  try {
    return await check(signal);
  } catch (error) {
    return error instanceof Error ? error.message : "the check threw";
  }
}
