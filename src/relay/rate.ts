/** How many there may be in a time. */
import type { Clock } from "../base/mod.ts";

/** So many in a second, counted by the seconds of a clock. */
export class Rate {
  readonly #clock: Clock;
  readonly #most: number;
  #second = -1;
  #count = 0;

  constructor(clock: Clock, most: number) {
    this.#clock = clock;
    this.#most = most;
  }

  /** Whether there may be one more. */
  take(): boolean {
    const second = Math.floor(this.#clock.now() / 1_000);
    if (second !== this.#second) [this.#second, this.#count] = [second, 0];
    return ++this.#count <= this.#most;
  }
}

/** So many in a second, or another time, for each name. */
export class Rates {
  readonly #clock: Clock;
  readonly #most: number;
  readonly #periodMs: number;
  readonly #counts = new Map<string, number>();
  #period = -1;

  constructor(clock: Clock, most: number, periodMs = 1_000) {
    this.#clock = clock;
    this.#most = most;
    this.#periodMs = periodMs;
  }

  /** Whether there may be one more. */
  take(name: string): boolean {
    const period = Math.floor(this.#clock.now() / this.#periodMs);
    if (period !== this.#period) this.#counts.clear();
    this.#period = period;
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    return count <= this.#most;
  }
}
