/** The control handle of a child, through the whole runtime. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { child, type ChildOptions, ReeveError, supervise, type SupervisorEvent, type TaskFunction, type Tree } from "../../mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { untilAborted } from "../support/tasks.ts";

const DELAYED: ChildOptions = { backoff: { initialMs: 1_000, maxMs: 1_000, jitter: "none" } };

async function started(...children: Parameters<typeof supervise>[0]["children"]): Promise<{ tree: Tree; clock: VirtualClock }> {
  const clock = new VirtualClock();
  const tree = await supervise({ children }, { clock, keepAlive: false });
  await clock.advance(0);
  return { tree, clock };
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const { code, message } = await assertRejects(() => promise, ReeveError);
  return `${code}: ${message}`;
}

Deno.test("restart() answers at once; the next incarnation begins when the attempt is gone", async () => {
  const seen: string[] = [];
  const { tree, clock } = await started(child.task("a", async (context) => {
    seen.push(`${context.generation}.${context.attempt}`);
    await untilAborted(context);
  }));
  const result = await tree.child("/a").restart({ by: "ops", reason: "new certificate" });
  assertEquals([result.outcome, result.decision, result.cancelDelivered], ["accepted", "queued_after_stop", true]);
  await clock.advance(1);
  assertEquals(seen, ["0.1", "1.2"]);
  const { phase, generation, restartsTotal } = tree.child("/a");
  assertEquals([phase, generation, restartsTotal], ["ready", 1, 1]);
  await tree.shutdown();
});

Deno.test("every command is told with who asked and why", async () => {
  const { tree, clock } = await started(child.task("a", untilAborted));
  await tree.child("/a").pause({ by: "ops\u001b[31m", reason: "leaks\nmemory" });
  await clock.advance(1);
  await tree.shutdown();
  const told: SupervisorEvent[] = [];
  for await (const event of tree.events()) if (event.type !== "gap") told.push(event);
  const commands = told.flatMap((event) => "by" in event ? [`${event.type} ${event.by} ${event.reason}`] : []);
  assertEquals(commands, [
    "child_control_operation_changed ops\\u{1b}[31m leaks\\nmemory",
    "child_control_command_completed ops\\u{1b}[31m leaks\\nmemory",
  ]);
});

Deno.test("pause() holds a child down through everything, resume() brings it back", async () => {
  const { tree, clock } = await started(child.task("a", untilAborted), child.task("b", untilAborted));
  await tree.child("/a").pause();
  await clock.advance(3_600_000);
  assertEquals([tree.child("/a").phase, tree.child("/a").operation, tree.child("/b").phase], ["stopped", "paused", "ready"]);
  await tree.child("/a").resume();
  await clock.advance(1);
  assertEquals([tree.child("/a").phase, tree.child("/a").operation], ["ready", "active"]);
  await tree.shutdown();
});

Deno.test("terminate() ends a child for good, start() brings it back", async () => {
  const { tree, clock } = await started(child.task("a", untilAborted));
  await tree.child("/a").terminate();
  await clock.advance(60_000);
  assertEquals(tree.child("/a").phase, "stopped");
  await tree.child("/a").start();
  await clock.advance(1);
  assertEquals(tree.child("/a").phase, "ready");
  await tree.shutdown();
});

Deno.test("start() does not wait for the delay of the next attempt", async () => {
  let attempts = 0;
  const { tree, clock } = await started(
    child.task("a", (context) => ++attempts === 1 ? Promise.reject(new Error("no")) : untilAborted(context), DELAYED),
  );
  assertEquals(tree.child("/a").phase, "backoff");
  await tree.child("/a").start();
  await clock.advance(1);
  assertEquals([attempts, tree.child("/a").phase], [2, "ready"]);
  await tree.shutdown();
});

Deno.test("a nested supervisor is restarted whole, in order", async () => {
  const log: string[] = [];
  const logging = (name: string): TaskFunction => async (context) => {
    log.push(`+${name}`);
    await untilAborted(context);
    log.push(`-${name}`);
  };
  const { tree, clock } = await started(
    child.supervisor("s", { children: [child.task("db", logging("db")), child.task("web", logging("web"), { dependencies: ["db"] })] }),
  );
  await tree.child("/s").restart();
  await clock.advance(1);
  assertEquals(log, ["+db", "+web", "-web", "-db", "+db", "+web"]);
  await tree.child("/s/web").restart();
  await clock.advance(1);
  assertEquals(log.slice(6), ["-web", "+web"]);
  await tree.shutdown();
});

Deno.test("a strategy restarts siblings that really ran", async () => {
  const log: string[] = [];
  let fails = true;
  const clock = new VirtualClock();
  const logging = (name: string): TaskFunction => async (context) => {
    log.push(`+${name}`);
    await untilAborted(context);
    log.push(`-${name}`);
  };
  const tree = await supervise({
    strategy: "rest_for_one",
    children: [
      child.task("a", logging("a")),
      child.task("b", async (context) => {
        log.push("+b");
        if (fails) {
          await new Promise((resolve) => context.signal.addEventListener("abort", resolve) ?? clock.setTimer(() => resolve(0), 500));
        } else await untilAborted(context);
        if (fails && !context.signal.aborted) throw new Error("b broke");
      }, { backoff: { initialMs: 100, maxMs: 100, jitter: "none" } }),
      child.task("c", logging("c")),
    ],
  }, { clock, keepAlive: false });
  await clock.advance(500);
  fails = false;
  assertEquals(log, ["+a", "+b", "+c", "-c"]);
  await clock.advance(100);
  assertEquals(log.slice(4), ["+b", "+c"]);
  assertEquals(["/a", "/b", "/c"].map((path) => tree.child(path).restartsTotal), [0, 1, 1]);
  await tree.shutdown();
});

Deno.test("what cannot be done is refused with a code and what to do", async () => {
  const { tree, clock } = await started(child.task("a", untilAborted));
  assertMatch(await refusal(tree.child("/a").restart({ by: " " })), /^invalid_request: Cannot restart "\/a": by is blank$/);
  assertMatch(await refusal(tree.child("/a").pause({ reason: "" })), /^invalid_request: Cannot pause "\/a": reason is blank$/);
  await tree.child("/a").pause();
  assertMatch(await refusal(tree.child("/a").restart()), /^command_refused: Cannot restart "\/a": it is paused or quarantined; resume it$/);
  assertMatch(await refusal(tree.child("/a").release()), /^command_refused: .*it is paused, not quarantined; resume it$/);
  const handle = tree.child("/a");
  const done = tree.shutdown();
  assertMatch(await refusal(handle.resume()), /^(command_refused: .*its supervisor is not running|tree_finished: .*)$/);
  await clock.advance(10_000);
  await done;
  assertMatch(await refusal(handle.restart()), /^tree_finished: Cannot restart "\/a": tree "reeve" has finished$/);
});

Deno.test("commands are bounded: more than 1 024 at once are refused, and the rest is answered", async () => {
  const { tree } = await started(child.task("a", untilAborted));
  const handle = tree.child("/a");
  const answers = await Promise.allSettled(Array.from({ length: 1_030 }, () => handle.resume()));
  const refused = answers.filter((answer) => answer.status === "rejected");
  assertEquals(refused.length, 6);
  assert(refused.every(({ reason }) => reason instanceof ReeveError && reason.code === "too_many_commands"));
  assertEquals((await handle.resume()).outcome, "idempotent");
  await tree.shutdown();
});

Deno.test("a snapshot stays what it was, and its commands go to the child as it is", async () => {
  const { tree, clock } = await started(child.task("a", untilAborted));
  const before = tree.child("/a");
  await before.pause();
  await clock.advance(1);
  assertEquals([before.operation, tree.child("/a").operation], ["active", "paused"]);
  assertEquals((await before.pause()).outcome, "idempotent");
  await tree.shutdown();
});
