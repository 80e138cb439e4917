/** All processes of the system at one moment, out of `/proc` or from `ps`: one look for all who ask at the same time. */
import { Buffer } from "node:buffer";
import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import process from "node:process";
import { setImmediate } from "node:timers";
import { thrownMessage } from "../../base/mod.ts";
import { platform } from "../../platform/mod.ts";
import { runPs } from "./ps.ts";

/** The variable that an attempt has in its environment, and its descendants inherit. */
export const MARK = "REEVE_MARK";

/** A process, known by more than its number: numbers are given again. */
export interface Noted {
  readonly pid: number;
  /** When it began, in the words of the system: they are only compared. */
  readonly start: string;
}

/** What the system tells of a process. */
export interface ProcessRow extends Noted {
  readonly ppid: number;
  readonly pgid: number;
  /** It has ended, and nobody has asked how. */
  readonly isZombie: boolean;
  /** Memory that it has in use, in KiB; what it shares with others counts in full. */
  readonly residentKb: number;
  /** Time of processors that it has taken so far, in milliseconds. */
  readonly cpuMs: number;
  /** What {@linkcode MARK} was in its environment; `null` where it was not there, or nobody can tell. */
  readonly mark: string | null;
}

/** Where the rows come from. */
export interface ProcessReader {
  /** All processes. Rejects where that cannot be had. */
  read(): Promise<readonly ProcessRow[]>;
  /** When the process began, now and at once, `null` where it is gone; absent where only `read()` can tell. */
  startOf?(pid: number): string | null;
  /** Whether it tells marks. @default {false} */
  readonly tellsMarks?: boolean;
}

/** One look at all processes. */
export class Processes {
  readonly #rows: ReadonlyMap<number, ProcessRow>;
  readonly #children = new Map<number, number[]>();
  readonly #groups = new Map<number, number[]>();
  readonly #marked = new Map<string, number[]>();

  constructor(rows: readonly ProcessRow[]) {
    this.#rows = new Map(rows.map((row) => [row.pid, row]));
    for (const { pid, ppid, pgid, mark } of rows) {
      enter(this.#children, ppid, pid);
      enter(this.#groups, pgid, pid);
      if (mark !== null) enter(this.#marked, mark, pid);
    }
  }

  get(pid: number): ProcessRow | undefined {
    return this.#rows.get(pid);
  }

  /** Whether it is still the one that was noted, and runs. */
  isAlive({ pid, start }: Noted): boolean {
    const row = this.#rows.get(pid);
    return row !== undefined && row.start === start && !row.isZombie;
  }

  /** The numbers of these processes, as far as they are there, and of all their descendants, parents first. */
  withDescendants(pids: Iterable<number>): Set<number> {
    const found = new Set<number>();
    for (const pid of pids) if (this.#rows.has(pid)) found.add(pid);
    // What is added on the way is visited as well.
    for (const pid of found) for (const child of this.#children.get(pid) ?? []) found.add(child);
    return found;
  }

  /** The numbers of the members of a process group. */
  group(pgid: number): readonly number[] {
    return this.#groups.get(pgid) ?? [];
  }

  /** The numbers of those with this mark. */
  marked(mark: string): readonly number[] {
    return this.#marked.get(mark) ?? [];
  }
}

/** Why nothing can be said of processes. */
export interface Unmeasured {
  readonly reason: string;
}

/** Looks at all processes for whoever asks. */
export class ProcessTable {
  readonly reader: ProcessReader | Unmeasured;
  #running: Promise<Processes | Unmeasured> | null = null;
  #next: Promise<Processes | Unmeasured> | null = null;

  constructor(reader: ProcessReader | Unmeasured) {
    this.reader = reader;
  }

  /** Looks, and begins to after it was asked: 500 children that stop at once share two looks. */
  look(): Promise<Processes | Unmeasured> {
    if (this.#running === null) return this.#begin();
    return this.#next ??= this.#running.then(() => {
      this.#next = null;
      return this.#begin();
    });
  }

  #begin(): Promise<Processes | Unmeasured> {
    const look = this.#read();
    this.#running = look;
    return look;
  }

  async #read(): Promise<Processes | Unmeasured> {
    try {
      return "reason" in this.reader ? this.reader : new Processes(await this.reader.read());
    } catch (error) {
      return { reason: thrownMessage(error, 256) };
    } finally {
      this.#running = null;
    }
  }
}

let shared: ProcessTable | undefined;

/** The table of the system, by the best way that is permitted. */
export function systemProcesses(): ProcessTable {
  return shared ??= new ProcessTable(systemReader());
}

function systemReader(): ProcessReader | Unmeasured {
  if (platform.readsProc()) return PROC_READER;
  if (process.platform === "win32") return { reason: "Windows has no process groups" };
  if (platform.mayRun("ps")) return PS_READER;
  return { reason: platform.name === "deno" ? "neither /proc nor ps may be used; add --allow-run=ps" : "ps may not be run" };
}

function enter<Key>(map: Map<Key, number[]>, key: Key, pid: number): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [pid]);
  else list.push(pid);
}

