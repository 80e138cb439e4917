import { assertEquals } from "@std/assert";
import { simulate } from "../../src/testing/mod.ts";

/** Seeds that found something, with what it was. */
const SEEDS: readonly [number, string][] = [
  [3, "a heartbeat timer that fired a hair too early was set to the same moment again, for ever"],
  [15, "the same in a nested supervisor"],
];

for (const [seed, found] of SEEDS) {
  Deno.test(`seed ${seed}: ${found}`, () => assertEquals(simulate(seed).violations, []));
}
