/** All processes of the system at one moment, out of `/proc` or from `ps`: one look for all who ask at the same time. */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { setImmediate } from "node:timers";
import { thrownMessage } from "../../base/mod.ts";
import { platform } from "../../platform/mod.ts";

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
  /** What {@linkcode MARK} was in its environment; `null` where it was not there, or nobody can tell. */
  readonly mark: string | null;
}

/** Where the rows come from. */
export interface ProcessReader {
  /** All processes. Rejects where that cannot be had. */
  read(): Promise<readonly ProcessRow[]>;
  /** When the process began, now and at once, `null` where it is gone; absent where only `read()` can tell. */
  startOf?(pid: number): string | null;
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
export const PROC_READER: ProcessReader = { read: readProc, startOf };

/** How many processes are read in one turn of the loop: about 3 ms. Reading each in its own time takes ten times as long. */
const AT_ONCE = 128;

async function readProc(): Promise<ProcessRow[]> {
  const rows: ProcessRow[] = [];
  const pageKb = pageBytes() / 1024;
  const own = Number(startOf(process.pid) ?? 0);
  for (const [index, name] of readdirSync("/proc").filter((name) => /^\d+$/.test(name)).entries()) {
    if (index % AT_ONCE === AT_ONCE - 1) await new Promise((resolve) => setImmediate(resolve));
    const row = parseStat(statText(Number(name)), pageKb);
    // Who is older than this program was not started by it.
    if (row !== null) rows.push(row.isZombie || Number(row.start) < own ? row : { ...row, mark: markOf(row) });
  }
  const alive = new Map(rows.map(({ pid, start }) => [pid, start]));
  for (const [pid, { start }] of marks) if (alive.get(pid) !== start) marks.delete(pid);
  return rows;
}

/** The marks that were read: whoever had one is what it was when it has another environment. Without one it may only just have been made. */
const marks = new Map<number, { readonly start: string; readonly mark: string }>();

function markOf({ pid, start }: Noted): string | null {
  const known = marks.get(pid);
  if (known?.start === start) return known.mark;
  const mark = readMark(pid);
  if (mark !== null) marks.set(pid, { start, mark });
  return mark;
}

/** What {@linkcode MARK} is in the environment of a process; `null` where it is not there, or cannot be read. */
export function readMark(pid: number): string | null {
  try {
    return markIn(readFileSync(`/proc/${pid}/environ`, "latin1").split("\0"));
  } catch {
    // It has ended, or is somebody else's.
    return null;
  }
}

/** The value of {@linkcode MARK} among variables; `null` where it is not there. */
export function markIn(variables: readonly string[]): string | null {
  return variables.find((variable) => variable.startsWith(`${MARK}=`))?.slice(MARK.length + 1) ?? null;
}

/** What the system says of a process; nothing where it has ended, or must not be looked at. */
export function statText(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    // It has ended meanwhile.
    return "";
  }
}

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

/** Longest time in milliseconds, and most bytes, of one run of `ps`. */
const PS_MS = 2_000;
const PS_BYTES = 16 * 1024 * 1024;

const COLUMNS = "pid=,ppid=,pgid=,stat=,rss=,lstart=";

function readPs(): Promise<ProcessRow[]> {
  return new Promise((resolve, reject) => {
    // Times are compared as they are written.
    const env = { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" };
    execFile("ps", ["-A", "-o", COLUMNS], { env, timeout: PS_MS, maxBuffer: PS_BYTES, killSignal: "SIGKILL" }, (error, stdout) => {
      const rows = parsePs(stdout);
      if (error === null && rows.length > 0) resolve(rows);
      else reject(error ?? new Error("ps tells nothing"));
    });
  });
}

/** Reads what `ps` tells. */
export function parsePs(text: string): ProcessRow[] {
  return text.split("\n").flatMap((line) => {
    const [, pid, ppid, pgid, state, rss, start] = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\d+)\s+(\S.*?)\s*$/.exec(line) ?? [];
    if (start === undefined) return [];
    const isZombie = state?.startsWith("Z") === true;
    return [{ pid: Number(pid), ppid: Number(ppid), pgid: Number(pgid), start, isZombie, residentKb: Number(rss), mark: null }];
  });
}
