/** A test for every row of the contract's tables on order, tasks, records and starting (sections 4 to 7). */
import { assertEquals } from "@std/assert";
import { child, ChildError, type ChildSpec, supervise, type TaskContext, type TaskFunction, type Tree } from "../../mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { CANCELLED, Driver, FAILED, scripted, SUCCEEDED } from "../core/driver.ts";
import { deaf, untilAborted } from "../support/tasks.ts";

const GRAPH = [
  scripted("web", { dependencies: ["db", "cache"] }),
  scripted("db"),
  scripted("cache", { dependencies: ["db"] }),
  scripted("free"),
];

/** All children ready. */
function up(children: readonly ChildSpec[], options = {}): Driver {
  const driver = new Driver(children, options).begin();
  for (let round = 0; round < children.length; round++) {
    for (const { name } of children) if (driver.phase(name) === "starting") driver.running(name);
  }
  return driver;
}

const starts = (driver: Driver): string[] => driver.events.flatMap(({ type, path }) => type === "child_starting" ? [path.slice(1)] : []);

/** A scope's stops and starts after the failure of a child, as names. */
function touched(strategy: "one_for_one" | "one_for_all" | "rest_for_one", failing: string): string[] {
  const driver = up(["a", "b", "c"].map((name) => scripted(name)), { strategy });
  const before = driver.events.length;
  driver.exit(failing).pass(100);
  for (const name of ["c", "b", "a"]) if (driver.slot(name).stopCause === "sibling") driver.exit(name, CANCELLED);
  driver.pass(100);
  return driver.events.slice(before).flatMap(({ type, path }) => type === "child_starting" ? [path.slice(1)] : []);
}

// --- 4 -----------------------------------------------------------------------------------------------------------------------------------

Deno.test("§4 ordering: start: dependencies first, ties by declaration; a child starts only when each dependency is ready", () => {
  const driver = new Driver(GRAPH).begin();
  assertEquals(starts(driver), ["db", "free"]);
  assertEquals(starts(driver.running("free")), ["db", "free"]);
  assertEquals(starts(driver.running("db")), ["db", "free", "cache"]);
  assertEquals(starts(driver.running("cache")), ["db", "free", "cache", "web"]);
});

Deno.test("§4 ordering: stop and shutdown: the reverse of the start order", () => {
  const driver = up(GRAPH).stop();
  assertEquals(driver.cancelled, ["free", "web"]);
  assertEquals([driver.exit("web", CANCELLED).cancelled, driver.exit("cache", CANCELLED).cancelled], [["cache"], ["db"]]);
});

Deno.test("§4 ordering: restart_scope(OneForOne, c): c alone", () => assertEquals(touched("one_for_one", "b"), ["b"]));
Deno.test("§4 ordering: restart_scope(OneForAll, c): all children in the order of their declaration", () =>
  assertEquals(touched("one_for_all", "b"), ["a", "b", "c"]));
Deno.test("§4 ordering: restart_scope(RestForOne, c): c and everything after it", () =>
  assertEquals(touched("rest_for_one", "b"), ["b", "c"]));

/** Who comes along when `a1` fails in a supervisor with the groups a and b. */
function cameAlong(options: object): string[] {
  const children = [scripted("a1", { group: "a" }), scripted("b1", { group: "b" }), scripted("a2", { group: "a" })];
  const driver = up(children, { groups: [{ name: "a" }, { name: "b" }], ...options });
  driver.exit("a1");
  return ["b1", "a2"].filter((name) => driver.slot(name).stopCause === "sibling");
}

Deno.test("§4 restart plan: child override: its strategy over all siblings", () =>
  assertEquals(cameAlong({ childStrategyOverrides: [{ childId: "a1", strategy: "one_for_all" }] }), ["b1", "a2"]));
Deno.test("§4 restart plan: group strategy: over the members of that group only", () =>
  assertEquals(cameAlong({ groupStrategies: [{ group: "a", strategy: "one_for_all" }] }), ["a2"]));
Deno.test("§4 restart plan: supervisor: its strategy over all siblings", () =>
  assertEquals(cameAlong({ strategy: "one_for_all" }), ["b1", "a2"]));
