/** process-compose's cases of times and of the stream of states. */
import { assertEquals } from "@std/assert";
import type { GapMarker, SupervisorEvent, Tree } from "../../../mod.ts";
import { type Actor, delayed, type PeerCase, play, type Stage } from "../helpers.ts";

/** Opens a tree with one actor that says itself when it is ready. */
async function silent(stage: Stage): Promise<Actor> {
  const one = stage.actor("one", { ...delayed(10), readiness: { mode: "explicit" } });
  await stage.open({ children: [one.spec] });
  return one;
}

/** Reads a stream to its end. */
async function numbers(events: AsyncIterable<SupervisorEvent | GapMarker>): Promise<(number | "gap")[]> {
  const found: (number | "gap")[] = [];
  for await (const event of events) found.push(event.type === "gap" ? "gap" : event.seq);
  return found;
}

/** All whole numbers from one to another. */
function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/** Sequence number of the last event. */
function lastSeq(tree: Tree): number {
  return tree.snapshot().seq;
}

export const CASES: readonly PeerCase[] = [
  {
    name: "TestSetProcHealth_SetsReadyTimeOnce",
    means: "saying that one is ready twice is told once, with the time of the first",
    run: play(async (stage) => {
      const one = await silent(stage);
      await stage.advance(70);
      one.ready();
      await stage.advance(30);
      one.ready();
      await stage.advance(1);
      assertEquals((await stage.events("child_ready")).map(({ atMs, tookMs }) => [atMs, tookMs]), [[70, 70]]);
      assertEquals(stage.tree.child("/one").sinceMs, 70);
    }),
  },
  {
    name: "TestSetProcHealth_NotReadyDoesNotSetTime",
    means: "saying that one is not ready yet changes nothing, and taking it back later is told",
    run: play(async (stage) => {
      const one = await silent(stage);
      one.ready(false);
      await stage.advance(1);
      assertEquals([...stage.phases("/one"), (await stage.events("child_not_ready")).length], ["/one running", 0]);
      one.ready();
      await stage.advance(1);
      one.ready(false);
      await stage.advance(1);
      assertEquals([...stage.phases("/one"), (await stage.events("child_not_ready")).length], ["/one running", 1]);
    }),
  },
  {
    name: "TestSetProcHealth_ConcurrentReadyNoRace",
    means: "saying many times at once that one is ready is told once, and so does a restart in between",
    run: play(async (stage) => {
      const one = await silent(stage);
      for (let call = 0; call < 32; call++) one.ready();
      await stage.advance(1);
      one.fail();
      for (let call = 0; call < 32; call++) one.ready();
      await stage.advance(11);
      assertEquals([...stage.phases("/one"), one.starts], ["/one running", 2], "what the old attempt said does not count for the new one");
      assertEquals((await stage.events("child_ready")).map(({ attempt }) => attempt), [1]);
    }),
  },
  {
    name: "TestBroadcaster_SubscribeAndPublish",
    means: "who reads from now on gets what happens from now on, and nothing of before",
    run: play(async (stage) => {
      const one = await silent(stage);
      const before = lastSeq(stage.tree);
      const events = stage.tree.events({ since: "now" });
      one.ready();
      await stage.advance(1);
      await stage.close();
      assertEquals(await numbers(events), range(before + 1, lastSeq(stage.tree)));
    }),
  },
  {
    name: "TestBroadcaster_SubscribeWithSnapshot",
    means: "who observes gets the state of every child first, and then what happens to them",
    run: play(async (stage) => {
      const one = await silent(stage);
      const { snapshot, events } = stage.tree.observe();
      assertEquals(snapshot.children.map(({ path, phase }) => `${path} ${phase}`), ["/one running"]);
      one.ready();
      await stage.advance(1);
      const { value } = await events.next();
      assertEquals([value.type, value.path, value.seq], ["child_ready", "/one", snapshot.seq + 1]);
      await events.return?.();
    }),
  },
  {
    name: "TestBroadcaster_Unsubscribe",
    means: "who has left the stream gets nothing more, by return and by signal",
    run: play(async (stage) => {
      const one = await silent(stage);
      const stop = new AbortController();
      const [left, aborted] = [stage.tree.events({ since: "now" }), stage.tree.events({ since: "now", signal: stop.signal })];
      const waiting = aborted.next();
      await left.return?.();
      stop.abort();
      assertEquals((await waiting).done, true);
      one.ready();
      await stage.advance(1);
      assertEquals([(await left.next()).done, (await aborted.next()).done], [true, true]);
    }),
  },
  {
    name: "TestBroadcaster_SnapshotAtomicWithSubscribe",
    means:
      "between the snapshot and the stream that goes with it nothing is missing and nothing is told twice, in whatever moment one comes",
    run: play(async (stage) => {
      const actors = Array.from({ length: 8 }, (_, index) => stage.actor(`c${index}`, delayed(7)));
      const tree = await stage.open({ children: actors.map(({ spec }) => spec) });
      const readers: { seq: number; attempts: number; found: Promise<(number | "gap")[]>; started: () => number }[] = [];
      for (let round = 0; round < 40; round++) {
        for (const actor of actors) if (actor.live && round % 2 === 0) actor.fail();
        // In the middle of what the failures lead to, not after it.
        for (let turn = 0; turn < round % 5; turn++) await Promise.resolve();
        const { snapshot, events } = tree.observe();
        let started = 0;
        const counted = (async function* (): AsyncGenerator<SupervisorEvent | GapMarker> {
          for await (const event of events) {
            if (event.type === "child_starting") started++;
            yield event;
          }
        })();
        const attempts = snapshot.children.reduce((sum, { attempt }) => sum + attempt, 0);
        readers.push({ seq: snapshot.seq, attempts, found: numbers(counted), started: () => started });
        await stage.advance(round % 9);
      }
      await stage.close();
      const total = actors.reduce((sum, { starts }) => sum + starts, 0);
      for (const { seq, attempts, found, started } of readers) {
        assertEquals(await found, range(seq + 1, lastSeq(tree)));
        assertEquals(attempts + started(), total, "attempts of the snapshot and of the stream");
      }
    }),
  },
  {
    name: "TestBroadcaster_ConcurrentPublish",
    means: "several readers each get everything that all children do, in the same order",
    run: play(async (stage) => {
      const actors = Array.from({ length: 4 }, (_, index) => stage.actor(`c${index}`, delayed(5)));
      const tree = await stage.open({ children: actors.map(({ spec }) => spec) });
      const reading = Array.from({ length: 4 }, () => numbers(tree.events()));
      for (let round = 0; round < 50; round++) {
        for (const actor of actors) actor.fail();
        await stage.advance(5);
      }
      await stage.close();
      for (const found of await Promise.all(reading)) assertEquals(found, range(1, lastSeq(tree)));
    }),
  },
  {
    name: "TestBroadcaster_NilSnapshotFunc",
    means: "a broadcaster without a function for snapshots does not panic",
    not: "a tree always has a snapshot; there is no function that could be missing",
  },
  {
    name: "TestBroadcaster_Close",
    means: "the streams end with the tree, those that wait as those that are opened later",
    run: play(async (stage) => {
      await silent(stage);
      const waiting = stage.tree.events({ since: "now" });
      await stage.close();
      const last = lastSeq(stage.tree);
      assertEquals((await numbers(waiting)).at(-1), last);
      assertEquals([await numbers(stage.tree.events({ since: "now" })), await numbers(stage.tree.events({ since: last }))], [[], []]);
    }),
  },
];
