/** Readers of a bus in which nothing happens leave nothing behind when they go. */
import { assertEquals } from "@std/assert";
import { Bus } from "../../src/observe/mod.ts";

Deno.test("a reader that goes while nothing comes is forgotten, whether it was aborted or stopped reading", async () => {
  const bus = new Bus<{ readonly seq: number }>(8);
  for (let count = 0; count < 100; count++) {
    const over = new AbortController();
    const aborted = bus.read({ signal: over.signal }).next();
    const stopped = bus.read();
    const last = stopped.next();
    await null;
    assertEquals(bus.waiting, 2);
    over.abort();
    await stopped.return?.();
    assertEquals([(await aborted).done, (await last).done], [true, true]);
  }
  assertEquals(bus.waiting, 0);
});

Deno.test("a reader that waits is woken once for what comes", async () => {
  const bus = new Bus<{ readonly seq: number }>(8);
  const reader = bus.read();
  const next = reader.next();
  bus.publish({ seq: 1 });
  assertEquals(bus.waiting, 0);
  assertEquals((await next).value, { seq: 1 });
});
