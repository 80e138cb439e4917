/** The lock of a file that serves one program: a folder beside it with one entry, whose name says who holds it. */
import { mkdir, readdir, rename, rm, rmdir, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { clearInterval, setInterval } from "node:timers";
import { setTimeout } from "node:timers/promises";
import { codeOf } from "../base/mod.ts";
import { exists } from "./children/process_group.ts";
import { isSameStart, kindOf, type ProcessReader } from "./process_reader.ts";

/** A lock that is held. */
export interface FileLock {
  /** Whether it still is: who cannot see this program, in another container for instance, may have taken it over. */
  isHeld(): Promise<boolean>;
  /** Gives it up, where it is still held. */
  release(): Promise<void>;
}

/** How a lock is kept and looked at; tests make it fast. */
export interface LockOptions {
  /** How often, in milliseconds, who holds it gives a sign. @default {4000} */
  readonly beatMs?: number;
  /** How long, in milliseconds, a sign is waited for where processes cannot be looked at. @default {10000} */
  readonly patienceMs?: number;
}

/** The entries that this program holds. */
const HELD = new Set<string>();

/** How often it is tried while others come and go. */
const MOST_TRIES = 20;

/**
 * Takes the lock of a file; rejects while another program, or another tree of this one, holds it.
 *
 * The entry is there from the moment on in which the folder appears. One that was left by a program that is gone is taken over by renaming it: of several who try
 * that, one succeeds. Where it cannot be seen whether a program is gone, as in Deno without permission to run anything, its sign is waited for.
 */
export async function lockFile(path: string, processes: ProcessReader, options: LockOptions = {}): Promise<FileLock> {
  const { beatMs = 4_000, patienceMs = 10_000 } = options;
  const folder = `${path}.lock`;
  const name = await ownName(processes);
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const holder = await holderOf(folder);
    if (holder === null) {
      if (await appears(folder, name)) return lockOf(folder, name, beatMs);
      continue;
    }
    const is = await lookAtHolder(holder, processes);
    if (is === "there" || (is === "unknown" && await givesSign(join(folder, holder), patienceMs))) {
      const who = Number.parseInt(holder) === process.pid ? "another tree of this program" : `process ${Number.parseInt(holder)}`;
      throw new Error(`${who} uses it ("${folder}"); one file serves one tree`);
    }
    if (await takeOver(folder, holder, name)) return lockOf(folder, name, beatMs);
  }
  throw new Error(`other programs are taking "${folder}"`);
}

/** Process id, start and a random part, in letters that every file system takes. */
async function ownName({ startNow, starts }: ProcessReader): Promise<string> {
  const { pid } = process;
  const start = startNow(pid) ?? (await starts([pid])).get(pid) ?? "";
  return `${pid},${start.replaceAll(" ", "_").replaceAll(":", ".")},${crypto.randomUUID()}`;
}

function startIn(text: string): string {
  const [kind = "", ...rest] = text.replaceAll("_", " ").split(".");
  return text === "" ? "" : `${kind}:${rest.join(":")}`;
}

/** Whether who holds a lock is still there. */
async function lookAtHolder(holder: string, processes: ProcessReader): Promise<"there" | "gone" | "unknown"> {
  const [id = "", began = ""] = holder.split(",");
  const [pid, start] = [Number(id), startIn(began)];
  if (HELD.has(holder)) return "there";
  if (!Number.isSafeInteger(pid) || pid <= 0) throw new Error("something that is no lock of ours is in the place of its lock");
  if (!exists(pid)) return "gone";
  const seen = await processes.look(pid, kindOf(start));
  if (seen === "gone" || seen === "unknown") return seen;
  if (seen.isOver) return "gone";
  if (start === "" || seen.start === null) return "unknown";
  if (isSameStart(seen.start, start)) return "there";
  // Systems work dates out of the calendar, which may have been set since. This very program knows what it holds.
  return kindOf(start) === "date" && pid !== process.pid ? "unknown" : "gone";
}

/** Whether the entry of a lock is touched; one that is taken away or over meanwhile is looked at anew. */
async function givesSign(entry: string, patienceMs: number): Promise<boolean> {
  const first = await touchedAtMs(entry);
  for (const giveUpAtMs = performance.now() + patienceMs; performance.now() < giveUpAtMs;) {
    await setTimeout(Math.min(200, patienceMs));
    const last = await touchedAtMs(entry);
    if (last === null || last !== first) return last !== null;
  }
  return false;
}

async function touchedAtMs(entry: string): Promise<number | null> {
  return await stat(entry).then(({ mtimeMs }) => mtimeMs, () => null);
}

async function holderOf(folder: string): Promise<string | null> {
  try {
    return (await readdir(folder))[0] ?? null;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

/** Makes the folder with its entry elsewhere and moves it to its place, where nothing is but an empty one. */
async function appears(folder: string, name: string): Promise<boolean> {
  const made = `${folder}.${name.slice(name.lastIndexOf(",") + 1)}`;
  try {
    await mkdir(made, { mode: 0o700 });
    await mkdir(join(made, name), { mode: 0o700 });
    await rename(made, folder);
    return true;
  } catch (error) {
    await rm(made, { recursive: true, force: true }).catch(() => {});
    if (["ENOTEMPTY", "EEXIST"].includes(codeOf(error) ?? "")) return false;
    throw error;
  }
}

async function takeOver(folder: string, holder: string, name: string): Promise<boolean> {
  try {
    await rename(join(folder, holder), join(folder, name));
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}

function lockOf(folder: string, name: string, beatMs: number): FileLock {
  const entry = join(folder, name);
  HELD.add(name);
  const beat = setInterval(() => {
    const now = new Date();
    // Who has lost the lock finds no entry of that name, and learns it when it writes.
    utimes(entry, now, now).catch(() => {});
  }, beatMs);
  beat.unref();
  return {
    isHeld: async () => await holderOf(folder) === name,
    async release(): Promise<void> {
      clearInterval(beat);
      HELD.delete(name);
      // Only what is ours: who has taken it over meanwhile keeps it.
      await rmdir(entry).then(() => rmdir(folder)).catch(() => {});
    },
  };
}
