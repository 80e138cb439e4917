/** What is done to real trees so that they tell every event there is. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type AdditionLog,
  type AdditionRecord,
  child,
  type ChildOptions,
  type ChildSpec,
  supervise,
  type SupervisorEvent,
  type TaskContext,
  type Tree,
  type TreeSpec,
} from "../../mod.ts";
import type { Clock } from "../../src/base/mod.ts";
import { serveDashboard } from "../../src/ipc/mod.ts";
import { Bus, type LogRecord } from "../../src/observe/mod.ts";
import { Interpreter, planTree } from "../../src/runtime/mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { inFolder } from "./folder.ts";
import { deaf, untilAborted } from "./tasks.ts";
import { until } from "./until.ts";

type Play = (tree: Tree, clock: VirtualClock) => Promise<unknown> | unknown;

/** Comes back after a tenth of a second, however often. */
const BACK: ChildOptions = { backoff: { initialMs: 100, maxMs: 100, jitter: "none" }, limit: { maxRestarts: 1_000 } };

/** Fails after a second, each time. */
async function failing(clock: () => VirtualClock): Promise<never> {
  await new Promise<void>((resolve) => clock().setTimer(resolve, 1_000));
  throw new Error("no");
}

/** Everything that a tree tells while a test does something to it, until it has ended. */
async function told(spec: (clock: () => VirtualClock) => TreeSpec, play: Play = () => {}): Promise<SupervisorEvent[]> {
  const clock = new VirtualClock({ startMs: 1_000 });
  const tree = await supervise(spec(() => clock), { clock, random: () => 0.5, keepAlive: false });
  const events = eventsOf(tree);
  await clock.advance(10);
  await play(tree, clock);
  const ending = tree.shutdown();
  await clock.advance(60_000);
  await ending;
  return await events;
}

async function eventsOf(tree: Tree): Promise<SupervisorEvent[]> {
  const events: SupervisorEvent[] = [];
  for await (const event of tree.events()) if (event.type !== "gap") events.push(event);
  return events;
}

/** A task that hands its context to the test and runs until it is asked to stop. */
function held(name: string, options: ChildOptions = {}): { readonly spec: ChildSpec; readonly context: () => TaskContext } {
  let last: TaskContext | undefined;
  const spec = child.task(name, (context) => {
    last = context;
    return untilAborted(context);
  }, options);
  return { spec, context: () => last! };
}

const fails = (policy: TreeSpec["policy"], options: ChildOptions = {}) => (clock: () => VirtualClock): TreeSpec => ({
  children: [
    child.task("a", () => failing(clock), { ...BACK, group: "g", ...options }),
    child.task("b", () => failing(clock), { ...BACK, group: "g" }),
  ],
  groups: [{ name: "g" }],
  policy,
});

const forAWhile: Play = (_, clock) => clock.advance(20_000);

/** A task that does not stop when it is asked to; the test ends its first attempt. */
function stubborn(): { readonly spec: ChildSpec; readonly end: () => void } {
  let end: (() => void) | undefined;
  const task = (): Promise<void> => new Promise((resolve) => end ??= resolve);
  return { spec: child.task("a", task, { ...BACK, stop: { timeoutMs: 100, killWaitMs: 100 } }), end: () => end?.() };
}

const ready = held("a", { readiness: { mode: "explicit" }, stop: { drainDelayMs: 500 } });
const sick = held("a", { healthCheck: { checkIntervalSecs: 1, staleAfterMs: 2_500, maxRetries: 1, onUnhealthy: "event" } });
const slow = stubborn();

