/** The failures of one child that count against its limit. */
import type { LimitPolicy } from "../spec/mod.ts";

/** A ring of failure times that grows on demand, up to one more than the limit. */
export interface FailureWindow {
  times: number[];
  /** Index of the oldest time. */
  head: number;
  count: number;
  /** The count that falls by half again and again, where the limit has a half-life. */
  level: number;
  /** When it was counted. */
  levelAtMs: number;
}

/** An empty window. */
export function emptyWindow(): FailureWindow {
  return { times: [], head: 0, count: 0, level: 0, levelAtMs: 0 };
}

/** What tells which times count. */
export type WindowPolicy = Pick<LimitPolicy, "maxRestarts" | "windowMs" | "halfLifeMs" | "maxCount">;

/** Adds a failure and returns how many count now. */
export function recordFailure(window: FailureWindow, policy: WindowPolicy, now: number): number {
  if (policy.halfLifeMs !== null) {
    window.level = levelAt(window, policy.halfLifeMs, now) + 1;
    window.levelAtMs = now;
    return window.level;
  }
  prune(window, policy, now);
  const capacity = Math.min(policy.maxRestarts + 1, policy.maxCount);
  if (window.count === capacity) {
    window.head = (window.head + 1) % window.times.length;
    window.count--;
  }
  if (window.count === window.times.length) {
    window.times = failureTimes(window);
    window.head = 0;
    window.times.length = Math.min(capacity, Math.max(4, 2 * window.count));
    window.times.fill(0, window.count);
  }
  window.times[(window.head + window.count) % window.times.length] = now;
  window.count++;
  return window.count;
}

/** How many failures count now. */
export function countFailures(window: FailureWindow | null, policy: WindowPolicy, now: number): number {
  if (window === null) return 0;
  if (policy.halfLifeMs !== null) return levelAt(window, policy.halfLifeMs, now);
  let { count } = window;
  while (count > 0 && isExpired(window, window.count - count, policy, now)) count--;
  return count;
}

/** A count for people: one that falls by half again and again has more digits than anybody wants. */
export function shownCount(count: number): number {
  return Math.round(count * 100) / 100;
}

/** Forgets all failures. */
export function clearWindow(window: FailureWindow): void {
  window.count = 0;
  window.level = 0;
}

function levelAt({ level, levelAtMs }: FailureWindow, halfLifeMs: number, now: number): number {
  return level * 0.5 ** ((now - levelAtMs) / halfLifeMs);
}

/** Whether the failure at an index counted from the oldest no longer counts. */
function isExpired({ times, head }: FailureWindow, index: number, { windowMs }: WindowPolicy, now: number): boolean {
  return windowMs !== null && now - times[(head + index) % times.length]! > windowMs;
}

function prune(window: FailureWindow, policy: WindowPolicy, now: number): void {
  while (window.count > 0 && isExpired(window, 0, policy, now)) {
    window.head = (window.head + 1) % window.times.length;
    window.count--;
  }
}

/** The times that are remembered, the oldest first. */
export function failureTimes({ times, head, count }: FailureWindow): number[] {
  const result: number[] = [];
  for (let index = 0; index < count; index++) result.push(times[(head + index) % times.length]!);
  return result;
}
