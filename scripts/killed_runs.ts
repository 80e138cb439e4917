/**
 * Kills `reeve run` at each step of a reload, of writing its files and of starting, and starts it again: `deno task killed --rounds 300`.
 *
 * Fails when a file is torn, a hold is lost, an event or record is missing or there twice, or a child runs twice, not at all, or as it was declared before.
 * `--reeve "node npm/esm/src/cli/bin.js"` runs the command of the npm package instead.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { ROOT } from "./runner.ts";
import { KilledRuns, type Moment } from "../tests/support/killed_runs.ts";

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: { rounds: { type: "string", default: "100" }, reeve: { type: "string" } },
});
const rounds = Number(values.rounds);
// A path is that of a file of the project; the tree runs in a folder of its own.
const reeve = values.reeve?.split(" ").map((part) => part.includes("/") ? join(ROOT, part) : part);

/** How many events and milliseconds a reload has, about. */
const [MOST_EVENTS, MOST_MS] = [30, 700];
const FILES = ["state.json.next", "state.json.processes.next"];

function momentOf(round: number): Moment {
  const step = Math.floor(round / 3);
  switch (round % 3) {
    case 0:
      return { events: 1 + step % MOST_EVENTS };
    case 1:
      // With steps that share no factor with the whole, so that each round is another moment.
      return { ms: (step * 37.3) % MOST_MS };
    default:
      return { file: FILES[step % 5 === 4 ? 1 : 0]!, is: step % 2 === 0 ? "there" : "gone", time: 1 + step % 3 };
  }
}

const folder = await mkdtemp(join(tmpdir(), "reeve-killed-"));
const runs = await KilledRuns.begin(folder, { reeve });
try {
  const startedAtMs = performance.now();
  let starts = 0;
  for (let round = 0; round < rounds; round++) {
    const startsMs = round % 4 === 3 ? [200 + (round * 41) % 500, 200 + (round * 73) % 700] : [];
    starts += startsMs.length;
    await runs.round(momentOf(round), startsMs);
  }
  await runs.end();
  const seconds = (performance.now() - startedAtMs) / 1_000;
  console.log(
    `killed ${rounds} times in a reload and ${starts} times while it started, in ${seconds.toFixed(0)} s: nothing torn, lost or doubled`,
  );
  console.log("1 passed, 0 failed");
} catch (error) {
  console.error(`killed runs: ${error instanceof Error ? error.message : error}\n0 passed, 1 failed`);
  process.exitCode = 1;
} finally {
  await runs.clear();
  await rm(folder, { recursive: true });
}
