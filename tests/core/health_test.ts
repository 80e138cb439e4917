import { assertEquals } from "@std/assert";
import { healthOf } from "../../src/core/mod.ts";
import { CANCELLED, Driver, scripted } from "./driver.ts";

const beating = (options = {}): Driver =>
  new Driver([scripted("a", { healthCheck: { checkIntervalSecs: 1, staleAfterMs: 2_500, maxRetries: 2, ...options } })]).begin().running(
    "a",
  );

Deno.test("heartbeat: a fresh one keeps the child, and its own time counts", () => {
  const driver = beating();
  driver.pass(2_500, driver.now + 2_400);
  assertEquals([driver.phase("a"), driver.typesOf("a").includes("child_heartbeat_stale")], ["ready", false]);
});

Deno.test("heartbeat: the first stale one is told once, then the child is stopped after its retries", () => {
  const driver = beating().pass(2_500);
  assertEquals(driver.typesOf("a").slice(-2), ["child_heartbeat_stale", "child_unhealthy"]);
  driver.pass(1_000);
  assertEquals([driver.phase("a"), driver.typesOf("a").filter((type) => type === "child_unhealthy").length], ["ready", 1]);
  driver.pass(1_000);
  assertEquals([driver.cancelled, driver.slot("a").stopCause], [["a"], "unhealthy"]);
  driver.exit("a", CANCELLED);
  const exit = driver.slot("a").lastExit;
  assertEquals([exit !== null && "failure" in exit ? exit.failure.kind : "", driver.phase("a")], ["unhealthy", "backoff"]);
});

Deno.test("heartbeat: a child that comes back in time is healthy again", () => {
  const driver = beating().pass(2_500);
  driver.pass(1_000, driver.now + 900);
  assertEquals([driver.typesOf("a").at(-1), driver.slot("a").failedChecks], ["child_healthy", 0]);
});

Deno.test("heartbeat: on_unhealthy event only tells", () => {
  const driver = beating({ onUnhealthy: "event" }).pass(60_000);
  assertEquals([driver.phase("a"), driver.typesOf("a").filter((type) => type === "child_unhealthy").length], ["ready", 1]);
});

Deno.test("heartbeat: a machine that slept gives the child another chance", () => {
  const driver = beating({ maxRetries: 0 }).sleep(60_000);
  assertEquals([driver.phase("a"), driver.typesOf("a").includes("child_heartbeat_stale")], ["ready", false]);
  assertEquals(driver.pass(2_500).slot("a").stopCause, "unhealthy");
});

Deno.test("heartbeat: no timer is left when the child ends", () => assertEquals(beating().exit("a", CANCELLED).timers, 0));

const probed = (): Driver => new Driver([scripted("a", { healthCheck: { mode: "tcp", port: 1, maxRetries: 1 } })]).begin().running("a");
const answer = (driver: Driver, failed: number): Driver =>
  driver.send({ type: "health", failed, reason: "connection refused", ...driver.attempt("a") });

Deno.test("health probe: told at the first no, stopped after the retries, and healthy again with a yes", () => {
  const driver = answer(probed(), 1);
  assertEquals([driver.typesOf("a").at(-1), driver.phase("a")], ["child_unhealthy", "ready"]);
  assertEquals(answer(driver, 0).typesOf("a").at(-1), "child_healthy");
  answer(answer(driver, 1), 2);
  assertEquals(driver.cancelled, ["a"]);
});

Deno.test("health: it is unknown until something was seen, then healthy, stale, unhealthy, and unknown when nothing runs", () => {
  const driver = beating();
  const health = (heartbeatAtMs = 0): string => healthOf(driver.slot("a"), heartbeatAtMs);
  assertEquals([health(), health(driver.now)], ["unknown", "healthy"]);
  driver.pass(2_500);
  assertEquals(health(), "stale");
  driver.pass(1_000, driver.now + 900);
  assertEquals(health(), "healthy");
  driver.pass(10_000);
  assertEquals(health(), "unhealthy");
  driver.exit("a", CANCELLED);
  assertEquals(health(), "unknown");
});

Deno.test("health: of a probe it is unknown until the first answer; a child that declares none is never known", () => {
  const driver = new Driver([scripted("a", { healthCheck: { mode: "tcp", port: 1, maxRetries: 3 } }), scripted("b")]).begin().running(
    "a",
    "b",
  );
  const answer = (failed: number): string => {
    driver.send({ type: "health", ...driver.attempt("a"), failed, reason: "closed" });
    return healthOf(driver.slot("a"), 0);
  };
  assertEquals([healthOf(driver.slot("a"), 0), answer(0), answer(1), answer(0)], ["unknown", "healthy", "unhealthy", "healthy"]);
  assertEquals(healthOf(driver.slot("b"), 5), "unknown");
});
