/** The audit of a relay: what is kept of it, in memory and in its files. */
import { assert, assertEquals } from "@std/assert";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { AuditTrail, type ToldRecord } from "../../src/relay/audit.ts";
import type { AuditedCommand } from "../../src/relay/commander.ts";
import { NO_LOG } from "../../src/relay/log.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { inFolder } from "../support/folder.ts";

function factOf(number: number, reason = "a test"): AuditedCommand {
  return {
    clientIdentity: "token:ops",
    principal: "ops",
    source: "token",
    correlationId: null,
    targetId: "shop",
    commandId: `c${number}`,
    command: "pause_child",
    childPath: "/api",
    reason,
    result: "accepted",
    detail: null,
    count: null,
  };
}

/** The numbers of records. */
function numbersOf(records: readonly object[]): number[] {
  return records.map((record) => Number(String(Reflect.get(record, "command_id")).slice(1)));
}

const told = (records: readonly ToldRecord[]): number[] => numbersOf(records.map(({ audit }) => audit));

function upTo(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

Deno.test("audit: the last records are in memory, whether there is a file or not", async () => {
  const heard: ToldRecord[] = [];
  const trail = new AuditTrail({ clock: new VirtualClock(), log: NO_LOG, file: null, told: (record) => heard.push(record) });
  for (const number of upTo(1, 1_200)) assertEquals(await trail.record(factOf(number)), null);
  assertEquals([told(trail.recent), told(heard)], [upTo(201, 1_200), upTo(1, 1_200)]);
  for (const number of upTo(1, 200)) await trail.record(factOf(number, "x".repeat(100_000)));
  const kept = told(trail.recent);
  assertEquals(kept, upTo(kept[0] ?? 0, 200));
  assert(kept.length >= 5 && kept.length <= 10, String(kept.length));
  await trail.close();
});

Deno.test("audit: a file that is large is followed by a new one, and so many older ones are kept, with every line in its order", () =>
  inFolder(async (folder) => {
    const file = { path: join(folder, "audit.ndjson"), maxBytes: 20_000, keep: 2 };
    const trail = new AuditTrail({ clock: new VirtualClock(), log: NO_LOG, file, told: () => {} });
    await trail.open();
    for (const number of upTo(1, 300)) assertEquals(await trail.record(factOf(number)), null);
    await trail.close();
    assertEquals([trail.lost, trail.isFailing], [0, false]);
    const names = (await readdir(folder)).sort();
    assertEquals(names.length, 3, names.join(" "));
    const numbers: number[] = [];
    for (const name of names) {
      const text = await readFile(join(folder, name), "utf8");
      assert(text.length < 20_500 && text.endsWith("\n"), name);
      numbers.push(...numbersOf(text.trim().split("\n").map((line) => JSON.parse(line))));
    }
    numbers.sort((a, b) => a - b);
    assert(numbers.length > 100, String(numbers.length));
    assertEquals(numbers, upTo(300 - numbers.length + 1, 300));
  }));