// --- /proc -------------------------------------------------------------------------------------------------------------------------------

/** By `/proc`. */
export const PROC_READER: ProcessReader = { read: readProc, startOf, tellsMarks: true };

/** How many processes are read in one turn of the loop: about 3 ms. Reading each in its own time takes ten times as long. */
const AT_ONCE = 128;

/** Most times that the list of processes is read in one look, where new ones come each time. */
const MOST_LISTS = 4;

/** Whoever forks, and ends, while it is looked is seen all the same: the list is read again until nobody is new. */
async function readProc(): Promise<ProcessRow[]> {
  const rows = new Map<number, ProcessRow>();
  const blank: ProcessRow[] = [];
  const seen = new Set<number>();
  const pageKb = pageBytes() / 1024;
  const own = Number(startOf(process.pid) ?? 0);
  for (let lists = 0; lists < MOST_LISTS; lists++) {
    const fresh = listProc().filter((pid) => !seen.has(pid));
    if (fresh.length === 0) break;
    for (const pid of fresh) {
      seen.add(pid);
      if (seen.size % AT_ONCE === 0) await nextTurn();
      const row = parseStat(statText(pid), pageKb);
      if (row === null) continue;
      // Who is older than this program was not started by it.
      const mark = row.isZombie || Number(row.start) < own ? null : markOf(row);
      rows.set(pid, { ...row, mark: mark ?? null });
      if (mark === undefined) blank.push(row);
    }
  }
  if (blank.length > 0) await nextTurn();
  for (const row of blank) rows.set(row.pid, { ...row, mark: markOf(row) ?? null });
  for (const [pid, { start }] of marks) if (rows.get(pid)?.start !== start) marks.delete(pid);
  return [...rows.values()];
}

