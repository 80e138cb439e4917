import { assert, assertEquals, assertGreater, assertRejects } from "@std/assert";
import { child, type ChildOptions, type ChildSpec, type GapMarker, supervise, type SupervisorEvent } from "../../mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { untilAborted } from "../support/tasks.ts";

type Item = SupervisorEvent | GapMarker;

/** Comes back at once, for ever. */
const AT_ONCE: ChildOptions = { backoff: { initialMs: 0, maxMs: 0 }, limit: { maxRestarts: 1_000_000 } };

/** Comes back ten times a second, for ever. */
const OFTEN: ChildOptions = { backoff: { initialMs: 100, maxMs: 100, jitter: "none" }, limit: { maxRestarts: 1_000_000 } };

const FAILURE = new Error("no");

function failing(options: ChildOptions): ChildSpec {
  return child.task("a", () => Promise.reject(FAILURE), options);
}

async function take<T>(stream: AsyncIterable<T>, count: number): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) {
    items.push(item);
    if (items.length === count) break;
  }
  return items;
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  return await take(stream, Infinity);
}

function seqs(items: readonly Item[]): number[] {
  return items.map((item) => item.type === "gap" ? -1 : item.seq);
}

Deno.test("tree.events() starts from the first event, from now, or after a number", async () => {
  const clock = new VirtualClock();
  const tree = await supervise({ children: [child.task("a", untilAborted)] }, { clock });
  const { seq } = tree.snapshot();
  const streams = [tree.events(), tree.events({ since: "start" }), tree.events({ since: 0 })];
  const later = [tree.events({ since: "now" }), tree.events({ since: seq })];
  const middle = tree.events({ since: 2 });
  await tree.close();
  const everything = seqs(await all(tree.events()));
  for (const stream of streams) assertEquals(seqs(await all(stream)), everything);
  for (const stream of later) assertEquals(seqs(await all(stream)), everything.slice(seq));
  assertEquals(seqs(await all(middle)), everything.slice(2));
  assertEquals(await all(tree.events({ since: "now" })), [], "there is nothing after the end");
});

Deno.test("tree.events() filters, and ends when its signal aborts or its reader leaves, while the tree goes on", async () => {
  const clock = new VirtualClock();
  await using tree = await supervise({ children: [failing(OFTEN)] }, { clock });
  const stop = new AbortController();
  const reading = all(tree.events({ filter: ({ type }) => type === "child_starting", signal: stop.signal }));
  await clock.advance(500);
  stop.abort();
  const attempts = (await reading).map((event) => event.type === "child_starting" ? event.attempt : 0);
  assertEquals(attempts, [1, 2, 3, 4, 5, 6]);
  assertEquals(await all(tree.events({ signal: AbortSignal.abort() })), []);
  const left = tree.events();
  await left.return?.();
  assertEquals((await left.next()).done, true);
  await clock.advance(100);
  assertEquals(tree.child("/a").attempt, 7);
});

Deno.test("tree.observe() has no gap and no double in a crash loop without delay", async () => {
  await using tree = await supervise({ children: [failing(AT_ONCE)] });
  for (let round = 0; round < 10; round++) {
    const { snapshot, events } = tree.observe();
    const items = await take(events, 500);
    assertEquals(seqs(items), Array.from({ length: 500 }, (_, index) => snapshot.seq + 1 + index));
    // The snapshot and the first start after it must fit together.
    const next = items.find((event) => event.type === "child_starting");
    const wasStarting = snapshot.children[0]?.attempt ?? 0;
    assert(next?.type === "child_starting");
    assertEquals(next.attempt, wasStarting + 1);
  }
});

