/** What the audit keeps in memory is as small as what it shows, and costs little to look at. */
import { assert, assertEquals } from "@std/assert";
import process from "node:process";
import { piped } from "./piped.ts";

const FREE = { rateLimit: { enabled: false } } as const;

Deno.test("a record keeps only what it shows of an id, not the whole of it", async () => {
  const it = piped(FREE);
  const client = it.client();
  const before = process.memoryUsage().heapUsed;
  for (let count = 0; count < 8_192; count++) {
    await it.send(client, `{"request_id":"${String(count).padStart(40_000, "x")}","method":"hello"}`);
  }
  const held = (process.memoryUsage().heapUsed - before) / 1e6;
  assert(held < 160, `${held} MB are held for ${it.trail.records.length} records`);
});
