/** Whether groups, their strategies and their dependencies fit together. */
import { checkKnown, checkNamed, checkUnique, childNames, entries, type Report } from "./check_tools.ts";
import type { Raw } from "./pointer.ts";

/** Checks all that is about groups. */
export function checkGroups(raw: Raw, report: Report): void {
  const groups = new Set<unknown>(entries(raw["groups"]).map(({ name }) => name));
  checkUnique(raw["groups"], "/groups", "name", report);
  const children = childNames(raw);
  entries(raw["groups"]).forEach((group, index) => {
    if (!Array.isArray(group["children"])) return;
    group["children"].forEach((name: unknown, position) =>
      checkKnown(name, children, "child", `/groups/${index}/children/${position}`, report)
    );
  });
  checkMembers(raw, report);
  checkNamed(raw, "group_strategies", "group", groups, "group", report);
  for (const key of ["from_group", "to_group"]) {
    entries(raw["group_dependencies"]).forEach((edge, index) =>
      checkKnown(edge[key], groups, "group", `/group_dependencies/${index}/${key}`, report)
    );
  }
  const edges = entries(raw["group_dependencies"]);
  edges.forEach((edge, index) => {
    if (edge["from_group"] === edge["to_group"]) {
      report("error", "self_dependency", `/group_dependencies/${index}`, `group "${String(edge["from_group"])}" depends on itself`);
    }
  });
  const cycle = findCycle(edges);
  if (cycle !== undefined) {
    report("error", "dependency_cycle", "/group_dependencies", `group dependencies form a cycle: ${cycle.join(" → ")}`);
  }
  const strategyGroups = new Set(entries(raw["group_strategies"]).map(({ group }) => group));
  const tags = new Set<unknown>();
  entries(raw["children"]).forEach((child, index) => {
    const own = Array.isArray(child["tags"]) ? child["tags"] : [];
    own.forEach((tag: unknown) => tags.add(tag));
    const matching = own.filter((tag: unknown) => strategyGroups.has(tag));
    if (matching.length > 1) {
      report("error", "ambiguous_group", `/children/${index}/tags`, `matches more than one group strategy: ${matching.join(", ")}`);
    }
    checkKnown(child["group"], groups, "group", `/children/${index}/group`, report);
  });
  entries(raw["group_strategies"]).forEach(({ group }, index) => {
    if (groups.has(group) && !tags.has(group)) {
      report("error", "unused_group", `/group_strategies/${index}/group`, `no child has the tag "${String(group)}"`);
    }
  });
}

/** A child says in two places which group it belongs to; both must say the same. */
function checkMembers(raw: Raw, report: Report): void {
  const groupOf = new Map(entries(raw["children"]).map(({ name, group }) => [name, group]));
  entries(raw["groups"]).forEach(({ name, children }, index) => {
    if (!Array.isArray(children)) return;
    children.forEach((child: unknown, position) => {
      const own = groupOf.get(child);
      if (typeof own !== "string" || own === name) return;
      report(
        "error",
        "contradicting_group",
        `/groups/${index}/children/${position}`,
        `child "${String(child)}" says that its group is "${own}"`,
      );
    });
  });
}

function findCycle(edges: readonly Raw[]): string[] | undefined {
  const next = new Map<string, string[]>();
  for (const { from_group: from, to_group: to } of edges) {
    if (typeof from === "string" && typeof to === "string" && from !== to) next.set(from, [...(next.get(from) ?? []), to]);
  }
  const done = new Set<string>();
  function walk(node: string, path: readonly string[]): string[] | undefined {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (done.has(node)) return undefined;
    done.add(node);
    for (const target of next.get(node) ?? []) {
      const cycle = walk(target, [...path, node]);
      if (cycle !== undefined) return cycle;
    }
    return undefined;
  }
  for (const node of next.keys()) {
    const cycle = walk(node, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
