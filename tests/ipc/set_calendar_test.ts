/** The calendar is set while a tree runs: what is told is as long ago as it says, and what happened keeps its time. */
import { assert, assertEquals } from "@std/assert";
import { child, supervise, type Tree } from "../../mod.ts";
import { Records } from "../../src/ipc/records.ts";
import { pushedStates, type PushSource, readWanted } from "../../src/ipc/subscriptions.ts";
import { WireTime } from "../../src/ipc/wire_time.ts";
import { insidesOf } from "../../src/runtime/mod.ts";
import { at } from "../support/at.ts";
import { BentClock } from "../support/bent_clock.ts";
import { untilAborted } from "../support/tasks.ts";

const HOUR = 3_600_000;

const nanos = (ms: number): number => ms * 1e6;

/** Runs something beside a tree of a second ago. */
async function whileRunning(run: (tree: Tree, clock: BentClock, source: PushSource) => Promise<void>): Promise<void> {
  const clock = new BentClock({ startMs: 1_000 });
  const tree = await supervise({
    children: [child.task("a", untilAborted), child.supervisor("s", { children: [child.task("b", untilAborted)] })],
  }, { clock, keepAlive: false });
  await clock.advance(1_000);
  const time = new WireTime(insidesOf(tree).calendar);
  const records = new Records({ targetId: "t", configVersion: "1", time, runId: "0".repeat(32) });
  await run(tree, clock, { tree, clock, targetId: "t", time, records });
  const ending = tree.shutdown();
  await clock.advance(60_000);
  await ending;
}

/** When something was, in each record. */
function timesOf(lines: readonly { readonly text: string }[]): unknown[] {
  return lines.map(({ text }) => at(JSON.parse(text), "occurred_at_unix_nanos"));
}

Deno.test("what happened keeps the time that it had, also where nobody asked before the calendar was set", () =>
  whileRunning(async (tree, clock, { records }) => {
    const { events } = insidesOf(tree);
    const before = events.recent(100);
    clock.wallOffsetMs = HOUR;
    await clock.advance(5_000);
    for (const operation of ["pause", "resume"] as const) {
      const held = tree.child("/a")[operation]();
      await clock.advance(2_000);
      await held;
    }
    // The newest is asked for first.
    const after = events.recent(100).slice(before.length).reverse();
    assert(before.length > 3 && after.length > 3);
    assertEquals(timesOf(after.map((event) => records.event(event))), after.map(({ atMs }) => nanos(atMs + HOUR)));
    assertEquals(timesOf(before.map((event) => records.event(event))), before.map(({ atMs }) => nanos(atMs)));
  }));

Deno.test("after the calendar was set, whoever follows children is told of all of them anew, once", () =>
  whileRunning(async (tree, clock, source) => {
    const wanted = readWanted(new Map<string, unknown>([["states", true], ["details", true]]), "t");
    assert(!("code" in wanted));
    const over = new AbortController();
    const pushes = pushedStates(source, wanted, over.signal)[Symbol.asyncIterator]();
    const next = async (): Promise<unknown> => at(JSON.parse((await pushes.next()).value[0]), "delta");
    const facts = (delta: unknown): unknown => {
      const children = at(delta, "children");
      const paths = Array.isArray(children) ? children.map((row) => [at(row, "child_path"), at(row, "since_unix_nanos")]) : [];
      return [at(delta, "whole"), at(delta, "tree", "started_at_unix_nanos"), ...paths];
    };
    const heldAs = async (operation: "pause" | "resume"): Promise<number> => {
      const held = tree.child("/a")[operation]();
      await clock.advance(0);
      await held;
      return tree.snapshot().children[0]!.sinceMs;
    };
    assertEquals(facts(await next()), [true, nanos(1_000), ["/a", nanos(1_000)], ["/s", nanos(1_000)], ["/s/b", nanos(1_000)]]);
    clock.wallOffsetMs = HOUR;
    const sinceMs = await heldAs("pause");
    const moved = nanos(HOUR + 1_000);
    assertEquals(facts(await next()), [true, moved, ["/a", nanos(HOUR + sinceMs)], ["/s", moved], ["/s/b", moved]]);
    await clock.advance(3_000);
    assertEquals(facts(await (await heldAs("resume"), next())), [false, undefined, ["/a", nanos(HOUR + 5_000)]]);
    over.abort();
  }));
