/** A test for every row of the contract's tables on dynamic children (section 17). */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type AdditionRecord,
  child,
  type ChildOptions,
  type ChildSpec,
  ReeveError,
  SpecError,
  supervise,
  type Tree,
  type TreeSpec,
} from "../../mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { deaf, untilAborted } from "../support/tasks.ts";

const idle = (name: string, options: ChildOptions = {}): ChildSpec => child.task(name, untilAborted, options);
const codeOf = async (promise: Promise<unknown>): Promise<string> => (await assertRejects(() => promise, ReeveError)).code;

interface Stage {
  readonly tree: Tree;
  readonly clock: VirtualClock;
  readonly records: AdditionRecord[];
  /** Records of this state cannot be written. */
  fails: AdditionRecord["state"] | null;
}

async function staged(children: readonly ChildSpec[] = [], options: Partial<TreeSpec> = {}): Promise<Stage> {
  const clock = new VirtualClock({ startMs: 1_000 });
  const stage = { clock, records: [] as AdditionRecord[], fails: null as AdditionRecord["state"] | null };
  const additionLog = {
    write: (record: AdditionRecord) =>
      stage.fails === record.state ? Promise.reject(new Error("disk full")) : Promise.resolve(void stage.records.push(record)),
    pending: () => Promise.resolve([]),
  };
  const tree = await supervise({ ...options, children }, { clock, keepAlive: false, additionLog });
  await clock.advance(1);
  return Object.assign(stage, { tree });
}

const states = ({ records }: Stage): string[] => records.map(({ state }) => state);

Deno.test("§17 policy: off, and at its number of children: refused before anything else", async () => {
  const off = await staged([], { dynamicSupervisor: { enabled: false } });
  assertEquals(await codeOf(off.tree.add(idle("a", { dependencies: ["nobody"] }))), "dynamic_children_disabled");
  const full = await staged([idle("a")], { dynamicSupervisor: { childLimit: 1 } });
  assertEquals(await codeOf(full.tree.add(idle("b"))), "child_limit_exceeded");
  await Promise.all([off.tree.shutdown(), full.tree.shutdown()]);
});

Deno.test("§17.1 phase validated: a declaration with violations is a plain error; nothing was begun", async () => {
  const stage = await staged();
  await assertRejects(() => stage.tree.add(idle("a", { dependencies: ["b"] })), SpecError);
  assertEquals([states(stage), stage.tree.counts()], [[], {}]);
  await stage.tree.shutdown();
});
Deno.test("§17.1 phase registered: refused by the supervisor: compensated", async () => {
  const stage = await staged([idle("a")]);
  await assertRejects(() => stage.tree.add(idle("a")), ReeveError);
  assertEquals(states(stage), ["pending", "compensated"]);
  await stage.tree.shutdown();
});
Deno.test("§17.1 phase started: not ready: stopped, dropped and compensated", async () => {
  const stage = await staged();
  const bad = child.task("a", () => Promise.reject(new Error("no port")), { readiness: { mode: "explicit" } });
  assertEquals(await codeOf(stage.tree.add(bad, { untilReady: true })), "addition_undone");
  await stage.clock.advance(1);
  assertEquals([states(stage), stage.tree.counts()], [["pending", "compensated"], {}]);
  await stage.tree.shutdown();
});
Deno.test("§17.1 phase audited: the record cannot be written: compensated", async () => {
  const stage = await staged();
  stage.fails = "committed";
  assertEquals(await codeOf(stage.tree.add(idle("a"))), "addition_not_recorded");
  await stage.clock.advance(1);
  assertEquals([states(stage), stage.tree.counts()], [["pending", "compensated"], {}]);
  await stage.tree.shutdown();
});
Deno.test("§17.1 phase committed: a new hash of the topology", async () => {
  const stage = await staged();
  const before = stage.tree.topologyHash();
  await stage.tree.add(idle("a"));
  assertEquals([states(stage), stage.tree.topologyHash() !== before], [["pending", "committed"], true]);
  await stage.tree.shutdown();
});
Deno.test("§17.1 phase compensated: the topology is what it was", async () => {
  const stage = await staged();
  const before = stage.tree.topologyHash();
  stage.fails = "committed";
  await assertRejects(() => stage.tree.add(idle("a")), ReeveError);
  await stage.clock.advance(1);
  assertEquals(stage.tree.topologyHash(), before);
  await stage.tree.shutdown();
});

