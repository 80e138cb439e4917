/** Which processes a tree has started and not seen end, in a file: a supervisor that is killed leaves them behind, and the next one finds them there. */
import { closeSync, constants, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { OWNER_ONLY, sizeOf } from "../observe/mod.ts";
import { groupExists } from "./children/process_group.ts";
import type { ProcessReader } from "./process_reader.ts";

/** A process that was started, and leads a group of its own. */
export interface LedgerEntry {
  readonly pid: number;
  /** When it began, as a {@linkcode ProcessReader} says it; `null` where that could not be read. */
  readonly start: string | null;
  /** What its attempt has in the environment. */
  readonly mark: string;
  /** Path of the child. */
  readonly path: string;
  readonly attempt: number;
}

/** A process of which is only known that it was about to be started. */
export type LedgerStart = Omit<LedgerEntry, "pid" | "start">;

/** What a ledger that was found says. */
export interface FoundLedger {
  readonly entries: readonly LedgerEntry[];
  /** Those of which it does not say what became of them: the program was killed in that moment. */
  readonly starting: readonly LedgerStart[];
  /** How many lines say nothing, one that was cut off at the end left out. */
  readonly damaged: number;
}

/** Version of the lines; newer ones are refused by name. */
const VERSION = 1;

/** Largest file that is read, in bytes: what is longer was not written by us. */
const LARGEST = 64 * 1024 * 1024;

/** So many lines more than there are processes, and the file begins anew. */
const MOST_DEAD_LINES = 2_000;

/** Reads what an earlier run left; nothing where there is no file. Rejects where it cannot be read, or was written by a newer version. */
export async function readLedger(path: string): Promise<FoundLedger> {
  const size = await sizeOf(path);
  if (size > LARGEST) throw new Error(`"${path}" has ${size} bytes, must have at most ${LARGEST}`);
  const lines = size === 0 ? [] : (await readFile(path, "utf8")).split("\n");
  // What follows the last end of a line was cut off.
  lines.pop();
  const entries = new Map<number, LedgerEntry>();
  const starting = new Map<string, LedgerStart>();
  let damaged = 0;
  for (const line of lines) {
    const record = recordIn(line, path);
    if (record === null) {
      damaged++;
      continue;
    }
    if (record.kind === "starting") starting.set(record.mark, startOf(record));
    else starting.delete(record.mark);
    if (record.kind === "ended") entries.delete(record.pid);
    else if (record.kind === "opened" || record.kind === "began") entries.set(record.pid, entryOf(record));
  }
  return { entries: [...entries.values()], starting: [...starting.values()], damaged };
}

type LedgerRecord =
  | LedgerEntry & { readonly kind: "opened" | "ended" | "began" }
  | LedgerStart & { readonly kind: "starting" | "not_started" };

function recordIn(line: string, path: string): LedgerRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { version, ...record } = { version: undefined, ...value };
  if (typeof version !== "number") return null;
  if (version > VERSION) throw new Error(`"${path}" was written by a newer version (${version}), must be at most ${VERSION}`);
  return isRecord(record) ? record : null;
}

function entryOf({ pid, start, mark, path, attempt }: LedgerEntry): LedgerEntry {
  return { pid, start, mark, path, attempt };
}

function startOf({ mark, path, attempt }: LedgerStart): LedgerStart {
  return { mark, path, attempt };
}

function isRecord(value: object): value is LedgerRecord {
  const { kind, pid, start, mark, path, attempt } = {
    kind: "",
    pid: 0,
    start: undefined,
    mark: "",
    path: "",
    attempt: -1,
    ...value,
  };
  // The numbers below mean nobody, the first process of the system, or everybody, for those who send signals.
  const isProcess = ["opened", "ended", "began"].includes(kind) && Number.isSafeInteger(pid) && pid > 1 &&
    (start === null || typeof start === "string");
  return (isProcess || kind === "starting" || kind === "not_started") &&
    typeof mark === "string" && mark.length >= 16 && typeof path === "string" && Number.isSafeInteger(attempt);
}

/** What the ledger needs. */
export interface LedgerOptions {
  readonly path: string;
  readonly processes: ProcessReader;
  /** What is in it already. */
  readonly entries: readonly LedgerEntry[];
  readonly starting?: readonly LedgerStart[];
  /** It cannot be written any more; who was told calls {@linkcode ProcessLedger.beginAnew} now and then. */
  onFailure(error: unknown): void;
}

/**
 * Writes down each process in the turn in which it was started.
 *
 * A line counts when the system has taken it, which outlives this program. It need not be on the disk: after a crash of the machine no process is left.
 */
export class ProcessLedger {
  readonly #options: LedgerOptions;
  readonly #entries = new Map<number, LedgerEntry>();
  readonly #starting = new Map<string, LedgerStart>();
  #fd: number | null = null;
  #deadLines = 0;
  #isAsking = false;
  readonly #unasked = new Set<number>();

