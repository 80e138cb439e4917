import { assertEquals } from "@std/assert";
import { ignoring } from "../../src/runtime/ignore.ts";

/** A pattern, what it takes, and what it leaves. */
const PATTERNS: readonly [pattern: string, taken: readonly string[], left: readonly string[]][] = [
  ["dist", ["dist", "dist/a.js", "a/dist/b.js"], ["distance", "a/dist.js"]],
  ["dist/", ["dist/a.js"], ["src/a.js"]],
  ["*.tmp", ["a.tmp", "a/b.tmp", "a.tmp/b"], ["a.tmpl", "tmp"]],
  ["dist/**", ["dist/a.js", "dist/a/b.js"], ["dist", "a/dist/b.js"]],
  ["./out/*.js", ["out/a.js"], ["out/a/b.js", "a/out/b.js", "out/a.ts"]],
  ["**/cache/*.bin", ["cache/a.bin", "a/b/cache/c.bin"], ["cache/a/b.bin", "mycache/a.bin"]],
  ["a/**/z", ["a/z", "a/b/z", "a/b/c/z/inside"], ["b/a/z", "az"]],
  ["a?c", ["abc"], ["ac", "abbc"]],
  ["a.c+(x)[1]", ["a.c+(x)[1]"], ["abc+(x)[1]", "a.ccx1"]],
  ["win\\path", ["win/path", "win/path/a"], ["win"]],
];

for (const [pattern, taken, left] of PATTERNS) {
  Deno.test(`ignore "${pattern}" takes ${taken.join(", ")}, and leaves ${left.join(", ")}`, () => {
    const ignores = ignoring([pattern]);
    assertEquals(taken.filter((path) => !ignores(path)), []);
    assertEquals(left.filter(ignores), []);
  });
}

Deno.test("what tools and editors keep beside files never counts", () => {
  const ignores = ignoring([]);
  const litter = [".git/HEAD", "a/node_modules/b.js", "a.ts~", ".a.ts.swp", ".#a.ts", "#a.ts#", "4913", "x/.DS_Store"];
  assertEquals(litter.filter((path) => !ignores(path)), []);
  assertEquals([".gitignore", "a.ts", ".env", "git", "a#b.ts"].filter(ignores), []);
});