Deno.test("§4 restart plan: a child override counts before its group, and a group before the supervisor", () => {
  const groupStrategies = [{ group: "a", strategy: "one_for_one" }];
  assertEquals(cameAlong({ strategy: "one_for_all", groupStrategies }), []);
  assertEquals(cameAlong({ groupStrategies, childStrategyOverrides: [{ childId: "a1", strategy: "one_for_all" }] }), ["b1", "a2"]);
});

// --- 5 -----------------------------------------------------------------------------------------------------------------------------------

async function started(...children: ChildSpec[]): Promise<{ tree: Tree; clock: VirtualClock }> {
  const clock = new VirtualClock({ startMs: 1_000 });
  const tree = await supervise({ children }, { clock, keepAlive: false });
  await clock.advance(1);
  return { tree, clock };
}

/** The category of a failure, and what was decided. */
async function verdictOn(error: unknown): Promise<unknown[]> {
  const { tree } = await started(child.task("a", () => Promise.reject(error)));
  const { lastExit, lastDecision } = tree.child("/a");
  await tree.shutdown();
  return [lastExit !== null && "failure" in lastExit ? lastExit.failure.category : "", lastDecision?.action, lastDecision?.reason];
}

Deno.test("§5 failures: error and panic: recoverable, restarted by policy", async () => {
  assertEquals(await verdictOn(new RangeError("x")), ["RangeError", "restart", "within_restart_budget"]);
  assertEquals(await verdictOn("thrown text"), ["thrown_value", "restart", "within_restart_budget"]);
});
Deno.test("§5 failures: fatal config: shuts the tree down", async () =>
  assertEquals(await verdictOn(new ChildError("fatal_config", "no key")), ["fatal_config", "shutdown_tree", "fatal_config"]));
Deno.test("§5 failures: fatal bug: escalates", async () =>
  assertEquals(await verdictOn(new ChildError("fatal_bug", "impossible")), ["fatal_bug", "escalate", "fatal_bug"]));
Deno.test("§5 failures: external dependency: as recoverable", async () =>
  assertEquals(await verdictOn(new ChildError("external_dependency", "down")), [
    "external_dependency",
    "restart",
    "within_restart_budget",
  ]));

Deno.test("§5 failures: timeout: an attempt over its limit", () => {
  const driver = up([scripted("a", { timeouts: { runMs: 500 } })]).pass(500).exit("a", CANCELLED);
  assertEquals([driver.slot("a").lastExit?.kind, driver.phase("a")], ["timed_out", "backoff"]);
});
Deno.test("§5 failures: unhealthy: an attempt whose heartbeat is stale", () => {
  const driver = up([scripted("a", { healthCheck: { checkIntervalSecs: 1, staleAfterMs: 1_000, maxRetries: 0 } })]).pass(1_000);
  const { lastExit } = driver.exit("a", CANCELLED).slot("a");
  assertEquals(lastExit !== null && "failure" in lastExit ? lastExit.failure.kind : "", "unhealthy");
});
Deno.test("§5 failures: cancelled: an attempt that ends itself is not restarted", async () => {
  const { tree } = await started(child.task("a", async (context) => {
    context.cancel();
    await untilAborted(context);
    context.signal.throwIfAborted();
  }));
  assertEquals([tree.child("/a").phase, tree.child("/a").restartsTotal], ["stopped", 0]);
  await tree.shutdown();
});

/** Runs a task once and returns what it noted. */
async function noted<T>(task: (context: TaskContext) => T, options: object = {}): Promise<{ found: T; tree: Tree; clock: VirtualClock }> {
  let found: T | undefined;
  const { tree, clock } = await started(child.task("a", (context) => {
    found = task(context);
    return untilAborted(context);
  }, options));
  return { found: found!, tree, clock };
}

