/** Runs many seeds: `deno task simulate --seeds 100000 --from 1`, with `--children 200` for large trees; prints how to replay each seed that fails. */
import { parseArgs } from "node:util";
import { simulate } from "../src/testing/mod.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: { seeds: { type: "string", default: "10000" }, from: { type: "string", default: "1" }, children: { type: "string" } },
});
const from = Number(values.from);
const count = Number(values.seeds);
const children = values.children === undefined ? undefined : Number(values.children);
const start = performance.now();
let seeds = 0;
let steps = 0;
let failures = 0;
for (let seed = from; seed < from + count; seed++) {
  const result = simulate(seed, { children });
  seeds++;
  steps += result.steps;
  if (result.violations.length === 0) continue;
  failures++;
  console.log(`seed ${seed} (${result.features.join(", ")}):`);
  for (const violation of result.violations.slice(0, 3)) console.log(`  ${violation}`);
  console.log(`  replay: deno task simulate --seeds 1 --from ${seed}${children === undefined ? "" : ` --children ${children}`}`);
  if (failures >= 10) break;
}
const seconds = (performance.now() - start) / 1000;
console.log(`${seeds} seeds, ${steps} steps, ${failures} failures, ${seconds.toFixed(1)} s`);
Deno.exit(failures === 0 ? 0 : 1);
