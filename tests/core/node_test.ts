/** Whole trees, nested supervisors included, and what no single row of a table shows. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { seededRandom } from "../../src/base/mod.ts";
import { CANCELLED, FAILED, KILLED, process, SUCCEEDED, supervisor, task, TreeDriver } from "./tree_driver.ts";

const explicit = { readiness: { mode: "explicit" } } as const;
const escalating = { limit: { maxRestarts: 1, onExceeded: "escalate" } } as const;

// ---- start ----

Deno.test("step() starts a dependant of a nested supervisor once that is ready", () => {
  const tree = new TreeDriver([task("web", { dependencies: ["data"] }), supervisor("data", [task("db", explicit), task("cache")])]).begin();
  assertEquals(tree.did(), ["start /data", "start /data/db", "start /data/cache"]);
  assertEquals(tree.last("child_waiting").waitingFor, ["data"]);
  tree.ready("/data/db");
  assertEquals(tree.did(), ["start /web"]);
});

Deno.test("step() keeps a nested supervisor ready when one of its children fails", () => {
  const tree = new TreeDriver([supervisor("data", [task("db")])]).begin().exit("/data/db", FAILED);
  assertEquals([tree.phase("/data"), tree.all("child_not_ready").length], ["ready", 0]);
});

Deno.test("step() names only those who are not ready in the dependency timeout", () => {
  const tree = new TreeDriver([task("a"), task("b", explicit), task("c", { dependencies: ["a", "b"], waitTimeoutMs: 100 })]).begin();
  const { exit, exitClass, limit } = tree.advance(100).last("child_failed", "/c");
  assertEquals([exitClass, limit?.used], ["timeout", 1]);
  assert("failure" in exit && exit.failure.message === "waited 100 ms for b");
});

Deno.test("step() takes a failure to start through the restart policy as any other", () => {
  const tree = new TreeDriver([task("a")], { answers: { "/a": "nothing" } }).begin();
  tree.exit("/a", { kind: "failed", failure: { kind: "error", category: "start_failed", message: "no such module" } });
  assertEquals(tree.phase("/a"), "backoff");
  tree.did();
  assertEquals(tree.advance(50).did(), ["start /a"]);
});

// ---- counters and correlation ----

Deno.test("step() keeps one correlation from exit to ready over backoff and waiting, and a new one for the next exit", () => {
  const tree = new TreeDriver([task("db", explicit), task("web", { dependencies: ["db"] })]).begin().ready("/db").ready("/db", false);
  const before = tree.events.length;
  tree.exit("/web", FAILED).advance(50).ready("/db");
  const mine = tree.events.slice(before).filter((event) => event.path === "/web");
  assertEquals(mine.map((event) => event.type), [
    "child_failed",
    "backoff_scheduled",
    "child_restarting",
    "child_waiting",
    "child_starting",
    "child_ready",
  ]);
  assertEquals(new Set(mine.map((event) => event.correlation)).size, 1);
  tree.exit("/web", FAILED);
  assert(tree.last("child_failed", "/web").correlation > mine[0]!.correlation);
});

Deno.test("step() never resets restarts and attempts, also when the supervisor above restarts", () => {
  const tree = new TreeDriver([supervisor("s", [task("a", escalating)])], { obedient: true }).begin();
  for (let failure = 0; failure < 4; failure++) tree.exit("/s/a", FAILED).advance(100);
  const { attempt, restartsTotal, failuresTotal } = tree.slot("/s/a");
  // Two of the five starts were begun by the supervisor, which restarted twice: those are its restarts.
  assertEquals([attempt, restartsTotal, failuresTotal, tree.slot("/s").restartsTotal], [5, 2, 4, 2]);
});

Deno.test("step() numbers events without a hole", () => {
  const tree = new TreeDriver([supervisor("s", [task("a", escalating)]), task("b")], { obedient: true }).begin();
  tree.exit("/s/a", FAILED).advance(100).exit("/s/a", FAILED).advance(1_000).stop();
  assertEquals(tree.events.map((event) => event.seq), tree.events.map((_, index) => index + 1));
});

/** How an attempt can end for a reason of ours, or seem ill, after it was healthy for long. */
const AFTER_HEALTHY_TIME: readonly [how: string, options: Parameters<typeof task>[1], end: (tree: TreeDriver) => void][] = [
  ["failed", {}, (tree) => tree.advance(40_000).exit("/a", FAILED)],
  ["ran longer than its run limit", { timeouts: { runMs: 40_000 } }, (tree) => tree.advance(40_000)],
  [
    "became unhealthy",
    { healthCheck: { mode: "tcp", port: 1, maxRetries: 0 } },
    (tree) => tree.advance(40_000).health("/a", 1),
  ],
];

