import { assertEquals } from "@std/assert";
import { isOlder } from "../../src/platform/version.ts";

Deno.test("isOlder() compares the parts as numbers", () => {
  const cases: readonly (readonly [string, boolean])[] = [
    ["2.7.13", true],
    ["2.7.14", false],
    ["2.10.0", false],
    ["3.0.0", false],
    ["1.99.99", true],
    ["2.7.14-rc.1", false],
    ["2.8", false],
  ];
  for (const [version, older] of cases) assertEquals(isOlder(version, [2, 7, 14]), older, version);
});
