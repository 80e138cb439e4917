/** What is written down of every addition before and after, so that one that a crash cut short is known at the next start. */
import { copyFile, link, readFile, rename, rm } from "node:fs/promises";
import { appendLines, sizeOf } from "../observe/mod.ts";

/** What was to be added, and what became of it. */
export interface AdditionRecord {
  /** The same in all records of one addition. */
  readonly transactionId: string;
  /** Under way, done, or undone. */
  readonly state: "pending" | "committed" | "compensated";
  /** Path of the child. */
  readonly path: string;
  /** SHA-256 of its declaration. */
  readonly specHash: string;
  /** Who asked. */
  readonly by: string;
  /** Why. */
  readonly reason: string;
  /** Why it was undone, else `null`. */
  readonly error: string | null;
  /** When the record was written, in milliseconds since the Unix epoch. */
  readonly atMs: number;
}

/** Where additions are written down; {@linkcode fileAdditionLog} is one. */
export interface AdditionLog {
  /** Writes a record; resolves when it survives a crash of the program, rejects when it cannot be written. */
  write(record: AdditionRecord): Promise<void>;
  /** The additions of which nobody knows what became of them. */
  pending(): Promise<readonly AdditionRecord[]>;
}

/** Options of {@linkcode fileAdditionLog}. */
export interface FileAdditionLogOptions {
  /** Size in bytes at which the file becomes `PATH.1`, and a new one begins. @default {1048576} */
  readonly maxBytes?: number;
}

/** Version of the lines; newer ones are refused by name. */
const VERSION = 1;

/** Largest file that is read, in bytes: what is longer was not written by us. */
const LARGEST = 64 * 1024 * 1024;

/**
 * Writes additions to a file, a line of JSON each, readable by its owner only; a line counts when it is on the disk.
 *
 * One file serves one tree. Each line has a version; a file with newer ones is refused. A last line that a crash cut off is no record; other lines that are none are passed over.
 *
 * @example
 * ```ts ignore
 * import { fileAdditionLog, supervise } from "@reeve/supervisor";
 *
 * await using tree = await supervise({ children: [] }, { additionLog: fileAdditionLog("additions.jsonl") });
 * ```
 */
export function fileAdditionLog(path: string, { maxBytes = 1024 * 1024 }: FileAdditionLogOptions = {}): AdditionLog {
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work);
    turn = result.catch(() => {});
    return result;
  };
  return {
    write: (record) =>
      inTurn(async () => {
        if (await sizeOf(path) >= maxBytes) await beginAnew(path);
        await appendLines(path, linesOf([record]));
      }),
    pending: () => inTurn(() => pendingIn(path)),
  };
}

/** What is still under way goes along into the new file. */
async function beginAnew(path: string): Promise<void> {
  const pending = await pendingIn(path);
  const next = `${path}.next`;
  try {
    await appendLines(next, linesOf(pending), { isNew: true });
    // A program that is killed between any two of these leaves the old file or the new one in its place.
    await rm(`${path}.1`, { force: true });
    await link(path, `${path}.1`).catch(() => copyFile(path, `${path}.1`));
    await rename(next, path);
  } catch (error) {
    await rm(next, { force: true }).catch(() => {});
    throw error;
  }
}

function linesOf(records: readonly AdditionRecord[]): string {
  return records.map((record) => `${JSON.stringify({ version: VERSION, ...record })}\n`).join("");
}

async function pendingIn(path: string): Promise<AdditionRecord[]> {
  const size = await sizeOf(path);
  if (size > LARGEST) throw new Error(`it has ${size} bytes, must have at most ${LARGEST}`);
  if (size === 0) return [];
  const newest = new Map<string, AdditionRecord>();
  for (const line of (await readFile(path, "utf8")).split("\n")) {
    const record = recordOf(line);
    if (record === null) continue;
    if (record.state === "pending") newest.set(record.transactionId, record);
    else newest.delete(record.transactionId);
  }
  return [...newest.values()];
}

/** The record in a line, `null` where there is none. */
function recordOf(line: string): AdditionRecord | null {
  const value = parsed(line);
  if (typeof value !== "object" || value === null) return null;
  const { version, ...record } = { version: undefined, ...value };
  if (typeof version !== "number") return null;
  if (version > VERSION) throw new Error(`it was written by a newer version (${version}), must be at most ${VERSION}`);
  return isRecord(record) ? record : null;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

function isRecord(value: object): value is AdditionRecord {
  const texts = ["transactionId", "path", "specHash", "by", "reason"].every((key) => typeof Reflect.get(value, key) === "string");
  return texts && ["pending", "committed", "compensated"].includes(Reflect.get(value, "state"));
}
