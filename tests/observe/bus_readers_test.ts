/** Readers of a bus in which nothing happens leave nothing behind when they go. */
import { assertEquals } from "@std/assert";
import { seededRandom } from "../../src/base/mod.ts";
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

Deno.test("those that wait are woken whoever of them goes before, in whatever order", async () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = seededRandom(seed);
    const bus = new Bus<{ readonly seq: number }>(8);
    const readers = Array.from({ length: 12 }, () => bus.read({ since: "now" }));
    const waiting = new Map(readers.map((reader) => [reader, reader.next()]));
    for (let seq = 1; waiting.size > 0; seq++) {
      const leaving = [...waiting].filter(() => random() < 0.3);
      for (const [reader, last] of leaving) {
        await reader.return?.();
        assertEquals((await last).done, true);
        waiting.delete(reader);
      }
      assertEquals(bus.waiting, waiting.size, `seed ${seed}`);
      bus.publish({ seq });
      // Some go between what was told and their turn.
      const [hasty] = waiting;
      if (hasty !== undefined && random() < 0.5) {
        await hasty[0].return?.();
        waiting.delete(hasty[0]);
      }
      for (const [reader, next] of waiting) {
        assertEquals((await next).value, { seq }, `seed ${seed}`);
        waiting.set(reader, reader.next());
      }
    }
    assertEquals(bus.waiting, 0);
  }
});
