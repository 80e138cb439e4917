import { assert, assertEquals, assertMatch } from "@std/assert";
import { grep } from "../../src/cli/grep.ts";

/** Whether a line fits, or why the pattern cannot be used. */
function fits(pattern: string, line: string): boolean | string {
  const found = grep(pattern);
  return typeof found === "string" ? found : found(line);
}

Deno.test("grep() takes plain patterns, groups, classes and short repetitions", () => {
  const lines: readonly (readonly [string, string, boolean])[] = [
    ["time(d )?out", "it timed out", true],
    ["^[(+*]+$", "(+*", true],
    ["(\\d{1,3}\\.){3}\\d+", "from 10.0.0.17", true],
    ["\\((a|b)\\)", "(b)", true],
    ["(?:error|warn).*disk", "a warning of the disk", true],
    ["\\p{Lu}+", "straße", false],
    ["x{2}", "axxa", true],
  ];
  for (const [pattern, line, expected] of lines) assertEquals(fits(pattern, line), expected, pattern);
});

Deno.test("grep() refuses what may take for ever, and what is no pattern", () => {
  for (const pattern of ["(a+)+$", "(a*)*", "((ab)+c)*", "(a|a)*$", "([a-z]+)+", "(a{1,99}){1,99}", "(?:x+x+)+y", "(\\(a+\\))*"]) {
    assertMatch(String(fits(pattern, "")), /may take for ever/, pattern);
  }
  for (const pattern of ["(", "[", "a{2,1}", "\\"]) assertMatch(String(fits(pattern, "")), /^Cannot use --grep/);
});

Deno.test("grep() looks at the beginning of long lines only, so that none takes long", () => {
  assertEquals(fits("end$", `${"x".repeat(1_000_000)}end`), false);
  const before = performance.now();
  assertEquals(fits(".*.*.*=", "x".repeat(1_000_000)), false);
  assertEquals(fits("a.*b.*c", "ab".repeat(500_000)), false);
  assert(performance.now() - before < 60_000);
});