for (const [how, options, end] of AFTER_HEALTHY_TIME) {
  Deno.test(`step() begins with the first delay again when a child ${how} after a long healthy time`, () => {
    const tree = new TreeDriver([task("a", { ...options, limit: { maxRestarts: 100 } })], { obedient: true }).begin();
    for (let round = 0; round < 3; round++) {
      end(tree);
      tree.advance(10_000);
    }
    assertEquals(tree.all("backoff_scheduled").map((event) => event.delayMs), [50, 50, 50]);
  });
}

// ---- heartbeats on any clock ----

Deno.test("step() never sets a timer to now or to the past, whatever fractions the clock has", () => {
  fc.assert(fc.property(fc.nat(), fc.double({ min: 0, max: 1e7, noNaN: true }), (seed, startMs) => {
    const random = seededRandom(seed);
    const options = { healthCheck: { checkIntervalSecs: 0.1, staleAfterMs: 250.3, maxRetries: 1 } };
    const tree = new TreeDriver([task("a", options)], { obedient: true, random }).advance(startMs).begin();
    for (let round = 0; round < 60; round++) {
      tree.advance(random() * 300);
      if (random() < 0.6) tree.heartbeat("/a");
      for (const timer of tree.timers.values()) assert(timer.dueMs > tree.now, `due ${timer.dueMs}, now ${tree.now}`);
    }
  }));
});

// ---- escalation ----

Deno.test("step() stops the whole tree with the exit code when the root gives up", () => {
  const tree = new TreeDriver([task("db"), task("web", { dependencies: ["db"], ...escalating })], { obedient: true }).begin();
  tree.exit("/web", FAILED).advance(50).exit("/web", FAILED);
  const { child, reason } = tree.last("supervisor_escalated");
  assertEquals([child, reason], ["/web", '"/web" exceeded its restart limit: boom']);
  assertEquals([tree.finished?.exitCode, tree.finished?.cause.kind, tree.finished?.cause.path], [70, "escalation", "/web"]);
  assertEquals(tree.outcomes(), ["/web already_exited", "/db graceful"]);
});

Deno.test("step() counts a nested supervisor that gave up as one failure, and starts it anew", () => {
  const tree = new TreeDriver([supervisor("s", [task("a", escalating), task("b")]), task("other")], { obedient: true }).begin();
  tree.exit("/s/a", FAILED).advance(50);
  tree.did();
  tree.exit("/s/a", FAILED);
  assertEquals(tree.did(), ["cancel /s/b"]);
  const { exit, limit } = tree.last("child_failed", "/s");
  assert("failure" in exit);
  assertEquals([exit.failure.category, exit.failure.message, limit?.used], [
    "escalated",
    '"/s/a" exceeded its restart limit: boom',
    1,
  ]);
  assertEquals(tree.advance(50).did(), ["start /s", "start /s/a", "start /s/b"]);
  assertEquals(tree.phase("/other"), "ready");
});

Deno.test("step() escalates from level to level until the root ends, and names the innermost path", () => {
  const inner = supervisor("t", [task("a", escalating)], { limit: { maxRestarts: 1 } });
  const tree = new TreeDriver([supervisor("s", [inner], { limit: { maxRestarts: 1 } })], { obedient: true }).begin();
  for (let failure = 0; failure < 40 && tree.finished === null; failure++) tree.exit("/s/t/a", FAILED).advance(1_000);
  assertEquals(tree.finished?.cause.path, "/s");
  assert(tree.finished?.cause.reason.includes('"/s/t/a"'), tree.finished?.cause.reason);
  assertEquals(tree.all("child_failed", "/s/t/a").length, 8);
});

