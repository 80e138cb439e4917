/** Times as the wire has them: nanoseconds since the Unix epoch, as whole numbers of any size. */
import type { Calendar } from "../base/mod.ts";

/** Turns times of a tree's monotonic clock into those of the wire. */
export class WireTime {
  readonly #calendar: Calendar;

  constructor(calendar: Calendar) {
    this.#calendar = calendar;
  }

  /** The calendar at 0 of the tree's clock: what was written before it changed is not true any more, but for what has happened. */
  get epochMs(): number {
    return this.#calendar.epochMs();
  }

  /** A time of something that is so, or will be: by the calendar as it is now, so that it is as long ago as it says. */
  at(ms: number): bigint {
    return nanos(this.#calendar.epochMs() + ms);
  }

  /** The same where there may be none. */
  atOrNull(ms: number | null): bigint | null {
    return ms === null ? null : this.at(ms);
  }

  /** A time at which something happened: by the calendar as it was then, as the journal has it. */
  happened(ms: number): bigint {
    return nanos(this.#calendar.asItWasAt(ms));
  }

  /** Now. */
  now(): bigint {
    return BigInt(Date.now()) * 1_000_000n;
  }
}

/** Cut off as the journal cuts it, so that both tell the same millisecond. */
function nanos(wallMs: number): bigint {
  return BigInt(Math.floor(wallMs * 1_000)) * 1_000n;
}
