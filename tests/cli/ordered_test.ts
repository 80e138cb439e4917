import { assertEquals, assertRejects } from "@std/assert";
import { inOrder } from "../../src/cli/ordered.ts";

interface Item {
  readonly atMs: number;
  readonly name: string;
}

async function* stream(...items: Item[]): AsyncGenerator<Item> {
  for (const item of items) yield await Promise.resolve(item);
}

async function shown(...streams: AsyncIterable<Item>[]): Promise<string[]> {
  const names: string[] = [];
  await inOrder(streams, ({ atMs }) => atMs, ({ name }) => names.push(name));
  return names;
}

function item(atMs: number, name: string): Item {
  return { atMs, name };
}

Deno.test("inOrder() keeps the order within a stream for items of the same time", async () => {
  const [a, b] = [stream(item(1, "a1"), item(1, "a2"), item(2, "a3")), stream(item(1, "b1"), item(2, "b2"))];
  const names = await shown(a, b);
  assertEquals(names.filter((name) => name.startsWith("a")), ["a1", "a2", "a3"]);
  assertEquals(names.filter((name) => name.startsWith("b")), ["b1", "b2"]);
  assertEquals(names.indexOf("b1") < names.indexOf("a3"), true);
});

Deno.test("inOrder() shows everything that is left when the streams end, and ends with no stream at all", async () => {
  assertEquals(await shown(stream(item(3, "c")), stream(item(1, "a")), stream()), ["a", "c"]);
  assertEquals(await shown(), []);
});

Deno.test("inOrder() shows items while the streams go on", async () => {
  let end: () => void = () => {};
  const open = new Promise<void>((resolve) => end = resolve);
  let seen: () => void = () => {};
  const wasSeen = new Promise<void>((resolve) => seen = resolve);
  async function* endless(): AsyncGenerator<Item> {
    yield item(1, "first");
    await open;
  }
  const showing = inOrder([endless()], ({ atMs }) => atMs, () => seen());
  await wasSeen;
  end();
  await showing;
});

Deno.test("inOrder() rejects when a stream fails", async () => {
  const failing: AsyncIterable<Item> = { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error("broken")) }) };
  await assertRejects(() => inOrder([failing], ({ atMs }) => atMs, () => {}), Error, "broken");
});
