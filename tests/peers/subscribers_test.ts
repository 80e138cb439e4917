/**
 * What users of other supervisors have complained of: listeners that lag, lose events, or stop what they listen to.
 *
 * superlance#119, #131 and sonic-buildimage PR#7083: the buffer of a listener is full, and events are gone without a word to it. microvm.nix PR#554: a buffer of
 * ten discards the one event that a start waits for, which then never comes. process-compose PR#495: who reads logs slowly brings the program to a stop.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { child, type ChildOptions, type GapMarker, supervise, type SupervisorEvent, type Tree } from "../../mod.ts";
import { insidesOf } from "../../src/runtime/mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { untilAborted } from "../support/tasks.ts";

/** Comes back ten times a second, for ever. */
const OFTEN: ChildOptions = { backoff: { initialMs: 100, maxMs: 100, jitter: "none" }, limit: { maxRestarts: 1_000_000 } };

/** How many events are kept in the trees of these tests. */
const KEPT = 64;

async function crashingTree(clock: VirtualClock, kept = KEPT): Promise<Tree> {
  return await supervise({
    children: [child.task("a", () => Promise.reject(new Error("no")), OFTEN)],
    observability: { eventJournalCapacity: kept },
  }, { clock, keepAlive: false });
}

async function end(tree: Tree, clock: VirtualClock): Promise<void> {
  const ending = tree.shutdown();
  await clock.advance(60_000);
  await ending;
}

/** Sequence numbers as they were read; those of a gap stand for what was missed. */
function account(items: readonly (SupervisorEvent | GapMarker)[]): { readonly read: number[]; readonly missed: number[] } {
  const [read, missed]: number[][] = [[], []];
  for (const item of items) {
    if (item.type !== "gap") read!.push(item.seq);
    else for (let seq = item.from; seq <= item.to; seq++) missed!.push(seq);
  }
  return { read: read!, missed: missed! };
}

function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

Deno.test("superlance#119, #131: a listener that never reads costs nobody anything: the tree keeps its pace, others miss nothing, no more is kept", async () => {
  const run = async (stalled: number): Promise<readonly [number, number, boolean]> => {
    const clock = new VirtualClock();
    const tree = await crashingTree(clock);
    const listeners = Array.from({ length: stalled }, () => tree.events());
    for (const listener of listeners) await listener.next();
    const prompt = all(tree.events());
    await clock.advance(30_000);
    const { attempt } = tree.child("/a");
    const kept = insidesOf(tree).events.recent(Infinity).length;
    await end(tree, clock);
    const { read, missed } = account(await prompt);
    assertEquals([read, missed], [upTo(tree.snapshot().seq), []]);
    return [attempt, kept, listeners.length === stalled];
  };
  assertEquals(await run(0), [301, KEPT, true]);
  assertEquals(await run(20), [301, KEPT, true]);
});

Deno.test("sonic-buildimage PR#7083: a listener whose buffer was full is told exactly what it missed, and so is everybody else", async () => {
  const clock = new VirtualClock();
  const tree = await crashingTree(clock);
  const slow = tree.events({ subscriber: "exit listener" });
  const items = [(await slow.next()).value];
  const toldOf = all(tree.events({ filter: ({ type }) => type === "subscriber_lagged" }));
  await clock.advance(20_000);
  items.push((await slow.next()).value);
  await clock.advance(30_000);
  await end(tree, clock);
  items.push(...await all(slow));
  const { read, missed } = account(items);
  assertEquals([...read, ...missed].sort((a, b) => a - b), upTo(tree.snapshot().seq), "each number once, read or missed");
  assert(missed.length > KEPT);
  const lagged = (await toldOf).flatMap((event) => event.type === "subscriber_lagged" ? [event] : []);
  assertEquals(new Set(lagged.map(({ subscriber }) => subscriber)).has("exit listener"), true);
  const [gap] = items.filter((item) => item.type === "gap");
  assertEquals([gap.from, lagged[0]?.missed], [2, gap.to - gap.from + 1]);
});

Deno.test("microvm.nix PR#554: who waits for a child to be ready gets that event, behind however many others, from before it came, with room for ten", async () => {
  const clock = new VirtualClock();
  const names = Array.from({ length: 200 }, (_, index) => `vm${index}`);
  const tree = await supervise({ children: names.map((name) => child.task(name, untilAborted)) }, { clock, keepAlive: false });
  await clock.advance(1_000);
  const late = tree.events({ capacity: 10, filter: ({ type, path }) => type === "child_ready" && path === "/vm3" });
  await tree.child("/vm7").restart();
  await clock.advance(1_000);
  const { value } = await late.next();
  assertEquals([value.type, value.path], ["child_ready", "/vm3"]);
  await end(tree, clock);
});

Deno.test("microvm.nix PR#554: a snapshot and the events after it leave no moment in which a start could be missed", async () => {
  const clock = new VirtualClock();
  const tree = await supervise({ children: [child.task("vm", untilAborted, { readiness: { mode: "explicit" } })] }, {
    clock,
    keepAlive: false,
  });
  const { snapshot, events } = tree.observe();
  const adding = tree.add(child.task("other", untilAborted));
  await clock.advance(10);
  await adding;
  const added = (await events.next()).value;
  assertEquals([added.type, added.seq], ["child_added", snapshot.seq + 1]);
  await end(tree, clock);
});

