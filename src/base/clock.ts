/** Time and scheduling as the engine sees them, so that tests can hold both in their hands. */

/** Where the engine gets time from; `systemClock()` is the real one, `./testing` has a virtual one. */
export interface Clock {
  /** Milliseconds on a monotonic clock; all windows, budgets and deadlines use it. */
  now(): number;
  /** Milliseconds since the Unix epoch; recorded, never computed with. */
  wallNow(): number;
  /** Calls back once after the delay, without keeping the program alive; the returned function cancels and is harmless later. */
  setTimer(callback: () => void, delayMs: number): () => void;
  /** Calls back in a microtask. */
  microtask(callback: () => void): void;
  /** Calls back in a macrotask, after timers, sockets and signals had their turn. */
  macrotask(callback: () => void): void;
}

/** Where the engine gets random numbers from: uniform in [0, 1). */
export type Random = () => number;
