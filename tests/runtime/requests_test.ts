/** What children ask of their tree, through the whole runtime. */
import { assert, assertEquals } from "@std/assert";
import { child, ReeveError, supervise, type SupervisorEvent, type TaskContext, type TaskFunction, type Tree } from "../../mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { untilAborted } from "../support/tasks.ts";

async function started(...children: Parameters<typeof supervise>[0]["children"]): Promise<{ tree: Tree; clock: VirtualClock }> {
  const clock = new VirtualClock();
  const tree = await supervise({ children }, { clock, keepAlive: false });
  await clock.advance(1);
  return { tree, clock };
}

async function eventsOf(tree: Tree): Promise<SupervisorEvent[]> {
  const told: SupervisorEvent[] = [];
  for await (const event of tree.events()) if (event.type !== "gap") told.push(event);
  return told;
}

Deno.test("requestRestart() restarts the child as an operator would, in its own name", async () => {
  const seen: string[] = [];
  const task: TaskFunction = async (context) => {
    seen.push(`${context.generation}.${context.attempt}`);
    if (context.attempt === 1) context.requestRestart("new\ncertificate");
    await untilAborted(context);
  };
  const { tree, clock } = await started(child.task("a", task, { commandPermissions: { allowRestart: true } }));
  await clock.advance(1);
  assertEquals([seen, tree.child("/a").phase, tree.child("/a").restartsTotal], [["0.1", "1.2"], "ready", 1]);
  await tree.shutdown();
  const commands = (await eventsOf(tree)).flatMap((event) =>
    event.type === "child_control_command_completed" ? [`${event.command} ${event.by} ${event.reason} ${event.result}`] : []
  );
  assertEquals(commands, ["restart /a new\\ncertificate accepted"]);
});

Deno.test("a child that asks for a restart in each of its attempts is restarted at once, and then as one that ends again and again", async () => {
  const clock = new VirtualClock();
  const atMs: number[] = [];
  const task: TaskFunction = (context) => {
    atMs.push(clock.now());
    context.requestRestart();
  };
  const backoff = { initialMs: 100, maxMs: 1_000, factor: 2, jitter: "none" } as const;
  const spec = child.task("a", task, { commandPermissions: { allowRestart: true }, backoff });
  const tree = await supervise({ children: [spec] }, { clock, keepAlive: false });
  await clock.advance(3_600);
  assertEquals(atMs.map((at) => at - atMs[0]!), [0, 0, 100, 300, 700, 1_500, 2_500, 3_500]);
  assertEquals([tree.child("/a").generation, tree.child("/a").restartsTotal, tree.child("/a").phase], [8, 7, "backoff"]);
  // What an operator wants does not wait, and begins anew.
  await tree.child("/a").restart({ by: "ops" });
  await clock.advance(1);
  assertEquals(atMs.slice(8).map((at) => at - atMs[0]!), [3_600, 3_600]);
  assertEquals((await tree.shutdown()).exitCode, 0);
});

Deno.test("a child that was healthy for long before it asks for a restart gets it at once, each time", async () => {
  const clock = new VirtualClock();
  const atMs: number[] = [];
  const task: TaskFunction = async (context) => {
    atMs.push(clock.now());
    clock.setTimer(() => context.requestRestart("new certificate"), 5_000);
    await untilAborted(context);
  };
  const options = { commandPermissions: { allowRestart: true }, backoff: { initialMs: 100, maxMs: 100, resetAfterMs: 5_000 } };
  const tree = await supervise({ children: [child.task("a", task, options)] }, { clock, keepAlive: false });
  await clock.advance(16_000);
  assertEquals(atMs.map((at) => at - atMs[0]!), [0, 5_000, 10_000, 15_000]);
  await tree.shutdown();
});

Deno.test("a restart that a child asks for itself does not rid it of the failures that count against it", async () => {
  const task: TaskFunction = (context) => {
    if (context.attempt % 2 === 0) context.requestRestart();
    throw new Error("fails");
  };
  const options = {
    commandPermissions: { allowRestart: true },
    backoff: { initialMs: 1, maxMs: 1 },
    limit: { maxRestarts: 3, onExceeded: "give_up" },
  } as const;
  const { tree, clock } = await started(child.task("a", task, options));
  await clock.advance(10_000);
  assertEquals([tree.child("/a").phase, tree.child("/a").attempt], ["failed", 7]);
  await tree.shutdown();
});