Deno.test("process-compose PR#495: who reads logs slowly stops nobody: a child that talks goes on, another starts at once, no more lines are kept", async () => {
  const clock = new VirtualClock({ startMs: 1_000 });
  let said = 0;
  const talker = child.task("talker", async ({ signal, log }) => {
    while (!signal.aborted) {
      for (let line = 0; line < 5_000; line++) log(`line ${++said}`);
      await new Promise<void>((resolve) => clock.setTimer(resolve, 10));
    }
  });
  const tree = await supervise({ children: [talker] }, { clock, keepAlive: false });
  const slow = tree.logs({ subscriber: "websocket" });
  const first = (await slow.next()).value;
  let got = 0;
  let isOver = false;
  // Takes half a second of the tree for each line.
  const reading = (async () => {
    for await (const item of slow) {
      got += "line" in item ? 1 : 0;
      if (!isOver) await new Promise<void>((resolve) => clock.setTimer(resolve, 500));
    }
  })();
  await clock.advance(100);
  const askedAtMs = clock.now();
  const added = await tree.add(child.task("quick", untilAborted), { untilReady: true });
  assertEquals([added.path, tree.child("/quick").phase, clock.now() - askedAtMs], ["/quick", "ready", 0]);
  await clock.advance(400);
  assertEquals(said, 5_000 * 51, "the talker keeps its pace");
  assert(got <= 2, `${got} lines were read`);
  assertEquals([insidesOf(tree).logs.recent(Infinity).length, first], [1_024, { type: "gap", from: 1, to: 5_000 - 1_024 }]);
  isOver = true;
  await end(tree, clock);
  await reading;
  const lines = await all(tree.logs({ filter: ({ path }) => path === "/talker" }));
  const [gap] = lines;
  assert(gap !== undefined && "to" in gap);
  assertEquals(gap.to + lines.length - 1, said, "what is left and what is gone are all lines");
});

Deno.test("a listener that throws, leaves early or is cut off is forgotten, and disturbs neither the tree nor the others", async () => {
  const clock = new VirtualClock();
  const tree = await crashingTree(clock);
  const { events } = insidesOf(tree);
  const before = events.waiting;
  const prompt = all(tree.events());
  const broken = async (): Promise<void> => {
    for await (const event of tree.events()) if (event.type === "child_failed") throw new TypeError("in the body");
  };
  const leaving = async (): Promise<void> => {
    for await (const event of tree.events()) if (event.type === "child_failed") return;
  };
  const cut = new AbortController();
  const cutOff = all(tree.events({ signal: cut.signal, filter: () => false }));
  for (let round = 0; round < 50; round++) {
    const throwing = assertRejects(broken, TypeError, "in the body");
    const gone = leaving();
    await clock.advance(100);
    await Promise.all([throwing, gone]);
  }
  cut.abort();
  assertEquals(await cutOff, []);
  assertEquals(events.waiting, before + 1, "only the prompt one waits");
  assertEquals(tree.child("/a").attempt, 51);
  await end(tree, clock);
  assertEquals(account(await prompt), { read: upTo(tree.snapshot().seq), missed: [] });
});

Deno.test("a thousand listeners of which half stall: each of the others gets every event, and each that stalled everything or its gap", async () => {
  const clock = new VirtualClock();
  // What is told of five hundred that stall comes at once.
  const kept = 1_024;
  const tree = await crashingTree(clock, kept);
  const prompt = Array.from({ length: 500 }, () => all(tree.events()));
  const stalled = Array.from({ length: 500 }, () => tree.events());
  for (const listener of stalled.slice(250)) await listener.next();
  await clock.advance(30_000);
  assertEquals(tree.child("/a").attempt, 301);
  await end(tree, clock);
  const last = tree.snapshot().seq;
  const isRow = (seqs: readonly number[], from: number, to: number): boolean =>
    seqs.length === to - from + 1 && seqs.every((seq, index) => seq === from + index);
  for (const reading of prompt) {
    const { read, missed } = account(await reading);
    assert(isRow(read, 1, last) && missed.length === 0);
  }
  for (const [index, listener] of stalled.entries()) {
    const { read, missed } = account(await all(listener));
    assert(isRow(missed, index < 250 ? 1 : 2, last - kept) && isRow(read, last - kept + 1, last));
  }
});

Deno.test("a listener with a filter gets all that it wants, or a gap in which it may have been, whatever its pace", async () => {
  for (const paceMs of [0, 30, 1_000, 7_000]) {
    const clock = new VirtualClock();
    const tree = await crashingTree(clock);
    const everything = all(tree.events());
    const filter = ({ seq }: SupervisorEvent): boolean => seq % 3 === 0;
    let isOver = false;
    const picked = (async () => {
      const items: (SupervisorEvent | GapMarker)[] = [];
      for await (const item of tree.events({ filter })) {
        items.push(item);
        if (paceMs > 0 && !isOver) await new Promise<void>((resolve) => clock.setTimer(resolve, paceMs));
      }
      return items;
    })();
    await clock.advance(30_000);
    isOver = true;
    await end(tree, clock);
    const wanted = account(await everything).read.filter((seq) => seq % 3 === 0);
    const { read, missed } = account(await picked);
    assertEquals([...read, ...missed.filter((seq) => seq % 3 === 0)].sort((a, b) => a - b), wanted, `${paceMs} ms for each`);
    assertEquals(missed.length > 0, paceMs >= 1_000, `${paceMs} ms for each`);
  }
});
