import { assertEquals } from "@std/assert";
import { classifyExit, isFailure } from "../../src/core/mod.ts";
import type { Exit, ExitClass, Failure } from "../../src/event/mod.ts";

function failed(kind: Failure["kind"]): Exit {
  return { kind: "failed", failure: { kind, category: "test", message: "it broke" } };
}

/** core.md 8.1: the class without and with a stop that somebody wanted. */
const ROWS: readonly [name: string, exit: Exit, unwanted: ExitClass, wanted: ExitClass][] = [
  ["succeeded", { kind: "succeeded" }, "success", "success"],
  ["cancelled", { kind: "cancelled" }, "external_cancel", "manual_stop"],
  ["killed", { kind: "killed" }, "external_cancel", "manual_stop"],
  ["failed as cancelled", failed("cancelled"), "external_cancel", "manual_stop"],
  ["failed as timeout", failed("timeout"), "timeout", "timeout"],
  ["failed with an error", failed("error"), "nonzero_exit", "nonzero_exit"],
  ["failed as unhealthy", failed("unhealthy"), "nonzero_exit", "nonzero_exit"],
  ["panicked", { kind: "panicked", failure: { kind: "panic", category: "TypeError", message: "x" } }, "panic", "panic"],
  ["timed out", { kind: "timed_out", failure: { kind: "timeout", category: "run_timeout", message: "x" } }, "timeout", "timeout"],
];

for (const [name, exit, unwanted, wanted] of ROWS) {
  Deno.test(`classifyExit() says ${unwanted} when a child ${name}, and ${wanted} when it was asked to stop`, () => {
    assertEquals([classifyExit(exit, false), classifyExit(exit, true)], [unwanted, wanted]);
  });
}

const COUNTS: readonly [ExitClass, boolean][] = [
  ["success", false],
  ["manual_stop", false],
  ["external_cancel", false],
  ["timeout", true],
  ["panic", true],
  ["nonzero_exit", true],
];

for (const [exitClass, counts] of COUNTS) {
  Deno.test(`isFailure() says ${counts ? "yes" : "no"} to ${exitClass}`, () => assertEquals(isFailure(exitClass), counts));
}
