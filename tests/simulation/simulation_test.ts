import { assert, assertEquals } from "@std/assert";
import { simulate } from "../../src/testing/mod.ts";
import { simulateWith } from "../../src/testing/simulation.ts";
import { MUTANTS } from "./mutants.ts";

const SEEDS = 3_000;

Deno.test(`simulate() finds no broken promise in ${SEEDS} seeds`, () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violations, features } = simulate(seed);
    assertEquals(violations, [], `seed ${seed} (${features.join(", ")}); replay: deno task simulate --seeds 1 --from ${seed}`);
  }
});

Deno.test("simulate() gives the same run for the same seed", () => {
  for (const seed of [7, 77, 777]) assertEquals(simulate(seed), simulate(seed));
});

Deno.test("simulate() turns every feature on and off", () => {
  const seen = new Map<string, number>();
  for (let seed = 1; seed <= 200; seed++) for (const feature of simulate(seed).features) seen.set(feature, (seen.get(feature) ?? 0) + 1);
  assertEquals(seen.size, 26);
  for (const [feature, count] of seen) assert(count > 10 && count < 190, `${feature} was on in ${count} of 200 runs`);
});

for (const mutant of MUTANTS) {
  Deno.test(`simulate() finds the planted fault: ${mutant.name}`, () => {
    let seed = 1;
    while (seed <= 2_000 && simulateWith(seed, mutant.step()).violations.length === 0) seed++;
    assert(seed <= 2_000, "not found within 2 000 seeds");
  });
}
