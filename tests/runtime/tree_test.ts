import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  child,
  type ChildOptions,
  type ChildSpec,
  ReeveError,
  supervise,
  type SupervisorEvent,
  type Tree,
  type TreeSpec,
} from "../../mod.ts";
import { seededRandom, VirtualClock } from "../../src/testing/mod.ts";
import { untilAborted } from "../support/tasks.ts";

const OFTEN: ChildOptions = { backoff: { initialMs: 100, maxMs: 100, jitter: "none" }, limit: { maxRestarts: 1_000 } };

function failing(name: string, options: ChildOptions = {}): ChildSpec {
  return child.task(name, () => Promise.reject(new TypeError("it broke")), { ...OFTEN, ...options });
}

async function start(spec: TreeSpec): Promise<{ tree: Tree; clock: VirtualClock }> {
  const clock = new VirtualClock();
  return { clock, tree: await supervise(spec, { clock, random: seededRandom(1) }) };
}

async function collect(tree: Tree): Promise<SupervisorEvent[]> {
  const events: SupervisorEvent[] = [];
  for await (const event of tree.events()) if (event.type !== "gap") events.push(event);
  return events;
}

Deno.test("supervise() resolves after the first start wave, and never rejects for a failing child", async () => {
  let calls = 0;
  const throws = child.task("throws", () => {
    calls++;
    throw new Error("at once");
  }, OFTEN);
  const { tree } = await start({ children: [throws, child.task("a", untilAborted)] });
  assertEquals([calls, tree.child("/a").phase, tree.child("/throws").phase], [1, "ready", "backoff"]);
  await tree.close();
});

Deno.test("tree: a failing child comes back by its policy, with its numbers in the snapshot", async () => {
  const { tree, clock } = await start({ children: [failing("a")] });
  await clock.advance(1_000);
  const { attempt, restartsTotal, failuresTotal, phase, lastExit, retryAtMs } = tree.child("/a");
  assertEquals([attempt, restartsTotal, failuresTotal, phase], [11, 10, 11, "backoff"]);
  assertEquals(lastExit, { kind: "panicked", failure: { kind: "panic", category: "TypeError", message: "it broke" } });
  assertEquals(retryAtMs, 1_100);
  await tree.close();
});

Deno.test("tree: a nested supervisor starts, fails and restarts as a unit, and stops recursively", async () => {
  const inner = child.supervisor("inner", {
    children: [child.task("calm", untilAborted), failing("wild", { limit: { maxRestarts: 1, onExceeded: "escalate" } })],
    backoff: { initialMs: 1_000, jitter: "none" },
  });
  const { tree, clock } = await start({ children: [inner, child.task("beside", untilAborted)] });
  await clock.advance(100);
  assertEquals([tree.child("/inner").phase, tree.child("/inner/calm").phase, tree.child("/beside").phase], ["backoff", "stopped", "ready"]);
  await clock.advance(1_000);
  assertEquals([tree.child("/inner").attempt, tree.child("/inner/calm").phase], [2, "ready"]);
  const { children } = await tree.shutdown();
  assertEquals(children.map(({ path }) => path).sort(), ["/beside", "/inner", "/inner/calm", "/inner/wild"]);
});

Deno.test("tree: an escalation at the root ends it with its exit code", async () => {
  const limited = failing("a", { limit: { maxRestarts: 1, onExceeded: "escalate" } });
  for (const [policy, exitCode] of [[undefined, 70], [{ escalation: { exitCode: 42 } }, 42]] as const) {
    const { tree, clock } = await start({ policy, children: [limited, child.task("b", untilAborted)] });
    await clock.advance(100);
    const report = await tree.finished;
    assertEquals([report.exitCode, report.cause.kind, report.cause.path], [exitCode, "escalation", "/a"]);
    assertStringIncludes(report.cause.reason, "it broke");
    assertEquals(report.children.find(({ path }) => path === "/b")?.status, "graceful");
  }
});

Deno.test("tree.ready() resolves when every child that must be ready has been", async () => {
  const clock = new VirtualClock();
  const slow = child.task("slow", async ({ signal, ready }) => {
    clock.setTimer(ready, 500);
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }, { readiness: { mode: "explicit" } });
  await using tree = await supervise({ children: [slow] }, { clock });
  let isReady = false;
  const waiting = tree.ready().then(() => isReady = true);
  await clock.advance(499);
  assertEquals(isReady, false);
  await clock.advance(1);
  await waiting;
  await tree.ready();
});

