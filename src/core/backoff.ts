/** The delay before a restart. */
import type { Random } from "../base/mod.ts";
import { seededRandom } from "../base/mod.ts";
import type { BackoffPolicy } from "../spec/mod.ts";

/** What the delay depends on beside the policy. */
export interface BackoffInput {
  /** Which consecutive restart this is, counted from 1. */
  readonly consecutive: number;
  /** The delay before the previous attempt in milliseconds, 0 when there was none. */
  readonly previousDelayMs: number;
  /** Tells children apart in `deterministic` mode. */
  readonly seed: number;
}

/** Returns the delay in milliseconds: `initial × factor^(n-1)` up to the maximum, spread by the jitter mode. */
export function backoffDelay(policy: BackoffPolicy, { consecutive, previousDelayMs, seed }: BackoffInput, random: Random): number {
  const { initialMs, maxMs, factor, jitter, ratio } = policy;
  const base = Math.min(maxMs, initialMs * factor ** Math.min(consecutive - 1, 32));
  switch (jitter) {
    case "none":
      return base;
    case "full":
      return ratio === 0 ? base : base * (1 - ratio * random());
    case "decorrelated": {
      const highest = Math.min(maxMs, Math.max(initialMs, 3 * previousDelayMs));
      return Math.min(maxMs, initialMs + (highest - initialMs) * random());
    }
    case "deterministic":
      return Math.min(maxMs, base + base * ratio * seededRandom(seed * 7919 + consecutive)());
  }
}
