/** Who is in a tree and who depends on whom, as the wire has it. */
import { lastName } from "../base/mod.ts";
import type { Severity } from "../spec/mod.ts";
import { type ChildSnapshot, insidesOf, type Tree } from "../runtime/mod.ts";

interface Edge {
  readonly edge_id: string;
  readonly source_path: string;
  readonly target_path: string;
  readonly kind: "parent_child" | "dependency";
  readonly order: number;
}

const ROOT = {
  node_id: "/",
  child_id: null,
  path: "/",
  name: "root supervisor",
  kind: "root_supervisor",
  tags: [],
  criticality: "critical",
  state_summary: "root",
  diagnostics: {},
};

/** What the wire calls a severity; it has no word for what does not matter. */
const CRITICALITIES: Readonly<Record<Severity, string>> = { critical: "critical", standard: "standard", optional: "standard" };

/** Draws a tree: nodes and edges of every depth, in the order in which the children were declared and added. */
export function topologyOf(tree: Tree, all: readonly ChildSnapshot[]): object {
  const nodes: object[] = [ROOT];
  const edges: Edge[] = [];
  const order = ["/"];
  const { specOf } = insidesOf(tree);
  const draw = (parent: string, children: readonly ChildSnapshot[]): void => {
    children.forEach(({ path, severity, children: inner }, index) => {
      const spec = specOf(path);
      // It is being added: the next state has it.
      if (spec === undefined) return;
      nodes.push({
        node_id: path,
        child_id: lastName(path),
        path,
        name: spec.name,
        kind: "child_task",
        tags: spec.tags ?? [],
        criticality: CRITICALITIES[severity],
        state_summary: "declared",
        diagnostics: {},
      });
      order.push(path);
      edges.push({ edge_id: `parent:${parent}->${path}`, source_path: parent, target_path: path, kind: "parent_child", order: index });
      const named = [...spec.dependencies ?? [], ...spec.wants ?? [], ...spec.bindsTo ?? []];
      [...new Set(named)].forEach((name, place) => {
        const source = parent === "/" ? `/${name}` : `${parent}/${name}`;
        edges.push({ edge_id: `dependency:${source}->${path}`, source_path: source, target_path: path, kind: "dependency", order: place });
      });
      draw(path, inner);
    });
  };
  draw("/", all);
  return { root: ROOT, nodes, edges, declaration_order: order };
}
