import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Bus, type Since } from "../../src/observe/mod.ts";
import type { GapMarker } from "../../src/event/mod.ts";

interface Item {
  readonly seq: number;
}

function busOf(capacity: number, count: number): Bus<Item> {
  const bus = new Bus<Item>(capacity);
  for (let seq = 1; seq <= count; seq++) bus.publish({ seq });
  return bus;
}

function show(item: Item | GapMarker): string {
  return "type" in item ? `gap ${item.from}-${item.to}` : String(item.seq);
}

async function readAll(bus: Bus<Item>, since?: Since, filter?: (item: Item) => boolean): Promise<string[]> {
  const items: string[] = [];
  for await (const item of bus.read({ since, filter })) items.push(show(item));
  return items;
}

Deno.test("read() starts from what the ring has, with a gap marker for what it has no more", async () => {
  const bus = busOf(3, 5);
  bus.close();
  assertEquals(await readAll(bus), ["gap 1-2", "3", "4", "5"]);
  assertEquals(await readAll(bus, 0), ["gap 1-2", "3", "4", "5"]);
  assertEquals(await readAll(bus, 4), ["5"]);
  assertEquals(await readAll(bus, "now"), []);
});

Deno.test("read() goes on with what is published later, without gap and without double", async () => {
  const bus = busOf(8, 2);
  const reading = readAll(bus);
  for (let seq = 3; seq <= 6; seq++) {
    bus.publish({ seq });
    await Promise.resolve();
  }
  bus.close();
  assertEquals(await reading, ["1", "2", "3", "4", "5", "6"]);
});

Deno.test("read() tells a reader that was overtaken exactly what it missed", async () => {
  const bus = busOf(4, 2);
  const reader = bus.read();
  assertEquals(show((await reader.next()).value), "1");
  for (let seq = 3; seq <= 10; seq++) bus.publish({ seq });
  bus.close();
  const rest: string[] = [];
  for await (const item of reader) rest.push(show(item));
  assertEquals(rest, ["gap 2-6", "7", "8", "9", "10"]);
});

Deno.test("read() passes over what the filter refuses, and that is no gap", async () => {
  const bus = busOf(10, 6);
  bus.close();
  assertEquals(await readAll(bus, "start", ({ seq }) => seq % 2 === 0), ["2", "4", "6"]);
});

Deno.test("read() ends when its signal aborts, also while it waits", async () => {
  const bus = busOf(4, 1);
  const stop = new AbortController();
  const reader = bus.read({ signal: stop.signal });
  await reader.next();
  const waiting = reader.next();
  stop.abort();
  assertEquals((await waiting).done, true);
  assertEquals((await bus.read({ signal: stop.signal }).next()).done, true);
});

Deno.test("read() ends a waiting reader when it returns", async () => {
  const reader = busOf(4, 0).read();
  const waiting = reader.next();
  await reader.return?.();
  assertEquals((await waiting).done, true);
});

Deno.test("a slow reader costs the others nothing", async () => {
  const bus = busOf(16, 0);
  const slow = bus.read();
  const quick = readAll(bus);
  for (let seq = 1; seq <= 100; seq++) {
    bus.publish({ seq });
    await Promise.resolve();
    await Promise.resolve();
  }
  bus.close();
  assertEquals((await quick).length, 100);
  assertEquals(show((await slow.next()).value), "gap 1-84");
});

Deno.test("recent() gives the last items, oldest first", () => {
  assertEquals(busOf(3, 5).recent(2).map(show), ["4", "5"]);
  assertEquals(busOf(3, 5).recent(10).map(show), ["3", "4", "5"]);
  assertEquals(busOf(3, 0).recent(2), []);
});

Deno.test("read() agrees with a list, for any mix of publishing and reading", async () => {
  const actions = fc.array(
    fc.oneof(fc.record({ publish: fc.integer({ min: 1, max: 12 }) }), fc.record({ read: fc.integer({ min: 1, max: 12 }) })),
    { maxLength: 40 },
  );
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 10 }), actions, async (capacity, list) => {
    const bus = new Bus<Item>(capacity);
    const reader = bus.read({ since: 0 });
    let published = 0;
    let expected = 1;
    for (const action of list) {
      if ("publish" in action) { for (let count = 0; count < action.publish; count++) bus.publish({ seq: ++published }); }
      else {
        for (let count = 0; count < action.read && expected <= published; count++) {
          const { value } = await reader.next();
          if ("type" in value) {
            assertEquals([value.from, value.to], [expected, published - capacity]);
            expected = value.to + 1;
          } else {
            assertEquals(value.seq, expected++);
          }
        }
      }
    }
    bus.close();
    assert(bus.lastSeq === published);
  }));
});
