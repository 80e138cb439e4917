import { assert, assertEquals } from "@std/assert";
import type { Exit } from "../../src/event/mod.ts";
import type { RestartPolicy, TaskRole } from "../../src/spec/mod.ts";
import { CANCELLED, Driver, FAILED, scripted, SUCCEEDED } from "./driver.ts";

const PANICKED: Exit = { kind: "panicked", failure: { kind: "panic", category: "TypeError", message: "x" } };
const TIMED_OUT: Exit = { kind: "timed_out", failure: { kind: "timeout", category: "x", message: "x" } };
const UNHEALTHY: Exit = { kind: "failed", failure: { kind: "unhealthy", category: "unhealthy", message: "x" } };

/** core.md 8.5: the phase after each exit. */
const POLICY_TABLE: readonly [Exit, Record<RestartPolicy, string>][] = [
  [SUCCEEDED, { permanent: "backoff", transient: "stopped", temporary: "stopped" }],
  [FAILED, { permanent: "backoff", transient: "backoff", temporary: "failed" }],
  [PANICKED, { permanent: "backoff", transient: "backoff", temporary: "failed" }],
  [TIMED_OUT, { permanent: "backoff", transient: "backoff", temporary: "failed" }],
  [UNHEALTHY, { permanent: "backoff", transient: "backoff", temporary: "failed" }],
  [CANCELLED, { permanent: "stopped", transient: "stopped", temporary: "stopped" }],
];

for (const [exit, row] of POLICY_TABLE) {
  for (const [restartPolicy, phase] of Object.entries(row)) {
    const what = "failure" in exit ? exit.failure.kind : exit.kind;
    Deno.test(`restart policy: ${restartPolicy} after ${what} is ${phase}`, () => {
      const driver = new Driver([scripted("a", { restartPolicy: restartPolicy as RestartPolicy })]).begin().running("a").exit("a", exit);
      assertEquals(driver.phase("a"), phase);
      assert(driver.slot("a").lastDecision !== null, "a child that is down says why");
    });
  }
}

/** core.md 10: what a role does after a success, where no policy is declared. */
const ROLE_TABLE: readonly [TaskRole | undefined, string][] = [["service", "backoff"], ["worker", "stopped"], ["job", "stopped"], [
  "sidecar",
  "backoff",
], [undefined, "backoff"]];

for (const [taskRole, phase] of ROLE_TABLE) {
  Deno.test(`role: ${taskRole ?? "none"} after a success is ${phase}`, () => {
    assertEquals(new Driver([scripted("a", { taskRole })]).begin().running("a").exit("a", SUCCEEDED).phase("a"), phase);
  });
}

Deno.test("role: an explicit policy wins", () => {
  assertEquals(
    new Driver([scripted("a", { taskRole: "service", restartPolicy: "temporary" })]).begin().running("a").exit("a", SUCCEEDED).phase("a"),
    "stopped",
  );
  assertEquals(
    new Driver([scripted("a", { taskRole: "job", restartPolicy: "permanent" })]).begin().running("a").exit("a", SUCCEEDED).phase("a"),
    "backoff",
  );
});

const limit = (onExceeded: "slow_down" | "give_up" | "escalate"): Driver =>
  new Driver([scripted("a", { limit: { maxRestarts: 2, windowMs: 60_000, onExceeded } }), scripted("b")]).begin().running("a", "b");

Deno.test("limit: the second of two failures is within it, the third exceeds it", () => {
  const driver = limit("give_up").exit("a").pass(100).running("a").exit("a").pass(1_000);
  assertEquals([driver.phase("a"), driver.started], ["starting", ["a"]]);
  assertEquals(driver.running("a").exit("a").phase("a"), "failed");
  assertEquals(driver.slot("a").lastDecision?.reason, "restart_limit_exhausted");
});

Deno.test("limit: slow_down waits the longest delay and goes on for ever", () => {
  const driver = limit("slow_down");
  for (let failure = 0; failure < 2; failure++) driver.exit("a").pass(1_000).running("a");
  for (let failure = 0; failure < 20; failure++) {
    driver.exit("a");
    assertEquals(driver.slot("a").lastDecision, {
      action: "restart",
      reason: "restart_limit_slow_down",
      delayMs: 1_000,
      retryAtMs: driver.now + 1_000,
    });
    driver.pass(1_000).running("a");
  }
  assertEquals(driver.phase("a"), "ready");
});

Deno.test("limit: escalate stops the siblings in order and ends the node", () => {
  const driver = limit("escalate").exit("a").pass(100).running("a").exit("a").pass(1_000).running("a").exit("a");
  assertEquals(driver.cancelled, ["b"]);
  driver.exit("b", CANCELLED);
  const finished = driver.last.find((effect) => effect.type === "finished");
  assertEquals([finished?.exitCode, finished?.cause.kind, finished?.cause.path], [70, "escalation", "/a"]);
});

