import { assertEquals } from "@std/assert";
import { child, type ChildOptions, supervise, type SupervisorEvent, type TaskContext, type Tree, type TreeSpec } from "../../mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { untilAborted } from "../support/tasks.ts";

interface Scene {
  readonly tree: Tree;
  readonly clock: VirtualClock;
  readonly events: SupervisorEvent[];
  /** Type and cause of what happened to one child so far. */
  readonly told: (path?: string) => string[];
}

/** A tree in virtual time, which is there as long as the test looks at it. */
async function play(spec: (clock: VirtualClock) => TreeSpec, look: (scene: Scene) => Promise<void>): Promise<void> {
  const clock = new VirtualClock({ startMs: 1_000_000 });
  const tree = await supervise(spec(clock), { clock, random: () => 0.5, keepAlive: false });
  const events: SupervisorEvent[] = [];
  const reading = (async () => {
    for await (const event of tree.events()) if (event.type !== "gap") events.push(event);
  })();
  const told = (path = "/job"): string[] => events.filter((event) => event.path === path).map(inShort);
  try {
    await clock.advance(0);
    await look({ tree, clock, events, told });
  } finally {
    const ending = tree.shutdown();
    await clock.advance(60_000);
    await ending;
    await reading;
  }
}

function inShort(event: SupervisorEvent): string {
  switch (event.type) {
    case "child_restarting":
      return `restarting ${event.cause}`;
    case "child_run_skipped":
      return `skipped ${event.reason} ${event.times}`;
    default:
      return event.type.replace("child_", "");
  }
}

/** A task that takes so long. */
const lasting = (clock: VirtualClock, durationMs: number) => ({ signal }: TaskContext): Promise<void> =>
  new Promise((resolve) => {
    const cancel = clock.setTimer(resolve, durationMs);
    signal.addEventListener("abort", () => {
      cancel();
      resolve();
    });
  });

function one(
  durationMs: number,
  schedule: ChildOptions["schedule"],
  options: ChildOptions = {},
): (clock: VirtualClock) => TreeSpec {
  return (clock: VirtualClock): TreeSpec => ({ children: [child.task("job", lasting(clock, durationMs), { schedule, ...options })] });
}

const EVERY: ChildOptions["schedule"] = { everyMs: 1_000 };

Deno.test("a scheduled child is down until it is time, and holds nobody up", () =>
  play(one(100, EVERY), async ({ tree, clock, told }) => {
    await tree.ready();
    const { phase, attempt, nextRunAtMs } = tree.child("/job");
    assertEquals([phase, attempt, nextRunAtMs], ["stopped", 0, 1_001_000]);
    await clock.advance(1_150);
    assertEquals(told(), ["restarting schedule", "starting", "running", "succeeded"]);
    const after = tree.child("/job");
    assertEquals([after.phase, after.attempt, after.nextRunAtMs], ["stopped", 1, 1_002_000]);
    await clock.advance(1_000);
    assertEquals(tree.child("/job").attempt, 2);
  }));

Deno.test("with atStart it also starts with the tree", () =>
  play(one(100, { everyMs: 1_000, atStart: true }), async ({ tree, clock, told }) => {
    assertEquals(told(), ["starting", "running"]);
    await clock.advance(1_150);
    assertEquals(tree.child("/job").attempt, 2);
  }));

Deno.test("a child without a schedule has no next run", () =>
  play(() => ({ children: [child.task("job", untilAborted)] }), ({ tree }) => {
    assertEquals(tree.child("/job").nextRunAtMs, null);
    return Promise.resolve();
  }));

Deno.test("overlap skip: a time is left out while the run before goes on, and told", () =>
  play(one(2_500, EVERY), async ({ clock, told }) => {
    await clock.advance(4_100);
    assertEquals(told(), [
      "restarting schedule",
      "starting",
      "running",
      "skipped still_running 1",
      "skipped still_running 1",
      "succeeded",
      "restarting schedule",
      "starting",
      "running",
    ]);
  }));

Deno.test("overlap queue: the next run begins as soon as the one before has ended, and one waits at most", () =>
  play(one(2_500, { everyMs: 1_000, overlap: "queue" }), async ({ clock, told, events }) => {
    await clock.advance(3_600);
    assertEquals(told(), [
      "restarting schedule",
      "starting",
      "running",
      "skipped still_running 1",
      "succeeded",
      "restarting schedule",
      "starting",
      "running",
    ]);
    assertEquals(events.findLast(({ type }) => type === "child_starting")?.atMs, 1_003_500);
  }));

Deno.test("overlap replace: what runs is stopped, and the next run begins when it is gone", () =>
  play(one(2_500, { everyMs: 1_000, overlap: "replace" }), async ({ tree, clock, told }) => {
    await clock.advance(2_100);
    assertEquals(told(), [
      "restarting schedule",
      "starting",
      "running",
      "restart_fence_entered",
      "stopping",
      "stopped",
      "restart_fence_released",
      "restarting schedule",
      "starting",
      "running",
    ]);
    assertEquals(tree.child("/job").attempt, 2);
  }));

