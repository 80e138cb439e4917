/** Contract, section 12 (health): every rule by name. */
import { assert, assertEquals } from "@std/assert";
import { child, type ChildOptions, supervise, type TaskContext, type Tree, validateTree } from "../../mod.ts";
import { type HealthCheckOptions, policyResolver } from "../../src/spec/mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { CANCELLED, Driver, scripted } from "../core/driver.ts";
import { untilAborted } from "../support/tasks.ts";

const CHECK = { checkIntervalSecs: 1, staleAfterMs: 2_500, maxRetries: 2 } as const;

/** A child that runs, and whose heartbeats are watched. */
function watched(healthCheck: HealthCheckOptions = CHECK): Driver {
  return new Driver([scripted("a", { healthCheck }), scripted("b", { healthCheck })]).begin().running("a", "b");
}

const HEALTH_EVENTS: readonly string[] = ["child_heartbeat_stale", "child_unhealthy", "child_healthy"];
const healthOf = (driver: Driver, name = "a"): string[] => driver.typesOf(name).filter((type) => HEALTH_EVENTS.includes(type));

interface Beating {
  readonly tree: Tree;
  readonly clock: VirtualClock;
  beat(): void;
}

/** A task whose heartbeats the test sends. */
async function beating(options: ChildOptions): Promise<Beating> {
  const clock = new VirtualClock();
  const contexts: TaskContext[] = [];
  const task = child.task("a", (context) => {
    contexts.push(context);
    return untilAborted(context);
  }, { backoff: { initialMs: 100, maxMs: 100, jitter: "none" }, ...options });
  const tree = await supervise({ children: [task] }, { clock, keepAlive: false });
  await clock.advance(0);
  return { tree, clock, beat: () => contexts.at(-1)?.heartbeat() };
}

/** `time type` of the events about health, once the tree has ended. */
async function healthOver({ tree }: Beating): Promise<string[]> {
  await tree.shutdown();
  const told: string[] = [];
  for await (const event of tree.events()) {
    if (event.type !== "gap" && HEALTH_EVENTS.includes(event.type)) told.push(`${event.atMs} ${event.type}`);
  }
  return told;
}

Deno.test("§12 heartbeat: heartbeat() of the task keeps it alive", async () => {
  const running = await beating({ healthCheck: CHECK });
  for (let round = 0; round < 30; round++) {
    running.beat();
    await running.clock.advance(1_000);
  }
  assertEquals([running.tree.child("/a").phase, running.tree.child("/a").attempt], ["ready", 1]);
  assertEquals(await healthOver(running), []);
});

Deno.test("§12 heartbeat: the time of the heartbeat is stored, not that of the check", async () => {
  const running = await beating({ healthCheck: { ...CHECK, onUnhealthy: "event" } });
  await running.clock.advance(700);
  running.beat();
  await running.clock.advance(2_499);
  assertEquals(running.tree.child("/a").phase, "ready");
  await running.clock.advance(10_000);
  assertEquals(await healthOver(running), ["3200 child_heartbeat_stale", "3200 child_unhealthy"]);
});

Deno.test("§12 heartbeat: the stamp is the task's own: one that arrives late is as old as it is", () => {
  const driver = watched();
  const sentAtMs = driver.now + 100;
  driver.pass(2_500, sentAtMs);
  assertEquals(healthOf(driver), []);
  driver.pass(100, sentAtMs);
  assertEquals(healthOf(driver), ["child_heartbeat_stale", "child_unhealthy"]);
});

Deno.test("§12 timer: checks every live attempt, nobody has to ask", () => {
  const driver = watched().pass(2_500);
  assertEquals([healthOf(driver, "a"), healthOf(driver, "b")], [
    ["child_heartbeat_stale", "child_unhealthy"],
    ["child_heartbeat_stale", "child_unhealthy"],
  ]);
  const ended = watched();
  ended.exit("a", CANCELLED).exit("b", CANCELLED);
  assertEquals([ended.timers, healthOf(ended.pass(60_000))], [0, []]);
});

Deno.test("§12 stale: age > stale_after (here: from stale_after on)", () => {
  const driver = watched().pass(2_499);
  assertEquals(healthOf(driver), []);
  driver.pass(1);
  const ages = driver.events.flatMap((event) => event.type === "child_heartbeat_stale" && event.path === "/a" ? [event.ageMs] : []);
  assertEquals(ages, [2_500]);
});