  constructor(options: LedgerOptions) {
    this.#options = options;
    for (const entry of options.entries) this.#entries.set(entry.pid, entry);
    for (const start of options.starting ?? []) this.#starting.set(start.mark, start);
  }

  /** What is in it. */
  get entries(): readonly LedgerEntry[] {
    return [...this.#entries.values()];
  }

  /** A process is about to be started; the returned function says that none was. */
  starting(attempt: LedgerStart): () => void {
    const start = startOf(attempt);
    this.#starting.set(start.mark, start);
    this.#append("starting", start);
    return () => {
      if (this.#starting.delete(start.mark)) this.#append("not_started", start);
    };
  }

  /** What became of one of which was only known that it was about to be started: these processes, or none. */
  settle(start: LedgerStart, pids: readonly number[]): void {
    this.#starting.delete(start.mark);
    if (pids.length === 0) this.#append("not_started", start);
    for (const pid of pids) this.#enter({ pid, start: null, ...startOf(start) });
  }

  /** A process was started; the returned function says that it has ended, and is harmless when repeated. */
  opened(pid: number, { path, attempt, mark }: Omit<LedgerEntry, "pid" | "start">): () => void {
    const entry: LedgerEntry = { pid, start: this.#options.processes.startNow(pid), mark, path, attempt };
    this.#starting.delete(mark);
    this.#enter(entry);
    if (entry.start === null) this.#askForStart(pid);
    return () => this.strike(this.#entries.get(pid) ?? entry);
  }

  /** A process is not there any more. */
  strike(entry: LedgerEntry): void {
    const { pid, mark } = entry;
    if (this.#entries.get(pid)?.mark !== mark) return;
    this.#entries.delete(pid);
    this.#append("ended", entry);
  }

  /** Writes a new file with what there is; throws where that fails. */
  beginAnew(): void {
    this.#letGo();
    const { path } = this.#options;
    const next = `${path}.next`;
    for (const { pid } of this.#entries.values()) if (!groupExists(pid)) this.#entries.delete(pid);
    rmSync(next, { force: true });
    const { O_WRONLY, O_CREAT, O_EXCL, O_APPEND } = constants;
    const fd = openSync(next, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, OWNER_ONLY);
    try {
      // Last, since what has the same mark would settle them.
      const lines = [...this.#entries.values()].map((entry) => lineOf("opened", entry));
      lines.push(...[...this.#starting.values()].map((start) => lineOf("starting", start)));
      writeAll(fd, lines.join(""));
      renameSync(next, path);
    } catch (error) {
      closeSync(fd);
      rmSync(next, { force: true });
      throw error;
    }
    this.#fd = fd;
    this.#deadLines = 0;
  }

  /** Ends the writing; what is in the file is what may still be there. */
  close(): void {
    try {
      this.beginAnew();
    } catch (error) {
      this.#options.onFailure(error);
    }
    this.#letGo();
  }

  #enter(entry: LedgerEntry): void {
    this.#entries.set(entry.pid, entry);
    this.#append("opened", entry);
  }

  #append(kind: LedgerRecord["kind"], entry: LedgerEntry | LedgerStart): void {
    // Where it cannot be written, all of it is written anew later.
    if (this.#fd === null) return;
    try {
      if (++this.#deadLines > MOST_DEAD_LINES + 2 * this.#entries.size) this.beginAnew();
      else writeAll(this.#fd, lineOf(kind, entry));
    } catch (error) {
      this.#letGo();
      this.#options.onFailure(error);
    }
  }

  /** Where it cannot be read at once, all that began meanwhile are asked for together. */
  async #askForStart(pid: number): Promise<void> {
    this.#unasked.add(pid);
    if (this.#isAsking) return;
    this.#isAsking = true;
    while (this.#unasked.size > 0) {
      const pids = [...this.#unasked];
      this.#unasked.clear();
      const starts = await this.#options.processes.starts(pids);
      for (const [began, start] of starts) {
        const entry = this.#entries.get(began);
        if (entry === undefined || entry.start !== null) continue;
        const known = { ...entry, start };
        this.#entries.set(began, known);
        this.#append("began", known);
      }
    }
    this.#isAsking = false;
  }

  #letGo(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }
}

function lineOf(kind: LedgerRecord["kind"], entry: LedgerEntry | LedgerStart): string {
  return `${JSON.stringify({ version: VERSION, kind, ...entry })}\n`;
}

function writeAll(fd: number, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let from = 0; from < bytes.length;) {
    const written = writeSync(fd, bytes, from);
    if (written === 0) throw new Error("the system takes no more bytes");
    from += written;
  }
}
