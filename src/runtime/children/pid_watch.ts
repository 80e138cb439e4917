/**
 * Notices processes that ended without the runtime saying so: a process killed by a real-time signal never gets an exit event in Deno.
 *
 * One slow look at all live processes, not one timer for each.
 */
import { clearInterval, setInterval } from "node:timers";
import { exists } from "./process_group.ts";

/** How often to look, in milliseconds. */
const LOOK_MS = 1_000;

interface Watched {
  readonly pid: number;
  readonly onGone: () => void;
  /** Looks that found the process gone; the second one counts, so that a regular exit event comes first. */
  missed: number;
}

const watched = new Set<Watched>();
let timer: ReturnType<typeof setInterval> | undefined;

/** Calls back when the process is gone and nobody has said so; returns what ends the watch. */
export function watchPid(pid: number, onGone: () => void): () => void {
  const entry: Watched = { pid, onGone, missed: 0 };
  watched.add(entry);
  timer ??= startLooking();
  return () => {
    watched.delete(entry);
    if (watched.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function startLooking(): ReturnType<typeof setInterval> {
  const interval = setInterval(look, LOOK_MS);
  interval.unref();
  return interval;
}

function look(): void {
  for (const entry of [...watched]) {
    if (exists(entry.pid)) continue;
    entry.missed++;
    if (entry.missed > 1) entry.onGone();
  }
}
