/** The audit while its file is slow, full, or there again. */
import { assertEquals } from "@std/assert";
import { type AuditFact, AuditTrail } from "../../src/observe/mod.ts";

const FILE = { backend: "file" } as const;

function fact(correlationId: string): AuditFact {
  return { kind: "intent", method: "command.pause_child", initiatorHash: "h", correlationId, allowed: true };
}

function idsIn(lines: readonly string[]): unknown[] {
  return lines.join("").split("\n").filter((line) => line !== "").map((line) => JSON.parse(line)["correlation_id"]);
}

/** Runs something after so many turns of the queue of microtasks. */
async function after(turns: number, run: () => void): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await null;
  run();
}

function macrotask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("a record that comes while the writing of the one before ends is written too, in whatever turn it comes", async () => {
  for (let turns = 0; turns < 12; turns++) {
    const lines: string[] = [];
    let finish = (): void => {};
    const append = (text: string): Promise<void> => {
      lines.push(text);
      return lines.length === 1 ? new Promise((resolve) => finish = resolve) : Promise.resolve();
    };
    const trail = new AuditTrail(FILE, { append });
    let written = 0;
    trail.intend(fact("first")).then(() => written++);
    await macrotask();
    finish();
    await after(turns, () => trail.intend(fact("second")).then(() => written++));
    await macrotask();
    assertEquals([turns, written, ...idsIn(lines)], [turns, 2, "first", "second"]);
  }
});
