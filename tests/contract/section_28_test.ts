/** The stress cases of the contract (section 28) that need no real time; those with real processes are in `deno task chaos`. */
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import {
  child,
  type ChildOptions,
  type GapMarker,
  ReeveError,
  supervise,
  type SupervisorEvent,
  type TaskContext,
  type Tree,
  type TreeSpec,
} from "../../mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { deaf, untilAborted } from "../support/tasks.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Fails some time after each start, and stops when it is asked to. */
function failingAfter(clock: VirtualClock, uptimeMs: number): (context: TaskContext) => Promise<void> {
  return ({ signal }) =>
    new Promise((resolve, reject) => {
      const cancel = clock.setTimer(() => reject(new Error("no")), uptimeMs);
      signal.addEventListener("abort", () => {
        cancel();
        resolve();
      });
    });
}

const AT_ONCE: ChildOptions = { backoff: { initialMs: 0, maxMs: 0 }, limit: { maxRestarts: 1_000_000 } };

async function started(clock: VirtualClock, spec: TreeSpec): Promise<Tree> {
  const tree = await supervise(spec, { clock, keepAlive: false });
  await clock.advance(0);
  return tree;
}

/** Every event of a tree that has finished. */
async function eventsOf(tree: Tree): Promise<(SupervisorEvent | GapMarker)[]> {
  const events: (SupervisorEvent | GapMarker)[] = [];
  for await (const event of tree.events()) events.push(event);
  return events;
}

const restartsOf = (tree: Tree): number => tree.snapshot().children.reduce((sum, { restartsTotal }) => sum + restartsTotal, 0);

Deno.test("§28: children that crash a millisecond after each start, for 60 s: no more restarts than the budget allows, and the tree goes on", async () => {
  const clock = new VirtualClock();
  const children = Array.from({ length: 10 }, (_, index) => child.task(`c${index}`, failingAfter(clock, 1), AT_ONCE));
  const tree = await started(clock, { children, policy: { restartBudget: { maxBurst: 20, recoveryRatePerSec: 10 } } });
  await clock.advance(MINUTE_MS);
  const allowed = 20 + 10 * 60;
  assertLess(restartsOf(tree), allowed * 1.05);
  assertGreater(restartsOf(tree), allowed * 0.95);
  assertEquals((await tree.shutdown()).reconcile.verifiedClean, true);
});

Deno.test("§28: ten thousand failures in a row are ten thousand restarts, and the tree goes on", async () => {
  const clock = new VirtualClock();
  let starts = 0;
  const fail = (context: TaskContext): Promise<void> => ++starts <= 10_000 ? Promise.reject(new Error("no")) : untilAborted(context);
  const tree = await started(clock, { children: [child.task("a", fail, AT_ONCE), child.task("b", untilAborted)] });
  for (let turn = 0; turn < 1_000 && starts <= 10_000; turn++) await clock.advance(1);
  const { restartsTotal, failuresTotal, phase } = tree.child("/a");
  assertEquals([restartsTotal, failuresTotal, phase, tree.child("/b").attempt], [10_000, 10_000, "ready", 1]);
  await tree.shutdown();
});

Deno.test("§28: a child that ignores that it is to stop: the shutdown ends within its budgets, and names what is left", async () => {
  const clock = new VirtualClock();
  const tree = await started(clock, {
    shutdown: { gracefulTimeoutMs: 2_000, abortWaitMs: 500 },
    children: [child.task("deaf", deaf), child.task("good", untilAborted)],
  });
  const askedAtMs = clock.now();
  let endedAtMs = 0;
  const ending = tree.shutdown().then((report) => {
    endedAtMs = clock.now();
    return report;
  });
  await clock.advance(MINUTE_MS);
  const { reconcile, abandoned } = await ending;
  assertEquals([endedAtMs - askedAtMs, abandoned, reconcile.left.map(({ owner }) => owner)], [2_000, ["/deaf"], ["/deaf"]]);
});

Deno.test("§28: a subscriber that takes 100 ms for each event, for 10 minutes: the tree goes on, and every event is read or counted as missed", async () => {
  const clock = new VirtualClock();
  const often: ChildOptions = { backoff: { initialMs: 50, maxMs: 50, jitter: "none" }, limit: { maxRestarts: 1_000_000 } };
  const tree = await started(clock, {
    children: [child.task("a", failingAfter(clock, 50), often)],
    observability: { eventJournalCapacity: 64 },
  });
  let read = 0;
  let missed = 0;
  let gaps = 0;
  const reading = (async () => {
    for await (const item of tree.events()) {
      if (item.type === "gap") {
        missed += item.to - item.from + 1;
        gaps++;
      } else {
        read++;
      }
      await new Promise<void>((resolve) => clock.setTimer(resolve, 100));
    }
  })();
  await clock.advance(10 * MINUTE_MS);
  assertGreater(tree.child("/a").restartsTotal, 5_900);
  const ending = tree.shutdown();
  await clock.advance(MINUTE_MS);
  await ending;
  await reading;
  assertEquals(read + missed, tree.snapshot().seq);
  assert(gaps > 0 && missed > read, `${read} read, ${missed} missed in ${gaps} gaps`);
});

Deno.test("§28: more commands than the mailbox takes: the rest is refused by name, and the tree goes on", async () => {
  const clock = new VirtualClock();
  const tree = await started(clock, { children: [child.task("a", untilAborted)] });
  const asked = await Promise.allSettled(Array.from({ length: 3_000 }, () => tree.child("/a").pause()));
  const refused = asked.flatMap((result) => result.status === "rejected" ? [result.reason] : []);
  assertEquals(refused.length, 3_000 - 1_024);
  assert(refused.every((error) => error instanceof ReeveError && error.code === "too_many_commands"));
  assertEquals((await tree.child("/a").resume()).outcome, "accepted");
  await clock.advance(1);
  assertEquals(tree.child("/a").phase, "ready");
  await tree.shutdown();
});

