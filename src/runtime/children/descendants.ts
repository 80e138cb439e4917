/**
 * Ends what a process leaves behind outside of its group: whoever calls `setsid`, or forks twice, is in no group that could be signalled.
 *
 * Descendants are noted before the first signal, as long as it can be seen whose they are, and those still there when the group is gone are
 * ended, with all that carry the mark of the attempt then. A process is signalled only when its number and the time of its start are still
 * those noted; with `/proc` that is looked at just before each signal.
 */
import process from "node:process";
import { setTimeout } from "node:timers";
import { platform } from "../../platform/mod.ts";
import { exists } from "./process_group.ts";
import { type Noted, Processes, type ProcessTable, systemProcesses } from "./process_table.ts";

export type { Noted } from "./process_table.ts";

/** How to look for descendants. */
export interface NoteOptions {
  /** The value of the mark of the attempt: it finds those whose parent has ended. Only `/proc` tells. */
  readonly mark?: string;
  /** Told once in a program that descendants cannot be seen, and why. */
  readonly onUnmeasured?: (reason: string) => void;
  /** What is looked at. @default {the system} */
  readonly table?: ProcessTable;
}

/** How to end survivors. */
export interface KillOptions {
  /** The value of the mark of the attempt: who carries it is ended as well, noted or not. Only `/proc` tells. */
  readonly mark?: string;
  /** Time in milliseconds between SIGTERM and SIGKILL. @default {2000} */
  readonly graceMs?: number;
  /** Whether there is no time for the grace any more; asked again and again. @default {there is} */
  readonly isUrgent?: () => boolean;
  /** What is looked at. @default {the system} */
  readonly table?: ProcessTable;
  /** Sends a signal, or asks with 0; false when nobody was there to get it. @default {the system's} */
  readonly send?: (pid: number, signal: "SIGTERM" | "SIGKILL" | 0) => boolean;
  /** Waits. @default {in real time} */
  readonly wait?: (ms: number) => Promise<void>;
}

/** What became of survivors. */
export interface SurvivorReport {
  /** How many were there when the group was gone, those they started included. */
  readonly found: number;
  /** How many of them took SIGKILL. */
  readonly killed: number;
  /** Those that are still there: they may not be signalled, or cannot be looked at. */
  readonly left: readonly number[];
}

const GRACE_MS = 2_000;

/** How often, in milliseconds, it is looked whether they are gone. */
const LOOK_MS = 20;

/** Rounds of SIGKILL, for those that start others faster than they are ended. */
const MOST_ROUNDS = 5;

/** Time in milliseconds for the system to clear away what was killed. */
const CLEAR_MS = 100;

/** Whether it was said that descendants cannot be seen. */
let isTold = false;

function tellOnce(reason: string, tell: ((reason: string) => void) | undefined): void {
  if (isTold || tell === undefined) return;
  isTold = true;
  tell(reason);
}

/** Notes all descendants of a process, without itself; none where they cannot be seen. Never rejects. */
export async function noteDescendants(
  pid: number,
  { mark, onUnmeasured, table = systemProcesses() }: NoteOptions = {},
): Promise<readonly Noted[]> {
  // Who may not signal need not look.
  const look = platform.mayRun() ? await table.look() : { reason: "processes may not be signalled; add --allow-run" };
  if (!(look instanceof Processes)) {
    tellOnce(look.reason, onUnmeasured);
    return [];
  }
  const found = look.withDescendants([pid, ...mark === undefined ? [] : look.marked(mark)]);
  return [...found].flatMap((found) => {
    const row = look.get(found);
    return row === undefined || found === pid || row.isZombie || !mayBeEnded(found) ? [] : [{ pid: found, start: row.start }];
  });
}

/** Who may not signal need not look. */
function tellsMarks({ reader }: ProcessTable): boolean {
  return "read" in reader && reader.tellsMarks === true && platform.mayRun();
}

/**
 * Ends those noted that are still there, who carries the mark, and what both have started since: SIGTERM, and SIGKILL after the grace.
 * Never rejects.
 */
export async function killSurvivors(
  noted: readonly Noted[],
  { mark, graceMs = GRACE_MS, isUrgent = () => false, table = systemProcesses(), send = sendSignal, wait = waitFor }: KillOptions = {},
): Promise<SurvivorReport> {
  const isThere = (one: Noted): boolean =>
    startNow(one.pid, table) === one.start || (startNow(one.pid, table) === undefined && send(one.pid, 0));
  // Between this look and the signal nobody else of this program runs.
  const sendTo = (one: Noted, signal: "SIGTERM" | "SIGKILL"): boolean => isThere(one) && send(one.pid, signal);
  const untilGone = async (those: readonly Noted[], mayWait: (waitedMs: number) => boolean): Promise<void> => {
    for (let waitedMs = 0; mayWait(waitedMs) && those.some(isThere); waitedMs += LOOK_MS) await wait(LOOK_MS);
  };

  const found = new Set<number>();
  const killed = new Set<number>();
  const marked = mark !== undefined && tellsMarks(table) ? mark : null;
  let survivors: readonly Noted[] = noted.filter(isThere);
  // Whoever was ended may have started somebody who carries the mark.
  let mayBeMore = marked !== null;
  for (let round = 0; (survivors.length > 0 || mayBeMore) && round <= MOST_ROUNDS; round++) {
    const same = await stillThere(survivors, marked, table);
    // Who it is cannot be told any more.
    if (same === null) break;
    survivors = same;
    mayBeMore = marked !== null && same.length > 0;
    for (const survivor of survivors) {
      found.add(survivor.pid);
      if (round === 0) sendTo(survivor, "SIGTERM");
      else if (sendTo(survivor, "SIGKILL")) killed.add(survivor.pid);
    }
    await untilGone(survivors, (waitedMs) => round === 0 ? waitedMs < graceMs && !isUrgent() : waitedMs < CLEAR_MS);
    survivors = survivors.filter(isThere);
  }
  return { found: found.size, killed: killed.size, left: survivors.map(({ pid }) => pid) };
}

/** When the process of that number began, `null` where there is none, `undefined` where that cannot be asked at once. */
function startNow(pid: number, { reader }: ProcessTable): string | null | undefined {
  return "read" in reader ? reader.startOf?.(pid) : undefined;
}

/** Those that are the same as before or carry the mark, and all their descendants; `null` where nobody can tell. */
async function stillThere(noted: readonly Noted[], mark: string | null, table: ProcessTable): Promise<Noted[] | null> {
  if (noted.length === 0 && mark === null) return [];
  const look = await table.look();
  if (!(look instanceof Processes)) return null;
  const same = noted.filter((one) => look.isAlive(one)).map(({ pid }) => pid);
  const pids = look.withDescendants([...same, ...mark === null ? [] : look.marked(mark)]);
  return [...pids].flatMap((pid) => {
    const row = look.get(pid);
    return row === undefined || row.isZombie || !mayBeEnded(pid) ? [] : [{ pid, start: row.start }];
  });
}

/** Neither the first process nor this one descends from a child, whatever a table says. */
function mayBeEnded(pid: number): boolean {
  return pid > 1 && pid !== process.pid;
}

function sendSignal(pid: number, signal: "SIGTERM" | "SIGKILL" | 0): boolean {
  if (signal === 0) return exists(pid);
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** In real time, as processes are, and without keeping the program alive. */
function waitFor(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms).unref());
}
