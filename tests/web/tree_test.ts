import { assert, assertEquals } from "@std/assert";
import { type Layout, layOut, NODE_HEIGHT, NODE_WIDTH, withPlaces } from "../../src/web/model/layout.ts";
import { keyInTree, rowsOf } from "../../src/web/model/tree.ts";
import { childOf, childrenOf } from "./helpers.ts";

const CHILDREN = childrenOf(
  childOf("/db"),
  childOf("/web", { dependencies: ["db"] }),
  childOf("/jobs", { kind: "supervisor" }),
  childOf("/jobs/mail", { phase: "failed" }),
  childOf("/jobs/images", { dependencies: ["mail"] }),
);
const ALL = { text: "", onlyProblems: false };
const NONE: ReadonlySet<string> = new Set();
const paths = (rows: ReturnType<typeof rowsOf>): string[] => rows.map(({ path }) => path);

Deno.test("a tree is a list of rows, each below its supervisor", () => {
  const rows = rowsOf(CHILDREN, "shop", NONE, ALL);
  assertEquals(paths(rows), ["/", "/db", "/web", "/jobs", "/jobs/mail", "/jobs/images"]);
  assertEquals(rows.map(({ level }) => level), [1, 2, 2, 2, 3, 3]);
  assertEquals(rows[3]?.position, 3);
  assertEquals(rows[3]?.siblings, 3);
});

Deno.test("what is folded hides what is below, and tells what is wrong there", () => {
  const rows = rowsOf(CHILDREN, "shop", new Set(["/jobs"]), ALL);
  assertEquals(paths(rows), ["/", "/db", "/web", "/jobs"]);
  assertEquals(rows[3]?.problemsBelow, 1);
});

Deno.test("a search unfolds, and shows those above what it finds", () => {
  assertEquals(paths(rowsOf(CHILDREN, "shop", new Set(["/jobs"]), { text: "MAIL", onlyProblems: false })), ["/", "/jobs", "/jobs/mail"]);
  assertEquals(paths(rowsOf(CHILDREN, "shop", NONE, { text: "", onlyProblems: true })), ["/", "/jobs", "/jobs/mail"]);
  assertEquals(paths(rowsOf(CHILDREN, "shop", NONE, { text: "nobody", onlyProblems: false })), ["/"]);
});

Deno.test("one whose supervisor is not known is below the next that is", () => {
  assertEquals(paths(rowsOf(childrenOf(childOf("/a/b/c")), "x", NONE, ALL)), ["/", "/a/b/c"]);
});

Deno.test("keys go through the tree as in any tree", () => {
  const rows = rowsOf(CHILDREN, "shop", NONE, ALL);
  const key = (active: string, name: string, typed = ""): unknown => keyInTree(rows, active, name, typed);
  assertEquals(key("/db", "ArrowDown"), { path: "/web" });
  assertEquals(key("/", "ArrowUp"), { path: "/" });
  assertEquals(key("/db", "End"), { path: "/jobs/images" });
  assertEquals(key("/jobs/mail", "Home"), { path: "/" });
  assertEquals(key("/jobs", "ArrowRight"), { path: "/jobs/mail" });
  assertEquals(key("/jobs", "ArrowLeft"), { path: "/jobs", toggle: "/jobs" });
  assertEquals(key("/jobs/mail", "ArrowLeft"), { path: "/jobs" });
  assertEquals(key("/db", "j", "j"), { path: "/jobs" });
  assertEquals(key("/db", "a", "ima"), { path: "/jobs/images" });
  assertEquals(key("/db", "z", "z"), null);
  assertEquals(keyInTree(rowsOf(CHILDREN, "shop", new Set(["/jobs"]), ALL), "/jobs", "ArrowRight", ""), { path: "/jobs", toggle: "/jobs" });
});

/** Nodes that lie on each other. */
function overlaps({ nodes }: Layout): string[] {
  const all = [...nodes.values()];
  return all.flatMap((a, index) =>
    all.slice(index + 1).filter((b) => Math.abs(a.x - b.x) < NODE_WIDTH && Math.abs(a.y - b.y) < NODE_HEIGHT).map((b) =>
      `${a.path} ${b.path}`
    )
  );
}

Deno.test("who needs somebody stands at the right of them, and nobody on anybody", () => {
  const layout = layOut(CHILDREN, NONE, null);
  assertEquals(layout.nodes.size, 6);
  assertEquals(overlaps(layout), []);
  const x = (path: string): number => layout.nodes.get(path)?.x ?? NaN;
  assert(x("/") < x("/db") && x("/db") < x("/web") && x("/jobs") < x("/jobs/mail") && x("/jobs/mail") < x("/jobs/images"));
  assertEquals(layout.edges.filter(({ kind }) => kind === "dependency"), [
    { from: "/db", to: "/web", kind: "dependency" },
    { from: "/jobs/mail", to: "/jobs/images", kind: "dependency" },
  ]);
  assertEquals(layOut(CHILDREN, new Set(["/jobs"]), null).nodes.size, 4);
});

Deno.test("a node lies where it was put, and the box is as large as it must be then", () => {
  const layout = layOut(CHILDREN, NONE, null);
  assertEquals(withPlaces(layout, new Map([["/gone", { x: 9, y: 9 }]])), layout);
  const { nodes, left, top, width, height } = withPlaces(layout, new Map([["/db", { x: -500, y: -40 }], ["/web", { x: 2_000, y: 3_000 }]]));
  assertEquals([nodes.get("/db")?.x, nodes.get("/db")?.y, nodes.get("/jobs")], [-500, -40, layout.nodes.get("/jobs")]);
  assertEquals([left, top, width, height], [-500, -40, 2_500 + NODE_WIDTH, 3_040 + NODE_HEIGHT]);
  assertEquals(layout.nodes.get("/db")?.x === -500, false);
});

Deno.test("supervisors that need nobody stand in rows and columns, rather than all beside each other", () => {
  const groups = Array.from({ length: 5 }, (_, group) => [
    childOf(`/g${group}`, { kind: "supervisor" }),
    ...Array.from({ length: 9 }, (_, index) => childOf(`/g${group}/c${index}`, { dependencies: index === 5 ? ["c4"] : [] })),
  ]);
  const layout = layOut(childrenOf(...groups.flat()), NONE, null);
  assertEquals(overlaps(layout), []);
  const aspect = layout.width / layout.height;
  assert(aspect > 1.5 && aspect < 3.5, `${aspect}`);
});

Deno.test("a thousand children are laid out, about as wide as a screen; a circle ends", () => {
  const many = childrenOf(
    ...Array.from({ length: 1_000 }, (_, index) => childOf(`/c${index}`, { dependencies: index % 7 === 6 ? [`c${index - 1}`] : [] })),
  );
  const layout = layOut(many, NONE, null);
  assertEquals(overlaps(layout), []);
  const aspect = layout.width / layout.height;
  assert(aspect > 0.8 && aspect < 5, `${aspect}`);
  assertEquals(
    layOut(childrenOf(childOf("/a", { dependencies: ["b"] }), childOf("/b", { dependencies: ["a"] })), NONE, null).nodes.size,
    3,
  );
  assertEquals(layOut(new Map(), NONE, null).nodes.size, 1);
});
