/** What outlives a program, through the whole runtime: holds, counters, numbers of attempts, failures of a limit. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { child, type ChildOptions, ReeveError, supervise, type SupervisorEvent, type Tree, type TreeSpec } from "../../mod.ts";
import type { SavedState } from "../../src/runtime/saved_state.ts";
import { stateIn } from "../../src/runtime/state_file.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { inFolder } from "../support/folder.ts";
import { untilAborted } from "../support/tasks.ts";
import { until } from "../support/until.ts";

const AT_ONCE: ChildOptions = { backoff: { initialMs: 0, maxMs: 0, jitter: "none" } };

/** The runs of one program, one after the other, whose clock goes on. */
class Runs {
  readonly clock = new VirtualClock({ startMs: 1_000_000 });
  readonly path: string;

  constructor(folder: string) {
    this.path = join(folder, "var", "state.json");
  }

  async start(children: TreeSpec["children"], more: Partial<TreeSpec> = {}): Promise<Tree> {
    const tree = await supervise({ name: "shop", state: { path: this.path }, children, ...more }, { clock: this.clock, keepAlive: false });
    await this.clock.advance(0);
    return tree;
  }

  saved(): SavedState {
    return stateIn(readFileSync(this.path, "utf8"));
  }

  /** Moves time until the file says something. */
  async savedWhen(holds: (saved: SavedState) => boolean): Promise<void> {
    await until(async () => {
      await this.clock.advance(50);
      return holds(this.saved());
    }, () => JSON.stringify(this.saved()));
  }

  async end(tree: Tree): Promise<SupervisorEvent[]> {
    const ending = tree.shutdown();
    await this.clock.advance(60_000);
    await ending;
    const events: SupervisorEvent[] = [];
    for await (const event of tree.events()) if (event.type !== "gap") events.push(event);
    return events;
  }
}

function inRuns(use: (runs: Runs) => Promise<void>): Promise<void> {
  return inFolder((folder) => use(new Runs(folder)));
}

const attemptOf = (saved: SavedState, path: string): number | undefined => saved.children.find((one) => one.path === path)?.attempt;

Deno.test("state: who is held stays so in the next run, does not keep it from being ready, and comes back when it is let go", () =>
  inRuns(async (runs) => {
    const children = [child.task("a", untilAborted), child.supervisor("s", { children: [child.task("b", untilAborted)] })];
    const first = await runs.start(children);
    await first.child("/a").pause({ by: "alice", reason: "maintenance" });
    await first.child("/s/b").quarantine({ by: "bob", reason: "leaks" });
    await runs.end(first);
    assertEquals(runs.saved().children.map(({ path, operation, hold }) => [path, operation, hold?.by, hold?.reason]), [
      ["/a", "paused", "alice", "maintenance"],
      ["/s", "active", undefined, undefined],
      ["/s/b", "quarantined", "bob", "leaks"],
    ]);
    const since = runs.saved().children[0]?.hold?.sinceMs;

    const second = await runs.start(children);
    await second.ready();
    assertEquals([second.child("/a"), second.child("/s/b")].map(({ phase, operation }) => [phase, operation]), [
      ["stopped", "paused"],
      ["stopped", "quarantined"],
    ]);
    await runs.clock.advance(3_600_000);
    await second.child("/s/b").release({ by: "bob", reason: "fixed" });
    await runs.clock.advance(10);
    assertEquals(second.child("/s/b").phase, "ready");
    const events = await runs.end(second);
    const [restored] = events;
    assert(restored?.type === "state_restored");
    assertEquals([restored.children, restored.holds, restored.forgotten], [3, 2, 0]);
    assertEquals(
      events.flatMap((event) =>
        event.type === "child_control_operation_changed" ? [`${event.path} ${event.to} ${event.by}: ${event.reason}`] : []
      ),
      ["/a paused alice: maintenance", "/s/b quarantined bob: leaks", "/s/b active bob: fixed"],
    );

    const third = await runs.start(children);
    assertEquals([third.child("/a").operation, third.child("/s/b").operation], ["paused", "active"]);
    assertEquals(runs.saved().children[0]?.hold?.sinceMs, since);
    await runs.end(third);
  }));