/** Fails so often, then succeeds. */
function failing(times: number, schedule: ChildOptions["schedule"], options: ChildOptions = {}): () => TreeSpec {
  let left = times;
  const task = (): void => {
    if (left-- > 0) throw new Error("no");
  };
  const backoff = { initialMs: 100, maxMs: 100, jitter: "none" } as const;
  return () => ({ children: [child.task("job", task, { schedule, backoff, ...options })] });
}

Deno.test("a run that failed is tried again by its policy, and the next time comes anyway", () =>
  play(failing(2, EVERY), async ({ tree, clock, told }) => {
    await clock.advance(1_500);
    assertEquals(told().filter((type) => type.startsWith("restarting") || type === "failed" || type === "succeeded"), [
      "restarting schedule",
      "failed",
      "restarting crash",
      "failed",
      "restarting crash",
      "succeeded",
    ]);
    await clock.advance(1_000);
    assertEquals(tree.child("/job").attempt, 4);
  }));

Deno.test("a run that is not tried any more ends alone: the next time begins afresh", () =>
  play(failing(3, EVERY, { limit: { maxRestarts: 1, onExceeded: "give_up" } }), async ({ tree, clock }) => {
    await clock.advance(1_500);
    assertEquals([tree.child("/job").phase, tree.child("/job").attempt], ["failed", 2]);
    await clock.advance(1_000);
    assertEquals([tree.child("/job").phase, tree.child("/job").attempt, tree.child("/job").limitUsed], ["stopped", 4, 1]);
  }));

Deno.test("a temporary scheduled child fails once for each time, and stays", () =>
  play(failing(9, EVERY, { restartPolicy: "temporary" }), async ({ tree, clock }) => {
    await clock.advance(3_500);
    assertEquals(tree.child("/job").attempt, 3);
  }));

Deno.test("times that come while a failed run waits to be tried again count as its own", () =>
  play(failing(9, EVERY, { backoff: { initialMs: 1_500, maxMs: 1_500, jitter: "none" } }), async ({ clock, told }) => {
    await clock.advance(2_100);
    assertEquals(told().at(-1), "skipped still_running 1");
  }));

Deno.test("overlap replace ends a failed run that waits to be tried again", () =>
  play(
    failing(1, { everyMs: 1_000, overlap: "replace" }, { backoff: { initialMs: 5_000, maxMs: 5_000, jitter: "none" } }),
    async ({ clock, told }) => {
      await clock.advance(2_100);
      assertEquals(told().slice(-4), ["restarting schedule", "starting", "running", "succeeded"]);
    },
  ));

Deno.test("who holds a child holds its times; whoever lets go lets the next one come", () =>
  play(one(5_000, EVERY), async ({ tree, clock }) => {
    await clock.advance(1_100);
    await tree.child("/job").pause();
    await clock.advance(3_000);
    assertEquals([tree.child("/job").phase, tree.child("/job").attempt, tree.child("/job").nextRunAtMs], ["stopped", 1, null]);
    await tree.child("/job").resume();
    await clock.advance(0);
    assertEquals(tree.child("/job").attempt, 1);
    await clock.advance(1_000);
    assertEquals([tree.child("/job").phase, tree.child("/job").attempt], ["running", 2]);
  }));

Deno.test("whoever terminates a run, and what waited behind it, does not end its schedule", () =>
  play(one(5_000, { everyMs: 1_000, overlap: "queue" }), async ({ tree, clock }) => {
    await clock.advance(2_100);
    await tree.child("/job").terminate();
    await clock.advance(500);
    assertEquals([tree.child("/job").phase, tree.child("/job").attempt], ["stopped", 1]);
    await clock.advance(500);
    assertEquals([tree.child("/job").phase, tree.child("/job").attempt], ["running", 2]);
  }));

Deno.test("an operator may start it in between; that moves no time", () =>
  play(one(100, EVERY), async ({ tree, clock, told }) => {
    await clock.advance(500);
    await tree.child("/job").start();
    await clock.advance(0);
    assertEquals(told().filter((type) => type.startsWith("restarting")), ["restarting command"]);
    assertEquals(tree.child("/job").attempt, 1);
    await clock.advance(600);
    assertEquals(tree.child("/job").attempt, 2);
  }));

Deno.test("who depends on a scheduled child waits until it has succeeded once, and goes on through its later runs", () =>
  play((clock) => ({
    children: [
      child.task("job", lasting(clock, 300), { schedule: EVERY }),
      child.task("needs", untilAborted, { dependencies: ["job"] }),
      child.task("wants", untilAborted, { wants: ["job"] }),
    ],
  }), async ({ tree, clock }) => {
    assertEquals([tree.child("/needs").phase, tree.child("/wants").phase], ["waiting", "ready"]);
    await clock.advance(1_200);
    assertEquals(tree.child("/needs").phase, "waiting");
    await clock.advance(200);
    assertEquals(tree.child("/needs").phase, "ready");
    await clock.advance(800);
    assertEquals([tree.child("/job").phase, tree.child("/needs").phase], ["running", "ready"]);
  }));

