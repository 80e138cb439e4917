/** Whether a client that does not read is waited for any longer. */
import type { Clock } from "../base/mod.ts";

/** A client for which so many times more waits than it may miss, for so long in milliseconds, is not waited for; nor one for which far more does. */
const HOPELESS = 4;
const HOPELESS_MS = 10_000;
const FAR_TOO_MUCH = 32;

/** What waits for a client. */
export class Backlog {
  readonly #clock: Clock;
  readonly #limit: number;
  #sinceMs: number | null = null;

  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  /** States of large trees are large: that they wait for a moment says nothing of a client. */
  isHopeless(waitingBytes: number): boolean {
    const nowMs = this.#clock.now();
    if (waitingBytes <= HOPELESS * this.#limit) this.#sinceMs = null;
    else this.#sinceMs ??= nowMs;
    return waitingBytes > FAR_TOO_MUCH * this.#limit || nowMs - (this.#sinceMs ?? nowMs) >= HOPELESS_MS;
  }
}