Deno.test("tree.events() gives a slow reader one gap marker and then what is still there, and disturbs nobody", async () => {
  const clock = new VirtualClock();
  const tree = await supervise({ observability: { eventJournalCapacity: 16 }, children: [failing(OFTEN)] }, { clock });
  const slow = tree.events();
  const [first] = await take({ [Symbol.asyncIterator]: () => ({ next: () => slow.next() }) }, 1);
  const prompt = all(tree.events());
  await clock.advance(10_000);
  assertEquals(tree.child("/a").attempt, 101, "the reader that sleeps must not slow the tree down");
  await tree.close();
  assertEquals(first?.type, "supervisor_started");
  const [gap, ...rest] = await all(slow);
  const last = tree.snapshot().seq;
  assertEquals(gap, { type: "gap", from: 2, to: last - 16 });
  assertEquals(seqs(rest), Array.from({ length: 16 }, (_, index) => last - 15 + index));
  assertEquals((await prompt).some(({ type }) => type === "gap"), false, "a prompt reader misses nothing");
});

Deno.test("tree.events() keeps throwing filters and readers to themselves", async () => {
  const clock = new VirtualClock();
  await using tree = await supervise({ children: [failing(OFTEN)] }, { clock });
  const broken = tree.events({
    filter: () => {
      throw new Error("filter");
    },
  });
  await assertRejects(() => broken.next(), Error, "filter");
  const calm = all(tree.events());
  await clock.advance(1_000);
  assertEquals(tree.child("/a").attempt, 11);
  await tree.close();
  assertEquals(seqs(await calm), Array.from({ length: tree.snapshot().seq }, (_, index) => index + 1));
});

Deno.test("tree.logs() tells who said what and when, one record a line, numbered without holes", async () => {
  const clock = new VirtualClock({ startMs: 5 });
  const talking = (name: string): ChildSpec =>
    child.task(name, ({ log, attempt }) => {
      log(`attempt ${attempt}\nsecond line`);
      return Promise.reject(FAILURE);
    }, OFTEN);
  const tree = await supervise({ children: [talking("a"), child.supervisor("s", { children: [talking("b")] })] }, { clock });
  const later = tree.logs({ since: "now", filter: ({ path }) => path === "/s/b" });
  await clock.advance(100);
  await tree.close();
  const records = await all(tree.logs());
  assertEquals(
    records.map((record) => "line" in record ? `${record.seq} ${record.atMs} ${record.path} ${record.stream}: ${record.line}` : "gap"),
    [
      "1 5 /a log: attempt 1",
      "2 5 /a log: second line",
      "3 5 /s/b log: attempt 1",
      "4 5 /s/b log: second line",
      "5 105 /a log: attempt 2",
      "6 105 /a log: second line",
      "7 105 /s/b log: attempt 2",
      "8 105 /s/b log: second line",
    ],
  );
  assertEquals((await all(later)).map((record) => "line" in record ? record.seq : 0), [7, 8]);
});

Deno.test("tree.logs() remembers the last lines, and says how many are gone", async () => {
  const clock = new VirtualClock();
  const talking = child.task("a", ({ log }) => {
    for (let line = 1; line <= 5_000; line++) log(`line ${line}`);
  }, { restartPolicy: "transient" });
  const tree = await supervise({ children: [talking] }, { clock });
  await tree.close();
  const [gap, first, ...rest] = await all(tree.logs());
  assert(gap !== undefined && "from" in gap && first !== undefined && "line" in first);
  assertEquals([gap.from, gap.to + 1, first.line], [1, first.seq, `line ${first.seq}`]);
  assertGreater(rest.length, 100);
  assertEquals(rest.map((record) => "line" in record ? record.line : "").at(-1), "line 5000");
});

Deno.test("tree.events() since the start says what the journal no longer has", async () => {
  const clock = new VirtualClock();
  const tree = await supervise({ observability: { eventJournalCapacity: 16 }, children: [failing(OFTEN)] }, { clock });
  await clock.advance(5_000);
  await tree.close();
  const last = tree.snapshot().seq;
  for (const since of ["start", 0] as const) {
    const [first, ...rest] = await all(tree.events({ since }));
    assertEquals(first, { type: "gap", from: 1, to: last - 16 }, `since ${since}`);
    assertEquals(rest.length, 16);
  }
});
