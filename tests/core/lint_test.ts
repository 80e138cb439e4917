import { assertEquals } from "@std/assert";
import { lintsOf } from "../../src/core/mod.ts";
import type { ChildSpec } from "../../src/spec/mod.ts";
import { CANCELLED, Driver, FAILED, scripted } from "./driver.ts";

const begun = (options: Partial<ChildSpec>): Driver => new Driver([scripted("a", options)]).begin().running("a");

/** What was told, as rule and time, and what still looks wrong. */
const told = (driver: Driver): [string[], string[]] => [
  driver.events.flatMap((event) => event.type === "child_lint" ? [`${event.rule} ${event.afterMs}`] : []),
  [...lintsOf(driver.slot("a"))],
];

const EXPLICIT: Partial<ChildSpec> = { readiness: { mode: "explicit" } };

Deno.test("lint never_ready: a child that runs and is not ready is told of once, until it is ready", () => {
  const driver = begun(EXPLICIT).pass(29_999);
  assertEquals(told(driver), [[], []]);
  assertEquals(told(driver.pass(1)), [["never_ready 30000"], ["never_ready"]]);
  assertEquals(told(driver.pass(300_000)), [["never_ready 30000"], ["never_ready"]]);
  assertEquals([told(driver.ready("a")), driver.phase("a")], [[["never_ready 30000"], []], "ready"]);
});

Deno.test("lint beats_but_never_ready: one that beats meanwhile is told so", () => {
  const driver = begun({ ...EXPLICIT, healthCheck: { staleAfterMs: 100_000 } });
  assertEquals(told(driver.pass(30_000, driver.now + 29_000)), [["beats_but_never_ready 30000"], ["beats_but_never_ready"]]);
});

Deno.test("lint never_ready: not of one that is ready, that is ready when it is done, or that failed at its start limit", () => {
  assertEquals(told(begun(EXPLICIT).ready("a").pass(60_000)), [[], []]);
  assertEquals(told(begun({}).pass(60_000)), [[], []]);
  assertEquals(told(begun({ readiness: { mode: "completed" } }).pass(60_000)), [[], []]);
  const limited = begun({ ...EXPLICIT, timeouts: { startMs: 10_000 } }).pass(60_000);
  assertEquals([told(limited), limited.slot("a").stopCause], [[["ignores_signal 5000"], ["ignores_signal"]], "start_timeout"]);
});

Deno.test("lint never_ready: limits that come later still hold", () => {
  const driver = begun({ ...EXPLICIT, timeouts: { startMs: 40_000, runMs: 90_000 } }).pass(39_999);
  assertEquals([told(driver)[0], driver.slot("a").stopCause], [["never_ready 30000"], null]);
  assertEquals(driver.pass(1).slot("a").stopCause, "start_timeout");
  const ready = begun({ ...EXPLICIT, timeouts: { runMs: 90_000 } }).pass(35_000).ready("a").pass(54_999);
  assertEquals(ready.slot("a").stopCause, null);
  assertEquals(ready.pass(1).slot("a").stopCause, "run_timeout");
});

Deno.test("lint ignores_signal: a child that must be forced is told of, and one whose stop has no limit", () => {
  const limited = begun({ stop: { timeoutMs: 2_000 } }).command("a", "terminate").pass(2_000);
  assertEquals([told(limited), limited.phase("a")], [[["ignores_signal 2000"], ["ignores_signal"]], "killing"]);
  const unlimited = begun({ stop: { mode: "wait" } }).command("a", "terminate").pass(4_999);
  assertEquals(told(unlimited), [[], []]);
  assertEquals(told(unlimited.pass(60_000)), [["ignores_signal 5000"], ["ignores_signal"]]);
  assertEquals([unlimited.phase("a"), unlimited.killed], ["stopping", []]);
  unlimited.exit("a", CANCELLED);
  assertEquals([told(unlimited)[1], unlimited.phase("a")], [[], "stopped"]);
});

Deno.test("lint ignores_signal: not of one that ends in time", () => {
  const driver = begun({ stop: { mode: "wait" } }).command("a", "terminate").pass(1_000).exit("a", CANCELLED).pass(60_000);
  assertEquals(told(driver), [[], []]);
});

/** Fails after each of these times. */
function failingAfter(...uptimesMs: number[]): Driver {
  const driver = new Driver([scripted("a", { limit: { maxRestarts: 100 } })]).begin();
  for (const uptimeMs of uptimesMs) driver.running("a").pass(uptimeMs).exit("a", FAILED).pass(1_000);
  return driver;
}

Deno.test("lint fails_on_a_period: four failures in a row after about the same time are told of once", () => {
  assertEquals(told(failingAfter(60_000, 61_000, 59_000)), [[], []]);
  assertEquals(told(failingAfter(60_000, 61_000, 59_000, 60_500)), [["fails_on_a_period 60000"], ["fails_on_a_period"]]);
  assertEquals(told(failingAfter(60_000, 60_000, 60_000, 60_000, 60_000)), [["fails_on_a_period 60000"], ["fails_on_a_period"]]);
});

Deno.test("lint fails_on_a_period: not of times that differ, that are short, or after an operator's restart", () => {
  assertEquals(told(failingAfter(60_000, 60_000, 60_000, 90_000)), [[], []]);
  assertEquals(told(failingAfter(60_000, 60_000, 60_000, 60_000, 20_000)), [["fails_on_a_period 60000"], []]);
  assertEquals(told(failingAfter(1_000, 1_000, 1_000, 1_000, 1_000)), [[], []]);
  const restarted = failingAfter(60_000, 60_000, 60_000).running("a").command("a", "restart").exit("a", CANCELLED);
  assertEquals(told(restarted.running("a").pass(60_000).exit("a")), [[], []]);
});
