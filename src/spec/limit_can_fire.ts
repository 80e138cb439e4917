/** Whether a restart limit can ever be exceeded. */
import type { BackoffPolicy, LimitPolicy } from "./resolve.ts";

/** The numbers that decide it. */
export type LimitNumbers =
  & Pick<LimitPolicy, "maxRestarts">
  & Pick<BackoffPolicy, "initialMs" | "maxMs" | "factor" | "jitter" | "ratio">
  & {
    /** Length of the window in milliseconds. */
    readonly windowMs: number;
    /** Healthy time in milliseconds that makes the next delay the first one again. @default {Infinity} */
    readonly resetAfterMs?: number;
  };

/** Delays grow up to this failure at most. */
const LAST_GROWTH = 33;

/** Compares the shortest time in which `maxRestarts + 1` failures fit with the window. */
export function limitCanFire(numbers: LimitNumbers): boolean {
  return shortestSpanMs(numbers) <= numbers.windowMs;
}

/**
 * Returns the shortest time in milliseconds from the first of `maxRestarts + 1` failures to the last, with the smallest delays that the
 * jitter allows, and children that fail as soon as they run, or just when a healthy time makes the delays short again.
 */
export function shortestSpanMs({ maxRestarts, resetAfterMs = Infinity, ...backoff }: Omit<LimitNumbers, "windowMs">): number {
  // The time that n delays in a row take, for n up to the last that grows.
  const sums = [0];
  let delayMs = 0;
  for (let n = 1; n <= Math.min(maxRestarts, LAST_GROWTH); n++) {
    delayMs = shortestDelayMs(backoff, n);
    sums.push(sums[n - 1]! + delayMs);
  }
  const sum = (n: number): number => n < sums.length ? sums[n]! : sums[sums.length - 1]! + (n - sums.length + 1) * delayMs;
  const span = (runs: number): number => {
    const short = Math.floor(maxRestarts / runs);
    const longer = maxRestarts % runs;
    return (runs - longer) * sum(short) + longer * sum(short + 1) + (runs === 1 ? 0 : (runs - 1) * resetAfterMs);
  };
  if (resetAfterMs === Infinity) return span(1);
  // Runs of equal length are the cheapest, because delays only grow; in their number the time falls and then rises.
  let low = 1;
  let high = Math.max(1, maxRestarts);
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (span(middle + 1) < span(middle)) low = middle + 1;
    else high = middle;
  }
  return span(low);
}

/** Returns the highest count that failures can reach which falls by half every `halfLifeMs`, with the smallest delays that the jitter allows. */
export function highestLevel({ halfLifeMs, ...backoff }: Omit<LimitNumbers, "maxRestarts" | "windowMs"> & {
  readonly halfLifeMs: number;
}): number {
  let level = 1;
  let highest = level;
  let kept = 1;
  for (let n = 1; n <= LAST_GROWTH; n++) {
    kept = 0.5 ** (shortestDelayMs(backoff, n) / halfLifeMs);
    level = level * kept + 1;
    highest = Math.max(highest, level);
  }
  // From here on the delays are the same, and the count goes towards where it stays.
  return Math.max(highest, kept === 1 ? Infinity : 1 / (1 - kept));
}

/** The shortest that the n-th delay in a row can be. */
function shortestDelayMs({ initialMs, maxMs, factor, jitter, ratio }: Omit<LimitNumbers, "maxRestarts" | "windowMs">, n: number): number {
  const share = jitter === "full" ? 1 - ratio : 1;
  const growth = jitter === "decorrelated" ? 1 : factor;
  return Math.min(maxMs, initialMs * growth ** (n - 1)) * share;
}
