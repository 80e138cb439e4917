import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { child, type ChildOptions, type ChildSpec, ReeveError, supervise, type Tree, type TreeSpec } from "../../mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { untilAborted } from "../support/tasks.ts";

async function start(spec: TreeSpec, signal?: AbortSignal): Promise<{ tree: Tree; clock: VirtualClock }> {
  const clock = new VirtualClock();
  return { clock, tree: await supervise(spec, { clock, signal }) };
}

/** Says when it was asked to stop, and stops some time later. */
function stopping(told: string[], name: string, delayMs: number, options: ChildOptions = {}): (clock: VirtualClock) => ChildSpec {
  return (clock) =>
    child.task(name, ({ signal }) =>
      new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => {
          told.push(`${clock.now()} ${name}`);
          clock.setTimer(resolve, delayMs);
        });
      }), options);
}

Deno.test("tree.shutdown() asks a child when all that depend on it have ended, independent ones at once", async () => {
  const clock = new VirtualClock();
  const told: string[] = [];
  const children = [
    stopping(told, "db", 10),
    stopping(told, "cache", 10),
    stopping(told, "api", 100, { dependencies: ["db", "cache"] }),
    stopping(told, "web", 50, { dependencies: ["api"] }),
    stopping(told, "jobs", 300, { dependencies: ["db"] }),
  ].map((build) => build(clock));
  const tree = await supervise({ children }, { clock });
  const ending = tree.shutdown();
  await clock.advance(1_000);
  assertEquals(told, ["0 jobs", "0 web", "50 api", "150 cache", "300 db"]);
  assertEquals((await ending).durationMs, 310);
});

Deno.test("tree.shutdown() starts nothing any more: no waiting child, no restart", async () => {
  const starts: string[] = [];
  const { tree, clock } = await start({
    children: [
      child.task("slow", (context) => {
        starts.push("slow");
        return untilAborted(context);
      }, { readiness: { mode: "explicit" } }),
      child.task("waits", () => void starts.push("waits"), { dependencies: ["slow"] }),
      child.task("fails", () => {
        starts.push("fails");
        return Promise.reject(new Error("no"));
      }, { backoff: { initialMs: 10, maxMs: 10, jitter: "none" } }),
    ],
  });
  const report = await tree.shutdown();
  await clock.advance(10_000);
  assertEquals(starts, ["slow", "fails"]);
  assertEquals(clock.timers, 0, "no timer may be left");
  assertEquals(report.children.map(({ path, status }) => `${path} ${status}`).sort(), [
    "/fails already_exited",
    "/slow graceful",
    "/waits already_exited",
  ]);
});

Deno.test("tree.shutdown({ force }) forces a stop that is going on", async () => {
  const { tree, clock } = await start({
    shutdown: { gracefulTimeoutMs: 60_000, abortWaitMs: 100 },
    children: [
      child.task("deaf", () => new Promise(() => {})),
      child.supervisor("s", { children: [child.task("deaf", () => new Promise(() => {}))] }),
    ],
  });
  const first = tree.shutdown({ reason: "please" });
  await clock.advance(1_000);
  assertEquals(tree.snapshot().phase, "stopping");
  const second = tree.shutdown({ reason: "now", force: true });
  await clock.advance(200);
  assertStrictEquals(await first, await second);
  assertEquals((await first).abandoned.toSorted(), ["/deaf", "/s/deaf"]);
  assertEquals((await first).cause.reason, "please", "the first request is the cause");
});

Deno.test("tree.shutdown() after the end gives the same report and does nothing", async () => {
  const { tree } = await start({ children: [child.task("a", untilAborted)] });
  const report = await tree.shutdown();
  const { seq } = tree.snapshot();
  assertStrictEquals(await tree.shutdown({ force: true, reason: "again" }), report);
  await tree.close();
  await tree[Symbol.asyncDispose]();
  assertEquals(tree.snapshot().seq, seq);
});

Deno.test("tree.shutdown() right after supervise() loses no start and no stop", async () => {
  let running = 0;
  const counted = (name: string): ChildSpec =>
    child.task(name, async (context) => {
      running++;
      await untilAborted(context);
      running--;
    });
  const tree = await supervise({ children: Array.from({ length: 100 }, (_, index) => counted(`c${index}`)) });
  const report = await tree.shutdown();
  assertEquals([running, report.children.length, report.abandoned], [0, 100, []]);
});

Deno.test("supervise({ signal }) no longer listens to a signal when the tree has finished", async () => {
  const stop = new AbortController();
  let listeners = 0;
  const signal = stop.signal;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<AbortSignal["addEventListener"]>): void => {
    listeners++;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<AbortSignal["removeEventListener"]>): void => {
    listeners--;
    removeEventListener.apply(signal, args);
  };
  const { tree } = await start({ children: [child.task("a", untilAborted)] }, signal);
  assertEquals(listeners, 1);
  const { cause } = await tree.shutdown({ by: "ops", reason: "deploy" });
  assertEquals([listeners, cause.requestedBy], [0, "ops"]);
});

Deno.test("tree.ready() says at once that a tree which has finished can no longer become ready", async () => {
  const { tree } = await start({ children: [child.task("a", untilAborted, { readiness: { mode: "explicit" } })] });
  await tree.close();
  const error = await assertRejects(() => tree.ready(), ReeveError);
  assertEquals([error.code, error.message], ["tree_finished", 'Tree "reeve" finished before it was ready']);
});

Deno.test("tree.ready() rejects with the reason of a signal that was aborted before, and leaves no timer", async () => {
  const { tree, clock } = await start({ children: [child.task("a", untilAborted, { readiness: { mode: "explicit" } })] });
  const before = clock.timers;
  await assertRejects(() => tree.ready({ signal: AbortSignal.abort(new Error("enough")), timeoutMs: 1_000 }), Error, "enough");
  assertEquals(clock.timers, before);
  await tree.close();
});

Deno.test("tree.ready() does not wait for optional children, and names at most five that are missing", async () => {
  const never = (name: string, options: ChildOptions = {}): ChildSpec =>
    child.task(name, untilAborted, { readiness: { mode: "explicit" }, ...options });
  const optional = await start({ children: [child.task("a", untilAborted), never("extra", { severity: "optional" })] });
  await optional.tree.ready();
  await optional.tree.close();
  const many = await start({ children: Array.from({ length: 7 }, (_, index) => never(`c${index}`)) });
  const late = assertRejects(() => many.tree.ready({ timeoutMs: 10 }), ReeveError);
  await many.clock.advance(10);
  assertEquals(
    (await late).message,
    `Tree "reeve" was not ready within 10 ms: ${[0, 1, 2, 3, 4].map((index) => `/c${index} is running`).join("; ")}; and 2 more`,
  );
  await many.tree.close();
});

Deno.test("tree.shutdown() wants to know who asks and why, as every command does", async () => {
  const { tree } = await start({ children: [child.task("a", untilAborted)] });
  for (const request of [{ by: " " }, { reason: "" }]) {
    assertEquals((await assertRejects(() => tree.shutdown(request), ReeveError)).code, "invalid_request");
  }
  assertEquals(tree.snapshot().phase, "running");
  await tree.close();
});
