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
