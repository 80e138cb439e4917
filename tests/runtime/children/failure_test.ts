import { ChildError } from "../../../mod.ts";
import { assertEquals } from "@std/assert";
import { looksAborted, thrownMessage } from "../../../src/base/mod.ts";
import { panicExit, reportedPanic } from "../../../src/runtime/children/failure.ts";

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

Deno.test("panicExit() hears what a ChildError says, of this copy of the package or another, and nothing that only looks like one", () => {
  const own = panicExit(new ChildError("fatal_bug", "the index is broken"));
  assertEquals(own, { kind: "panicked", failure: { kind: "fatal_bug", category: "fatal_bug", message: "the index is broken" } });
  const foreign = Object.assign(new Error("x"), { [Symbol.for("@reeve/supervisor/child-error-kind")]: "fatal_config" });
  assertEquals("failure" in panicExit(foreign) && panicExit(foreign), {
    kind: "panicked",
    failure: { kind: "fatal_config", category: "fatal_config", message: "x" },
  });
  for (
    const other of [Object.assign(new Error("x"), { kind: "fatal_config" }), {
      [Symbol.for("@reeve/supervisor/child-error-kind")]: "fatal",
    }]
  ) {
    const exit = panicExit(other);
    assertEquals("failure" in exit && exit.failure.kind, "panic");
  }
});