Deno.test("a restart for which an operator asks as well, while the child stops for its own, does not wait", async () => {
  const seen: number[] = [];
  let asked: TaskContext | null = null;
  const task: TaskFunction = async (context) => {
    seen.push(context.attempt);
    asked = context;
    await untilAborted(context);
    await new Promise<void>((resolve) => context.attempt < 3 && clock.setTimer(resolve, 100));
  };
  const clock = new VirtualClock();
  const options = { commandPermissions: { allowRestart: true }, backoff: { initialMs: 60_000, maxMs: 60_000 } };
  const tree = await supervise({ children: [child.task("a", task, options)] }, { clock, keepAlive: false });
  for (let round = 0; round < 2; round++) {
    asked!.requestRestart();
    await clock.advance(10);
    if (round === 1) assertEquals((await tree.child("/a").restart({ by: "ops" })).decision, "already_pending");
    await clock.advance(200);
  }
  assertEquals([seen, tree.child("/a").phase], [[1, 2, 3], "ready"]);
  const ending = tree.shutdown();
  await clock.advance(60_000);
  await ending;
});

Deno.test("a child that asks for a restart in each of its attempts keeps nobody from starting the tree, and from ending it", async () => {
  // Without any delay it leaves the loop no moment in which there is nothing to do.
  const task: TaskFunction = (context) => context.requestRestart();
  const options = { commandPermissions: { allowRestart: true }, backoff: { initialMs: 0, maxMs: 0 } };
  const tree = await supervise({ children: [child.task("a", task, options)] }, { keepAlive: false });
  assert(tree.child("/a").restartsTotal > 1);
  assertEquals((await tree.shutdown()).exitCode, 0);
});

Deno.test("requestRestart() again and again is one request", async () => {
  const task: TaskFunction = async (context) => {
    if (context.attempt === 1) { for (let count = 0; count < 5_000; count++) context.requestRestart(); }
    await untilAborted(context);
  };
  const { tree, clock } = await started(child.task("a", task, { commandPermissions: { allowRestart: true } }));
  await clock.advance(1);
  assertEquals(tree.child("/a").restartsTotal, 1);
  await tree.shutdown();
  assertEquals((await eventsOf(tree)).filter(({ type }) => type === "child_control_command_completed").length, 1);
});

Deno.test("requestShutdown() shuts the tree down in order, in the name of the child", async () => {
  const { tree, clock } = await started(
    child.task("other", untilAborted),
    child.task("a", async (context) => {
      context.requestShutdown(`done${"!".repeat(5_000)}`);
      await untilAborted(context);
    }, { commandPermissions: { allowShutdown: true } }),
  );
  await clock.advance(1);
  const { cause, exitCode, children } = await tree.finished;
  assertEquals([cause.kind, cause.requestedBy, cause.reason.length, exitCode], ["shutdown", "/a", 1_025, 0]);
  assertEquals(children.map(({ status }) => status), ["graceful", "graceful"]);
});

Deno.test("requestRestart() and requestShutdown() throw where the child has no permission, and nothing happens", async () => {
  const errors: unknown[] = [];
  const task: TaskFunction = async (context) => {
    for (const ask of [context.requestRestart, context.requestShutdown]) {
      try {
        ask();
      } catch (error) {
        errors.push(error);
      }
    }
    await untilAborted(context);
  };
  const { tree } = await started(
    child.task("a", task),
    child.task("b", task, { commandPermissions: { allowRestart: false, allowShutdown: false } }),
  );
  assertEquals(errors.length, 4);
  for (const error of errors) assert(error instanceof ReeveError && error.code === "not_permitted");
  assertEquals(errors.map((error) => error instanceof ReeveError && error.path), ["/a", "/a", "/b", "/b"]);
  assertEquals([tree.child("/a").attempt, tree.child("/b").attempt], [1, 1]);
  await tree.shutdown();
});

Deno.test("requests after the end of the attempt are ignored, whoever still holds its context", async () => {
  const contexts: TaskContext[] = [];
  const { tree, clock } = await started(child.task("a", (context) => {
    contexts.push(context);
    return context.attempt === 1 ? undefined : untilAborted(context);
  }, { commandPermissions: { allowRestart: true, allowShutdown: true } }));
  await clock.advance(10_000);
  assertEquals(contexts.length, 2);
  contexts[0]?.requestRestart();
  contexts[0]?.requestShutdown();
  await clock.advance(10_000);
  assertEquals([tree.child("/a").attempt, tree.child("/a").phase], [2, "ready"]);
  await tree.shutdown();
});

Deno.test("a request while the tree is stopping changes nothing", async () => {
  const { tree, clock } = await started(child.task("a", async (context) => {
    await untilAborted(context);
    context.requestRestart();
    context.requestShutdown("mine");
  }, { commandPermissions: { allowRestart: true, allowShutdown: true } }));
  const report = tree.shutdown({ by: "ops" });
  await clock.advance(1);
  const { cause, children } = await report;
  assertEquals([cause.requestedBy, children[0]?.restarts], ["ops", 0]);
});

Deno.test("a child whose sub-task ignores the stop is left behind when its time is over", async () => {
  const { tree, clock } = await started(
    child.task("a", ({ spawn }) => void spawn(() => new Promise(() => {})), { stop: { timeoutMs: 100, killWaitMs: 10 } }),
  );
  const finished = tree.shutdown();
  await clock.advance(1_000);
  assertEquals((await finished).abandoned, ["/a"]);
});
