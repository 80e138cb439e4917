/** The real clock. */
import { clearTimeout, setImmediate, setTimeout } from "node:timers";
import type { Clock } from "../base/mod.ts";

/** Longest delay a timer of the runtime can have; a longer one is set again when it fires. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** Returns the real clock; its timers do not keep the program alive. */
export function systemClock(): Clock {
  return SYSTEM_CLOCK;
}

const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  setTimer: (callback, delayMs) => {
    const timer = setTimeout(callback, Math.min(delayMs, LONGEST_DELAY_MS));
    timer.unref();
    return () => clearTimeout(timer);
  },
  microtask: (callback) => queueMicrotask(callback),
  macrotask: (callback) => {
    setImmediate(callback);
  },
};
