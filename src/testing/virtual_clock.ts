/** A clock that only moves when a test moves it. */
import { setImmediate } from "node:timers";
import type { Clock } from "../base/mod.ts";

/** Options of {@linkcode VirtualClock}. */
export interface VirtualClockOptions {
  /** Time at the start, in milliseconds. @default {0} */
  readonly startMs?: number;
  /** Whether the loop runs by itself in microtasks, or only by `run()`, which a simulation wants. @default {true} */
  readonly automatic?: boolean;
}

interface VirtualTimer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/**
 * Time in the hands of a test: give it to `supervise` and move it with `advance`.
 *
 * @example
 * ```ts
 * import { child, supervise } from "@reeve/supervisor";
 * import { VirtualClock } from "@reeve/supervisor/testing";
 *
 * const clock = new VirtualClock();
 * const fails = child.task("fails", () => Promise.reject(new Error("no")), { backoff: { initialMs: 60_000, maxMs: 60_000, jitter: "none" } });
 * await using tree = await supervise({ children: [fails] }, { clock });
 * await clock.advance(60_000);
 * console.log(tree.child("/fails").attempt); // 2, without waiting a minute
 * ```
 */
export class VirtualClock implements Clock {
  #nowMs: number;
  readonly #automatic: boolean;
  readonly #timers = new Set<VirtualTimer>();
  readonly #tasks: (() => void)[] = [];

  /** Creates a clock that stands still. */
  constructor({ startMs = 0, automatic = true }: VirtualClockOptions = {}) {
    this.#nowMs = startMs;
    this.#automatic = automatic;
  }

  /** Milliseconds on the virtual clock. */
  now(): number {
    return this.#nowMs;
  }

  /** Milliseconds since the Unix epoch; the virtual clock starts with it. */
  wallNow(): number {
    return this.#nowMs;
  }

  /** Calls back when the clock has been moved so far; the returned function cancels. */
  setTimer(callback: () => void, delayMs: number): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Calls back in a microtask, or in `run()`. */
  microtask(callback: () => void): void {
    if (this.#automatic) queueMicrotask(callback);
    else this.#tasks.push(callback);
  }

  /** Calls back in a macrotask, or in `run()`. */
  macrotask(callback: () => void): void {
    if (this.#automatic) setImmediate(callback);
    else this.#tasks.push(callback);
  }

  /** How many timers are set. */
  get timers(): number {
    return this.#timers.size;
  }

  /** When the next timer is due; `undefined` when there is none. */
  get nextDueMs(): number | undefined {
    let next: number | undefined;
    for (const { dueMs } of this.#timers) next = next === undefined || dueMs < next ? dueMs : next;
    return next;
  }

  /** Runs everything that is waiting, for clocks that are not automatic. */
  run(): void {
    for (let task = this.#tasks.shift(); task !== undefined; task = this.#tasks.shift()) task();
  }

  /** Moves to a time at once, as after a suspend, and fires what has become due, in order. */
  jumpTo(timeMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, timeMs);
    for (let timer = this.#firstDue(); timer !== undefined; timer = this.#firstDue()) {
      this.#timers.delete(timer);
      timer.callback();
      this.run();
    }
  }

  /** Moves step by step from timer to timer, and lets promises settle at each. */
  async advance(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    await settle();
    for (let next = this.nextDueMs; next !== undefined && next <= endMs; next = this.nextDueMs) {
      this.jumpTo(next);
      await settle();
    }
    this.jumpTo(endMs);
    await settle();
  }

  #firstDue(): VirtualTimer | undefined {
    let first: VirtualTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs <= this.#nowMs && (first === undefined || timer.dueMs < first.dueMs)) first = timer;
    }
    return first;
  }
}

/** Lets everything happen that needs no time. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
