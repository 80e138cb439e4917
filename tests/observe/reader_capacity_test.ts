/** A reader's own bound: how much may wait for it, whatever is kept for others. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { GapMarker } from "../../src/event/mod.ts";
import { Bus, type LagFacts, type ReadOptions } from "../../src/observe/mod.ts";
import { ReeveError } from "../../src/base/mod.ts";

interface Item {
  readonly seq: number;
}

function publish(bus: Bus<Item>, count: number): void {
  for (let made = 0; made < count; made++) bus.publish({ seq: bus.lastSeq + 1 });
}

function show(item: Item | GapMarker): string {
  return "type" in item ? `gap ${item.from}-${item.to}` : String(item.seq);
}

async function take(stream: AsyncIterator<Item | GapMarker>, count: number): Promise<string[]> {
  const items: string[] = [];
  while (items.length < count) items.push(show((await stream.next()).value));
  return items;
}

/** A bus that keeps a hundred items, and what is told of its readers. */
function watched(readerCapacity?: number): { readonly bus: Bus<Item>; readonly told: LagFacts[] } {
  const told: LagFacts[] = [];
  const limits = { warnThresholdPct: 80, criticalThresholdPct: 95, windowMs: 1_000, sampleRatio: 1 };
  const watch = { ...limits, stream: "events", now: () => 5_000, tell: (facts: LagFacts) => void told.push(facts) } as const;
  return { bus: new Bus<Item>(100, watch, null, readerCapacity), told };
}

Deno.test("capacity: of more than may wait for a reader it misses the oldest, told by a gap marker, while others miss nothing", async () => {
  const { bus } = watched();
  const [bound, free] = [bus.read({ capacity: 4 }), bus.read()];
  publish(bus, 4);
  assertEquals(await take(bound, 4), ["1", "2", "3", "4"]);
  publish(bus, 10);
  assertEquals(await take(bound, 5), ["gap 5-10", "11", "12", "13", "14"]);
  assertEquals((await take(free, 14)).at(-1), "14");
});

Deno.test("capacity: what was there before a reader came waits for it as long as it is kept, and is missed only with what came after", async () => {
  const { bus } = watched();
  publish(bus, 60);
  const [prompt, late] = [bus.read({ capacity: 10 }), bus.read({ capacity: 10 })];
  publish(bus, 10);
  assertEquals((await take(prompt, 70)).at(-1), "70", "ten that came after it wait, and all that were before");
  publish(bus, 1);
  assertEquals(await take(late, 2), ["gap 1-61", "62"]);
});

Deno.test("capacity: of the journal's size or more it is the journal that counts", async () => {
  for (const capacity of [100, 1_000, Infinity, undefined]) {
    const { bus } = watched();
    const reader = bus.read({ capacity });
    publish(bus, 130);
    assertEquals(await take(reader, 2), ["gap 1-30", "31"], String(capacity));
  }
});

Deno.test("capacity: readers that name none have that of the bus; batches have it too", async () => {
  const { bus } = watched(5);
  const [usual, own] = [bus.read(), bus.read({ capacity: Infinity })];
  const batches = bus.readBatches();
  publish(bus, 20);
  assertEquals(await take(usual, 2), ["gap 1-15", "16"]);
  assertEquals(await take(own, 1), ["1"]);
  const { value: batch } = await batches.next();
  assertEquals(Array.from<Item | GapMarker, string>(batch, show), ["gap 1-15", "16", "17", "18", "19", "20"]);
});

Deno.test("capacity: that so much waits is told by the reader's own bound, before it misses anything, and what it missed by its name", async () => {
  const { bus, told } = watched();
  const reader = bus.read({ capacity: 20, subscriber: "small" });
  const first = reader.next();
  publish(bus, 1);
  await first;
  publish(bus, 15);
  assertEquals(told, []);
  publish(bus, 1);
  assertEquals(told.splice(0).map(({ type, subscriber }) => [type, subscriber]), [["backpressure_alert", "small"]]);
  publish(bus, 30);
  assertEquals(await take(reader, 1), ["gap 2-27"]);
  assertEquals(told.map((facts) => facts.type === "subscriber_lagged" ? facts.missed : 0), [26]);
});

Deno.test("capacity: a bound that is no whole number is refused", () => {
  const { bus } = watched();
  for (const capacity of [0, -1, 1.5, NaN, -Infinity]) {
    const error = assertThrows(() => bus.read({ capacity }), ReeveError, String(capacity));
    assertEquals(error.code, "invalid_request");
  }
});

Deno.test("capacity: each item is read or in a gap, once; nothing is missed that had its place, for any mix of publishing and reading", async () => {
  const actions = fc.array(fc.record({ publish: fc.nat(12), read: fc.nat(12) }), { maxLength: 30 });
  const bounds = fc.record({ kept: fc.integer({ min: 1, max: 20 }), capacity: fc.integer({ min: 1, max: 20 }), before: fc.nat(30) });
  await fc.assert(fc.asyncProperty(bounds, actions, async ({ kept, capacity, before }, list) => {
    const bus = new Bus<Item>(kept);
    publish(bus, before);
    const options: ReadOptions<Item> = { capacity };
    const reader = bus.read(options);
    let expected = 1;
    for (const action of list) {
      publish(bus, action.publish);
      for (let count = 0; count < action.read && expected <= bus.lastSeq; count++) {
        const waiting = bus.lastSeq - Math.max(expected - 1, before);
        const isOvertaken = expected < bus.oldestSeq || waiting > capacity;
        const { value } = await reader.next();
        assertEquals("type" in value, isOvertaken);
        if ("type" in value) {
          assertEquals([value.from, value.to], [
            expected,
            Math.max(bus.oldestSeq, waiting > capacity ? bus.lastSeq - capacity + 1 : 0) - 1,
          ]);
          expected = value.to + 1;
        } else {
          assertEquals(value.seq, expected++);
        }
      }
    }
  }));
});

Deno.test("several that wait for one reader get one item each, in their order, and the end when there is no more", async () => {
  const bus = new Bus<Item>(8);
  const reader = bus.read();
  const waiting = [reader.next(), reader.next(), reader.next()];
  publish(bus, 2);
  bus.close();
  assertEquals((await Promise.all(waiting)).map(({ value, done }) => done ? "end" : show(value)), ["1", "2", "end"]);
  assertEquals(bus.waiting, 0);
});

Deno.test("a filter is asked after the turn of who publishes, and one that throws is told to its own reader alone", async () => {
  const bus = new Bus<Item>(8);
  const asked: number[] = [];
  const picky = bus.read({
    filter: ({ seq }) => {
      asked.push(seq);
      if (seq === 1) throw new Error("no");
      return true;
    },
  });
  const [calm, first] = [bus.read().next(), picky.next()];
  publish(bus, 1);
  assertEquals(asked, []);
  const reason = await first.then(() => "none", (error: unknown) => error instanceof Error ? error.message : "other");
  assertEquals([reason, (await calm).value.seq], ["no", 1]);
  publish(bus, 1);
  assertEquals((await picky.next()).value, { seq: 2 });
  assert(asked.length === 2);
});