function listProc(): number[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** The marks that were read: whoever had one is what it was when it has another environment. Without one it may only just have been made. */
const marks = new Map<number, { readonly start: string; readonly mark: string }>();

/** Its mark; `null` where it has none, `undefined` where it has no environment at all, as while it becomes another program. */
function markOf({ pid, start }: Noted): string | null | undefined {
  const known = marks.get(pid);
  if (known?.start === start) return known.mark;
  const variables = readEnvironment(pid);
  if (variables === "") return undefined;
  const mark = variables === null ? null : markIn(variables.split("\0"));
  if (mark !== null) marks.set(pid, { start, mark });
  return mark;
}

/** What {@linkcode MARK} is in the environment of a process; `null` where it is not there, or cannot be read. */
export function readMark(pid: number): string | null {
  return markIn(readEnvironment(pid)?.split("\0") ?? []);
}

function readEnvironment(pid: number): string | null {
  return readProcFile(`/proc/${pid}/environ`);
}

/** Taken again and again: thousands of small files are read in one look. */
const bytes = Buffer.alloc(16 * 1024);

/** What is in a file of `/proc`, in half the time of `readFileSync`; `null` where it is gone, or somebody else's. */
function readProcFile(path: string): string | null {
  try {
    const fd = openSync(path, "r");
    try {
      const length = readSync(fd, bytes, 0, bytes.length, 0);
      return length < bytes.length ? bytes.toString("latin1", 0, length) : readFileSync(path, "latin1");
    } finally {
      closeSync(fd);
    }
  } catch {
    return null;
  }
}

/** The value of {@linkcode MARK} among variables; `null` where it is not there. */
export function markIn(variables: readonly string[]): string | null {
  return variables.find((variable) => variable.startsWith(`${MARK}=`))?.slice(MARK.length + 1) ?? null;
}

/** What the system says of a process; nothing where it has ended, or must not be looked at. */
export function statText(pid: number): string {
  return readProcFile(`/proc/${pid}/stat`) ?? "";
}

/** What Linux counts times in, wherever the runtimes run. */
const TICK_MS = 10;

/** Reads a line of `/proc/PID/stat`; its second field is a name that may hold anything, even what looks like the rest of a line. */
export function parseStat(text: string, pageKb: number): ProcessRow | null {
  const pid = Number.parseInt(text, 10);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, ppid, pgid] = fields;
  const start = fields[19];
  const resident = Number(fields[21]);
  if (!(pid > 0) || start === undefined || !(resident >= 0)) return null;
  return {
    pid,
    ppid: Number(ppid),
    pgid: Number(pgid),
    start,
    isZombie: state === "Z" || state === "X",
    residentKb: resident * pageKb,
    cpuMs: TICK_MS * (Number(fields[11]) + Number(fields[12])),
    mark: null,
  };
}

function startOf(pid: number): string | null {
  const row = parseStat(statText(pid), 1);
  return row === null || row.isZombie ? null : row.start;
}

/** The entry of the auxiliary vector that tells the size of a page. */
const AT_PAGESZ = 6n;
const USUAL_PAGE = 4_096;

function pageBytes(): number {
  try {
    const bytes = readFileSync("/proc/self/auxv");
    const words = new BigUint64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.length & ~7)));
    for (let index = 0; index + 1 < words.length; index += 2) if (words[index] === AT_PAGESZ) return Number(words[index + 1]);
  } catch {
    // Then it is most likely the usual one.
  }
  return USUAL_PAGE;
}

// --- ps ----------------------------------------------------------------------------------------------------------------------------------

/** By `ps`, where `/proc` is not to be had; there is none of this kind in BusyBox. */
export const PS_READER: ProcessReader = { read: readPs };

const COLUMNS = "pid=,ppid=,pgid=,stat=,rss=,time=,lstart=";

async function readPs(): Promise<ProcessRow[]> {
  const rows = parsePs(await runPs("-A", "-o", COLUMNS));
  if (rows.length === 0) throw new Error("ps tells nothing");
  return rows;
}

/** Reads what `ps` tells. */
export function parsePs(text: string): ProcessRow[] {
  return text.split("\n").flatMap((line) => {
    const [, pid, ppid, pgid, state, rss, time, start] =
      /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\d+)\s+([\d:.-]+)\s+(\S.*?)\s*$/.exec(line) ?? [];
    if (time === undefined || start === undefined) return [];
    const isZombie = state?.startsWith("Z") === true;
    const numbers = { pid: Number(pid), ppid: Number(ppid), pgid: Number(pgid), residentKb: Number(rss), cpuMs: cpuMsOf(time) };
    return [{ ...numbers, start, isZombie, mark: null }];
  });
}

/** Reads `1-02:03:04`, or `3:04.05` as macOS writes it. */
function cpuMsOf(time: string): number {
  const [days, clock = time] = time.includes("-") ? time.split("-") : ["0"];
  const seconds = clock.split(":").reduce((sum, part) => 60 * sum + Number(part), 0);
  return Math.round(1_000 * (86_400 * Number(days) + seconds));
}
