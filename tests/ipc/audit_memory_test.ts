/** What the audit keeps in memory is as small as what it shows, and costs little to look at. */
import { assert, assertEquals } from "@std/assert";
import process from "node:process";
import { piped } from "./piped.ts";

const FREE = { rateLimit: { enabled: false } } as const;

Deno.test("a record keeps only what it shows of an id, not the whole of it", async () => {
  const it = piped({ ...FREE, idempotency: { enabled: false }, replayProtection: { enabled: false } });
  const client = it.client();
  const before = process.memoryUsage().heapUsed;
  for (let count = 0; count < 8_192; count++) {
    await it.send(client, `{"request_id":"${String(count).padStart(40_000, "x")}","method":"command.pause_child","params":{}}`);
  }
  const held = (process.memoryUsage().heapUsed - before) / 1e6;
  assert(held < 160, `${held} MB are held for ${it.trail.records.length} records`);
});

Deno.test("records that are looked at again and again are made once, and only those that are asked for", async () => {
  const it = piped(FREE);
  const client = it.client();
  for (let count = 0; count < 10; count++) await it.send(client, { request_id: `${count}`, method: "hello" });
  const { records } = it.trail;
  assertEquals(it.trail.recordsAfter(7, 10).map(({ sequence }) => sequence), [8, 9, 10]);
  assertEquals(it.trail.recordsAfter(0, 2).map(({ sequence }) => sequence), [9, 10]);
  assertEquals([it.trail.recordsAfter(10, 2).length, it.trail.recordsAfter(99, 2).length, it.trail.recordsAfter(3, 0).length], [0, 0, 0]);
  assert(it.trail.recordsAfter(0, 10).every((record, index) => record === records[index]), "a record was made anew");
});

Deno.test("no crowd of reads pushes the records of commands out, and what is shown is in order all the same", async () => {
  const it = piped(FREE);
  const client = it.client();
  await it.send(client, { request_id: "a", method: "command.pause_child", params: {} });
  for (let count = 0; count < 3_000; count++) await it.send(client, { request_id: `${count}`, method: "hello" });
  await it.send(client, { request_id: "b", method: "command.resume_child", params: {} });
  const { records } = it.trail;
  assertEquals(records.filter(({ kind }) => kind !== "read").map(({ kind, correlationId }) => `${kind} ${correlationId}`), [
    "intent a",
    "outcome a",
    "intent b",
    "outcome b",
  ]);
  const numbers = records.map(({ sequence }) => sequence);
  assertEquals(numbers, [...numbers].sort((a, b) => a - b));
  assertEquals([numbers.length, numbers[2], numbers.at(-1)], [1_028, 3_002 - 1_024 + 1, 3_004]);
});
