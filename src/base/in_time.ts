/** Waiting no longer than is wanted. */
import type { Clock } from "./clock.ts";

/** Waits for work that is under way; rejects with `tooLate()` when it takes too long, and lets the work go on unheard. */
export async function inTime<T>(work: Promise<T>, limitMs: number, tooLate: () => unknown, clock: Pick<Clock, "setTimer">): Promise<T> {
  let cancel = (): void => {};
  const over = new Promise<never>((_, reject) => cancel = clock.setTimer(() => reject(tooLate()), limitMs));
  try {
    return await Promise.race([work, over]);
  } finally {
    cancel();
    work.catch(() => {});
  }
}

/** Waits for work that is under way; rejects with the signal's reason when that aborts first, and lets the work go on unheard. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => onAbort = () => reject(signal.reason));
  signal.addEventListener("abort", onAbort);
  try {
    signal.throwIfAborted();
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    work.catch(() => {});
  }
}

/** Timers that keep the program alive: somebody waits for what they bound. */
export const TIMERS: Pick<Clock, "setTimer"> = {
  setTimer(callback, delayMs): () => void {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Resolves after a time, or at once when the signal aborts. */
export function pause(delayMs: number, signal: AbortSignal, clock: Pick<Clock, "setTimer"> = TIMERS): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.setTimer(end, delayMs);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}
