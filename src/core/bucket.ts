/** A bucket of restarts: each takes one; where none is left it is promised one that will be, so that who comes first goes first. */
import type { BudgetPolicy } from "../spec/mod.ts";
import type { Bucket } from "./state.ts";

/** A full bucket. */
export function fullBucket({ maxBurst }: BudgetPolicy, now: number): Bucket {
  return { tokens: maxBurst, atMs: now };
}

/** Restarts left now, less those that are promised. */
export function tokensAt({ tokens, atMs }: Bucket, { maxBurst, recoveryRatePerSec }: BudgetPolicy, now: number): number {
  return Math.min(maxBurst, tokens + (now - atMs) / 1_000 * recoveryRatePerSec);
}

/** Takes a restart and returns in how many milliseconds it may begin, 0 when now. */
export function takeRestart(bucket: Bucket, policy: BudgetPolicy, now: number): number {
  bucket.tokens = tokensAt(bucket, policy, now) - 1;
  bucket.atMs = now;
  return bucket.tokens >= 0 ? 0 : -bucket.tokens / policy.recoveryRatePerSec * 1_000;
}
