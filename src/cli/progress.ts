/** What is told while something takes its time: to a person who looks on, and to nobody else. */
import { age } from "./render/words.ts";
import { cleanText } from "../base/mod.ts";
import type { CommandIo } from "./io.ts";

const EVERY_MS = 1_000;
const CLEAR_LINE = "\r\u001b[K";

/** Waits for some work; after a second it is told on one line of standard error, which is gone at its end. */
export async function withProgress<T>(io: CommandIo, what: () => string, work: Promise<T>): Promise<T> {
  if (io.isWatched !== true) return await work;
  // Timers may come a little early.
  const since = performance.now();
  let isShown = false;
  const timer = setInterval(() => {
    isShown = true;
    io.stderr(`${CLEAR_LINE}reeve: ${cleanText(what(), 160)}, ${age(EVERY_MS * Math.round((performance.now() - since) / EVERY_MS))}`);
  }, EVERY_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    if (isShown) io.stderr(CLEAR_LINE);
  }
}