Deno.test("§12 stale: the first stale observation emits ChildHeartbeatStale and ChildUnhealthy", () => {
  assertEquals(healthOf(watched().pass(2_500)), ["child_heartbeat_stale", "child_unhealthy"]);
});

Deno.test("§12 stale: further ones of the same attempt emit nothing more", () => {
  const driver = watched({ ...CHECK, onUnhealthy: "event" }).pass(600_000);
  assertEquals([healthOf(driver), driver.phase("a")], [["child_heartbeat_stale", "child_unhealthy"], "ready"]);
});

Deno.test("§12 stale: the next attempt is told of anew", () => {
  const driver = watched({ ...CHECK, maxRetries: 0 }).pass(2_500).exit("a", CANCELLED).pass(100).running("a").pass(2_500);
  assertEquals(healthOf(driver), ["child_heartbeat_stale", "child_unhealthy", "child_heartbeat_stale", "child_unhealthy"]);
});

for (const maxRetries of [0, 1, 3]) {
  Deno.test(`§12 unhealthy: after max_retries further checks the attempt is stopped: ${maxRetries}`, () => {
    const driver = watched({ ...CHECK, maxRetries }).pass(2_500 + 1_000 * maxRetries - 1);
    assertEquals([driver.phase("a"), driver.slot("a").stopCause], ["ready", null]);
    driver.pass(1);
    assertEquals([driver.phase("a"), driver.slot("a").stopCause], ["stopping", "unhealthy"]);
    const stopping = driver.events.flatMap((event) => event.type === "child_stopping" && event.path === "/a" ? [event.cause] : []);
    assertEquals(stopping, ["unhealthy"]);
  });
}

Deno.test("§12 unhealthy: handled as Failed(unhealthy), whatever the attempt reports", () => {
  const driver = watched({ ...CHECK, maxRetries: 0 }).pass(2_500).exit("a", CANCELLED);
  const exit = driver.slot("a").lastExit;
  assert(exit !== null && "failure" in exit);
  assertEquals([exit.kind, exit.failure.kind, exit.failure.category], ["failed", "unhealthy", "unhealthy"]);
  const { lastDecision, failuresTotal } = driver.slot("a");
  assertEquals([lastDecision?.action, lastDecision?.reason, failuresTotal, driver.phase("a")], [
    "restart",
    "within_restart_budget",
    1,
    "backoff",
  ]);
  driver.pass(100);
  assertEquals(driver.events.flatMap((event) => event.type === "child_restarting" ? [event.cause] : []), ["unhealthy"]);
});

Deno.test("§12 unhealthy: the failure counts against the limit", () => {
  const children = [scripted("a", { healthCheck: { ...CHECK, maxRetries: 0 }, limit: { maxRestarts: 1, onExceeded: "give_up" } })];
  const driver = new Driver(children).begin().running("a").pass(2_500).exit("a", CANCELLED).pass(100).running("a");
  driver.pass(2_500).exit("a", CANCELLED);
  assertEquals([driver.phase("a"), driver.slot("a").lastDecision?.reason], ["failed", "restart_limit_exhausted"]);
});

Deno.test("§12 unhealthy: a heartbeat before that makes the child healthy again", async () => {
  const running = await beating({ healthCheck: CHECK });
  await running.clock.advance(3_000);
  running.beat();
  await running.clock.advance(500);
  running.beat();
  await running.clock.advance(2_000);
  assertEquals([running.tree.child("/a").phase, running.tree.child("/a").attempt], ["ready", 1]);
  assertEquals(await healthOver(running), ["2500 child_heartbeat_stale", "2500 child_unhealthy", "3500 child_healthy"]);
});

Deno.test("§12 unhealthy: through the whole runtime the attempt is replaced", async () => {
  const running = await beating({ healthCheck: { ...CHECK, maxRetries: 0 } });
  await running.clock.advance(2_500);
  const { phase, lastExit, failuresTotal } = running.tree.child("/a");
  assert(lastExit !== null && "failure" in lastExit);
  assertEquals([phase, failuresTotal, lastExit.failure.kind], ["backoff", 1, "unhealthy"]);
  await running.clock.advance(100);
  assertEquals([running.tree.child("/a").phase, running.tree.child("/a").attempt], ["ready", 2]);
  await running.tree.shutdown();
});

