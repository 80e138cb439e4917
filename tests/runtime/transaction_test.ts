/** Additions as transactions: their records, what is undone, and what a crash cut short (contract, section 17.1). */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  type AdditionLog,
  type AdditionRecord,
  child,
  type ChildSpec,
  ReeveError,
  SpecError,
  supervise,
  type SupervisorEvent,
  type Tree,
  type TreeSpec,
} from "../../mod.ts";
import { specHash } from "../../src/spec/mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { untilAborted } from "../support/tasks.ts";

/** A log in memory that can be made to fail. */
class MemoryLog implements AdditionLog {
  readonly records: AdditionRecord[] = [];
  left: readonly AdditionRecord[] = [];
  failsAt: AdditionRecord["state"] | null = null;

  write(record: AdditionRecord): Promise<void> {
    if (record.state === this.failsAt) return Promise.reject(new Error("disk full"));
    this.records.push(record);
    return Promise.resolve();
  }

  pending(): Promise<readonly AdditionRecord[]> {
    return Promise.resolve(this.left);
  }

  get states(): string[] {
    return this.records.map(({ path, state }) => `${path} ${state}`);
  }
}

async function started(
  log: AdditionLog,
  children: readonly ChildSpec[] = [],
  options: Partial<TreeSpec> = {},
): Promise<{ tree: Tree; clock: VirtualClock }> {
  const clock = new VirtualClock();
  const tree = await supervise({ ...options, children }, { clock, keepAlive: false, additionLog: log });
  await clock.advance(1);
  return { tree, clock };
}

async function eventsOf<Type extends SupervisorEvent["type"]>(tree: Tree, type: Type): Promise<(SupervisorEvent & { type: Type })[]> {
  await tree.shutdown();
  const found: (SupervisorEvent & { type: Type })[] = [];
  const isWanted = (event: SupervisorEvent): event is SupervisorEvent & { type: Type } => event.type === type;
  for await (const event of tree.events()) if (event.type !== "gap" && isWanted(event)) found.push(event);
  return found;
}

const EXPLICIT = { readiness: { mode: "explicit" } } as const;
const broken = child.task("bad", () => Promise.reject(new Error("no port")), EXPLICIT);

Deno.test("an addition is written down before it is done and when it is done, with who asked, why, and a hash of the declaration", async () => {
  const log = new MemoryLog();
  const { tree } = await started(log);
  const spec = child.task("a", untilAborted);
  await tree.add(spec, { by: "ops", reason: "more load" });
  const [first, second] = log.records;
  const { transactionId } = first!;
  assertEquals(log.states, ["/a pending", "/a committed"]);
  assertEquals(first, {
    transactionId,
    state: "pending",
    path: "/a",
    specHash: specHash(spec),
    by: "ops",
    reason: "more load",
    error: null,
    atMs: 1,
  });
  assertEquals(second, { ...first!, state: "committed" });
  const [event] = await eventsOf(tree, "child_added");
  assertEquals([event?.transactionId, event?.specHash], [transactionId, specHash(spec)]);
});

Deno.test("an addition whose first record cannot be written is not begun", async () => {
  const log = new MemoryLog();
  const { tree } = await started(log);
  log.failsAt = "pending";
  const error = await assertRejects(() => tree.add(child.task("a", untilAborted)), ReeveError);
  assertEquals([error.code, tree.counts()], ["addition_not_recorded", {}]);
  assertMatch(error.message, /Cannot add "\/a": its record cannot be written: disk full/);
  assertEquals((await eventsOf(tree, "child_added")).length, 0);
});

Deno.test("an addition whose last record cannot be written is undone, and that is told", async () => {
  const log = new MemoryLog();
  const { tree, clock } = await started(log);
  log.failsAt = "committed";
  const error = await assertRejects(() => tree.add(child.task("a", untilAborted)), ReeveError);
  await clock.advance(1);
  assertEquals([error.code, tree.counts(), log.states], ["addition_not_recorded", {}, ["/a pending", "/a compensated"]]);
  const [undone] = await eventsOf(tree, "child_addition_undone");
  assertEquals([undone?.path, undone?.transactionId], ["/a", log.records[0]?.transactionId]);
  assertMatch(undone?.reason ?? "", /disk full/);
});

Deno.test("an addition that does not get ready is undone; its record says why", async () => {
  const log = new MemoryLog();
  const { tree, clock } = await started(log);
  const error = await assertRejects(() => tree.add(broken, { untilReady: true }), ReeveError);
  await clock.advance(1);
  assertEquals([error.code, tree.counts(), log.states], ["addition_undone", {}, ["/bad pending", "/bad compensated"]]);
  assertMatch(log.records[1]?.error ?? "", /no port/);
  await tree.shutdown();
});

Deno.test("an addition that the supervisor refuses leaves a record that it was undone", async () => {
  const log = new MemoryLog();
  const { tree } = await started(log, [child.task("a", untilAborted)], { dynamicSupervisor: { childLimit: 2 } });
  const error = await assertRejects(() => tree.add(child.task("a", untilAborted)), ReeveError);
  assertEquals([error.code, log.states], ["child_name_conflict", ["/a pending", "/a compensated"]]);
  await tree.add(child.task("b", untilAborted));
  log.records.length = 0;
  const over = await assertRejects(() => tree.add(child.task("c", untilAborted, { dependencies: ["nobody"] })), ReeveError);
  assertEquals([over.code, log.states], ["child_limit_exceeded", []]);
  await tree.shutdown();
});

