/** How long to wait before connecting again. */

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