Deno.test("§12 never sent: without a declared policy a child is not checked", async () => {
  assertEquals(policyResolver({})(scripted("a")).health, null);
  const driver = new Driver([scripted("a")]).begin().running("a").pass(10_000_000);
  assertEquals([driver.phase("a"), driver.slot("a").attempt, healthOf(driver), driver.timers], ["ready", 1, [], 0]);
  const running = await beating({});
  await running.clock.advance(10_000_000);
  assertEquals([running.tree.child("/a").phase, await healthOver(running)], ["ready", []]);
});

Deno.test("§12 never sent: nor one that did send, where none is declared (here: heartbeats are off unless declared)", async () => {
  const running = await beating({});
  running.beat();
  await running.clock.advance(10_000_000);
  assertEquals([running.tree.child("/a").phase, running.tree.child("/a").attempt], ["ready", 1]);
  assertEquals(await healthOver(running), []);
});

Deno.test("§12 never sent: with a declared policy the age starts at attempt start", () => {
  const driver = new Driver([scripted("a", { healthCheck: CHECK })]).begin().running("a").pass(2_499);
  assertEquals(healthOf(driver), []);
  driver.pass(1);
  const told = driver.events.flatMap((event) => event.type === "child_heartbeat_stale" ? [[event.atMs, event.ageMs]] : []);
  assertEquals(told, [[3_500, 2_500]]);
});

const STALE: readonly (readonly [what: string, intervalSecs: number | undefined, staleAfterMs: number, refused: boolean])[] = [
  ["less than the interval", 5, 4_000, true],
  ["equal to the interval", 5, 5_000, true],
  ["more than the interval", 5, 5_001, false],
  ["less than the interval by default", undefined, 9_999, true],
];

for (const [what, checkIntervalSecs, staleAfterMs, refused] of STALE) {
  Deno.test(`§12 validation: stale_after must exceed heartbeat_interval: ${what} is ${refused ? "refused" : "accepted"}`, () => {
    const task = child.task("a", untilAborted, { healthCheck: { checkIntervalSecs, staleAfterMs } });
    const found = validateTree({ children: [task] }).map(({ rule, pointer, severity }) => `${severity} ${rule} ${pointer}`);
    assertEquals(found, refused ? ["error stale_too_soon /children/0/healthCheck/staleAfterMs"] : []);
  });
}

Deno.test("§12 validation: stale_after must exceed heartbeat_interval, in the defaults of the tree too", () => {
  const children = [child.task("a", untilAborted, { healthCheck: {} })];
  const rules = (heartbeatIntervalMs: number, staleAfterMs: number): string[] =>
    validateTree({ children, policy: { heartbeatIntervalMs, staleAfterMs } }).filter(({ severity }) => severity === "error")
      .map(({ rule, pointer }) => `${rule} ${pointer}`);
  assertEquals(rules(2_000, 2_000), ["stale_too_soon /policy/staleAfterMs"]);
  assertEquals(rules(2_000, 2_001), []);
});

Deno.test("§12 validation: stale_after left out is 3 x the interval", () => {
  assertEquals(policyResolver({})(scripted("a", { healthCheck: { checkIntervalSecs: 4 } })).health?.staleAfterMs, 12_000);
});

Deno.test("§12 ChildLivenessState: readiness: an unhealthy child stays ready until it is stopped", () => {
  const driver = watched().pass(2_500);
  assertEquals([driver.phase("a"), healthOf(driver).at(-1)], ["ready", "child_unhealthy"]);
  driver.pass(2_000);
  assertEquals([driver.phase("a"), driver.slot("a").readyAtMs], ["stopping", null]);
});

Deno.test("§12 health values: healthy again after stale (here: told by events)", () => {
  const driver = watched({ ...CHECK, onUnhealthy: "event" }).pass(2_500);
  assertEquals(healthOf(driver), ["child_heartbeat_stale", "child_unhealthy"]);
  driver.pass(1_000, driver.now + 500);
  assertEquals(healthOf(driver), ["child_heartbeat_stale", "child_unhealthy", "child_healthy"]);
});

Deno.test("§12 health values: unhealthy (here: told by events, of probes too)", () => {
  const probed = scripted("a", { healthCheck: { mode: "tcp", port: 80, maxRetries: 1 } });
  const driver = new Driver([probed]).begin().running("a");
  const answer = (failed: number): Driver => driver.send({ type: "health", failed, reason: "refused", ...driver.attempt("a") });
  assertEquals([healthOf(answer(1)), healthOf(answer(0))], [["child_unhealthy"], ["child_unhealthy", "child_healthy"]]);
  answer(1);
  assertEquals([answer(2).phase("a"), driver.slot("a").stopCause], ["stopping", "unhealthy"]);
});