Deno.test("tree.ready() says what is missing when its time is over, and stops waiting when told to", async () => {
  const { tree, clock } = await start({
    children: [
      child.task("slow", untilAborted, { readiness: { mode: "explicit" } }),
      child.task("b", untilAborted, { dependencies: ["slow"] }),
    ],
  });
  const late = assertRejects(() => tree.ready({ timeoutMs: 1_000 }), ReeveError);
  await clock.advance(1_000);
  const error = await late;
  assertEquals(error.code, "tree_not_ready");
  assertStringIncludes(error.message, "/slow is running; /b is waiting for slow");
  const stop = new AbortController();
  const stopped = assertRejects(() => tree.ready({ signal: stop.signal }), Error, "enough");
  stop.abort(new Error("enough"));
  await stopped;
  const ended = assertRejects(() => tree.ready(), ReeveError);
  await tree.close();
  assertEquals((await ended).code, "tree_finished");
});

Deno.test("tree.child() names the nearest path when there is no such child", async () => {
  const { tree } = await start({ children: [child.task("ingest", untilAborted)] });
  const error = assertThrows(() => tree.child("/ingset"), ReeveError);
  assertEquals([error.code, error.hint], ["child_not_found", 'Did you mean "/ingest"?']);
  await tree.close();
});

Deno.test("tree.events() tells everything in order, and ends with the tree", async () => {
  const { tree } = await start({ children: [child.task("a", untilAborted)] });
  const reading = collect(tree);
  await tree.shutdown({ by: "ops", reason: "deploy" });
  const events = await reading;
  assertEquals(events.map((event) => event.seq), events.map((_, index) => index + 1));
  assertEquals(events.map((event) => event.type), [
    "supervisor_started",
    "child_starting",
    "child_ready",
    "supervisor_ready",
    "shutdown_requested",
    "child_stopping",
    "child_shutdown",
    "shutdown_completed",
  ]);
  assertEquals((await collect(tree)).length, events.length, "they can be read again");
});

Deno.test("tree.events() tells a reader that came late what it missed", async () => {
  const { tree, clock } = await start({ observability: { eventJournalCapacity: 16 }, children: [failing("a")] });
  await clock.advance(5_000);
  await tree.close();
  const [first, second] = [await tree.events({ since: 0 }).next(), (await collect(tree))[0]];
  assertEquals([first.value.type, first.value.from, first.value.to], ["gap", 1, (second?.seq ?? 0) - 1]);
});

Deno.test("tree.observe() has no gap and no double", async () => {
  const { tree, clock } = await start({ children: [failing("a")] });
  for (let round = 0; round < 20; round++) {
    await clock.advance(70);
    const { snapshot, events } = tree.observe();
    const attempt = snapshot.children[0]?.attempt ?? 0;
    await clock.advance(100);
    for await (const event of events) {
      if (event.type !== "child_starting") continue;
      assertEquals(event.attempt, attempt + 1);
      break;
    }
  }
  await tree.close();
});

Deno.test("a reader that throws disturbs nobody", async () => {
  const { tree, clock } = await start({ children: [failing("a")] });
  const broken = (async () => {
    for await (const _ of tree.events()) throw new Error("reader");
  })();
  await assertRejects(() => broken, Error, "reader");
  await clock.advance(1_000);
  assertEquals(tree.child("/a").attempt, 11);
  await tree.close();
});

Deno.test("tree.shutdown() may be repeated, and everybody gets the same report", async () => {
  const { tree } = await start({ children: [child.task("a", untilAborted)] });
  const [first, second] = await Promise.all([tree.shutdown({ reason: "one" }), tree.shutdown({ reason: "two" })]);
  assert(first === second && first === await tree.finished);
  assertEquals([first.cause.reason, first.exitCode], ["one", 0]);
  await tree.close();
  await tree[Symbol.asyncDispose]();
});

Deno.test("tree: a task that ignores its signal is left behind, told, and its late words are ignored", async () => {
  let speak = (_: string): void => {};
  const deaf = child.task("deaf", ({ log }) => {
    speak = log;
    return new Promise(() => {});
  });
  const { tree, clock } = await start({
    shutdown: { gracefulTimeoutMs: 1_000, abortWaitMs: 100 },
    children: [deaf, child.task("a", untilAborted)],
  });
  const ending = tree.shutdown();
  await clock.advance(1_100);
  const report = await ending;
  assertEquals(report.abandoned, ["/deaf"]);
  assertEquals(report.children.find(({ path }) => path === "/a")?.status, "graceful");
  speak("too late");
  const lines: unknown[] = [];
  for await (const record of tree.logs()) lines.push(record);
  assertEquals(lines, []);
});