Deno.test("§5 context: child_id, path, generation, child_start_count: the identity of the attempt", async () => {
  const { found, tree } = await noted(({ name, path, generation, attempt }) => [name, path, generation, attempt]);
  assertEquals(found, ["a", "/a", 0, 1]);
  await tree.shutdown();
});
Deno.test("§5 context: signal: aborts when the attempt is asked to stop", async () => {
  const { found, tree } = await noted(({ signal }) => signal);
  const before = found.aborted;
  await tree.shutdown();
  assertEquals([before, found.aborted], [false, true]);
});
Deno.test("§5 context: cancel(): the task asks for its own end", async () => {
  const { tree, clock } = await noted((context) => context.cancel());
  await clock.advance(1);
  assertEquals(tree.child("/a").phase, "stopped");
  await tree.shutdown();
});
Deno.test("§5 context: heartbeat(): alive now", async () => {
  const { tree } = await noted((context) => context.heartbeat(), { healthCheck: { checkIntervalSecs: 60 } });
  assertEquals(tree.child("/a").health, "healthy");
  await tree.shutdown();
});
Deno.test("§5 context: ready() and ready(false): readiness is said and taken back", async () => {
  const { found, tree, clock } = await noted(({ ready }) => ready, { readiness: { mode: "explicit" } });
  const phases = [tree.child("/a").phase];
  for (const isReady of [true, false]) {
    found(isReady);
    await clock.advance(1);
    phases.push(tree.child("/a").phase);
  }
  assertEquals(phases, ["running", "ready", "running"]);
  await tree.shutdown();
});
Deno.test("§5 context: readiness subscription: observers can await it", async () => {
  const { found, tree } = await noted(({ ready }) => ready, { readiness: { mode: "explicit" } });
  const waiting = tree.ready();
  found();
  await waiting;
  await tree.shutdown();
});

// --- 6 -----------------------------------------------------------------------------------------------------------------------------------

Deno.test("§6 records: identity, state, liveness and limits stand in the snapshot of a child", async () => {
  const { tree, clock } = await started(
    child.task("a", () => Promise.reject(new Error("no")), { backoff: { initialMs: 10, maxMs: 10, jitter: "none" } }),
  );
  await clock.advance(15);
  const { path, generation, attempt, restartsTotal, operation, lastExit, health, limit, limitUsed } = tree.child("/a");
  assertEquals([path, generation, attempt, restartsTotal, operation, lastExit?.kind, health, limit, limitUsed], [
    "/a",
    0,
    2,
    1,
    "active",
    "panicked",
    "unknown",
    3,
    2,
  ]);
  await tree.shutdown();
});

const one = (options = {}): Driver => new Driver([scripted("a", options)]).begin();
const EXPLICIT = { readiness: { mode: "explicit" } } as const;

Deno.test("§6 attempt: (none), spawn requested: starting", () => assertEquals(one().phase("a"), "starting"));
Deno.test("§6 attempt: starting, run began: running", () => assertEquals(one(EXPLICIT).running("a").phase("a"), "running"));
Deno.test("§6 attempt: running, readiness reported or policy immediate: ready", () => {
  assertEquals([one(EXPLICIT).running("a").ready("a").phase("a"), one().running("a").phase("a")], ["ready", "ready"]);
});
Deno.test("§6 attempt: ready, not_ready reported: running", () =>
  assertEquals(one(EXPLICIT).running("a").ready("a").ready("a", false).phase("a"), "running"));
for (const [phase, driver] of [["starting", one()], ["running", one(EXPLICIT).running("a")], ["ready", one().running("a")]] as const) {
  Deno.test(`§6 attempt: ${phase}, cancel delivered: stopping`, () => {
    driver.command("a", "terminate");
    assertEquals([driver.cancelled, driver.phase("a")], [["a"], "stopping"]);
  });
}
Deno.test("§6 attempt: any, exit accepted: stopped", () => {
  for (const exit of [SUCCEEDED, FAILED]) assertEquals(one({ restartPolicy: "temporary" }).running("a").exit("a", exit).slot("a").stamp, 0);
});

for (const [command, operation] of [["pause", "paused"], ["quarantine", "quarantined"]] as const) {
  Deno.test(`§6 operation: any but removed, ${command}: ${operation}, the attempt is cancelled, and nothing restarts it`, () => {
    const driver = one().running("a").command("a", command);
    assertEquals([driver.slot("a").operation, driver.cancelled], [operation, ["a"]]);
    assertEquals(driver.exit("a").pass(60_000).phase("a"), "stopped");
  });
  Deno.test(`§6 operation: ${operation}, resume: active, and the child starts again`, () => {
    const driver = one().running("a").command("a", command).exit("a", CANCELLED).command("a", "resume");
    assertEquals([driver.slot("a").operation, driver.started], ["active", ["a"]]);
  });
}
Deno.test("§6 operation: any, remove: removed, and gone when the attempt has exited", () => {
  const driver = one().running("a").command("a", "remove");
  assertEquals([driver.slot("a").operation, driver.node.order.length], ["removed", 1]);
  assertEquals(driver.exit("a", CANCELLED).node.order.length, 0);
});
Deno.test("§6 operation: active, restart: active, behind the fence", () => {
  const driver = one().running("a").command("a", "restart");
  assertEquals([driver.slot("a").operation, driver.slot("a").stopCause, driver.exit("a", CANCELLED).started], ["active", "restart", ["a"]]);
});