Deno.test("state: counters and numbers of attempts go on, and failures count against the limit by the time of the calendar", () =>
  inRuns(async (runs) => {
    const failing = child.task("a", async ({ signal }) => {
      await new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => resolve());
        runs.clock.setTimer(resolve, 1_000);
      });
      if (!signal.aborted) throw new Error("no");
    }, { ...AT_ONCE, limit: { maxRestarts: 3, windowMs: 600_000, onExceeded: "give_up" } });
    const first = await runs.start([failing]);
    await runs.clock.advance(2_500);
    const { attempt, failuresTotal, restartsTotal } = first.child("/a");
    assertEquals([attempt, failuresTotal, restartsTotal], [3, 2, 2]);
    await runs.end(first);

    // The program was away for a minute: the failures are still in the window.
    const second = await runs.start([failing]);
    assertEquals([second.child("/a").attempt, second.child("/a").failuresTotal], [4, 2]);
    await runs.clock.advance(2_500);
    assertEquals([second.child("/a").phase, second.child("/a").failuresTotal], ["failed", 4]);
    await runs.end(second);

    // One that was given up is started again, once: its failures still count.
    const third = await runs.start([failing]);
    assertEquals(third.child("/a").phase, "ready");
    assertEquals(third.child("/a").attempt, 6);
    await runs.end(third);
  }));

Deno.test("state: failures are forgotten with the window of the limit, and with another declaration, which is another generation", () =>
  inRuns(async (runs) => {
    const failing = (name: string, more: ChildOptions = {}): TreeSpec["children"][number] =>
      child.task(name, async ({ signal, attempt }) => {
        if (attempt < 3) throw new Error("no");
        await untilAborted({ signal });
      }, { ...AT_ONCE, limit: { maxRestarts: 3, windowMs: 600_000 }, ...more });
    const first = await runs.start([failing("a"), failing("b"), failing("c", { limit: { maxRestarts: 3, windowMs: 10_000 } })]);
    await first.child("/b").quarantine({ by: "ops", reason: "x" });
    await runs.end(first);
    assertEquals(runs.saved().children.map(({ window }) => window?.timesMs.length), [2, 2, 2]);

    const c = failing("c", { limit: { maxRestarts: 3, windowMs: 10_000 } });
    const second = await runs.start([failing("a"), failing("b", { stop: { timeoutMs: 7 } }), c]);
    const { children } = second.snapshot();
    assertEquals(children.map(({ path, generation, operation, attempt }) => [path, generation, operation, attempt]), [
      ["/a", 0, "active", 4],
      ["/b", 1, "quarantined", 3],
      ["/c", 0, "active", 4],
    ]);
    await runs.end(second);
    assertEquals(runs.saved().children.map(({ window }) => window?.timesMs.length), [2, undefined, 2]);
  }));

Deno.test("state: what happens is written after a quarter of a second, all of it at once", () =>
  inRuns(async (runs) => {
    const tree = await runs.start([child.task("a", untilAborted), child.task("b", untilAborted)]);
    assertEquals(runs.saved().children, []);
    await runs.clock.advance(249);
    assertEquals(runs.saved().children, []);
    await runs.clock.advance(1);
    await until(() => runs.saved().children.length === 2, () => "nothing was written");
    const { atMs } = runs.saved();
    assertEquals(atMs, 1_000_250);
    await runs.clock.advance(3_600_000);
    assertEquals(runs.saved().atMs, atMs);
    await tree.child("/a").restart();
    await runs.clock.advance(100);
    await tree.child("/a").restart();
    await runs.savedWhen((saved) => attemptOf(saved, "/a") === 3);
    await runs.end(tree);
  }));

Deno.test("state: what cannot be written is told once, tried again, and told when it can be", () =>
  inRuns(async (runs) => {
    const tree = await runs.start([child.task("a", untilAborted)]);
    await runs.savedWhen((saved) => attemptOf(saved, "/a") === 1);
    mkdirSync(`${runs.path}.next/in the way`, { recursive: true });
    await tree.child("/a").restart();
    const changes = (): Promise<IteratorResult<unknown>> =>
      tree.events({ since: "start", filter: ({ type }) => type === "sink_changed" }).next();
    let isTold = false;
    changes().then(() => isTold = true);
    await until(async () => {
      await runs.clock.advance(100);
      return isTold;
    }, () => "it was not told");
    await runs.clock.advance(10_000);
    assertEquals(attemptOf(runs.saved(), "/a"), 1);
    rmdirSync(`${runs.path}.next/in the way`);
    rmdirSync(`${runs.path}.next`);
    await runs.savedWhen((saved) => attemptOf(saved, "/a") === 2);
    const isWell = (event: SupervisorEvent): boolean => event.type === "sink_changed" && event.healthy;
    await tree.events({ filter: isWell }).next();
    const events = await runs.end(tree);
    assertEquals(events.flatMap((event) => event.type === "sink_changed" ? [[event.sink, event.healthy]] : []), [["state", false], [
      "state",
      true,
    ]]);
  }));

