/** Trying again, and how long to wait before that. */
import { pause } from "../base/mod.ts";
import { DashboardError } from "./link.ts";

/** Delays between attempts to connect again: each twice the one before, less a random half. */
export interface ReconnectOptions {
  /** First delay in milliseconds. @default {100} */
  readonly initialMs?: number;
  /** Longest delay in milliseconds. @default {5000} */
  readonly maxMs?: number;
  /** How many attempts in a row may fail. @default {unlimited} */
  readonly maxAttempts?: number;
}

/** The delay before an attempt, counted from 1. */
export function reconnectDelayMs(attempt: number, { initialMs = 100, maxMs = 5_000 }: ReconnectOptions, random: () => number): number {
  return Math.min(maxMs, initialMs * 2 ** Math.min(attempt - 1, 30)) * (1 - 0.5 * random());
}

/** Tries until it works; rejects when the signal aborts, when there were too many attempts, or when the target refuses for good. Each delay is told before it begins. */
export async function untilItWorks<T>(
  work: () => Promise<T>,
  options: ReconnectOptions,
  signal: AbortSignal,
  onDelay: (delayMs: number) => void = () => {},
): Promise<T> {
  for (let attempt = 1;; attempt++) {
    const delayMs = reconnectDelayMs(attempt, options, Math.random);
    onDelay(delayMs);
    await pause(delayMs, signal);
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      const isFinal = error instanceof DashboardError && !error.wire.retryable;
      if (signal.aborted || isFinal || attempt >= (options.maxAttempts ?? Infinity)) throw error;
    }
  }
}
