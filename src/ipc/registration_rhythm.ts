/** When a target registers again. */

/** What became of one registration: it counts, it may count later, or it will not. */
export interface Exchange {
  readonly result: "registered" | "failed" | "rejected";
  readonly reason: string;
}

/** The times of a registration in milliseconds. */
export interface Rhythm {
  readonly intervalMs: number;
  readonly leaseMs: number;
}

/** First delay after a failure, and the usual one after a refusal for good. */
const FIRST_MS = 500;
const REFUSED_MS = 300_000;

/** Share of a delay that is random, so that many targets of one relay do not come at once. */
const JITTER = 0.1;
const FAILURE_JITTER = 0.5;

/**
 * Milliseconds until the next registration.
 *
 * Never more than the interval, so that a relay that is back has its targets again within it; while it is not there, delays begin short and double.
 */
export function delayAfter(result: Exchange["result"], failures: number, { intervalMs }: Rhythm, random: () => number): number {
  if (result === "registered") return intervalMs * (1 - JITTER * random());
  if (result === "rejected") return Math.max(intervalMs, REFUSED_MS) * (1 - JITTER * random());
  return Math.min(intervalMs, FIRST_MS * 2 ** Math.min(failures - 1, 20)) * (1 - FAILURE_JITTER * random());
}
