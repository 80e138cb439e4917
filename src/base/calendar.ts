/** What the calendar says at times of a monotonic clock. */
import type { Clock } from "./clock.ts";

/** How often, in milliseconds, it is looked whether the calendar is where it was expected. */
const LOOK_MS = 1_000;

/** A smaller difference is none, so that times in a row stay in their order. */
const DRIFT_MS = 100;

/** Where the program stood still between reading the clock and the calendar, both are read again, so often at most. */
const MOST_READINGS = 5;

/** So many times that it was set are remembered. */
const MOST_REMEMBERED = 64;

/** Goes with a calendar that is set, and with one that has gone on while the machine slept, within a second. */
export class Calendar {
  readonly #clock: Pick<Clock, "now" | "wallNow">;
  /** Where it was until when, oldest first. */
  readonly #before: { readonly untilMs: number; readonly offsetMs: number }[] = [];
  #offsetMs: number;
  #lookAtMs: number;

  constructor(clock: Pick<Clock, "now" | "wallNow">) {
    this.#clock = clock;
    const { nowMs, offsetMs } = this.#read();
    this.#lookAtMs = nowMs + LOOK_MS;
    this.#offsetMs = offsetMs;
  }

  /** The calendar at 0 of the clock, in milliseconds since the Unix epoch. */
  epochMs(): number {
    this.#look(Infinity);
    return this.#offsetMs;
  }

  /** The calendar at a time that is about now, in milliseconds since the Unix epoch. */
  at(atMs: number): number {
    this.look(atMs);
    return this.#offsetMs + atMs;
  }

  /** The calendar as it was at a time, whatever became of it since. */
  asItWasAt(atMs: number): number {
    this.look(atMs);
    return (this.#before.find(({ untilMs }) => atMs < untilMs)?.offsetMs ?? this.#offsetMs) + atMs;
  }

  /** Looks whether it was set, where that is due: what happens from this time on has happened by the new one. */
  look(atMs: number): void {
    if (atMs >= this.#lookAtMs) this.#look(atMs);
  }

  /** Where it is somewhere else, it counts from this time on. */
  #look(fromMs: number): void {
    const { nowMs, offsetMs } = this.#read();
    this.#lookAtMs = nowMs + LOOK_MS;
    if (Math.abs(offsetMs - this.#offsetMs) < DRIFT_MS) return;
    this.#before.push({ untilMs: Math.min(fromMs, nowMs), offsetMs: this.#offsetMs });
    if (this.#before.length > MOST_REMEMBERED) this.#before.shift();
    this.#offsetMs = offsetMs;
  }

  /** The calendar at 0 of the clock, as told by the reading that took the least time. */
  #read(): { readonly nowMs: number; readonly offsetMs: number } {
    let best = { nowMs: 0, offsetMs: 0, tookMs: Infinity };
    for (let reading = 0; reading < MOST_READINGS && best.tookMs >= DRIFT_MS / 4; reading++) {
      const beforeMs = this.#clock.now();
      const wallMs = this.#clock.wallNow();
      const nowMs = this.#clock.now();
      if (nowMs - beforeMs < best.tookMs) best = { nowMs, offsetMs: wallMs - nowMs, tookMs: nowMs - beforeMs };
    }
    return best;
  }
}