Deno.test("limit: failures older than the window do not count", () => {
  const driver = limit("give_up");
  for (let failure = 0; failure < 10; failure++) driver.exit("a").pass(31_000).running("a");
  assertEquals(driver.phase("a"), "ready");
});

Deno.test("limit: one child's failures never exhaust another's account", () => {
  const names = Array.from({ length: 10 }, (_, index) => `c${index}`);
  const driver = new Driver(names.map((name) => scripted(name, { limit: { maxRestarts: 1, onExceeded: "give_up" } }))).begin().running(
    ...names,
  );
  for (const name of names) driver.exit(name);
  driver.pass(1_000);
  for (const name of names) assertEquals(driver.phase(name), "starting", name);
});

Deno.test("limit: count_sliding counts without a clock, until the child was healthy for long", () => {
  const policy = { failureWindow: { mode: "count_sliding", threshold: 2 } } as const;
  const driver = new Driver([scripted("a", { taskRole: "job" })], { policy }).begin().running("a");
  for (let failure = 0; failure < 2; failure++) driver.exit("a").pass(20_000).running("a");
  driver.pass(31_000);
  for (let failure = 0; failure < 2; failure++) driver.exit("a").pass(20_000).running("a");
  assertEquals(driver.phase("a"), "ready");
  assertEquals(driver.exit("a").phase("a"), "failed");
});

Deno.test("counters: restarts in total never reset, consecutive ones do after a healthy time", () => {
  const backoff = { initialMs: 100, maxMs: 10_000, jitter: "none", resetAfterMs: 5_000 } as const;
  const driver = new Driver([scripted("a", { backoff, limit: { maxRestarts: 100 } })]).begin().running("a");
  const delays: number[] = [];
  for (const healthyMs of [0, 0, 0, 5_000, 0]) {
    driver.pass(healthyMs).exit("a");
    delays.push(driver.slot("a").lastDecision?.delayMs ?? -1);
    driver.pass(10_000).running("a");
  }
  assertEquals(delays, [100, 200, 400, 100, 200]);
  assertEquals([driver.slot("a").restartsTotal, driver.slot("a").attempt], [5, 6]);
});

Deno.test("success restarts grow too, so that nothing spins", () => {
  const driver = new Driver([scripted("a", { restartPolicy: "permanent" })]).begin().running("a");
  const delays: number[] = [];
  for (let round = 0; round < 5; round++) {
    driver.exit("a", SUCCEEDED);
    delays.push(driver.slot("a").lastDecision?.delayMs ?? -1);
    driver.pass(1_000).running("a");
  }
  assertEquals(delays, [100, 200, 400, 800, 1_000]);
});

Deno.test("events: an undelayed restart makes four, with one correlation from exit to ready", () => {
  const driver = new Driver([scripted("a", { backoff: { initialMs: 0, maxMs: 0 } })]).begin().running("a");
  const before = driver.events.length;
  driver.exit("a").running("a");
  const events = driver.events.slice(before);
  assertEquals(events.map((event) => event.type), ["child_failed", "child_restarting", "child_starting", "child_ready"]);
  assertEquals(new Set(events.map((event) => event.correlation)).size, 1);
  assertEquals(events[0]?.type === "child_failed" && events[0].limit, { used: 1, limit: 3 });
});

Deno.test("events: a delayed restart says when it comes", () => {
  const driver = new Driver([scripted("a")]).begin().running("a").exit("a");
  const [scheduled] = driver.events.filter((event) => event.type === "backoff_scheduled");
  assertEquals([scheduled?.delayMs, scheduled?.retryAtMs], [100, driver.now + 100]);
});

Deno.test("stamps: a report of an attempt that is over changes nothing and is told", () => {
  const driver = new Driver([scripted("a")]).begin().running("a");
  const old = driver.attempt("a");
  driver.exit("a").pass(100).running("a");
  const before = structuredClone({ ...driver.slot("a"), plan: null });
  driver.send({ type: "exited", exit: FAILED, ...old }).send({ type: "ready", ready: false, ...old }).send({ type: "abandoned", ...old });
  assertEquals({ ...driver.slot("a"), plan: null }, before);
  assertEquals(driver.typesOf("a").filter((type) => type === "child_attempt_stale_report").length, 2);
});

Deno.test("stamps: an exit that is reported twice counts once", () => {
  const driver = new Driver([scripted("a")]).begin().running("a");
  const attempt = driver.attempt("a");
  driver.send({ type: "exited", exit: FAILED, ...attempt }).send({ type: "exited", exit: FAILED, ...attempt });
  assertEquals([driver.slot("a").failuresTotal, driver.timers], [1, 1]);
});

Deno.test("stamps: timers that were cleared change nothing when they fire all the same", () => {
  const driver = new Driver([scripted("a")]).begin().running("a").exit("a");
  const timer = driver.slot("a").timer;
  driver.pass(100).running("a");
  driver.send({ type: "timer", node: 0, child: 0, timer, dueMs: 0, heartbeatAtMs: 0 });
  assertEquals([driver.last.length, driver.phase("a")], [0, "ready"]);
});