Deno.test("tree.shutdown({ force }) waits for nobody's budget", async () => {
  const { tree, clock } = await start({
    shutdown: { gracefulTimeoutMs: 60_000, abortWaitMs: 100 },
    children: [child.task("deaf", () => new Promise(() => {})), child.task("a", untilAborted)],
  });
  const ending = tree.shutdown({ force: true });
  await clock.advance(100);
  assertEquals((await ending).abandoned, ["/deaf"]);
});

Deno.test("supervise({ signal }) shuts the tree down when it aborts, before or after the start", async () => {
  const before = await supervise({ children: [child.task("a", untilAborted)] }, { signal: AbortSignal.abort(new Error("early")) });
  assertEquals((await before.finished).cause.reason, "early");
  const stop = new AbortController();
  const after = await supervise({ children: [child.task("a", untilAborted)] }, { signal: stop.signal });
  stop.abort(new Error("enough"));
  assertEquals((await after.finished).cause, { kind: "shutdown", requestedBy: "signal", reason: "enough" });
});

Deno.test("tree: the scope's end shuts down", async () => {
  let ended: Promise<{ exitCode: number }> | undefined;
  {
    await using tree = await supervise({ children: [child.task("a", untilAborted)] });
    ended = tree.finished;
  }
  assertEquals((await ended).exitCode, 0);
});

Deno.test("task: it gets its identity, its arguments and its environment, and destructuring works", async () => {
  const seen: unknown[] = [];
  const curious = child.task("curious", ({ path, name, generation, attempt, args, environment, signal, ready }) => {
    ready();
    seen.push([path, name, generation, attempt, args, environment.get("MODE"), signal.aborted]);
    return Promise.reject(new Error("again"));
  }, { ...OFTEN, args: { from: 1 }, environment: [{ name: "MODE", value: "test" }] });
  const { tree, clock } = await start({ children: [child.supervisor("s", { children: [curious] })] });
  await clock.advance(100);
  assertEquals(seen, [["/s/curious", "curious", 0, 1, { from: 1 }, "test", false], [
    "/s/curious",
    "curious",
    0,
    2,
    { from: 1 },
    "test",
    false,
  ]]);
  await tree.close();
});

Deno.test("task: the last 50 lines of its log go with its failure, control characters made visible", async () => {
  const chatty = child.task("chatty", ({ log }) => {
    for (let line = 1; line <= 60; line++) log(`line ${line}`);
    log("bell \u0007");
    throw new Error("no");
  }, { restartPolicy: "temporary" });
  const { tree } = await start({ children: [chatty] });
  const { lastExit } = tree.child("/chatty");
  const lines = lastExit !== null && "failure" in lastExit ? lastExit.failure.lastLines ?? [] : [];
  assertEquals([lines.length, lines[0], lines.at(-2), lines.at(-1)], [50, "line 12", "line 60", "bell \\u{7}"]);
  await tree.close();
});

Deno.test("task: a heartbeat keeps it, and its absence restarts it", async () => {
  let beats = true;
  const clock = new VirtualClock();
  const beating = child.task("beating", async ({ signal, heartbeat }) => {
    const beat = (): void => {
      if (beats) heartbeat();
      if (!signal.aborted) clock.setTimer(beat, 1_000);
    };
    beat();
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }, { ...OFTEN, healthCheck: { checkIntervalSecs: 1, maxRetries: 1 } });
  await using tree = await supervise({ children: [beating] }, { clock });
  await clock.advance(20_000);
  const { attempt: first, health, lastHeartbeatAtMs } = tree.child("/beating");
  assertEquals([first, health, lastHeartbeatAtMs], [1, "healthy", 20_000]);
  beats = false;
  await clock.advance(6_000);
  const { attempt, lastExit } = tree.child("/beating");
  assertEquals([attempt, lastExit !== null && "failure" in lastExit ? lastExit.failure.kind : ""], [2, "unhealthy"]);
});

Deno.test("task: an error that looks like an abort is a failure when nobody asked it to stop", async () => {
  const { tree } = await start({
    children: [child.task("a", () => Promise.reject(new DOMException("x", "AbortError")), { restartPolicy: "transient" })],
  });
  assertEquals(tree.child("/a").failuresTotal, 1);
  await tree.close();
});

Deno.test("task: cancelling itself keeps it down", async () => {
  const { tree } = await start({
    children: [child.task("a", async ({ cancel, signal }) => {
      cancel("no more");
      await Promise.reject(signal.reason);
    })],
  });
  assertEquals([tree.child("/a").phase, tree.child("/a").lastDecision?.reason], ["stopped", "external_cancel_or_manual_stop"]);
  await tree.close();
});
