/** The order that dependencies impose on siblings. */

/** What the order depends on. */
export interface GraphNode {
  /** Name of the child. */
  readonly name: string;
  /** Names of the children that come before it. */
  readonly dependencies?: readonly string[];
}

/**
 * Returns the indexes of the children, dependencies first.
 *
 * Among children that may start at the same time the one declared first comes first. Unknown names and cycles must have been refused before.
 */
export function startOrder(children: readonly GraphNode[]): number[] {
  if (children.every((child) => child.dependencies === undefined)) return children.map((_, index) => index);
  const { blockers, dependants } = edgesOf(children);
  const order: number[] = [];
  let wave = blockers.flatMap((count, index) => count === 0 ? [index] : []);
  while (wave.length > 0) {
    const next: number[] = [];
    for (const index of wave) {
      order.push(index);
      for (const dependant of dependants[index]!) {
        if (--blockers[dependant]! === 0) next.push(dependant);
      }
    }
    wave = next.sort((a, b) => a - b);
  }
  return order;
}

/** Lists cycles among the children, each in the order of its dependencies, ending with the name it begins with. */
export function findCycles(children: readonly GraphNode[]): string[][] {
  const indexes = new Map(children.map((child, index) => [child.name, index]));
  const state = new Array<"new" | "open" | "done">(children.length).fill("new");
  const cycles: string[][] = [];
  for (let root = 0; root < children.length; root++) {
    if (state[root] !== "new") continue;
    const path: { readonly index: number; next: number }[] = [{ index: root, next: 0 }];
    state[root] = "open";
    while (path.length > 0) {
      const top = path[path.length - 1]!;
      const name = children[top.index]!.dependencies?.[top.next++];
      if (name === undefined) {
        state[top.index] = "done";
        path.pop();
        continue;
      }
      const dependency = indexes.get(name);
      if (dependency === undefined || dependency === top.index) continue;
      if (state[dependency] === "new") {
        state[dependency] = "open";
        path.push({ index: dependency, next: 0 });
      } else if (state[dependency] === "open") {
        const start = path.findIndex((entry) => entry.index === dependency);
        cycles.push(rotated(path.slice(start).map((entry) => entry.index)).map((index) => children[index]!.name));
      }
    }
  }
  return cycles;
}

/** Starts the cycle at the member declared first, and closes it. */
function rotated(cycle: readonly number[]): number[] {
  const start = cycle.indexOf(Math.min(...cycle));
  return [...cycle.slice(start), ...cycle.slice(0, start), cycle[start]!];
}

function edgesOf(children: readonly GraphNode[]): { blockers: number[]; dependants: number[][] } {
  const indexes = new Map(children.map((child, index) => [child.name, index]));
  const blockers = children.map(() => 0);
  const dependants: number[][] = children.map(() => []);
  children.forEach((child, index) => {
    for (const name of new Set(child.dependencies)) {
      const dependency = indexes.get(name);
      if (dependency === undefined) continue;
      blockers[index]!++;
      dependants[dependency]!.push(index);
    }
  });
  return { blockers, dependants };
}