Deno.test("step() does not start a supervisor anew while a task of it that was left behind still lives", () => {
  const tree = new TreeDriver([supervisor("s", [task("a", escalating), task("b")])]).begin();
  tree.exit("/s/a", FAILED).advance(50).exit("/s/a", FAILED).advance(5_000).abandon("/s/b");
  tree.did();
  assertEquals([tree.phase("/s"), tree.advance(1e6).did()], ["abandoned", []]);
  tree.exit("/s/b", CANCELLED);
  assertEquals([tree.slot("/s/b").outcome, tree.last("child_failed", "/s").exitClass], ["late_report", "nonzero_exit"]);
  assertEquals(tree.advance(50).did(), ["start /s", "start /s/a", "start /s/b"]);
});

// ---- stop ----

Deno.test("step() stops nested trees in the reverse of the start order", () => {
  const tree = new TreeDriver([
    task("db"),
    supervisor("app", [task("queue"), task("worker", { dependencies: ["queue"] })], { dependencies: ["db"] }),
    task("edge", { dependencies: ["app"] }),
  ]).begin();
  tree.did();
  tree.stop();
  const order = ["/edge", "/app/worker", "/app/queue", "/db"].flatMap((path) => {
    const commands = tree.did();
    tree.exit(path, CANCELLED);
    return commands;
  });
  assertEquals(order, ["cancel /edge", "cancel /app", "cancel /app/worker", "cancel /app/queue", "cancel /db"]);
  assertEquals(tree.outcomes(), ["/edge graceful", "/app/worker graceful", "/app/queue graceful", "/app graceful", "/db graceful"]);
  assertEquals([tree.finished?.exitCode, tree.timers.size], [0, 0]);
});

Deno.test("step() starts nothing in a nested tree whose ancestor stops, before its own turn comes", () => {
  const tree = new TreeDriver([supervisor("s", [task("a")]), task("web", { dependencies: ["s"] })]).begin().exit("/s/a", FAILED);
  tree.stop().did();
  tree.advance(1_000);
  assertEquals([tree.did(), tree.phase("/s/a")], [[], "stopped"]);
  tree.exit("/web", CANCELLED);
  assertEquals(tree.outcomes(), ["/web graceful", "/s/a already_exited", "/s graceful"]);
  assertEquals(tree.finished?.exitCode, 0);
});

Deno.test("step() starts nobody who waits when a dependency becomes ready while the tree stops", () => {
  const tree = new TreeDriver([task("db", explicit), task("api", { dependencies: ["db"] }), task("web", { dependencies: ["api"] })])
    .begin();
  tree.ready("/db").ready("/db", false).exit("/api", FAILED).advance(50);
  assertEquals([tree.phase("/api"), tree.phase("/web")], ["waiting", "ready"]);
  tree.stop().did();
  tree.ready("/db");
  assertEquals(tree.did(), []);
  tree.exit("/web", CANCELLED).exit("/db", CANCELLED);
  assertEquals(tree.outcomes(), ["/web graceful", "/api already_exited", "/db graceful"]);
});

Deno.test("step() forces a nested tree at once and says so of each child", () => {
  const tree = new TreeDriver([supervisor("s", [process("a"), process("b", { dependencies: ["a"] })])], { obedient: false }).begin();
  tree.did();
  tree.stop(true);
  assertEquals(tree.did(), ["cancel /s", "kill /s", "cancel /s/b", "kill /s/b", "cancel /s/a", "kill /s/a"]);
  tree.exit("/s/a", KILLED).exit("/s/b", KILLED);
  assertEquals(tree.outcomes(), ["/s/a aborted", "/s/b aborted", "/s aborted"]);
});