Deno.test("a shutdown ends a run and all times to come", async () => {
  let starts = 0;
  const spec = (clock: VirtualClock): TreeSpec => ({
    children: [child.task("job", (context) => (starts++, lasting(clock, 100)(context)), { schedule: EVERY })],
  });
  const clock = new VirtualClock({ startMs: 1_000_000 });
  const tree = await supervise(spec(clock), { clock, keepAlive: false });
  await clock.advance(1_050);
  const ending = tree.shutdown();
  await clock.advance(0);
  const report = await ending;
  await clock.advance(10_000);
  assertEquals([report.exitCode, starts, clock.timers], [0, 1, 0]);
});

Deno.test("a scheduled child of a supervisor that restarts keeps its times", () =>
  play((clock) => ({
    children: [child.supervisor("group", { children: [child.task("job", lasting(clock, 100), { schedule: EVERY })] })],
  }), async ({ tree, clock }) => {
    await clock.advance(500);
    await tree.child("/group").restart();
    await clock.advance(0);
    assertEquals([tree.child("/group/job").phase, tree.child("/group").phase], ["stopped", "ready"]);
    await clock.advance(600);
    assertEquals(tree.child("/group/job").attempt, 1);
  }));

Deno.test("a child that is added brings its schedule along, and takes it with it", () =>
  play(() => ({ children: [] }), async ({ tree, clock }) => {
    let starts = 0;
    const job = child.task("job", () => void starts++, { schedule: { cron: "* * * * * *", timeZone: "UTC" }, restartPolicy: "temporary" });
    const added = await tree.add(job, { untilReady: true });
    assertEquals([added.phase, added.nextRunAtMs], ["stopped", 1_001_000]);
    await clock.advance(3_100);
    assertEquals(starts, 3);
    await tree.child("/job").remove();
    await clock.advance(3_000);
    assertEquals(starts, 3);
  }));

Deno.test("a scheduled run needs no turn among the restarts of others", () =>
  play((clock) => ({
    children: [child.task("job", lasting(clock, 100), { schedule: EVERY })],
    policy: { supervisionPipeline: { concurrentRestartLimit: 1 } },
  }), async ({ clock, told }) => {
    await clock.advance(1_150);
    assertEquals(told().includes("restart_queued"), false);
  }));

Deno.test("who is bound to a scheduled child stops while it runs, and starts when it has succeeded", () =>
  play((clock) => ({
    children: [
      child.task("job", lasting(clock, 300), { schedule: EVERY }),
      child.task("bound", untilAborted, { bindsTo: ["job"] }),
    ],
  }), async ({ tree, clock }) => {
    await clock.advance(1_400);
    assertEquals(tree.child("/bound").phase, "ready");
    await clock.advance(700);
    assertEquals([tree.child("/job").phase, tree.child("/bound").phase], ["running", "waiting"]);
    await clock.advance(300);
    assertEquals([tree.child("/bound").phase, tree.child("/bound").attempt], ["ready", 2]);
  }));

Deno.test("another schedule counts as soon as it is declared", () =>
  play(one(100, EVERY), async ({ tree, clock }) => {
    await clock.advance(500);
    const other = child.task("job", () => {}, { schedule: { cron: "* * * * * *", timeZone: "UTC", overlap: "queue" } });
    const applying = tree.apply({ children: [other] }, { by: "test", reason: "another schedule" });
    await clock.advance(0);
    await applying;
    assertEquals(tree.child("/job").nextRunAtMs, 1_001_000);
    await clock.advance(2_600);
    assertEquals(tree.child("/job").attempt, 3);
    const none = tree.apply({ children: [child.task("job", () => {}, { restartPolicy: "transient" })] }, { by: "test", reason: "none" });
    await clock.advance(0);
    await none;
    assertEquals(tree.child("/job").nextRunAtMs, null);
  }));

Deno.test("a run that is replaced and does not stop in time is forced, and the next one begins then", () =>
  play((clock) => ({
    children: [
      child.task("job", (context) => context.attempt === 1 ? new Promise<void>((resolve) => clock.setTimer(resolve, 1_700)) : undefined, {
        schedule: { everyMs: 1_000, overlap: "replace" },
        stop: { timeoutMs: 200, killWaitMs: 200 },
      }),
    ],
  }), async ({ tree, clock, told }) => {
    await clock.advance(2_600);
    assertEquals([tree.child("/job").phase, tree.child("/job").attempt], ["abandoned", 1]);
    await clock.advance(500);
    assertEquals(told().slice(-3), ["starting", "running", "succeeded"]);
  }));

Deno.test("a supervisor that is made ready by a scheduled child waits for it", () =>
  play((clock) => ({
    children: [
      child.supervisor("group", {
        children: [child.task("job", lasting(clock, 100), { schedule: EVERY })],
        readiness: { mode: "child", child: "job" },
      }),
    ],
  }), async ({ tree, clock }) => {
    assertEquals(tree.child("/group").phase, "running");
    await clock.advance(1_200);
    assertEquals(tree.child("/group").phase, "ready");
  }));
