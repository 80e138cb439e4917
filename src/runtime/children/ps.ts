/** Runs `ps`, for whoever cannot read `/proc`. */
import { execFile } from "node:child_process";
import process from "node:process";

/** Longest time in milliseconds, and most bytes, of one run. */
const PS_MS = 5_000;
const PS_BYTES = 16 * 1024 * 1024;

/**
 * What `ps` says, with times and words that are the same wherever it runs; rejects where it cannot be run, or complains. It ends with 1 where
 * it found nobody, which is an answer as well.
 */
export function runPs(...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    // Nothing else goes along: `COLUMNS` would cut the lines.
    const env = { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" };
    execFile("ps", args, { env, timeout: PS_MS, maxBuffer: PS_BYTES, killSignal: "SIGKILL" }, (error, stdout, stderr) => {
      if (error === null || (error.code === 1 && stderr === "")) resolve(stdout);
      else reject(error);
    });
  });
}
