/** The time of what writes files, where nobody gives another. */
import { clearTimeout, setTimeout } from "node:timers";
import type { Clock } from "../base/mod.ts";

/** What of a clock is needed to write files. */
export type FileClock = Pick<Clock, "now" | "wallNow" | "setTimer">;

/** The real clock; its timers do not keep the program alive. */
export const OWN_CLOCK: FileClock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  setTimer(callback: () => void, delayMs: number): () => void {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
