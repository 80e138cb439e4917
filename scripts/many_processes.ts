/**
 * Supervises many processes at once with logs, health checks, journal and state, and prints what that takes: `deno task many --children 500`.
 *
 * Fails when one that was killed does not come back exactly once, when a new file touches who is the same, and when anything is left.
 * `--reeve "node npm/esm/src/cli/bin.js"` runs the command of the npm package instead.
 */
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { runMany } from "../tests/support/many_processes.ts";
import { ROOT } from "./runner.ts";

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: { children: { type: "string", default: "500" }, reeve: { type: "string" } },
});
const count = Number(values.children);
// A path is that of a file of the project; the tree runs in a folder of its own.
const reeve = values.reeve?.split(" ").map((part) => part.includes("/") ? join(ROOT, part) : part);

try {
  const { readyMs, memoryMib, descriptors, restartsMs, reloadMs, stopMs } = await runMany({
    count,
    kills: Math.ceil(count / 10),
    changes: Math.ceil(count / 50),
    reeve,
  });
  const [p50 = 0, most = 0] = [restartsMs[restartsMs.length >> 1], restartsMs.at(-1)];
  console.log(
    `${count} processes: all ready after ${readyMs} ms, ${memoryMib.toFixed(0)} MiB, ${descriptors} descriptors; ` +
      `${restartsMs.length} killed at once were ready again after ${p50} ms (p50), ${most} ms (last); ` +
      `a new file for ${Math.ceil(count / 50)} took ${reloadMs.toFixed(0)} ms, the stop ${
        stopMs.toFixed(0)
      } ms; nobody twice, nobody touched or left`,
  );
  console.log("1 passed, 0 failed");
} catch (error) {
  console.error(`many processes: ${error instanceof Error ? error.message : error}\n0 passed, 1 failed`);
  process.exitCode = 1;
}