Deno.test("state: what could not be written in the end is in the report", () =>
  inRuns(async (runs) => {
    const tree = await runs.start([child.task("a", untilAborted)]);
    await runs.savedWhen((saved) => attemptOf(saved, "/a") === 1);
    renameSync(runs.path, `${runs.path}.away`);
    mkdirSync(`${runs.path}/in the way`, { recursive: true });
    const ending = tree.shutdown();
    await runs.clock.advance(60_000);
    const { unwritten } = await ending;
    assertEquals(unwritten.map(({ sink, lost }) => [sink, lost > 0]), [["state", true]]);
    assert(unwritten[0]?.reason.startsWith(runs.path), unwritten[0]?.reason);
  }));

Deno.test("state: a program that has lost its file to another one writes it no more", () =>
  inRuns(async (runs) => {
    const tree = await runs.start([child.task("a", untilAborted)]);
    await runs.savedWhen((saved) => attemptOf(saved, "/a") === 1);
    const [own = ""] = readdirSync(`${runs.path}.lock`);
    renameSync(join(`${runs.path}.lock`, own), join(`${runs.path}.lock`, "7,,other"));
    await tree.child("/a").restart();
    const ending = tree.shutdown();
    await runs.clock.advance(60_000);
    assertEquals((await ending).unwritten.map(({ reason }) => reason), [`${runs.path}: another program has taken it over`]);
    assertEquals([attemptOf(runs.saved(), "/a"), readdirSync(`${runs.path}.lock`)], [1, ["7,,other"]]);
  }));

Deno.test("state: another tree is refused while one uses the file, and a start that fails lets it go", () =>
  inRuns(async (runs) => {
    const tree = await runs.start([child.task("a", untilAborted)]);
    const { code, message } = await assertRejects(() => runs.start([]), ReeveError);
    assertEquals(code, "state_not_opened");
    assert(message.includes("another tree of this program uses it"), message);
    await runs.end(tree);
    const journal = join(runs.path, "not a folder.jsonl");
    await assertRejects(() => runs.start([], { observability: { journal: { path: journal } } }), ReeveError, "journal");
    await runs.end(await runs.start([]));
    assertEquals(readdirSync(join(runs.path, "..")).sort(), ["state.json", "state.json.processes"]);
  }));

for (
  const [what, text, hint] of [
    ["a damaged file", `{"format":"reeve-state","version":1,"sha256":"00"}\n{}\n`, "Move it away to begin without it"],
    ["a file of a newer version", `{"format":"reeve-state","version":9,"sha256":"00"}\n{}\n`, "newer version (9), must be at most 1"],
    ["something else", "name: shop\n", "no file of a state"],
    ["an empty file", "", "no file of a state"],
  ] as const
) {
  Deno.test(`state: nothing is started with ${what}, which stays as it is`, () =>
    inRuns(async (runs) => {
      mkdirSync(join(runs.path, ".."));
      writeFileSync(runs.path, text);
      let isStarted = false;
      const { code, message } = await assertRejects(() => runs.start([child.task("a", () => void (isStarted = true))]), ReeveError);
      assertEquals([code, isStarted, readFileSync(runs.path, "utf8")], ["state_not_opened", false, text]);
      assert(message.includes(hint) && message.includes(runs.path), message);
      assertEquals(readdirSync(join(runs.path, "..")), ["state.json"]);
    }));
}

Deno.test("state: a job with a schedule makes up for what it missed while its program was away", () =>
  inRuns(async (runs) => {
    const job = child.task("job", () => {}, { restartPolicy: "transient", schedule: { everyMs: 100_000, missed: "run_once" } });
    const first = await runs.start([job]);
    await runs.clock.advance(100_000);
    assertEquals(first.child("/job").attempt, 1);
    await runs.end(first);
    assertEquals(runs.saved().lastRuns, { "/job": 1_100_000 });
    await runs.clock.advance(1_000_000);
    const second = await runs.start([job]);
    await runs.clock.advance(1);
    assertEquals(second.child("/job").attempt, 2);
    await runs.end(second);
  }));

Deno.test("state: children that are not there any more are counted, and forgotten", () =>
  inRuns(async (runs) => {
    const a = child.task("a", untilAborted);
    await runs.end(await runs.start([a, child.task("b", untilAborted)]));
    const [restored] = await runs.end(await runs.start([a]));
    assert(restored?.type === "state_restored");
    assertEquals([restored.children, restored.forgotten], [1, 1]);
    assertEquals(runs.saved().children.map(({ path }) => path), ["/a"]);
  }));
