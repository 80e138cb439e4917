/** Strategies: who is restarted with whom, in which order, and who stays out (contract, section 4). */
import { assert, assertEquals } from "@std/assert";
import type { ChildSpec, Strategy } from "../../src/spec/mod.ts";
import { CANCELLED, Driver, FAILED, scripted, SUCCEEDED } from "./driver.ts";

const NAMES = ["a", "b", "c", "d"];
const process = (name: string, options: Partial<ChildSpec> = {}): ChildSpec =>
  scripted(name, { run: { kind: "process", command: "x" }, ...options });

function up(strategy: Strategy, children: readonly ChildSpec[] = NAMES.map((name) => scripted(name))): Driver {
  const driver = new Driver(children, { strategy }).begin();
  for (const { name } of children) if (driver.phase(name) === "starting") driver.running(name);
  return driver;
}

/** Ends everything that was asked to stop, until nothing is asked any more; returns who was asked, wave by wave. */
function obey(driver: Driver): string[][] {
  const waves: string[][] = [];
  for (let wave = driver.cancelled; wave.length > 0;) {
    waves.push(wave);
    wave = wave.flatMap((name) => driver.exit(name, CANCELLED).cancelled);
  }
  return waves;
}

for (
  const [strategy, failed, stopped] of [
    ["one_for_one", "b", []],
    ["one_for_all", "b", ["d", "c", "a"]],
    ["one_for_all", "a", ["d", "c", "b"]],
    ["rest_for_one", "a", ["d", "c", "b"]],
    ["rest_for_one", "b", ["d", "c"]],
    ["rest_for_one", "d", []],
  ] as const
) {
  Deno.test(`scope: ${strategy}, when ${failed} fails, stops ${stopped.join(", ") || "nobody else"}, then starts them in order`, () => {
    const driver = up(strategy).exit(failed);
    assertEquals(driver.cancelled, [...stopped]);
    obey(driver);
    driver.pass(100);
    assertEquals(driver.started, NAMES.filter((name) => name === failed || stopped.some((other) => other === name)));
  });
}

Deno.test("scope: nothing starts before the last member has stopped, however soon the delay is over", () => {
  const driver = up("one_for_all").exit("b").pass(100);
  assertEquals(driver.started, []);
  driver.exit("a", CANCELLED).exit("d", CANCELLED);
  assertEquals(driver.started, []);
  assertEquals(driver.exit("c", CANCELLED).started, NAMES);
});

Deno.test("scope: nothing starts before the delay of the failed child is over, however soon the others stop", () => {
  const driver = up("one_for_all").exit("b");
  for (const name of ["d", "c", "a"]) driver.exit(name, CANCELLED);
  driver.pass(99);
  assertEquals([driver.phase("a"), driver.started], ["backoff", []]);
  assertEquals(driver.pass(1).started, NAMES);
});

Deno.test("scope: members stop in reverse order of their dependencies, and start in that order", () => {
  const driver = up("one_for_all", [
    scripted("db"),
    scripted("api", { dependencies: ["db"] }),
    scripted("web", { dependencies: ["api"] }),
    scripted("log"),
  ]).exit("log");
  assertEquals(obey(driver), [["web"], ["api"], ["db"]]);
  driver.pass(100);
  assertEquals(driver.started, ["db", "log"]);
  assertEquals(driver.running("db").started, ["api"]);
  assertEquals(driver.running("api").started, ["web"]);
});

Deno.test("scope: paused, quarantined, finished and given up siblings stay as they are", () => {
  const driver = up("one_for_all", [
    scripted("a"),
    scripted("paused"),
    scripted("quarantined"),
    scripted("done", { restartPolicy: "transient" }),
    scripted("lost", { limit: { maxRestarts: 1, onExceeded: "give_up" }, backoff: { initialMs: 0, maxMs: 0 } }),
  ]);
  driver.exit("done", SUCCEEDED);
  driver.command("paused", "pause").exit("paused", CANCELLED).command("quarantined", "quarantine").exit("quarantined", CANCELLED);
  driver.exit("lost");
  obey(driver);
  driver.running("a", "lost").exit("lost");
  assertEquals(driver.phase("lost"), "failed");
  driver.exit("a").pass(100);
  assertEquals(driver.started, ["a"]);
  assertEquals(["paused", "quarantined", "done", "lost"].map((name) => driver.phase(name)), ["stopped", "stopped", "stopped", "failed"]);
});

Deno.test("scope: a temporary sibling is stopped and stays down", () => {
  const driver = up("one_for_all", [scripted("a"), scripted("t", { restartPolicy: "temporary" })]).exit("a").exit("t", CANCELLED).pass(100);
  assertEquals([driver.started, driver.phase("t"), driver.slot("t").lastDecision?.reason], [["a"], "stopped", "restart_policy_temporary"]);
});

