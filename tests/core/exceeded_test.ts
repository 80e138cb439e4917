import { assertEquals } from "@std/assert";
import { healthOf } from "../../src/core/mod.ts";
import { CANCELLED, Driver, scripted } from "./driver.ts";

const exceed = (driver: Driver): Driver =>
  driver.send({ type: "exceeded", category: "memory_limit", message: "used too much", ...driver.attempt("a") });

Deno.test("a limit that was not kept: the child is stopped, fails for just that, and is restarted by its policy", () => {
  const driver = exceed(new Driver([scripted("a")]).begin().running("a"));
  assertEquals([driver.cancelled, driver.slot("a").stopCause, healthOf(driver.slot("a"), 0)], [["a"], "unhealthy", "unhealthy"]);
  assertEquals(driver.typesOf("a").slice(-2), ["child_unhealthy", "child_stopping"]);
  driver.exit("a", CANCELLED);
  const exit = driver.slot("a").lastExit;
  assertEquals(exit, { kind: "failed", failure: { kind: "unhealthy", category: "memory_limit", message: "used too much" } });
  assertEquals(driver.phase("a"), "backoff");
});

Deno.test("a limit that was not kept: the next attempt fails for its own reasons", () => {
  const probe = { healthCheck: { mode: "tcp", port: 1, maxRetries: 0 }, backoff: { initialMs: 10, maxMs: 10 } } as const;
  const driver = exceed(new Driver([scripted("a", probe)]).begin().running("a")).exit("a", CANCELLED).pass(20).running("a");
  driver.send({ type: "health", failed: 1, reason: "closed", ...driver.attempt("a") }).exit("a", CANCELLED);
  const exit = driver.slot("a").lastExit;
  assertEquals(exit !== null && "failure" in exit ? exit.failure.category : "", "unhealthy");
});

Deno.test("a limit that was not kept: a child that stops already goes on stopping for its own cause", () => {
  const driver = new Driver([scripted("a")]).begin().running("a").command("a", "terminate");
  assertEquals(exceed(driver).slot("a").stopCause, "terminate");
  assertEquals(driver.typesOf("a").includes("child_unhealthy"), false);
});
