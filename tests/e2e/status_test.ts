/** What a target tells of itself beyond the reference: everything of its children, what it remembers, and what processes take. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import process from "node:process";
import { child } from "../../mod.ts";
import { type ChildDescription, connect, DashboardError, type EventPush } from "../../src/client/mod.ts";
import { whileServed } from "../support/served.ts";
import { untilAborted } from "../support/tasks.ts";
import { until } from "../support/until.ts";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: process.platform === "win32", fn });
}

const BUSY = child.process("busy", { command: "sh", args: ["-c", "echo begun; while :; do :; done"] });
const CHILDREN = [
  BUSY,
  child.supervisor("pool", {
    children: [child.task("one", untilAborted), child.task("two", untilAborted, { dependencies: ["one"], tags: ["x"] })],
  }),
  child.task("broken", () => Promise.reject(new Error("no database")), { backoff: { initialMs: 60_000, maxMs: 60_000 } }),
];

test("status: the tree and each child, parents first; what processes take is measured where that is asked for", () =>
  whileServed(async ({ path, tree }) => {
    await using client = await connect(path);
    await until(() => tree.child("/broken").phase === "backoff" && tree.child("/busy").phase === "ready", () => "it is not so far");
    const { targetId, tree: root, children } = await client.status({ usage: true });
    assertEquals([targetId, root.name, root.phase, root.pid, root.failuresTotal], ["example-target", "reeve", "running", process.pid, 1]);
    assert(root.startedAtUnixNanos <= root.atUnixNanos && root.residentBytes > 1_000_000);
    assertEquals(children.map(({ childPath }) => childPath), ["/busy", "/pool", "/pool/one", "/pool/two", "/broken"]);
    const [busy, pool, , two, broken] = children;
    assertEquals([busy?.kind, busy?.phase, busy?.pid, pool?.usage, pool?.children, two?.dependencies, two?.tags], [
      "process",
      "ready",
      tree.child("/busy").pid,
      null,
      ["/pool/one", "/pool/two"],
      ["one"],
      ["x"],
    ]);
    assertEquals([broken?.lastExit, typeof broken?.nextStartUnixNanos, broken?.lastDecision?.action], [
      "failed: no database",
      "bigint",
      "restart",
    ]);
    if (root.unmeasured === null) {
      assert(busy?.usage !== null && busy!.usage.memoryBytes > 100_000 && busy!.usage.processes === 1);
    }
    await until(async () => {
      const { tree, children: [first] } = await client.status({ usage: true });
      return tree.unmeasured !== null || (first?.usage?.cpuPercent ?? 0) > 1;
    }, () => "it takes no time of a processor");
    assertEquals((await client.status()).children.map(({ usage }) => usage), Array(5).fill(null));
    const error = await assertRejects(() => client.request("reeve.status", { usage: "yes" }), DashboardError);
    assertEquals(error.wire.code, "invalid_command_params");
  }, { children: CHILDREN }));

test("status: what is remembered comes in order, of a child and those below it, as many of the last as are wanted", () => {
  const talker = child.task("talker", async ({ log, signal }) => {
    for (let line = 0; line < 30; line++) log(`line ${line}`);
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  });
  return whileServed(async ({ path, tree }) => {
    await using client = await connect(path);
    await until(() => tree.child("/talker").phase === "ready", () => "it is not ready");
    const lines = async (options: Parameters<typeof client.recentLogs>[0]): Promise<string[]> =>
      (await client.recentLogs(options)).map(({ message }) => message);
    assertEquals(await lines({ path: "/talker", limit: 2 }), ["line 28", "line 29"]);
    assertEquals([(await lines({ path: "/talker" })).length, await lines({ path: "/quiet" }), await lines({ limit: 0 })], [30, [], []]);
    const events = await client.recentEvents({ path: "/talker", types: ["child_starting", "ChildReady"] });
    assertEquals(events.map(({ event: { eventType }, description }) => `${eventType} ${description.split(" ")[0]}`), [
      "ChildStarting starting,",
      "ChildReady ready",
    ]);
    for (const wrong of [{ types: ["child_redy"] }, { limit: -1 }, { limit: 0.5 }]) {
      const error = await assertRejects(() => client.recentEvents(wrong), DashboardError);
      assertEquals(error.wire.code, "invalid_command_params");
    }
  }, { children: [talker, child.task("quiet", untilAborted)] });
});

test("status: whoever subscribes gets every child as a whole, then those that changed, sentences, and what processes take", () =>
  whileServed(async ({ path, tree }) => {
    await using client = await connect(path);
    const pushes = client.events({ states: true, details: true, rows: false, described: true, usageMs: 500 });
    await pushes.ready;
    const seen = async (wanted: (push: EventPush) => boolean): Promise<EventPush> => {
      for (let next = await pushes.next(); next.done !== true; next = await pushes.next()) if (wanted(next.value)) return next.value;
      throw new Error("the stream has ended");
    };
    const first = await seen(({ type }) => type === "state_delta");
    assert(first.type === "state_delta" && first.delta.whole);
    assertEquals([first.delta.runtimeState, first.delta.childRuntimeRecords, first.delta.tree?.phase], [[], [], "running"]);
    assertEquals(first.delta.children?.map(({ childPath }) => childPath).toSorted(), [
      "/broken",
      "/busy",
      "/pool",
      "/pool/one",
      "/pool/two",
    ]);
    await tree.child("/pool/two").pause({ by: "ada", reason: "too loud" });
    const isPaused = ({ childPath, operation, phase }: ChildDescription): boolean =>
      childPath === "/pool/two" && operation === "paused" && phase === "stopped";
    await seen((push) => push.type === "state_delta" && push.delta.children?.some(isPaused) === true);
    const used = await seen(({ type }) => type === "usage");
    assert(used.type === "usage" && (used.unmeasured !== null || used.children[0]?.childPath === "/busy"));
    await tree.child("/pool/two").resume();
    const event = await seen((push) => push.type === "event" && push.event.eventType === "ChildReady");
    assert(event.type === "event" && /^ready after /.test(event.description ?? ""));
    for (const wrong of [{ usageMs: 1 }, { usageMs: 3_600_001 }]) {
      await assertRejects(() => client.events(wrong).ready, DashboardError);
    }
  }, { children: CHILDREN }));
