/** Whether a restart limit can ever be exceeded. */
import type { BackoffPolicy, LimitPolicy } from "./resolve.ts";

/** The numbers that decide it. */
export type LimitNumbers =
  & Pick<LimitPolicy, "maxRestarts">
  & Pick<BackoffPolicy, "initialMs" | "maxMs" | "factor" | "jitter" | "ratio">
  & { readonly windowMs: number };

/** Adds up the shortest delays between `maxRestarts + 1` failures and compares them with the window. */
export function limitCanFire({ maxRestarts, windowMs, initialMs, maxMs, factor, jitter, ratio }: LimitNumbers): boolean {
  if (initialMs === 0) return true;
  const shrink = jitter === "full" ? 1 - ratio : 1;
  const grows = jitter !== "decorrelated" && factor > 1;
  let elapsedMs = 0;
  for (let failure = 1; failure <= maxRestarts; failure++) {
    const delayMs = (grows ? Math.min(maxMs, initialMs * factor ** Math.min(failure - 1, 32)) : Math.min(initialMs, maxMs)) * shrink;
    elapsedMs += delayMs;
    if (elapsedMs > windowMs) return false;
    // From here on the delays are all the same.
    if (!grows || delayMs === maxMs * shrink) return elapsedMs + (maxRestarts - failure) * delayMs <= windowMs;
  }
  return true;
}
