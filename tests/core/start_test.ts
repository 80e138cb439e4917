import { assertEquals } from "@std/assert";
import { Driver, FAILED, scripted, SUCCEEDED } from "./driver.ts";

const explicit = { readiness: { mode: "explicit" } } as const;

Deno.test("start: independent children start at once, in order of declaration", () => {
  assertEquals(new Driver([scripted("b"), scripted("a")]).begin().started, ["b", "a"]);
});

Deno.test("start: a child starts when each dependency is ready, not before", () => {
  const driver = new Driver([scripted("web", { dependencies: ["db", "cache"] }), scripted("db", explicit), scripted("cache")]).begin();
  assertEquals(driver.started, ["db", "cache"]);
  driver.running("db", "cache");
  assertEquals([driver.phase("web"), driver.started], ["waiting", []]);
  assertEquals(driver.ready("db").started, ["web"]);
});

Deno.test("start: a child that waits says for whom", () => {
  const driver = new Driver([scripted("web", { dependencies: ["db", "cache"] }), scripted("db"), scripted("cache")]).begin();
  const [waiting] = driver.events.filter((event) => event.type === "child_waiting");
  assertEquals(waiting?.waitingFor, ["db", "cache"]);
});

Deno.test("start: a dependant waits through the restarts of its dependency", () => {
  const driver = new Driver([scripted("db", explicit), scripted("web", { dependencies: ["db"] })]).begin().running("db");
  for (let failure = 0; failure < 5; failure++) driver.exit("db").pass(1_000).running("db");
  assertEquals(driver.phase("web"), "waiting");
  assertEquals(driver.ready("db").started, ["web"]);
});

Deno.test("start: a running dependant is not touched by the failure of its dependency, and waits when it restarts itself", () => {
  const driver = new Driver([scripted("db"), scripted("web", { dependencies: ["db"] })]).begin().running("db", "web");
  driver.exit("db");
  assertEquals(driver.phase("web"), "ready");
  driver.exit("web").pass(100);
  assertEquals(driver.phase("web"), "waiting");
  driver.running("db");
  assertEquals(driver.started, ["web"]);
});

Deno.test("start: waiting too long is a failure of the child that waits", () => {
  const driver = new Driver([scripted("db", explicit), scripted("web", { dependencies: ["db"], waitTimeoutMs: 500 })]).begin().running("db")
    .pass(500);
  assertEquals(driver.slot("web").lastExit?.kind, "timed_out");
  const failure = driver.slot("web").lastExit;
  assertEquals(failure !== null && "failure" in failure ? failure.failure.category : "", "dependency_timeout");
  assertEquals(driver.phase("web"), "backoff");
  assertEquals(driver.pass(100).phase("web"), "waiting");
});

Deno.test("start: being too slow is a failure of the dependency", () => {
  const driver = new Driver([scripted("db", { ...explicit, timeouts: { startMs: 300 } })]).begin().running("db").pass(300);
  assertEquals([driver.cancelled, driver.phase("db")], [["db"], "stopping"]);
  driver.exit("db", { kind: "cancelled" });
  const exit = driver.slot("db").lastExit;
  assertEquals(exit !== null && "failure" in exit ? exit.failure.category : "", "start_timeout");
  assertEquals(driver.phase("db"), "backoff");
});

Deno.test("start: a child that became ready in time is not stopped by its start limit", () => {
  const driver = new Driver([scripted("db", { ...explicit, timeouts: { startMs: 300 } })]).begin().running("db").ready("db");
  assertEquals([driver.timers, driver.pass(10_000).phase("db")], [0, "ready"]);
});

Deno.test("start: an attempt that runs longer than its run limit is stopped and counted as a timeout", () => {
  const driver = new Driver([scripted("job", { timeouts: { runMs: 1_000 } })]).begin().running("job").pass(1_000);
  assertEquals(driver.cancelled, ["job"]);
  driver.exit("job", SUCCEEDED);
  assertEquals(driver.slot("job").lastExit?.kind, "timed_out");
});

Deno.test("readiness: immediate is ready when it runs, explicit only when it says so", () => {
  const driver = new Driver([scripted("a"), scripted("b", explicit)]).begin().running("a", "b");
  assertEquals([driver.phase("a"), driver.phase("b")], ["ready", "running"]);
  assertEquals(driver.typesOf("b"), ["child_starting", "child_running"]);
  assertEquals(driver.ready("b").typesOf("b").at(-1), "child_ready");
});

Deno.test("readiness: the same report twice makes one event", () => {
  const driver = new Driver([scripted("a", explicit)]).begin().running("a").ready("a").ready("a");
  assertEquals(driver.typesOf("a").filter((type) => type === "child_ready").length, 1);
});

Deno.test("readiness: taking it back keeps the child running and lets new dependants wait", () => {
  const driver = new Driver([scripted("a", explicit), scripted("b", { dependencies: ["a"] })]).begin().running("a").ready("a").running("b");
  driver.ready("a", false);
  assertEquals([driver.phase("a"), driver.phase("b")], ["running", "ready"]);
  driver.exit("b").pass(100);
  assertEquals(driver.phase("b"), "waiting");
});

Deno.test("readiness: every attempt starts without it", () => {
  const driver = new Driver([scripted("a", explicit)]).begin().running("a").ready("a").exit("a").pass(100).running("a");
  assertEquals(driver.phase("a"), "running");
});

Deno.test("supervisor: ready once every child that is not optional has been ready, and stays so", () => {
  const driver = new Driver([scripted("a", explicit), scripted("job", { taskRole: "job", ...explicit })]).begin().running("a", "job");
  assertEquals(driver.node.ready, false);
  driver.ready("a");
  assertEquals(driver.node.ready, true);
  driver.exit("a", FAILED);
  assertEquals(driver.node.ready, true);
});

const nested = (readiness: { mode: "all" | "started" } | { mode: "child"; child: string }): Driver =>
  new Driver(
    [scripted("inner", { readiness, run: { kind: "supervisor", children: [scripted("a", explicit), scripted("b", explicit)] } })],
    {},
    1,
  ).begin();

Deno.test("nested supervisor: mode all waits for all, started for none, child for one", () => {
  const told = (driver: Driver): boolean => driver.events.some((event) => event.type === "supervisor_ready");
  assertEquals(told(nested({ mode: "started" })), true);
  assertEquals(told(nested({ mode: "child", child: "b" }).running("a", "b").ready("a")), false);
  assertEquals(told(nested({ mode: "child", child: "b" }).running("a", "b").ready("b")), true);
  assertEquals(told(nested({ mode: "all" }).running("a", "b").ready("a")), false);
  assertEquals(told(nested({ mode: "all" }).running("a", "b").ready("a").ready("b")), true);
});

Deno.test("closed: nothing starts below a supervisor that is stopping", () => {
  const driver = new Driver([scripted("a"), scripted("b", { ...explicit }), scripted("c", { dependencies: ["b"] })]).begin().running(
    "a",
    "b",
  );
  driver.closed = true;
  assertEquals(driver.exit("a").phase("a"), "failed");
  assertEquals(driver.slot("a").lastDecision?.reason, "supervisor_stopping");
  assertEquals(driver.ready("b").started, []);
});

Deno.test("supervisor: a required child that succeeded and stays down counts as having been ready", () => {
  const driver = new Driver([scripted("a", { ...explicit, restartPolicy: "transient" })]).begin().running("a").exit("a", SUCCEEDED);
  assertEquals([driver.node.ready, driver.phase("a")], [true, "stopped"]);
});
