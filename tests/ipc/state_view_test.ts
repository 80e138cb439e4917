/** What is kept of a state is always the same as what would be written anew. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { child, supervise, type TaskContext } from "../../mod.ts";
import { Records } from "../../src/ipc/records.ts";
import { type Pieces, StateView } from "../../src/ipc/state_view.ts";
import { WireTime } from "../../src/ipc/wire_time.ts";
import { insidesOf } from "../../src/runtime/mod.ts";
import { seededRandom, VirtualClock } from "../../src/testing/mod.ts";
import { BentClock } from "../support/bent_clock.ts";

function textOf(pieces: Pieces): string {
  const decoder = new TextDecoder();
  return pieces.map((piece) => typeof piece === "string" ? piece : decoder.decode(piece)).join("").replace(
    /"generated_at_unix_nanos":\d+/,
    "",
  );
}

/** Beats when it is told to, and fails when it is told to. */
class Puppets {
  readonly #living = new Map<string, { readonly context: TaskContext; readonly fail: (error: Error) => void }>();

  readonly task = (context: TaskContext): Promise<void> =>
    new Promise((resolve, reject) => {
      this.#living.set(context.path, { context, fail: reject });
      context.signal.addEventListener("abort", () => resolve());
    });

  beat(path: string): void {
    this.#living.get(path)?.context.heartbeat();
  }

  fail(path: string): void {
    this.#living.get(path)?.fail(new Error("pulled"));
  }
}

for (let seed = 1; seed <= 8; seed++) {
  Deno.test(`a state that is kept is the same as one that is written anew, whatever happened: seed ${seed}`, async () => {
    const random = seededRandom(seed);
    const clock = new BentClock({ startMs: 1_000 });
    const puppets = new Puppets();
    const beating = { healthCheck: { checkIntervalSecs: 2, staleAfterMs: 3_000 }, limit: { maxRestarts: 50, windowMs: 20_000 } } as const;
    const tree = await supervise({
      children: [
        child.task("a", puppets.task, beating),
        child.task("b", puppets.task, { limit: { maxRestarts: 50, halfLifeMs: 5_000 } }),
        child.supervisor("s", { children: [child.task("in", puppets.task, beating), child.task("side", puppets.task)] }),
      ],
    }, { clock, random, keepAlive: false });
    const time = new WireTime(insidesOf(tree).calendar);
    const records = new Records({ targetId: "t", configVersion: "1", time, runId: "0".repeat(32) });
    const source = {
      tree,
      time,
      records,
      configVersion: "1",
      target: () => ({ target_id: "t" }),
    };
    const kept = new StateView(source);
    const seen = new Set<string>();
    let added = 0;
    for (let step = 0; step < 150; step++) {
      const paths = tree.snapshot().children.flatMap(({ path, children }) => [path, ...children.map((inner) => inner.path)]);
      const path = paths[Math.floor(random() * paths.length)] ?? "/a";
      const quietly = (work: Promise<unknown>): Promise<unknown> => work.catch(() => {});
      const deeds: readonly (() => unknown)[] = [
        () => puppets.beat(path),
        () => puppets.fail(path),
        () => quietly(tree.child(path).restart()),
        () => quietly(tree.child(path).pause()),
        () => quietly(tree.child(path).resume()),
        () =>
          quietly(
            tree.add(
              child.task(`more${random() < 0.5 ? ++added : added}`, puppets.task, { limit: { maxRestarts: 50 }, tags: [`${step}`] }),
            ),
          ),
        () => path.includes("more") ? quietly(tree.child(path).remove()) : undefined,
        () => clock.wallOffsetMs = Math.floor(random() * 10) * 3_600_000,
        () => undefined,
      ];
      deeds[Math.floor(random() * deeds.length)]!();
      await clock.advance(random() < 0.5 ? 0 : random() * 4_000);
      if (random() < 0.3) continue;
      const text = textOf(kept.pieces());
      assertEquals(text, textOf(new StateView(source).pieces()), `step ${step}`);
      seen.add(text);
    }
    assert(seen.size > 50, `${seen.size} different states`);
    const ending = tree.shutdown();
    assertEquals(textOf(kept.pieces()), textOf(new StateView(source).pieces()));
    await clock.advance(60_000);
    await ending;
    assertEquals(textOf(kept.pieces()), textOf(new StateView(source).pieces()));
  });
}

Deno.test("a child that came back under its name, declared otherwise, is in the topology as it is now, though nobody asked in between", async () => {
  const clock = new VirtualClock({ startMs: 1_000 });
  const { task } = new Puppets();
  const tree = await supervise({ children: [child.task("a", task), child.task("b", task, { tags: ["old"] })] }, {
    clock,
    keepAlive: false,
  });
  const time = new WireTime(insidesOf(tree).calendar);
  const records = new Records({ targetId: "t", configVersion: "1", time, runId: "0".repeat(32) });
  const view = new StateView({ tree, time, records, configVersion: "1", target: () => ({ target_id: "t" }) });
  assertMatch(textOf(view.pieces()), /"tags":\["old"\]/);
  await clock.advance(10);
  await tree.child("/b").remove();
  await clock.advance(10);
  await tree.add(child.task("b", task, { tags: ["new"], dependencies: ["a"], severity: "critical" }));
  await clock.advance(10);
  const text = textOf(view.pieces());
  assertMatch(text, /"tags":\["new"\],"criticality":"critical"/);
  assertMatch(text, /"edge_id":"dependency:\/a->\/b"/);
  assert(!text.includes('"old"'), text);
  const ending = tree.shutdown();
  await clock.advance(60_000);
  await ending;
});

Deno.test("a child that goes while a crowd is started again is in the topology as long as it has a row, and no longer", async () => {
  const back = { backoff: { initialMs: 1, maxMs: 1, jitter: "none" }, limit: { maxRestarts: 1_000 } } as const;
  const clock = new VirtualClock({ startMs: 1_000 });
  const puppets = new Puppets();
  const tree = await supervise({
    strategy: "one_for_all",
    children: Array.from({ length: 24 }, (_, index) => child.task(`c${index}`, puppets.task, back)),
    observability: { eventJournalCapacity: 16 },
  }, { clock, keepAlive: false });
  await clock.advance(100);
  // All wait for the one that does not go.
  let release = (): void => {};
  const guest = (): Promise<void> => new Promise((resolve) => release = resolve);
  await Promise.all([tree.add(child.task("guest", guest, { restartPolicy: "temporary" })), clock.advance(10)]);
  const time = new WireTime(insidesOf(tree).calendar);
  const records = new Records({ targetId: "t", configVersion: "1", time, runId: "0".repeat(32) });
  const source = { tree, time, records, configVersion: "1", target: () => ({ target_id: "t" }) };
  const view = new StateView(source);
  assertMatch(textOf(view.pieces()), /"node_id":"\/guest"/);
  puppets.fail("/c0");
  await clock.advance(100);
  release();
  for (let turn = 0; turn < 50; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    assertEquals(textOf(view.pieces()), textOf(new StateView(source).pieces()), `turn ${turn}`);
  }
  assertEquals(/"node_id":"\/guest"/.test(textOf(view.pieces())), false);
  const ending = tree.shutdown();
  await clock.advance(60_000);
  await ending;
});
