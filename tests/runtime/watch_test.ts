/** The state of a tree as a stream of changes. */
import { assert, assertEquals } from "@std/assert";
import { child, supervise, type TreeChange } from "../../mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { untilAborted } from "../support/tasks.ts";

async function next(changes: AsyncIterableIterator<TreeChange>): Promise<TreeChange> {
  const { value, done } = await changes.next();
  assert(done !== true);
  return value;
}

const shown = ({ changed, removed, whole }: TreeChange): unknown => [changed.map(({ path, phase }) => `${path} ${phase}`), removed, whole];

Deno.test("watch() begins with every child, goes on with what changes, each once, and ends with the tree", async () => {
  const clock = new VirtualClock();
  const children = [
    child.task("a", untilAborted),
    child.task("b", untilAborted),
    child.supervisor("s", { children: [child.task("c", untilAborted)] }),
  ];
  const tree = await supervise({ children }, { clock, keepAlive: false });
  await clock.advance(1);
  const changes = tree.watch();
  assertEquals(shown(await next(changes)), [["/a ready", "/b ready", "/s ready", "/s/c ready"], [], true]);
  for (let count = 0; count < 5; count++) {
    await tree.child("/s/c").restart();
    await clock.advance(1);
  }
  const change = await next(changes);
  assertEquals(shown(change), [["/s/c ready"], [], false]);
  assertEquals(change.changed[0]?.restartsTotal, 5);
  await tree.add(child.task("d", untilAborted));
  await tree.child("/b").remove();
  await clock.advance(1);
  assertEquals(shown(await next(changes)), [["/d ready"], ["/b"], false]);
  await tree.shutdown();
  let last = change;
  for await (const later of changes) last = later;
  assertEquals([last.phase, last.changed.every(({ phase }) => phase === "stopped")], ["stopped", true]);
});

Deno.test("watch() gives everything again to a watcher that was too slow", async () => {
  const clock = new VirtualClock();
  const tree = await supervise({
    children: [child.task("a", untilAborted), child.task("b", untilAborted)],
    observability: { eventJournalCapacity: 16 },
  }, { clock, keepAlive: false });
  await clock.advance(1);
  const changes = tree.watch();
  await next(changes);
  for (let count = 0; count < 10; count++) {
    await tree.child("/a").restart();
    await clock.advance(1);
  }
  assertEquals(shown(await next(changes)), [["/a ready", "/b ready"], [], true]);
  await tree.shutdown();
});

Deno.test("watch() ends with its signal", async () => {
  const clock = new VirtualClock();
  const tree = await supervise({ children: [child.task("a", untilAborted)] }, { clock, keepAlive: false });
  const stop = new AbortController();
  const changes = tree.watch({ signal: stop.signal });
  await next(changes);
  stop.abort();
  assertEquals((await changes.next()).done, true);
  await tree.shutdown();
});

Deno.test("counts() says how many children there are in each phase", async () => {
  const clock = new VirtualClock();
  const once = child.task("once", () => {}, { restartPolicy: "temporary" });
  const tree = await supervise({ children: [once, child.supervisor("s", { children: [child.task("a", untilAborted)] })] }, {
    clock,
    keepAlive: false,
  });
  await clock.advance(1);
  assertEquals(tree.counts(), { stopped: 1, ready: 2 });
  await tree.child("/s/a").remove();
  await clock.advance(1);
  assertEquals(tree.counts(), { stopped: 1, ready: 1 });
  await tree.shutdown();
});
