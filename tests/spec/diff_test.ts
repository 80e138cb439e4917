/** What is other between two declarations, and what that means for a tree that runs. */
import { assertEquals } from "@std/assert";
import { child, type ChildOptions, type ChildSpec, type TreeSpec } from "../../mod.ts";
import { diffTrees } from "../../src/spec/mod.ts";

const run = (): void => {};

function task(name: string, options: ChildOptions = {}): ChildSpec {
  return child.task(name, run, options);
}

function linesOf(before: TreeSpec, after: TreeSpec): string[] {
  return diffTrees(before, after).map(({ kind, path, keys }) => `${kind} ${path}${keys.length === 0 ? "" : ` ${keys.join()}`}`);
}

const CASES: readonly (readonly [what: string, before: Partial<TreeSpec>, after: Partial<TreeSpec>, expected: readonly string[]])[] = [
  [
    "the same content in other objects",
    { children: [task("a", { args: { x: [1] } })] },
    { children: [task("a", { args: { x: [1] } })] },
    [],
  ],
  ["a key that is there without a value", { children: [task("a")] }, { children: [task("a", { args: undefined })] }, []],
  ["an empty section", {}, { observability: {}, backpressure: { strategy: undefined } }, []],
  ["the order of keys", { children: [task("a", { limit: { maxRestarts: 1, windowMs: 5 } })] }, {
    children: [task("a", { limit: { windowMs: 5, maxRestarts: 1 } })],
  }, []],
  ["a child more", { children: [] }, { children: [task("a")] }, ["add /a"]],
  ["children less, the last one first", { children: [task("a"), task("b")] }, { children: [] }, ["remove /b", "remove /a"]],
  ["arguments", { children: [task("a")] }, { children: [task("a", { args: 1 })] }, ["restart /a args"]],
  ["an environment variable", { children: [task("a", { environment: [{ name: "A", value: "1" }] })] }, {
    children: [task("a", { environment: [{ name: "A", value: "2" }] })],
  }, ["restart /a environment"]],
  ["another function", { children: [child.task("a", () => {})] }, { children: [child.task("a", () => {})] }, ["restart /a run"]],
  ["a limit and arguments", { children: [task("a")] }, { children: [task("a", { limit: { maxRestarts: 1 }, args: 1 })] }, [
    "restart /a limit,args",
  ]],
  ["a limit", { children: [task("a")] }, { children: [task("a", { limit: { maxRestarts: 1 } })] }, ["live /a limit"]],
  ["a tag", { children: [task("a")] }, { children: [task("a", { tags: ["x"] })] }, ["live /a tags"]],
  ["a tag that may be a group", { children: [task("a")], groupStrategies: [{ group: "x", strategy: "one_for_all" }] }, {
    children: [task("a", { tags: ["x"] })],
    groupStrategies: [{ group: "x", strategy: "one_for_all" }],
  }, ["replace /a tags"]],
  ["a dependency", { children: [task("a"), task("b")] }, { children: [task("a"), task("b", { dependencies: ["a"] })] }, [
    "replace /b dependencies",
  ]],
  ["a task that becomes a supervisor", { children: [task("a")] }, { children: [child.supervisor("a", { children: [] })] }, [
    "replace /a run",
  ]],
  ["a child of a supervisor", { children: [child.supervisor("s", { children: [task("a")] })] }, {
    children: [child.supervisor("s", { children: [task("a", { args: 1 })] })],
  }, ["restart /s/a args"]],
  ["the strategy of a supervisor", { children: [child.supervisor("s", { children: [] })] }, {
    children: [child.supervisor("s", { strategy: "one_for_all", children: [] })],
  }, ["live /s run.strategy"]],
  ["a group of a supervisor", { children: [child.supervisor("s", { children: [] })] }, {
    children: [child.supervisor("s", { groups: [{ name: "g" }], children: [] })],
  }, ["replace /s run.groups"]],
  ["defaults", {}, { policy: { initialBackoffMs: 5 }, shutdown: { gracefulTimeoutMs: 5 } }, ["live / policy", "live / shutdown"]],
  ["what guards several", {}, { policy: { initialBackoffMs: 5, meltdown: { childMaxRestarts: 1 } } }, ["refused / policy"]],
  ["what is remembered", {}, { observability: { eventJournalCapacity: 64 } }, ["refused / observability"]],
];

for (const [what, before, after, expected] of CASES) {
  Deno.test(`diffTrees() tells what ${what} means`, () => {
    assertEquals(linesOf({ children: [], ...before }, { children: [], ...after }), expected);
  });
}
