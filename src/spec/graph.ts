/** The order that dependencies impose on siblings. */

/** The options that name siblings which come before a child, from the ordinary to the strongest. */
export const STRENGTHS = ["dependencies", "wants", "bindsTo"] as const;

/** What the order depends on. */
export interface GraphNode {
  /** Name of the child. */
  readonly name: string;
  /** Names of the children that come before it. */
  readonly dependencies?: readonly string[];
  /** Names of the children that come before it, and that it can do without. */
  readonly wants?: readonly string[];
  /** Names of the children that come before it, and that it cannot do without. */
  readonly bindsTo?: readonly string[];
}

/** The names of all that come before a child, each once. */
export function namesBefore({ dependencies, wants, bindsTo }: GraphNode): ReadonlySet<string> {
  return new Set([...dependencies ?? [], ...wants ?? [], ...bindsTo ?? []]);
}

/** Whether no child of a list comes before another one. */
export function isUnordered(children: readonly GraphNode[]): boolean {
  return children.every((child) => child.dependencies === undefined && child.wants === undefined && child.bindsTo === undefined);
}

/** Cycles are listed until they name this many children; a dense graph could have more than fit into memory. */
const MOST_NAMES = 100_000;

/**
 * Returns the indexes of the children, dependencies first.
 *
 * Of the children that may come next, the one declared first comes next; so a declaration that is in order already stays as it is.
 * Unknown names are ignored; cycles must have been refused before.
 */
export function startOrder(children: readonly GraphNode[]): number[] {
  if (isUnordered(children)) return children.map((_, index) => index);
  const { blockers, dependants } = edgesOf(children);
  const free = new MinHeap();
  blockers.forEach((count, index) => {
    if (count === 0) free.push(index);
  });
  const order: number[] = [];
  for (let index = free.pop(); index !== undefined; index = free.pop()) {
    order.push(index);
    for (const dependant of dependants[index] ?? []) {
      if (--blockers[dependant]! === 0) free.push(dependant);
    }
  }
  return order;
}

/**
 * Lists cycles among the children: one for each dependency that closes one, in the order of the dependencies, beginning and ending with
 * the member declared first. The list is empty exactly when there is no cycle.
 */
export function findCycles(children: readonly GraphNode[]): string[][] {
  const indexes = indexesOf(children);
  /** Where a child is on the current path; -1 before it was visited, -2 after. */
  const positions = children.map(() => -1);
  const cycles: string[][] = [];
  let names = 0;
  for (let root = 0; root < children.length; root++) {
    if (positions[root] !== -1) continue;
    const path = [visit(root)];
    positions[root] = 0;
    while (path.length > 0 && names < MOST_NAMES) {
      const { index, rest } = path[path.length - 1]!;
      const name = rest.pop();
      if (name === undefined) {
        positions[index] = -2;
        path.pop();
        continue;
      }
      const dependency = indexes.get(name);
      if (dependency === undefined || positions[dependency] === -2) continue;
      const start = positions[dependency]!;
      if (start === -1) {
        positions[dependency] = path.length;
        path.push(visit(dependency));
      } else {
        const cycle = closed(path.slice(start).map((entry) => entry.index));
        names += cycle.length;
        cycles.push(cycle.map((member) => children[member]!.name));
      }
    }
  }
  return cycles;

  function visit(index: number): { readonly index: number; readonly rest: string[] } {
    return { index, rest: [...namesBefore(children[index]!)].reverse() };
  }
}

/** Makes the cycle begin and end with the member declared first. */
function closed(cycle: readonly number[]): number[] {
  let start = 0;
  cycle.forEach((index, position) => {
    if (index < cycle[start]!) start = position;
  });
  return [...cycle.slice(start), ...cycle.slice(0, start), cycle[start]!];
}

function indexesOf(children: readonly GraphNode[]): Map<string, number> {
  return new Map(children.map((child, index) => [child.name, index]));
}

function edgesOf(children: readonly GraphNode[]): { readonly blockers: number[]; readonly dependants: readonly (readonly number[])[] } {
  const indexes = indexesOf(children);
  const blockers = children.map(() => 0);
  const dependants: number[][] = children.map(() => []);
  children.forEach((child, index) => {
    for (const name of namesBefore(child)) {
      const dependency = indexes.get(name);
      if (dependency === undefined) continue;
      blockers[index]!++;
      dependants[dependency]!.push(index);
    }
  });
  return { blockers, dependants };
}

/** A binary heap that gives back the smallest number first. */
class MinHeap {
  readonly #items: number[] = [];

  push(item: number): void {
    const items = this.#items;
    let at = items.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (items[parent]! <= item) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = item;
  }

  pop(): number | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return top;
    let at = 0;
    for (let child = 1; child < items.length; child = 2 * at + 1) {
      if (child + 1 < items.length && items[child + 1]! < items[child]!) child++;
      if (items[child]! >= last) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = last;
    return top;
  }
}
