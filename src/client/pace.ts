/** Reading no faster than is wanted, so that one target does not take what others need. */
import { setTimeout } from "node:timers";

/** So many seconds' worth may come at once. */
const BURST_SECONDS = 8;

/** Counts what is read, and has whoever reads wait. */
export class Pace {
  readonly #bytesPerSecond: number;
  #left: number;
  #atMs = performance.now();

  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#left = BURST_SECONDS * bytesPerSecond;
  }

  /** Resolves when there may be more; at once where there may be more now. */
  take(bytes: number): true | Promise<true> {
    const nowMs = performance.now();
    const gained = (nowMs - this.#atMs) / 1_000 * this.#bytesPerSecond;
    this.#left = Math.min(BURST_SECONDS * this.#bytesPerSecond, this.#left + gained) - bytes;
    this.#atMs = nowMs;
    if (this.#left >= 0) return true;
    return new Promise((resolve) => setTimeout(() => resolve(true), -1_000 * this.#left / this.#bytesPerSecond));
  }
}