Deno.test("scope: a sibling that fails while the others stop counts its failure, and its delay is waited for too", () => {
  const driver = up("one_for_all", [
    scripted("a", { dependencies: ["b"] }),
    scripted("b", { backoff: { initialMs: 700, maxMs: 700, jitter: "none" } }),
    scripted("c"),
  ]);
  driver.running("a").exit("c").exit("b");
  assertEquals([driver.slot("b").failuresTotal, driver.slot("a").failuresTotal], [1, 0]);
  driver.exit("a", CANCELLED).pass(699);
  assertEquals(driver.started, []);
  assertEquals(driver.pass(1).started, ["b", "c"]);
});

Deno.test("scope: a failure during a rest_for_one restart of later siblings takes the earlier ones along", () => {
  const driver = up("rest_for_one").exit("c");
  assertEquals(driver.cancelled, ["d"]);
  driver.exit("a");
  assertEquals(driver.cancelled, ["b"]);
  driver.exit("d", CANCELLED).exit("b", CANCELLED).pass(100);
  assertEquals(driver.started, NAMES);
});

Deno.test("scope: an unrelated failure of an earlier kind leaves a later one to go on", () => {
  const driver = up("rest_for_one").exit("d").pass(100).running("d").exit("d");
  assertEquals([driver.cancelled, driver.phase("a")], [[], "ready"]);
});

Deno.test("scope: siblings that only come along have no failure of their own, and their delays stay short", () => {
  const driver = up("one_for_all").exit("b");
  obey(driver);
  driver.pass(100);
  assertEquals([driver.slot("a").failuresTotal, driver.slot("a").consecutive, driver.slot("a").restartsTotal], [0, 0, 1]);
  assertEquals(driver.events.flatMap((event) => event.type === "child_restarting" ? [`${event.path} ${event.cause}`] : []), [
    "/a sibling",
    "/b crash",
    "/c sibling",
    "/d sibling",
  ]);
});

Deno.test("scope: a member that waits for a dependency comes along, and waits again", () => {
  const driver = up("one_for_all", [
    scripted("db", { readiness: { mode: "explicit" } }),
    scripted("web", { dependencies: ["db"] }),
    scripted("x"),
  ]);
  assertEquals(driver.phase("web"), "waiting");
  driver.exit("x").exit("db", CANCELLED).pass(100);
  assertEquals([driver.started, driver.phase("web")], [["db", "x"], "waiting"]);
  assertEquals(driver.running("db").ready("db").started, ["web"]);
});

Deno.test("scope: a sibling that ignores its stop is forced after its own budget, then all start", () => {
  const driver = up("one_for_all", [process("a"), process("b", { stop: { timeoutMs: 200 } })]).exit("a").pass(200);
  assertEquals([driver.killed, driver.started], [["b"], []]);
  assertEquals(driver.exit("b", { kind: "killed" }).started, ["a", "b"]);
});

Deno.test("scope: a task that cannot be forced is left behind, and starts when it has ended after all", () => {
  const driver = up("one_for_all", [scripted("a"), scripted("deaf", { stop: { timeoutMs: 200, killWaitMs: 50 } })]).exit("a").pass(200);
  driver.abandon("deaf");
  assertEquals(driver.started, ["a"]);
  assertEquals(driver.exit("deaf", CANCELLED).started, ["deaf"]);
});

Deno.test("scope: an escalation while siblings stop ends the supervisor, and starts nothing", () => {
  const driver = up("one_for_all", [
    scripted("a"),
    scripted("wild", { limit: { maxRestarts: 1, onExceeded: "escalate" }, backoff: { initialMs: 0, maxMs: 0 } }),
    scripted("slow", { dependencies: ["wild"] }),
  ]).running("slow");
  driver.exit("wild");
  obey(driver);
  driver.running("a", "wild").running("slow").exit("a").exit("wild");
  assertEquals(driver.node.phase, "stopping");
  driver.exit("slow", CANCELLED).pass(10_000);
  assertEquals([driver.node.phase, driver.timers, driver.slot("a").scope], ["stopped", 0, null]);
});

Deno.test("scope: a shutdown in the middle stops what is left, and starts nothing", () => {
  const driver = up("one_for_all").exit("b").exit("d", CANCELLED).stop();
  for (const name of ["a", "c"]) driver.exit(name, CANCELLED);
  assertEquals([driver.node.phase, driver.timers], ["stopped", 0]);
  assert(!driver.events.some((event) => event.type === "child_restarting"));
});

Deno.test("scope: all that fail in the same moment come back together, each with one failure", () => {
  const driver = up("one_for_all");
  for (const name of NAMES) driver.exit(name, FAILED);
  driver.pass(100);
  assertEquals([driver.started, driver.node.slots.map((slot) => slot.failuresTotal)], [NAMES, [1, 1, 1, 1]]);
});

Deno.test("scope: a child that waited too long fails alone, or the slow dependency would never get ready", () => {
  const driver = up("one_for_all", [
    scripted("slow", { readiness: { mode: "explicit" } }),
    scripted("web", { dependencies: ["slow"], waitTimeoutMs: 200 }),
  ]).pass(200);
  assertEquals([driver.slot("web").failuresTotal, driver.cancelled, driver.phase("slow")], [1, [], "running"]);
});