Deno.test("§6 stop: idle, cancel delivered by a command: with a deadline", () => {
  const driver = one({ stop: { timeoutMs: 400 } }).running("a").command("a", "terminate");
  assertEquals([driver.phase("a"), driver.timers], ["stopping", 1]);
});
Deno.test("§6 stop: cancel_delivered, exit arrives: completed", () => {
  const driver = one().running("a").command("a", "terminate").exit("a", CANCELLED);
  assertEquals([driver.phase("a"), driver.timers, driver.slot("a").stopCause], ["stopped", 0, null]);
});
Deno.test("§6 stop: cancel_delivered, deadline passes: forced by a timer, and left behind only when that fails", () => {
  const driver = one({ stop: { timeoutMs: 400, killWaitMs: 100 }, run: { kind: "process", command: "x" } }).running("a").command(
    "a",
    "terminate",
  );
  assertEquals([driver.pass(400).phase("a"), driver.pass(100).phase("a")], ["killing", "abandoned"]);
});
Deno.test("§6 stop: any, command on a child without attempt: nothing is stopped", () => {
  const driver = one({ restartPolicy: "temporary" }).running("a").exit("a", SUCCEEDED).command("a", "terminate");
  assertEquals([driver.cancelled, driver.phase("a")], [[], "stopped"]);
});

// --- 7 -----------------------------------------------------------------------------------------------------------------------------------

Deno.test("§7 starting: 1: nothing runs if anything is invalid", async () => {
  let ran = 0;
  const count: TaskFunction = () => void ran++;
  const refused = await supervise({ children: [child.task("a", count), child.task("b", count, { dependencies: ["c"] })] }).catch(() =>
    "refused"
  );
  assertEquals([refused, ran], ["refused", 0]);
});
Deno.test("§7 starting: 2 and 3: the supervisor, then each child in order: starting, running, ready", () => {
  const driver = new Driver([scripted("b", { dependencies: ["a"], ...EXPLICIT }), scripted("a", EXPLICIT)]).begin();
  driver.running("a").ready("a").running("b").ready("b");
  assertEquals(
    driver.events.map(({ type, path }) => `${path} ${type}`),
    [
      "/ supervisor_started",
      "/a child_starting",
      "/b child_waiting",
      "/a child_running",
      "/a child_ready",
      "/b child_starting",
      "/b child_running",
      "/b child_ready",
      "/ supervisor_ready",
    ],
  );
});
Deno.test("§7 starting: 4: a spawn failure is a failure like any other, and is tried again", () => {
  const exit = { kind: "failed", failure: { kind: "error", category: "start_failed", message: "no such file" } } as const;
  const driver = one().exit("a", exit);
  assertEquals([driver.slot("a").failuresTotal, driver.phase("a"), driver.pass(100).phase("a")], [1, "backoff", "starting"]);
});
Deno.test("§7 starting: 5: a child that waits too long for a dependency fails as dependency_timeout", () => {
  const driver = new Driver([scripted("a", EXPLICIT), scripted("b", { dependencies: ["a"], waitTimeoutMs: 500 })]).begin().running("a")
    .pass(500);
  const { lastExit } = driver.slot("b");
  assertEquals(lastExit !== null && "failure" in lastExit ? lastExit.failure.category : "", "dependency_timeout");
});

Deno.test("§6 stop: a task that cannot be forced is left behind, and its successor waits for its end", async () => {
  const { tree, clock } = await started(child.task("a", deaf, { stop: { timeoutMs: 100, killWaitMs: 100 } }));
  await tree.child("/a").restart();
  await clock.advance(60_000);
  assertEquals([tree.child("/a").phase, tree.child("/a").attempt], ["abandoned", 1]);
  const ending = tree.shutdown();
  await clock.advance(1_000);
  await ending;
});
