/** A file with the number of the process that runs a tree: nobody else takes it while that process lives. */
import { execFile } from "node:child_process";
import { link, lstat, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import process from "node:process";
import { codeOf } from "../../base/mod.ts";

/** A taken file. */
export interface PidFile {
  /** Removes it, unless somebody else has it by now. */
  release(): Promise<void>;
}

/** Thrown where the process of the file lives. */
export class AlreadyRuns extends Error {
  override readonly name = "AlreadyRuns";
  readonly pid: number;

  constructor(path: string, pid: number) {
    super(`"${path}" is that of process ${pid}, which runs; stop it with: kill ${pid}, or give another --pid-file`);
    this.pid = pid;
  }
}

/** Writes the file at once and whole; rejects with {@linkcode AlreadyRuns}. What a process left that is gone is replaced. */
export async function takePidFile(path: string, pid = process.pid): Promise<PidFile> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const own = `${path}.${pid}.new`;
  // Whoever may write in the folder must not have the number written through a link.
  await rm(own, { force: true });
  await writeFile(own, `${pid}\n`, { flag: "wx", mode: 0o644 });
  try {
    while (!await put(own, path)) {
      const owner = await ownerOf(path);
      if (owner !== null) throw new AlreadyRuns(path, owner);
      await takeAway(path, `${own}.old`);
    }
  } finally {
    await rm(own, { force: true });
  }
  return {
    async release(): Promise<void> {
      if (await read(path) === pid) await rm(path, { force: true });
    },
  };
}

async function put(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Somebody may have put a new one there since the old one was looked at: that one comes back. */
async function takeAway(path: string, aside: string): Promise<void> {
  try {
    await rename(path, aside);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return;
    throw error;
  }
  if (await ownerOf(aside) !== null) await put(aside, path);
  await rm(aside, { force: true });
}

async function read(path: string): Promise<number | null> {
  const text = await readFile(path, "utf8").catch(() => "");
  const pid = Number(/^\s*(\d+)\s*$/.exec(text)?.[1] ?? 0);
  return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
}

/** Clocks and ages are told in whole seconds. */
const SLACK_MS = 2_000;

/** The process of a file, where it lives; `null` where the file is nobody's, also when another process has that number by now. */
export async function ownerOf(path: string): Promise<number | null> {
  const pid = await read(path);
  if (pid === null || !lives(pid)) return null;
  // Read before the age, so that a slow answer makes it older, and not younger than its own file.
  const nowMs = Date.now();
  const [written, age] = await Promise.all([lstat(path).catch(() => null), ageOf(pid)]);
  // Whoever wrote the file was there before it.
  if (written !== null && age !== null && nowMs - age > written.mtimeMs + SLACK_MS) return null;
  return pid;
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM" || !["ESRCH", "EINVAL"].includes(codeOf(error) ?? "");
  }
}

/** For how long a process has lived, in milliseconds; `null` where nobody tells it. */
function ageOf(pid: number): Promise<number | null> {
  return new Promise((resolve) => {
    try {
      execFile(
        "ps",
        ["-o", "etime=", "-p", `${pid}`],
        { timeout: 2_000 },
        (error, stdout) => resolve(error === null ? elapsedMs(stdout) : null),
      );
    } catch {
      // It may not be run.
      resolve(null);
    }
  });
}

/** Reads `[[days-]hours:]minutes:seconds`. */
export function elapsedMs(text: string): number | null {
  const [, days = 0, hours = 0, minutes, seconds] = /^\s*(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)\s*$/.exec(text) ?? [];
  if (minutes === undefined || seconds === undefined) return null;
  return 1_000 * (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds));
}
