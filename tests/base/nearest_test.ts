/** The name a user probably meant: near enough, never far-fetched, and against a plain edit distance. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { didYouMean, nearestName } from "../../src/base/nearest.ts";

const CASES: readonly (readonly [string, readonly string[], string | undefined])[] = [
  ["reddis", ["redis", "rabbit"], "redis"],
  ["ingset", ["ingest"], "ingest"],
  ["REDIS", ["redis"], "redis"],
  ["restart_policy", ["restartPolicy", "readiness"], "restartPolicy"],
  ["kitten", ["sitting"], undefined],
  ["notifications", ["notifcation"], "notifcation"],
  ["web", ["api", "db"], undefined],
  ["db", ["ui"], undefined],
  ["a", ["b"], undefined],
  ["ab", ["a"], "a"],
  ["redis", ["redis"], undefined],
  ["redis", [], undefined],
  ["cat", ["bat", "car"], "bat"],
];

for (const [name, candidates, expected] of CASES) {
  Deno.test(`nearestName() finds ${expected} for ${name} among ${candidates.join(", ") || "nothing"}`, () => {
    assertEquals(nearestName(name, candidates), expected);
    assertEquals(didYouMean(name, candidates), expected === undefined ? undefined : `Did you mean "${expected}"?`);
  });
}

Deno.test("nearestName() takes any iterable", () => {
  assertEquals(nearestName("reddis", new Set(["redis"])), "redis");
});

Deno.test("nearestName() has no neighbours for endless names", () => {
  const long = "a".repeat(257);
  assertEquals(nearestName(long, [`${long}b`]), undefined);
  assertEquals(nearestName(long.slice(1), [long]), long);
});

/** The distance by its definition: edits, and swaps of two neighbours. */
function distance(a: string, b: string): number {
  if (a === "" || b === "") return a.length + b.length;
  const [x, y] = [a.slice(0, -1), b.slice(0, -1)];
  let best = Math.min(distance(x, b) + 1, distance(a, y) + 1, distance(x, y) + (a.at(-1) === b.at(-1) ? 0 : 1));
  if (a.length > 1 && b.length > 1 && a.at(-1) === b.at(-2) && a.at(-2) === b.at(-1)) {
    best = Math.min(best, distance(a.slice(0, -2), b.slice(0, -2)) + 1);
  }
  return best;
}

Deno.test("nearestName() agrees with the definition of the distance", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 6 });
  fc.assert(fc.property(word, fc.uniqueArray(word, { maxLength: 4 }), (name, candidates) => {
    const others = candidates.filter((candidate) => candidate !== name);
    const near = others.map((candidate) => ({ candidate, edits: distance(name, candidate) }))
      .filter(({ candidate, edits }) => edits <= 2 && 2 * edits <= Math.max(name.length, candidate.length))
      .sort((a, b) => a.edits - b.edits || others.indexOf(a.candidate) - others.indexOf(b.candidate));
    assertEquals(nearestName(name, candidates), near[0]?.candidate);
  }));
});
