/** What a process in the background tells whoever started it: a small file, since nothing else is open between them. */
import { lstat, readFile, rename, rm, writeFile } from "node:fs/promises";
import process from "node:process";

/** How it is. */
export interface StartReport {
  /** `late` when not everything was ready in time. */
  readonly state: "running" | "ready" | "late" | "ended";
  /** Where the run can be asked. */
  readonly socket: string | null;
  /** Its exit code, once it has ended. */
  readonly exitCode: number | null;
  /** Whether all was ready at some time. */
  readonly wasReady: boolean;
  /** What it said meanwhile, and what is missing. */
  readonly said: string;
}

/** Tells it; where nobody waits any more, nothing is written. */
export async function tellReport(path: string, report: StartReport): Promise<void> {
  const beside = `${path}.${process.pid}`;
  try {
    await lstat(path);
    await writeFile(beside, JSON.stringify(report), { mode: 0o600 });
    await rename(beside, path);
  } catch {
    await rm(beside, { force: true }).catch(() => {});
  }
}

/** The last report; `null` where there is none yet. */
export async function readReport(path: string): Promise<StartReport | null> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text === "" ? null : JSON.parse(text);
}
