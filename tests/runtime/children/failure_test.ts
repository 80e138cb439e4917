import { assertEquals } from "@std/assert";
import { looksAborted, reportedPanic, thrownMessage } from "../../../src/runtime/children/failure.ts";

Deno.test("reportedPanic() trusts nothing that it is told", () => {
  const cases: readonly (readonly [unknown, unknown, string, string])[] = [
    ["TypeError", "no", "TypeError", "no"],
    ["a b/c", "two\nlines", "a_b_c", "two\\nlines"],
    ["", "", "Error", ""],
    [undefined, undefined, "Error", "gave no reason"],
    [{ toString: 1 }, 5, "Error", "gave no reason"],
    ["x".repeat(500), "x", "x".repeat(64), "x"],
  ];
  for (const [name, message, category, text] of cases) {
    assertEquals(reportedPanic(name, message), { kind: "panicked", failure: { kind: "panic", category, message: text } });
  }
});

Deno.test("thrownMessage() falls back to the name when there is no message", () => {
  assertEquals(thrownMessage(new TypeError("")), "TypeError");
});

Deno.test("looksAborted() recognizes abort errors only", () => {
  assertEquals(looksAborted(new DOMException("x", "AbortError")), true);
  assertEquals(looksAborted(new DOMException("x", "TimeoutError")), false);
  assertEquals(looksAborted({ name: "AbortError" }), false);
  assertEquals(looksAborted(undefined), false);
});
