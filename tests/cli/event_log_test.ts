import { assertEquals, assertMatch } from "@std/assert";
import { eventLog, type LogItem } from "../../src/cli/event_log.ts";
import { inOrder } from "../../src/cli/ordered.ts";
import { renderTable } from "../../src/cli/table.ts";
import { RecordingIo } from "./helpers.ts";
import { POLICY_OF_NO_ROLE } from "../support/policies.ts";

const base = { seq: 1, atMs: 1_234, path: "/web", correlation: 1, generation: 0, attempt: 3 };
const failed: LogItem = {
  ...base,
  type: "child_failed",
  exit: { kind: "failed", failure: { kind: "error", category: "exit_code", message: "exited with code 3" } },
  exitClass: "nonzero_exit",
  uptimeMs: 10,
  limit: { used: 1, limit: 3 },
  decision: { action: "restart", reason: "within_restart_budget", delayMs: 2_000, retryAtMs: 3_234 },
  policy: POLICY_OF_NO_ROLE,
  group: null,
};

function lineOf(item: LogItem, verbose = false): string {
  return eventLog({ io: new RecordingIo(), verbose, wallAt: (atMs) => atMs, width: 8 })(item);
}

Deno.test("eventLog() says when, who, what, why, and when it comes back", () => {
  assertMatch(
    lineOf(failed),
    /^\d\d:\d\d:01\.234 ✗ \/web {6}failed: exited with code 3 after 10 ms \(failure 1, limit 3\); back in 2 s \(\d\d:\d\d:03\)\n$/,
  );
});

Deno.test("eventLog() leaves out steps in between unless they are wanted", () => {
  const step: LogItem = { ...base, type: "child_running" };
  assertEquals(lineOf(step), "");
  assertMatch(lineOf(step, true), /running, not ready yet/);
});

Deno.test("eventLog() shows output beside its child, and what was missed", () => {
  assertMatch(
    lineOf({ seq: 1, atMs: 0, path: "/web", generation: 0, attempt: 1, stream: "stdout", line: "hello" }),
    / │ \/web {6}hello\n$/,
  );
  assertMatch(lineOf({ type: "gap", from: 1, to: 9 }), /9 events were missed/);
});

Deno.test("inOrder() merges streams by time", async () => {
  async function* stream(...times: number[]): AsyncGenerator<number> {
    for (const time of times) yield await Promise.resolve(time);
  }
  const shown: number[] = [];
  await inOrder([stream(1, 4, 5), stream(2, 3, 6)], (item) => item, (item) => shown.push(item));
  assertEquals(shown, [1, 2, 3, 4, 5, 6]);
});

Deno.test("renderTable() makes columns as wide as their widest cell, colours not counted", () => {
  const red = `${String.fromCharCode(27)}[31mx${String.fromCharCode(27)}[0m`;
  assertEquals(renderTable(["A", "LONG", "B"], [["12345", red, "y"]]), `A      LONG  B\n12345  ${red}     y\n`);
});

const CONTROLS = /(?!\n)\p{Cc}/u;

Deno.test("eventLog() uses colors only where they are wanted", () => {
  const colored = eventLog({ io: new RecordingIo(true), verbose: false, wallAt: (atMs) => atMs, width: 8 })(failed);
  assertMatch(colored, new RegExp(`${String.fromCharCode(27)}\\[31m✗`));
  assertEquals(CONTROLS.test(lineOf(failed)), false);
});

Deno.test("eventLog() never writes control characters that came from outside", () => {
  const hostile = `${String.fromCharCode(27)}[2J${String.fromCharCode(7)}\r\nnext`;
  const cause = { kind: "shutdown", requestedBy: hostile, reason: hostile } as const;
  const items: readonly LogItem[] = [
    { ...base, type: "shutdown_requested", cause, forced: false },
    { ...base, type: "child_unhealthy", reason: hostile },
    { ...base, type: "supervisor_escalated", child: "/web", reason: hostile, policy: "escalate_to_parent" },
    { seq: 1, atMs: 0, path: "/web", generation: 0, attempt: 1, stream: "stdout", line: hostile },
  ];
  for (const item of items) {
    const line = lineOf(item);
    assertEquals(CONTROLS.test(line), false, JSON.stringify(line));
    assertEquals(line.indexOf("\n"), line.length - 1, "one item must be one line");
  }
});
