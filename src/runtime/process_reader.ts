/** Looks at processes that this program did not start: who they are, and whether they are there at all. */
import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import process from "node:process";
import { exists } from "./children/process_group.ts";
import { markIn, parseStat, type ProcessRow, PS_READER, readMark, statText } from "./children/process_table.ts";
import { runPs } from "./children/ps.ts";

/** What can be seen of a process. */
export interface SeenProcess {
  /** When it began, in the words of the kind that was asked for; `null` where that cannot be read. */
  readonly start: string | null;
  /** What `REEVE_MARK` is in its environment; `null` where it is not there, or cannot be read. */
  readonly mark: string | null;
  /** Whether it has ended, and only waits for somebody to ask how. */
  readonly isOver: boolean;
}

/** How it is said when a process began: `ticks` since the machine began, with the name of that beginning, or a `date`. */
export type StartKind = "ticks" | "date";

/** Looks at processes. */
export interface ProcessReader {
  /** When a process began, where that can be read at once; `null` where it cannot. */
  startNow(pid: number): string | null;
  /** When processes began, for those of which it can be read. */
  starts(pids: readonly number[]): Promise<ReadonlyMap<number, string>>;
  /** One process: `gone` when it is not there, `unknown` when nothing can be said of it. */
  look(pid: number, kind: StartKind): Promise<SeenProcess | "gone" | "unknown">;
  /** Who is in a process group and has not ended; `null` where that cannot be read. */
  members(group: number): Promise<readonly number[] | null>;
  /** The process groups in which somebody has one of these marks, by mark; `null` where that cannot be read. */
  groupsWith(marks: ReadonlySet<string>): Promise<ReadonlyMap<string, ReadonlySet<number>> | null>;
}

/** The kind of what a reader says of a start. */
export function kindOf(start: string): StartKind {
  return start.startsWith("ticks:") ? "ticks" : "date";
}

/** Systems work dates out of the time since they began, so that the same one may differ by so much, in milliseconds. */
const SAME_DATE_MS = 2_000;

/** Whether two readings of one kind are the same beginning. */
export function isSameStart(one: string, other: string): boolean {
  if (one === other) return true;
  const [first, second] = [one, other].map((start) => kindOf(start) === "date" ? Date.parse(`${start.slice(5)} UTC`) : NaN);
  return Math.abs(Number(first) - Number(second)) <= SAME_DATE_MS;
}

/** The processes of this machine: by `/proc` where it is open to this program, else by `ps`. */
export function systemProcesses(): ProcessReader {
  const boot = bootId();
  const hasProc = statNow(process.pid, boot) !== null;
  return {
    startNow: (pid) => statNow(pid, boot)?.start ?? null,
    starts: async (pids) => new Map((await askPs(pids) ?? []).map(({ pid, start }) => [pid, start])),
    look: (pid, kind) => hasProc && kind === "ticks" ? Promise.resolve(lookInProc(pid, boot)) : lookByPs(pid, kind),
    members: (group) => hasProc ? membersInProc(group, boot) : membersByPs(group),
    groupsWith: async (marks) => groupsOf(hasProc ? await everyoneInProc(boot) : await askPs("all"), marks),
  };
}

/** Only Linux has these files, and Deno opens them only to programs that may do everything. */
function statNow(pid: number, boot: string): ProcessRow | null {
  const row = process.platform === "linux" ? parseStat(statText(pid), 1) : null;
  return row === null ? null : { ...row, start: `ticks:${boot}:${row.start}` };
}

/** After the next start of the machine, the same numbers mean other processes. */
function bootId(): string {
  if (process.platform !== "linux") return "";
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

function lookInProc(pid: number, boot: string): SeenProcess | "gone" | "unknown" {
  const mark = readMark(pid);
  // Looked at last: what was read before is that of the process which is there now, or nothing is said of it.
  const stat = statNow(pid, boot);
  if (stat === null) return exists(pid) ? "unknown" : "gone";
  return { start: stat.start, mark, isOver: stat.isZombie };
}

async function membersInProc(group: number, boot: string): Promise<readonly number[] | null> {
  const all = await everyoneInProc(boot);
  return all?.filter((one) => one.group === group && !one.isOver).map(({ pid }) => pid) ?? null;
}

/** Who is there; marks are read when they are asked for. */
interface Anyone {
  readonly pid: number;
  readonly group: number;
  readonly isOver: boolean;
  readonly mark: string | null;
}

async function everyoneInProc(boot: string): Promise<Anyone[] | null> {
  const names = await readdir("/proc").catch(() => null);
  if (names === null) return null;
  return names.filter((name) => /^\d+$/.test(name)).map(Number).flatMap((pid) => {
    const stat = statNow(pid, boot);
    return stat === null ? [] : [{
      pid,
      group: stat.pgid,
      isOver: stat.isZombie,
      get mark() {
        return readMark(pid);
      },
    }];
  });
}

function groupsOf(all: readonly Anyone[] | null, marks: ReadonlySet<string>): ReadonlyMap<string, ReadonlySet<number>> | null {
  if (all === null) return null;
  const found = new Map<string, Set<number>>();
  for (const { group, isOver, mark } of all) {
    // Groups of the numbers below mean somebody else to those who send signals.
    if (!isOver && group > 1 && mark !== null && marks.has(mark)) found.set(mark, (found.get(mark) ?? new Set()).add(group));
  }
  return found;
}

interface PsRow extends Anyone {
  readonly start: string;
}

async function lookByPs(pid: number, kind: StartKind): Promise<SeenProcess | "gone" | "unknown"> {
  const rows = await askPs([pid]);
  if (rows === null) return exists(pid) ? "unknown" : "gone";
  const row = rows.find((row) => row.pid === pid);
  if (row === undefined) return "gone";
  return { start: kind === "date" ? row.start : null, mark: row.mark, isOver: row.isOver };
}

async function membersByPs(group: number): Promise<readonly number[] | null> {
  const rows = await PS_READER.read().catch(() => null);
  return rows === null ? null : rows.filter(({ pgid, isZombie }) => pgid === group && !isZombie).map(({ pid }) => pid);
}

/** What `ps` says of processes, their environment included where it may be seen; `null` where it cannot be asked. */
async function askPs(pids: readonly number[] | "all"): Promise<PsRow[] | null> {
  const columns = ["-o", "pid=,pgid=,stat=,lstart=,command="];
  const asked = pids === "all" ? ["axeww", ...columns] : ["eww", ...columns, "-p", pids.join(",")];
  const text = await runPs(...asked).catch(() => null);
  return text === null ? null : text.split("\n").map(rowOf).filter((row) => row !== null);
}

const ROW = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(\w{3}\s+\w{3}\s+\d+\s+[\d:]{8}\s+\d{4})\s*(.*)$/;

function rowOf(line: string): PsRow | null {
  const [, pid, group, state = "", date = "", command = ""] = ROW.exec(line) ?? [];
  if (pid === undefined) return null;
  return {
    pid: Number(pid),
    group: Number(group),
    start: `date:${date.replace(/\s+/g, " ")}`,
    isOver: state.startsWith("Z"),
    mark: markIn(command.split(" ")),
  };
}
