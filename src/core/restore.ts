/** What a child takes over from an earlier run of the program, before its supervisor begins. */
import type { ChildSlot, Operation } from "./state.ts";
import { emptyWindow, failureTimes, type FailureWindow, recordFailure } from "./window.ts";

/** The failures that count against a limit, on the tree's clock. */
export interface RestoredWindow {
  /** When each was, the oldest first. */
  readonly timesMs: readonly number[];
  /** The count that falls by half again and again, where the limit has a half-life. */
  readonly level: number;
  /** When it was counted. */
  readonly levelAtMs: number;
}

/** What outlives a run of the program. */
export interface RestoredChild {
  readonly operation: Exclude<Operation, "removed">;
  readonly generation: number;
  readonly attempt: number;
  readonly restartsTotal: number;
  readonly failuresTotal: number;
  /** `null` where nothing counts against the limit. */
  readonly window: RestoredWindow | null;
}

/** Gives a child that has not begun what it had before; numbers of attempts only grow. */
export function restoreChild(
  slot: ChildSlot,
  { operation, generation, attempt, restartsTotal, failuresTotal, window }: RestoredChild,
): void {
  slot.operation = operation;
  slot.generation = generation;
  slot.attempt = Math.max(slot.attempt, attempt);
  slot.restartsTotal = restartsTotal;
  slot.failuresTotal = failuresTotal;
  if (window !== null) slot.window = windowOf(slot, window);
}

/** What a child would take over. */
export function outlives({ operation, generation, attempt, restartsTotal, failuresTotal, window }: ChildSlot): RestoredChild {
  return {
    operation: operation === "removed" ? "active" : operation,
    generation,
    attempt,
    restartsTotal,
    failuresTotal,
    window: window === null || isEmpty(window) ? null : { timesMs: failureTimes(window), level: window.level, levelAtMs: window.levelAtMs },
  };
}

function isEmpty({ count, level }: FailureWindow): boolean {
  return count === 0 && level === 0;
}

/** The limit may be another one by now: what it would not hold is forgotten. */
function windowOf({ plan: { policy: { limit } } }: ChildSlot, { timesMs, level, levelAtMs }: RestoredWindow): FailureWindow {
  const window = emptyWindow();
  if (limit.halfLifeMs !== null) return { ...window, level, levelAtMs };
  for (const timeMs of timesMs) recordFailure(window, limit, timeMs);
  return window;
}