/** What is done to a real tree, and what it tells then. */
export const SCENES: Readonly<Record<string, () => Promise<SupervisorEvent[]>>> = {
  "children that wait, get ready, are ready no more, and stop": () =>
    told(
      () => ({
        children: [
          ready.spec,
          child.task("b", untilAborted, { dependencies: ["a"] }),
          child.task("c", () => {}, { restartPolicy: "temporary" }),
        ],
      }),
      async (_, clock) => {
        ready.context().ready();
        await clock.advance(10);
        ready.context().ready(false);
        await clock.advance(10);
        ready.context().ready();
        await clock.advance(10);
      },
    ),
  "a scheduled child that still runs when it is time again": () =>
    told(() => ({ children: [child.task("a", untilAborted, { schedule: { everyMs: 1_000 } })] }), (_, clock) => clock.advance(2_500)),
  "a critical child that fails": () => told(fails({}, { severity: "critical" }), forAWhile),
  "a supervisor that gives up": () =>
    told((clock) => ({
      children: [
        child.supervisor("s", {
          children: [child.task("a", () => failing(clock), { ...BACK, limit: { maxRestarts: 1, onExceeded: "escalate" } })],
        }),
      ],
    }), forAWhile),
  "a budget that is used up": () => told(fails({ restartBudget: { maxBurst: 1, recoveryRatePerSec: 0.1 } }), forAWhile),
  "a fuse of a group that opens, and is on trial": () => told(fails({ meltdown: { groupMaxFailures: 2, resetAfterSecs: 5 } }), forAWhile),
  "a fuse of a child that opens, and is closed by an operator": () =>
    told(fails({ meltdown: { childMaxRestarts: 1, resetAfterSecs: 60 } }), async (tree, clock) => {
      await clock.advance(5_000);
      await tree.child("/a").resetFuse();
    }),
  "restarts that take turns": () =>
    told((clock) => ({
      children: ["a", "b", "c"].map((name) => child.task(name, () => failing(clock), { ...BACK, readiness: { mode: "explicit" } })),
      policy: { supervisionPipeline: { concurrentRestartLimit: 1 } },
    }), forAWhile),
  "heartbeats that stop, and come again": () =>
    told(() => ({ children: [sick.spec] }), async (_, clock) => {
      sick.context().heartbeat();
      await clock.advance(10_000);
      sick.context().heartbeat();
      await clock.advance(2_000);
    }),
  "a child that runs and never gets ready": () =>
    told(() => ({ children: [child.task("a", untilAborted, { readiness: { mode: "explicit" } })] }), (_, clock) => clock.advance(60_000)),
  "a restart of a child that does not stop, and ends much later": () =>
    told(() => ({ children: [slow.spec] }), async (tree, clock) => {
      await tree.child("/a").restart();
      await tree.child("/a").restart();
      await clock.advance(1_000);
      slow.end();
      await clock.advance(1_000);
    }),
  "a restart of a child that stops": () =>
    told(() => ({ children: [child.task("a", untilAborted, BACK)] }), async (tree, clock) => {
      await tree.child("/a").restart();
      await clock.advance(10);
    }),
  "a command while a child waits for its next attempt": () =>
    told((clock) => ({
      children: [
        child.task("a", async (context) => context.attempt === 1 ? await failing(clock) : await untilAborted(context), {
          backoff: { initialMs: 5_000, maxMs: 5_000, jitter: "none" },
        }),
      ],
    }), async (tree, clock) => {
      await clock.advance(2_000);
      await tree.child("/a").release().catch(() => {});
      await tree.child("/a").start();
      await clock.advance(10);
    }),
  "a child that is passed over in a shutdown": () =>
    told(() => ({ children: [child.task("a", deaf, { stop: { timeoutMs: 10, killWaitMs: 10 } })] })),
  "a reader that is too slow, and then reads on": () =>
    told((clock) => ({
      children: [child.task("a", () => failing(clock), BACK)],
      backpressure: { strategy: "sample_and_audit", windowSecs: 1 },
      observability: { eventJournalCapacity: 64 },
    }), async (tree, clock) => {
      const slow = tree.events({ subscriber: "slow" });
      await slow.next();
      await clock.advance(60_000);
      (async () => {
        for await (const _ of slow);
      })();
      await clock.advance(10_000);
    }),
  "a child that ends after it was passed over in a shutdown": async () => {
    const slow = stubborn();
    const clock = new VirtualClock({ startMs: 1_000 });
    const lasting = child.task("b", async (context) => {
      await untilAborted(context);
      await new Promise<void>((resolve) => clock.setTimer(resolve, 2_000));
    });
    const tree = await supervise({ children: [lasting, { ...slow.spec, dependencies: ["b"] }] }, { clock, keepAlive: false });
    await clock.advance(10);
    const ending = tree.shutdown();
    await clock.advance(1_000);
    slow.end();
    await clock.advance(60_000);
    await ending;
    return await eventsOf(tree);
  },
  "a declaration that is applied anew": () =>
    told(() => ({ children: [child.task("a", untilAborted)] }), async (tree, clock) => {
      const applying = tree.apply({ children: [child.task("a", untilAborted), child.task("b", untilAborted)] });
      await clock.advance(1_000);
      await applying;
    }),
  "children that come and go": () =>
    told(() => ({ children: [] }), async (tree, clock) => {
      await tree.add(child.task("a", untilAborted));
      await tree.add(child.task("a", untilAborted)).catch(() => {});
      const undone = tree.add(child.task("b", () => Promise.reject(new Error("no")), { readiness: { mode: "explicit" } }), {
        untilReady: true,
      }).catch(() => {});
      await clock.advance(10);
      await undone;
      await tree.child("/a").remove();
      await clock.advance(10);
    }),
  "an addition that the last end of the program cut short": async () => {
    const clock = new VirtualClock({ startMs: 1_000 });
    const written: AdditionRecord[] = [];
    const log = (left: readonly AdditionRecord[]): AdditionLog => ({
      write: (record) => Promise.resolve(void written.push(record)),
      pending: () => Promise.resolve(left),
    });
    const first = await supervise({ children: [] }, { clock, keepAlive: false, additionLog: log([]) });
    first.add(child.task("a", untilAborted, { readiness: { mode: "explicit" } }), { untilReady: true }).catch(() => {});
    await clock.advance(10);
    const second = await supervise({ children: [] }, { clock, keepAlive: false, additionLog: log(written.slice(0, 1)) });
    for (const tree of [first, second]) {
      const ending = tree.shutdown();
      await clock.advance(60_000);
      await ending;
    }
    return await eventsOf(second);
  },
  "an adapter that reports an end twice": () => {
    const clock = new VirtualClock({ automatic: false });
    const events = new Bus<SupervisorEvent>(64);
    const interpreter = new Interpreter({
      plan: planTree({ children: [child.task("a", () => {}, BACK)] }, 70),
      adapterFor: () => ({
        start: (context) => {
          context.exited({ kind: "cancelled" });
          context.exited({ kind: "cancelled" });
          return { cancel: () => {}, kill: () => {} };
        },
      }),
      startProbes: () => null,
      clock,
      random: () => 0.5,
      events,
      eventsPerSlice: 32,
      logs: new Bus<LogRecord>(64),
      onFinished: () => {},
    });
    interpreter.post({ type: "begin", node: 0, stamp: 0 });
    clock.run();
    return Promise.resolve(events.recent(64));
  },
  "a target whose relay is not there": async () => {
    const tree = await supervise({ children: [child.task("a", untilAborted)] }, { keepAlive: false });
    await inFolder(async (folder) => {
      const registration = { relayRegistrationPath: join(folder, "relay.sock"), leaseSeconds: 30 };
      await using _dashboard = await serveDashboard(tree, { targetId: "t", path: join(folder, "t.sock"), registration });
      for await (const { type } of tree.events()) if (type === "registration_changed") break;
    });
    await tree.close();
    return await eventsOf(tree);
  },
  "a journal whose file cannot be written, and then can": () =>
    inFolder(async (folder) => {
      const clock = new VirtualClock({ startMs: 1_000 });
      const path = join(folder, "events.jsonl");
      const tree = await supervise({ children: [child.task("a", untilAborted)], observability: { journal: { path } } }, {
        clock,
        keepAlive: false,
      });
      await clock.advance(10);
      await untilWritten(path);
      // What is being written may put it there again.
      await until(async () => {
        await rm(path, { force: true });
        return await mkdir(path).then(() => true, () => false);
      }, () => `${path} comes back`);
      await tree.child("/a").restart();
      await clock.advance(10);
      for await (const event of tree.events()) if (event.type === "sink_changed") break;
      await rm(path, { recursive: true });
      let isWell = false;
      const again = tree.events({ filter: (event) => event.type === "sink_changed" && event.healthy }).next().then(() => isWell = true);
      // What is written is written in real time, what is waited for before it is tried again is not.
      while (!isWell) {
        await clock.advance(1_000);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await again;
      const events = eventsOf(tree);
      let isOver = false;
      const ending = tree.shutdown().finally(() => isOver = true);
      while (!isOver) {
        await clock.advance(100);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await ending;
      return await events;
    }),
  "a program that was killed, and its next run": () =>
    inFolder(async (folder) => {
      const path = join(folder, "state.json");
      const clock = new VirtualClock({ startMs: 1_000 });
      const spec: TreeSpec = { children: [child.task("a", untilAborted)], state: { path } };
      await (await supervise(spec, { clock, keepAlive: false })).close();
      // A process of which nobody could read when it was started: it may be any.
      const stranger = spawn("sleep", ["60"], { detached: true, stdio: "ignore" });
      const left = { version: 1, kind: "opened", pid: stranger.pid, start: null, token: "0".repeat(32), path: "/b", attempt: 1 };
      await writeFile(`${path}.processes`, `${JSON.stringify(left)}\n`);
      const tree = await supervise(spec, { clock, keepAlive: false });
      await tree.close();
      const gone = once(stranger, "exit");
      stranger.kill("SIGKILL");
      await gone;
      return await eventsOf(tree);
    }),
  "a loop that does not get its turn": async () => {
    const clock = new VirtualClock({ startMs: 1_000 });
    let lateMs = 0;
    const late: Clock = {
      now: () => clock.now() + lateMs,
      wallNow: () => clock.wallNow() + lateMs,
      microtask: (callback) => clock.microtask(callback),
      macrotask: (callback) => clock.macrotask(callback),
      setTimer: (callback, delayMs) => clock.setTimer(callback, delayMs),
    };
    const tree = await supervise({ children: [child.task("a", untilAborted)] }, { clock: late, keepAlive: false });
    const events = eventsOf(tree);
    await clock.advance(2_500);
    lateMs = 3_000;
    await clock.advance(2_000);
    const ending = tree.shutdown();
    await clock.advance(60_000);
    await ending;
    return await events;
  },
};

async function untilWritten(path: string): Promise<void> {
  while ((await stat(path)).size === 0) await new Promise((resolve) => setTimeout(resolve, 1));
}
