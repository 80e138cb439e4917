import { assertEquals, assertStrictEquals } from "@std/assert";
import { planTree } from "../../src/core/mod.ts";
import { supervisor, task } from "./tree_driver.ts";

Deno.test("planTree() numbers supervisors from the root down, with paths and parents", () => {
  const { nodes } = planTree({
    children: [task("a"), supervisor("b", [supervisor("c", [task("d")]), task("e")]), supervisor("f", [])],
  }, 70);
  assertEquals(nodes.map(({ id, path, parent }) => [id, path, parent]), [
    [0, "/", null],
    [1, "/b", 0],
    [2, "/b/c", 1],
    [3, "/f", 0],
  ]);
  assertEquals(nodes.map((node) => node.children.map(({ path, kind, node }) => [path, kind, node])), [
    [["/a", "task", -1], ["/b", "supervisor", 1], ["/f", "supervisor", 3]],
    [["/b/c", "supervisor", 2], ["/b/e", "task", -1]],
    [["/b/c/d", "task", -1]],
    [],
  ]);
});

Deno.test("planTree() turns dependencies into edges both ways, one for a name that is listed twice", () => {
  const [root] = planTree({ children: [task("web", { dependencies: ["db", "cache", "db"] }), task("db"), task("cache")] }, 70).nodes;
  assertEquals(root?.children.map(({ dependencies, dependants }) => [dependencies, dependants]), [[[1, 2], []], [[], [0]], [[], [0]]]);
  assertEquals(root?.order, [1, 2, 0]);
});

Deno.test("planTree() keeps the names of one supervisor apart from those of another", () => {
  const { nodes } = planTree({
    children: [task("db"), supervisor("s", [task("other"), task("db"), task("web", { dependencies: ["db"] })])],
  }, 70);
  assertEquals(nodes[1]?.children[2]?.dependencies, [1]);
});

/** Which children must have been ready, by the readiness of their supervisor. */
const REQUIRED = [
  [{ mode: "all" }, ["a", "b"]],
  [{ mode: "started" }, []],
  [{ mode: "child", child: "b" }, ["b"]],
  [{ mode: "child", child: "lazy" }, ["lazy"]],
  [undefined, ["a", "b"]],
] as const;

for (const [readiness, names] of REQUIRED) {
  Deno.test(`planTree() requires ${names.join(" and ") || "nobody"} with readiness ${JSON.stringify(readiness) ?? "left out"}`, () => {
    const children = [
      task("a"),
      task("b", { taskRole: "worker" }),
      task("lazy", { severity: "optional" }),
      task("job", { taskRole: "job" }),
    ];
    const inner = planTree({ children: [supervisor("s", children, { readiness })] }, 70).nodes[1];
    assertEquals(inner?.children.filter((child) => child.required).map((child) => child.name), [...names]);
  });
}

Deno.test("planTree() takes the exit code and the total time as they are given, none when they are not", () => {
  const { escalationExitCode, totalTimeoutMs } = planTree({ children: [], shutdown: { totalTimeoutMs: 900 } }, 3);
  assertEquals([escalationExitCode, totalTimeoutMs], [3, 900]);
  assertEquals(planTree({ children: [] }, 3).totalTimeoutMs, null);
});

Deno.test("planTree() shares one policy between children that declare the same", () => {
  const [root] = planTree({ children: [task("a"), task("b"), task("c", { restartPolicy: "temporary" })] }, 70).nodes;
  assertStrictEquals(root?.children[0]?.policy, root?.children[1]?.policy);
  assertEquals(root?.children[2]?.policy.restartPolicy, "temporary");
});