Deno.test("step() calls it aborted when a forced stop killed a child, also with abortAfterTimeout false", () => {
  const tree = new TreeDriver([process("a")], { shutdown: { abortAfterTimeout: false } }).begin().stop(true);
  assertEquals(tree.exit("/a", KILLED).outcomes(), ["/a aborted"]);
});

Deno.test("step() forces a straggler that was only waited for, once everything is forced", () => {
  const shutdown = { abortAfterTimeout: false, gracefulTimeoutMs: 100, abortWaitMs: 10_000 };
  const tree = new TreeDriver([process("a")], { shutdown }).begin().stop().advance(100);
  tree.did();
  assertEquals(tree.stop(true).did(), ["kill /a"]);
});

Deno.test("step() leaves no timer, and clears none twice, however a tree comes to its end", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const random = seededRandom(seed);
      const options = { healthCheck: { checkIntervalSecs: 1 }, timeouts: { startMs: 500, runMs: 5_000 }, waitTimeoutMs: 300 };
      const tree = new TreeDriver([
        task("a", { ...options, ...explicit }),
        task("b", { ...options, dependencies: ["a"] }),
        supervisor("s", [task("c", { ...options, ...escalating }), task("d", { ...options, dependencies: ["c"] })], {
          dependencies: ["a"],
        }),
      ], { obedient: true, random }).begin();
      const paths = ["/a", "/b", "/s/c", "/s/d"];
      for (let round = 0; round < 30; round++) {
        tree.advance(random() * 400);
        const path = paths[Math.floor(random() * paths.length)]!;
        if (tree.slot(path).stamp === 0) continue;
        if (random() < 0.5) tree.exit(path, random() < 0.7 ? FAILED : SUCCEEDED);
        else tree.ready(path, random() < 0.8);
      }
      tree.stop(random() < 0.3).advance(10_000);
      assertEquals(tree.nodes.map((node) => node.phase === "running"), tree.nodes.map(() => false));
      assertEquals(tree.timers.size, 0);
      assert(tree.finished !== null);
    }),
    { numRuns: 200 },
  );
});

// ---- order against a naive model ----

Deno.test("step() starts exactly those whose dependencies are ready, and stops exactly those whose dependants ended", () => {
  const graphs = fc.array(fc.array(fc.nat({ max: 20 }), { maxLength: 3 }), { minLength: 1, maxLength: 10 });
  fc.assert(fc.property(graphs, fc.nat(), (lists, seed) => {
    const random = seededRandom(seed);
    const edges = lists.map((list, index) => [...new Set(list.filter((to) => to < index))]);
    const tree = new TreeDriver(
      edges.map((list, index) => task(`c${index}`, { ...explicit, dependencies: list.map((to) => `c${to}`) })),
    ).begin();
    const ready = new Set<number>();
    const started = new Set<number>();
    const startable = (): Set<number> => new Set(edges.flatMap((list, index) => list.every((to) => ready.has(to)) ? [index] : []));
    while (ready.size < edges.length) {
      for (const command of tree.did()) started.add(Number(command.slice("start /c".length)));
      assertEquals(sorted(started), sorted(startable()));
      const next = pick([...started].filter((index) => !ready.has(index)), random);
      ready.add(next);
      tree.ready(`/c${next}`);
    }
    tree.did();
    tree.stop();
    const ended = new Set<number>();
    const asked = new Set<number>();
    const free = (): number[] =>
      edges.flatMap((_, index) => edges.every((list, other) => !list.includes(index) || ended.has(other)) ? [index] : []);
    while (ended.size < edges.length) {
      for (const command of tree.did()) asked.add(Number(command.slice("cancel /c".length)));
      assertEquals(sorted(asked), free());
      const next = pick([...asked].filter((index) => !ended.has(index)), random);
      ended.add(next);
      tree.exit(`/c${next}`, CANCELLED);
    }
    assertEquals(tree.finished?.exitCode, 0);
  }));
});

function sorted(numbers: ReadonlySet<number>): number[] {
  return [...numbers].sort((a, b) => a - b);
}

function pick(numbers: readonly number[], random: () => number): number {
  return numbers[Math.floor(random() * numbers.length)]!;
}
