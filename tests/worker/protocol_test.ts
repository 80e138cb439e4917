import { assertEquals } from "@std/assert";
import { isReeveMessage } from "../../src/worker/mod.ts";

Deno.test("isReeveMessage() tells our messages from others, whatever their version", () => {
  const cases: readonly (readonly [unknown, boolean])[] = [
    [{ reeve: 1, type: "hello" }, true],
    [{ reeve: "99", type: 5 }, true],
    [{ type: "hello" }, false],
    [{ reeve: 1 }, false],
    [null, false],
    ["reeve", false],
    [undefined, false],
    [[1], false],
  ];
  for (const [value, expected] of cases) assertEquals(isReeveMessage(value), expected, JSON.stringify(value));
});
