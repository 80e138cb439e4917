/** A supervisor that is killed in the middle of a reload: the next one finds whole files, and runs each child once. `deno task killed` does it at far more moments. */
import process from "node:process";
import { inFolder } from "../support/folder.ts";
import { KilledRuns, type Moment } from "../support/killed_runs.ts";

/** Some steps of each kind; two in a row without a reload that is over. */
const MOMENTS: readonly Moment[] = [
  { events: 1 },
  { file: "state.json.next", is: "there", time: 1 },
  { events: 9 },
  { file: "state.json.next", is: "gone", time: 1 },
  { events: 17 },
];

Deno.test({
  name: "killed at steps of a reload and of writing the state, the next run has whole files, holds who was held, and nobody runs twice",
  // Looks in /proc, and holds locks with flock.
  ignore: process.platform !== "linux",
  fn: () =>
    inFolder(async (folder) => {
      const runs = await KilledRuns.begin(folder);
      try {
        for (const moment of MOMENTS) await runs.round(moment);
        // Those that come to end what was left are killed too.
        await runs.round({ ms: 20 }, [300, 450, 600]);
        await runs.end();
      } finally {
        await runs.clear();
      }
    }),
});
