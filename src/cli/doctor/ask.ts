/** Asks programs of the system. */
import { execFile } from "node:child_process";
import process from "node:process";
import { platform } from "../../platform/mod.ts";

const LIMIT_MS = 3_000;

/** What a command says; `null` where it is not there, fails, or may not be run. */
export function ask(command: string, ...args: readonly string[]): Promise<string | null> {
  if (!platform.mayRun(command)) return Promise.resolve(null);
  return new Promise((resolve) => {
    const env = { PATH: process.env["PATH"], LC_ALL: "C" };
    execFile(
      command,
      [...args],
      { env, timeout: LIMIT_MS, killSignal: "SIGKILL" },
      (error, stdout) => resolve(error === null ? stdout : null),
    );
  });
}