Deno.test("§17.1 error TransactionInProgress: there is none here: additions go side by side, each with an id of its own", async () => {
  const stage = await staged();
  await Promise.all(["a", "b", "c"].map((name) => stage.tree.add(idle(name))));
  assertEquals([new Set(stage.records.map(({ transactionId }) => transactionId)).size, stage.tree.counts()], [3, { ready: 3 }]);
  await stage.tree.shutdown();
});
Deno.test("§17.1 error ChildNameConflict: a name that is taken, also by one that is on its way out", async () => {
  const { tree, clock } = await staged([child.task("a", deaf)]);
  assertEquals(await codeOf(tree.add(idle("a"))), "child_name_conflict");
  await tree.child("/a").remove();
  assertEquals(await codeOf(tree.add(idle("a"))), "child_name_conflict");
  const ending = tree.shutdown();
  await clock.advance(60_000);
  await ending;
});
Deno.test("§17.1 error DependencyNotFound: at its place in the declaration", async () => {
  const { tree } = await staged();
  const { problems } = await assertRejects(() => tree.add(idle("a", { dependencies: ["b"] })), SpecError);
  assertEquals(problems.map(({ rule, pointer }) => [rule, pointer]), [["unknown_dependency", "/dependencies/0"]]);
  await tree.shutdown();
});
Deno.test("§17.1 error DependencyCycle: a child that depends on itself", async () => {
  const { tree } = await staged();
  const { problems } = await assertRejects(() => tree.add(idle("a", { dependencies: ["a"] })), SpecError);
  assertEquals(problems.every(({ pointer }) => pointer.startsWith("/dependencies")), true);
  await tree.shutdown();
});
Deno.test("§17.1 error SupervisorShuttingDown: refused", async () => {
  const { tree, clock } = await staged([child.task("deaf", deaf)]);
  const ending = tree.shutdown();
  await clock.advance(1);
  assertEquals(await codeOf(tree.add(idle("a"))), "command_refused");
  await clock.advance(60_000);
  await ending;
});
Deno.test("§17.1 error ChildLimitExceeded: says how many there may be", async () => {
  const { tree } = await staged([idle("a")], { dynamicSupervisor: { childLimit: 1 } });
  const { message } = await assertRejects(() => tree.add(idle("b")), ReeveError);
  assert(message.includes("may have 1 children"), message);
  await tree.shutdown();
});
Deno.test("§17.1 error AuditStorageFailure: nothing is begun", async () => {
  const stage = await staged();
  stage.fails = "pending";
  assertEquals([await codeOf(stage.tree.add(idle("a"))), stage.tree.counts()], ["addition_not_recorded", {}]);
  await stage.tree.shutdown();
});
Deno.test("§17.1 error TransactionCompensated: told with the transaction and why", async () => {
  const stage = await staged();
  stage.fails = "committed";
  await assertRejects(() => stage.tree.add(idle("a")), ReeveError);
  await stage.tree.shutdown();
  const told: unknown[] = [];
  for await (const event of stage.tree.events()) if (event.type === "child_addition_undone") told.push(event.transactionId);
  assertEquals(told, [stage.records[0]?.transactionId]);
});

Deno.test("§17.2 templates: numbered copies, with arguments of their own", async () => {
  const { tree } = await staged([], { templates: [idle("w", { args: 1 })] });
  const copies = [await tree.startTemplate("w"), await tree.startTemplate("w", { args: 2 })];
  assertEquals(copies.map(({ path, spec }) => [path, spec.args]), [["/w:1", 1], ["/w:2", 2]]);
  await tree.shutdown();
});
Deno.test("§17.2 nested supervisors: a supervisor can be added with its children, and to it more", async () => {
  const { tree, clock } = await staged();
  await tree.add(child.supervisor("s", { children: [idle("a")] }));
  await tree.add(idle("b"), { to: "/s" });
  await clock.advance(1);
  assertEquals(tree.child("/s").children.map(({ path, phase }) => `${path} ${phase}`), ["/s/a ready", "/s/b ready"]);
  await tree.shutdown();
});
