/** The ring: the last elements in order, and a true count of those that had to go. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { RingBuffer } from "../../src/base/ring_buffer.ts";

function filled(capacity: number, items: readonly number[]): RingBuffer<number> {
  const ring = new RingBuffer<number>(capacity);
  for (const item of items) ring.push(item);
  return ring;
}

Deno.test("RingBuffer is empty when new", () => {
  const ring = filled(3, []);
  assertEquals([ring.length, ring.dropped, ring.at(0), ring.toArray()], [0, 0, undefined, []]);
});

Deno.test("RingBuffer drops the oldest when full", () => {
  const ring = filled(3, [1, 2, 3, 4, 5]);
  assertEquals([ring.length, ring.dropped, ring.toArray()], [3, 2, [3, 4, 5]]);
  assertEquals([ring.at(0), ring.at(2), ring.at(3), ring.at(-1)], [3, 5, undefined, undefined]);
});

Deno.test("RingBuffer keeps nothing at capacity 0, and counts what it dropped", () => {
  const ring = filled(0, [1, 2]);
  assertEquals([ring.length, ring.dropped, ring.at(0), ring.toArray()], [0, 2, undefined, []]);
});

Deno.test("RingBuffer gives away copies", () => {
  const ring = filled(3, [1, 2]);
  ring.toArray().push(9);
  assertEquals(ring.toArray(), [1, 2]);
});

Deno.test("RingBuffer behaves like the end of a list", () => {
  fc.assert(fc.property(fc.nat({ max: 6 }), fc.array(fc.integer(), { maxLength: 30 }), (capacity, items) => {
    const ring = filled(capacity, items);
    const expected = capacity === 0 ? [] : items.slice(-capacity);
    assertEquals(ring.toArray(), expected);
    assertEquals(ring.length, expected.length);
    assertEquals(ring.dropped, items.length - expected.length);
    expected.forEach((item, index) => assertEquals(ring.at(index), item));
  }));
});
