/** Times as the wire has them: nanoseconds since the Unix epoch, as whole numbers of any size. */

/** Turns times of a tree's monotonic clock into those of the wire. */
export class WireTime {
  readonly #epochMs: number;

  /** Wall time in milliseconds when the tree's clock was at 0. */
  constructor(epochMs: number) {
    this.#epochMs = epochMs;
  }

  /** A time of the tree's clock. */
  at(ms: number): bigint {
    return BigInt(Math.round((this.#epochMs + ms) * 1_000)) * 1_000n;
  }

  /** The same where there may be none. */
  atOrNull(ms: number | null): bigint | null {
    return ms === null ? null : this.at(ms);
  }

  /** Now. */
  now(): bigint {
    return BigInt(Date.now()) * 1_000_000n;
  }
}