/** A clock whose wall time can be set, as an administrator or a time server does. */
class SetClock extends VirtualClock {
  offsetMs = 0;

  override wallNow(): number {
    return this.now() + this.offsetMs;
  }
}

Deno.test("§28: the wall clock steps back: windows, budgets and fuses are as if it had not", async () => {
  const run = async (stepMs: number): Promise<(SupervisorEvent | GapMarker)[]> => {
    const clock = new SetClock({ startMs: 1_000_000 });
    const options: ChildOptions = {
      backoff: { initialMs: 100, maxMs: 1_000, jitter: "none" },
      limit: { maxRestarts: 3, windowMs: 20_000 },
    };
    const tree = await started(clock, {
      children: [child.task("a", failingAfter(clock, 500), options), child.task("b", failingAfter(clock, 700), options)],
      policy: { restartBudget: { maxBurst: 4, recoveryRatePerSec: 0.5 }, meltdown: { childMaxRestarts: 6 } },
    });
    await clock.advance(5_000);
    clock.offsetMs = stepMs;
    await clock.advance(5 * MINUTE_MS);
    await tree.shutdown();
    return (await eventsOf(tree)).map((event) => "transactionId" in event ? { ...event, transactionId: "" } : event);
  };
  const [calm, stepped] = await Promise.all([run(0), run(-10_000)]);
  assertGreater(calm.length, 50);
  assertEquals(stepped, calm);
});

Deno.test("§28: two groups without an edge, the fuse of one open for 24 hours: the other is down for less than 5 % of the time", async () => {
  const clock = new VirtualClock();
  const tree = await started(clock, {
    groups: [{ name: "a" }, { name: "b" }],
    policy: { meltdown: { groupMaxFailures: 2, groupWindowSecs: 60, resetAfterSecs: 24 * 3_600 } },
    children: [
      child.task("a1", () => Promise.reject(new Error("no")), {
        group: "a",
        backoff: { initialMs: 10, maxMs: 10 },
        limit: { maxRestarts: 1_000 },
      }),
      child.task("b1", failingAfter(clock, 10 * MINUTE_MS), { group: "b", limit: { maxRestarts: 1_000 } }),
    ],
  });
  await clock.advance(MINUTE_MS);
  assertEquals(tree.snapshot().groups.map(({ fuse }) => fuse.state), ["open", "closed"]);
  let upMs = 0;
  let readyAtMs = tree.child("/b1").phase === "ready" ? 0 : null;
  const watching = (async () => {
    for await (const event of tree.events({ since: "now", filter: ({ path }) => path === "/b1" })) {
      if (event.type === "child_ready") readyAtMs = event.atMs;
      if (event.type !== "child_failed" || readyAtMs === null) continue;
      upMs += event.atMs - readyAtMs;
      readyAtMs = null;
    }
  })();
  await clock.advance(24 * HOUR_MS - 2 * MINUTE_MS);
  assertEquals(tree.snapshot().groups.map(({ fuse }) => fuse.state), ["open", "closed"]);
  if (readyAtMs !== null) upMs += clock.now() - readyAtMs;
  assertGreater(tree.child("/b1").restartsTotal, 100);
  assertGreater(upMs / clock.now(), 0.95);
  await tree.shutdown();
  await watching;
});

Deno.test("§28: a day of failures leaves no more timers than an hour, and ends clean", async () => {
  const clock = new VirtualClock();
  const children = [7, 11, 13, 17].map((minutes) =>
    child.task(`c${minutes}`, failingAfter(clock, minutes * MINUTE_MS), { limit: { maxRestarts: 10_000 } })
  );
  const tree = await started(clock, { children: [...children, child.task("calm", untilAborted)] });
  await clock.advance(HOUR_MS);
  const before = clock.timers;
  await clock.advance(23 * HOUR_MS);
  assertEquals(clock.timers, before);
  assertGreater(restartsOf(tree), 400);
  const { reconcile, children: ends } = await tree.shutdown();
  assertEquals([reconcile.verifiedClean, ends.filter(({ status }) => status !== "graceful").length, clock.timers], [true, 0, 0]);
});

Deno.test("§28: what the events tell and what the state counts agree for every child", async () => {
  const clock = new VirtualClock();
  const tree = await started(clock, {
    children: [3, 5, 7].map((ms) =>
      child.task(`c${ms}`, failingAfter(clock, ms), { backoff: { initialMs: 5, maxMs: 5 }, limit: { maxRestarts: 10_000 } })
    ),
    observability: { eventJournalCapacity: 100_000 },
  });
  await clock.advance(2_000);
  const children = tree.snapshot().children.map(({ path, restartsTotal, failuresTotal, attempt }) => ({
    path,
    restartsTotal,
    failuresTotal,
    attempt,
  }));
  const { seq } = tree.snapshot();
  await tree.shutdown();
  const events = (await eventsOf(tree)).filter((event) => event.type !== "gap" && event.seq <= seq);
  const count = (path: string, type: string): number =>
    events.filter((event) => event.type === type && "path" in event && event.path === path).length;
  assertGreater(children[0]!.restartsTotal, 100);
  for (const { path, restartsTotal, failuresTotal, attempt } of children) {
    assertEquals([count(path, "child_restarting"), count(path, "child_failed"), count(path, "child_starting")], [
      restartsTotal,
      failuresTotal,
      attempt,
    ]);
  }
});
