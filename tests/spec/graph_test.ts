/** The order that dependencies impose: against a naive model, and at a size where recursion would break. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { findCycles, type GraphNode, startOrder } from "../../src/spec/graph.ts";

function named(children: readonly GraphNode[]): string[] {
  return startOrder(children).map((index) => children[index]!.name);
}

/** Takes the first child whose dependencies were all taken, again and again. */
function naiveOrder(children: readonly GraphNode[]): string[] {
  const names = new Set(children.map((child) => child.name));
  const taken: string[] = [];
  while (true) {
    const next = children.find((child) =>
      !taken.includes(child.name) && (child.dependencies ?? []).every((name) => !names.has(name) || taken.includes(name))
    );
    if (next === undefined) return taken;
    taken.push(next.name);
  }
}

/** Children named c0, c1, … with dependencies on whom they like. */
const anyGraph: fc.Arbitrary<GraphNode[]> = fc.integer({ min: 0, max: 9 }).chain((size) =>
  fc.array(fc.array(fc.integer({ min: 0, max: Math.max(0, size) }), { maxLength: 3 }), { minLength: size, maxLength: size })
).map((lists) => lists.map((list, index) => ({ name: `c${index}`, dependencies: list.map((other) => `c${other}`) })));

/** As above, without cycles, in any order of declaration. */
const anyOrderedGraph: fc.Arbitrary<GraphNode[]> = anyGraph.chain((children) => {
  const earlier = children.map(({ name, dependencies }, index) => ({
    name,
    dependencies: dependencies?.filter((other) => Number(other.slice(1)) < index || Number(other.slice(1)) >= children.length),
  }));
  return fc.shuffledSubarray(earlier, { minLength: earlier.length });
});

function chain(length: number): GraphNode[] {
  return Array.from({ length }, (_, index) => ({ name: `c${index}`, dependencies: index + 1 < length ? [`c${index + 1}`] : [] }));
}

Deno.test("startOrder() keeps the declaration when nobody depends on anybody", () => {
  assertEquals(startOrder([{ name: "b" }, { name: "a" }, { name: "c" }]), [0, 1, 2]);
  assertEquals(startOrder([]), []);
});

Deno.test("startOrder() keeps a declaration that is in order already", () => {
  assertEquals(named([{ name: "a" }, { name: "b", dependencies: ["a"] }, { name: "c" }]), ["a", "b", "c"]);
});

Deno.test("startOrder() puts dependencies first when they are declared last", () => {
  const children = [{ name: "web", dependencies: ["api", "cache"] }, { name: "api", dependencies: ["db"] }, { name: "cache" }, {
    name: "db",
  }];
  assertEquals(named(children), ["cache", "db", "api", "web"]);
});

Deno.test("startOrder() ignores unknown names and names that are listed twice", () => {
  assertEquals(named([{ name: "a", dependencies: ["nobody", "b", "b"] }, { name: "b" }]), ["b", "a"]);
});

Deno.test("startOrder() agrees with a naive model on random graphs", () => {
  fc.assert(fc.property(anyOrderedGraph, (children) => {
    const order = named(children);
    assertEquals(order, naiveOrder(children));
    assertEquals(order.length, children.length);
  }));
});

Deno.test("startOrder() manages a chain of 10 000 children", () => {
  assertEquals(startOrder(chain(10_000)), Array.from({ length: 10_000 }, (_, index) => 9_999 - index));
});

// ---- findCycles ----

Deno.test("findCycles() returns nothing when there is no cycle", () => {
  assertEquals(findCycles([{ name: "a", dependencies: ["b", "c"] }, { name: "b", dependencies: ["c"] }, { name: "c" }]), []);
});

Deno.test("findCycles() starts at the earliest declared member and follows the dependencies", () => {
  const children = [
    { name: "x", dependencies: ["c"] },
    { name: "a", dependencies: ["b"] },
    { name: "b", dependencies: ["c"] },
    { name: "c", dependencies: ["a"] },
  ];
  assertEquals(findCycles(children), [["a", "b", "c", "a"]]);
});

Deno.test("findCycles() lists each of several cycles once", () => {
  const children = [
    { name: "a", dependencies: ["b", "b"] },
    { name: "b", dependencies: ["a", "c", "a"] },
    { name: "c", dependencies: ["b"] },
    { name: "d", dependencies: ["e"] },
    { name: "e", dependencies: ["d"] },
  ];
  assertEquals(findCycles(children), [["a", "b", "a"], ["b", "c", "b"], ["d", "e", "d"]]);
});

Deno.test("findCycles() lists a child that depends on itself", () => {
  assertEquals(findCycles([{ name: "a", dependencies: ["a"] }]), [["a", "a"]]);
});

Deno.test("findCycles() finds real cycles, each once, exactly when no complete order exists", () => {
  fc.assert(fc.property(anyGraph, (children) => {
    const cycles = findCycles(children);
    assertEquals(cycles.length === 0, naiveOrder(children).length === children.length);
    assertEquals(new Set(cycles.map((cycle) => cycle.join())).size, cycles.length);
    for (const cycle of cycles) {
      assertEquals(cycle[0], cycle[cycle.length - 1]);
      const members = cycle.slice(1);
      assertEquals(new Set(members).size, members.length);
      members.forEach((name, index) => {
        const child = children.find((candidate) => candidate.name === cycle[index]);
        assert(child?.dependencies?.includes(name), `${cycle[index]} does not depend on ${name}`);
      });
      assertEquals(Math.min(...members.map((name) => Number(name.slice(1)))), Number(cycle[0]!.slice(1)));
    }
  }));
});

Deno.test("findCycles() manages a cycle of 10 000 children", () => {
  const children = chain(10_000);
  children[9_999] = { name: "c9999", dependencies: ["c0"] };
  const [cycle, ...others] = findCycles(children);
  assertEquals(cycle?.length, 10_001);
  assertEquals(others, []);
});

Deno.test("findCycles() stays small when a graph has more cycles than fit into memory", () => {
  const children = chain(5_000).map(({ name, dependencies }) => ({ name, dependencies: ["c0", ...dependencies ?? []] }));
  const names = findCycles(children).reduce((sum, cycle) => sum + cycle.length, 0);
  assert(names >= 5_000 && names < 200_000, `${names} names`);
});
