/** The failures of one child that count against its limit. */
import type { LimitPolicy } from "../spec/mod.ts";

/** A ring of failure times that grows on demand, up to one more than the limit. */
export interface FailureWindow {
  times: number[];
  /** Index of the oldest time. */
  head: number;
  count: number;
}

/** An empty window. */
export function emptyWindow(): FailureWindow {
  return { times: [], head: 0, count: 0 };
}

/** Adds a failure and returns how many count now. */
export function recordFailure(window: FailureWindow, policy: LimitPolicy, now: number): number {
  prune(window, policy, now);
  const capacity = Math.min(policy.maxRestarts + 1, policy.maxCount);
  if (window.count === capacity) {
    window.head = (window.head + 1) % window.times.length;
    window.count--;
  }
  if (window.count === window.times.length) {
    window.times = ordered(window);
    window.head = 0;
    window.times.length = Math.min(capacity, Math.max(4, 2 * window.count));
    window.times.fill(0, window.count);
  }
  window.times[(window.head + window.count) % window.times.length] = now;
  window.count++;
  return window.count;
}

/** How many failures count now. */
export function countFailures(window: FailureWindow | null, policy: LimitPolicy, now: number): number {
  if (window === null) return 0;
  let { count } = window;
  while (count > 0 && isExpired(window, window.count - count, policy, now)) count--;
  return count;
}

/** Forgets all failures. */
export function clearWindow(window: FailureWindow): void {
  window.count = 0;
}

/** Whether the failure at an index counted from the oldest no longer counts. */
function isExpired({ times, head }: FailureWindow, index: number, { windowMs }: LimitPolicy, now: number): boolean {
  return windowMs !== null && now - times[(head + index) % times.length]! > windowMs;
}

function prune(window: FailureWindow, policy: LimitPolicy, now: number): void {
  while (window.count > 0 && isExpired(window, 0, policy, now)) {
    window.head = (window.head + 1) % window.times.length;
    window.count--;
  }
}

function ordered({ times, head, count }: FailureWindow): number[] {
  const result: number[] = [];
  for (let index = 0; index < count; index++) result.push(times[(head + index) % times.length]!);
  return result;
}