Deno.test("a declaration that is refused is told, with who asked, the code and the place; nothing is written down", async () => {
  const log = new MemoryLog();
  const { tree } = await started(log, [child.task("a", untilAborted)]);
  await assertRejects(() => tree.add(child.task("b", untilAborted, { dependencies: ["c"] }), { by: "ops", reason: "try" }), SpecError);
  await assertRejects(() => tree.add(child.task("b", untilAborted), { to: "/a" }), ReeveError);
  assertEquals(log.records, []);
  const rejected = await eventsOf(tree, "child_declaration_rejected");
  assertEquals(rejected.map(({ path, by, code, pointer }) => [path, by, code, pointer]), [
    ["/b", "ops", "invalid_spec", "/dependencies/0"],
    ["/a/b", "program", "not_a_supervisor", null],
  ]);
});

Deno.test("every copy that scale() adds is a transaction of its own", async () => {
  const log = new MemoryLog();
  const { tree } = await started(log, [], { templates: [child.task("w", untilAborted)] });
  await tree.scale("w", 2);
  assertEquals(log.states.toSorted(), ["/w:1 committed", "/w:1 pending", "/w:2 committed", "/w:2 pending"]);
  assertEquals(new Set(log.records.map(({ transactionId }) => transactionId)).size, 2);
  log.failsAt = "committed";
  const error = await assertRejects(() => tree.scale("w", 3), ReeveError);
  assertEquals(error.code, "addition_not_recorded");
  await tree.shutdown();
});

Deno.test("an addition that a crash cut short is settled at the next start: done when its declaration is there, undone when not", async () => {
  const log = new MemoryLog();
  const spec = child.task("a", untilAborted);
  const record = { state: "pending", by: "ops", reason: "more load", error: null, atMs: 7 } as const;
  log.left = [
    { ...record, transactionId: "t1", path: "/a", specHash: specHash(spec) },
    { ...record, transactionId: "t2", path: "/a", specHash: "of an older declaration" },
    { ...record, transactionId: "t3", path: "/gone\n", specHash: specHash(spec) },
  ];
  const { tree } = await started(log, [spec]);
  assertEquals(log.records.map(({ transactionId, state, error }) => [transactionId, state, error]), [
    ["t1", "committed", null],
    ["t2", "compensated", "the program ended before it was done"],
    ["t3", "compensated", "the program ended before it was done"],
  ]);
  const recovered = await eventsOf(tree, "child_addition_recovered");
  assertEquals(recovered.map(({ seq, path, transactionId, outcome }) => [seq, path, transactionId, outcome]), [
    [1, "/a", "t1", "committed"],
    [2, "/a", "t2", "compensated"],
    [3, "/gone\\n", "t3", "compensated"],
  ]);
});

Deno.test("a tree does not start when the records of additions cannot be read, and keeps nothing alive", async () => {
  const log = new MemoryLog();
  log.pending = () => Promise.reject(new Error("no such disk"));
  const error = await assertRejects(() => supervise({ children: [child.task("a", untilAborted)] }, { additionLog: log }), ReeveError);
  assertEquals(error.code, "addition_not_recorded");
  assertMatch(error.message, /Cannot read the records of additions: no such disk/);
});

Deno.test("topologyHash() changes with who is there and how it was declared, and with nothing else", async () => {
  const log = new MemoryLog();
  const { tree, clock } = await started(log, [child.task("a", untilAborted, { dependencies: [], args: { y: 1, x: 2 } })]);
  const { tree: same } = await started(new MemoryLog(), [
    child.task("a", () => Promise.resolve(), { args: { x: 2, y: 1 }, dependencies: [] }),
  ]);
  const before = tree.topologyHash();
  assertMatch(before, /^[0-9a-f]{64}$/);
  assertEquals(same.topologyHash(), before);
  await tree.child("/a").restart();
  await clock.advance(1);
  assertEquals(tree.topologyHash(), before);
  await tree.add(child.task("b", untilAborted));
  assert(tree.topologyHash() !== before);
  await tree.child("/b").remove();
  await clock.advance(1);
  assertEquals(tree.topologyHash(), before);
  await Promise.all([tree.shutdown(), same.shutdown()]);
});

Deno.test("specHash() leaves functions and the values of the environment out, and tells everything else apart", () => {
  const of = (options: Partial<ChildSpec>): string => specHash({ ...child.task("a", untilAborted), ...options });
  assertEquals(of({ environment: [{ name: "KEY", value: "secret" }] }), of({ environment: [{ name: "KEY", value: "other" }] }));
  assert(of({ environment: [{ name: "KEY", value: "x" }] }) !== of({ environment: [{ name: "KEYS", value: "x" }] }));
  assert(of({ args: 1 }) !== of({ args: "1" }));
  assert(of({ args: [1, 2] }) !== of({ args: [2, 1] }));
  assertEquals(of({ decide: () => "policy" }), of({}));
  assert(specHash(child.process("a", { command: "x" })) !== specHash(child.process("a", { command: "y" })));
});
