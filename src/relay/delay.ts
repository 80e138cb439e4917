/** How long is waited before something is tried again. */
import { type Clock, pause } from "../base/mod.ts";

/** Waits: from a quarter of a second to ten, each a little other than the rest; ends at once with the signal. */
export function delay(clock: Clock, signal: AbortSignal, failures: number): Promise<void> {
  return pause(Math.min(10_000, 250 * 2 ** Math.min(failures, 6)) * (0.75 + Math.random() / 2), signal, clock);
}
