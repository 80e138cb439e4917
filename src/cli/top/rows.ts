/** The rows of the tree: who is below whom, in which order, and who is found. */
import type { ChildDescription, ChildUsage } from "../../client/mod.ts";
import { lastName, parentPath } from "../../base/mod.ts";
import { lookOf } from "../render/words.ts";
import { harmless, widthOf } from "./text.ts";

/** Orders of siblings, in the order in which a key goes through them. */
export const SORTS = ["declared", "name", "cpu", "memory", "restarts"] as const;

/** In which order siblings are. */
export type Sort = typeof SORTS[number];

/** Paths, as they were declared. */
export interface Structure {
  readonly top: readonly string[];
  readonly below: ReadonlyMap<string, readonly string[]>;
}

/** One row. */
export interface Row {
  readonly path: string;
  readonly depth: number;
  /** How many are below it. */
  readonly below: number;
  readonly isFolded: boolean;
  /** Whether it is what was looked for, or only above it. */
  readonly isFound: boolean;
}

/** All rows. */
export interface RowList {
  readonly rows: readonly Row[];
  /** How many are what was looked for. */
  readonly found: number;
  /** Columns of the longest name, with what is before it. */
  readonly nameWidth: number;
}

/** No rows. */
export const NO_ROWS: RowList = { rows: [], found: 0, nameWidth: 0 };

/** Longest name that is shown whole. */
const WIDEST_NAME = 48;

/** Who is below whom; a child whose supervisor is not there is at the top. */
export function structureOf(children: ReadonlyMap<string, ChildDescription>): Structure {
  const top: string[] = [];
  const below = new Map<string, string[]>();
  for (const path of children.keys()) {
    const parent = parentPath(path);
    if (!children.has(parent)) top.push(path);
    else if (below.has(parent)) below.get(parent)?.push(path);
    else below.set(parent, [path]);
  }
  // Who came later may be declared before others.
  for (const [parent, paths] of below) {
    const places = new Map(children.get(parent)?.children.map((path, place) => [path, place]));
    paths.sort((a, b) => (places.get(a) ?? Infinity) - (places.get(b) ?? Infinity) || 0);
  }
  return { top, below };
}

/** What rows are made of. */
export interface RowSource {
  readonly children: ReadonlyMap<string, ChildDescription>;
  readonly structure: Structure;
  readonly usage: ReadonlyMap<string, ChildUsage>;
  readonly folded: ReadonlySet<string>;
  readonly sort: Sort;
  readonly filter: string;
}

/** The rows from top to bottom. */
export function rowsOf(source: RowSource): RowList {
  const { structure, folded, filter, children } = source;
  const order = orderOf(source);
  const found = filter === "" ? null : foundIn(source);
  const rows: Row[] = [];
  let nameWidth = 0;
  const waiting = [...order(structure.top)].reverse().map((path) => ({ path, depth: 0 }));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { path, depth } = next;
    const isShown = found === null || found.has(path);
    const own = structure.below.get(path) ?? [];
    const isFolded = found === null && own.length > 0 && folded.has(path);
    if (!isShown || !children.has(path)) continue;
    rows.push({ path, depth, below: own.length, isFolded, isFound: found === null || found.get(path) === true });
    nameWidth = Math.max(nameWidth, depth * 2 + Math.min(WIDEST_NAME, widthOf(harmless(lastName(path)))));
    if (!isFolded) { for (const child of [...order(own)].reverse()) waiting.push({ path: child, depth: depth + 1 }); }
  }
  return { rows, nameWidth, found: found === null ? children.size : rows.filter(({ isFound }) => isFound).length };
}

/** Whoever is found is `true`, whoever is above one that is found `false`. */
function foundIn({ children, filter }: RowSource): Map<string, boolean> {
  const wanted = filter.toLowerCase();
  const found = new Map<string, boolean>();
  for (const [path, child] of children) {
    if (!path.toLowerCase().includes(wanted) && !lookOf(child).word.includes(wanted)) continue;
    found.set(path, true);
    for (let above = parentPath(path); above !== "/" && !found.has(above); above = parentPath(above)) found.set(above, false);
  }
  return found;
}

function orderOf({ sort, children, usage }: RowSource): (paths: readonly string[]) => readonly string[] {
  if (sort === "declared") return (paths) => paths;
  if (sort === "name") return (paths) => [...paths].sort((a, b) => NAMES.compare(lastName(a), lastName(b)));
  const amount = (path: string): number => {
    if (sort === "restarts") return children.get(path)?.restartsTotal ?? 0;
    const { cpuPercent = -1, memoryBytes = -1 } = usage.get(path) ?? {};
    return sort === "cpu" ? cpuPercent : memoryBytes;
  };
  return (paths) => paths.length < 2 ? paths : [...paths].sort((a, b) => amount(b) - amount(a));
}

const NAMES = new Intl.Collator("en", { numeric: true });

/** Adds to each supervisor what all below it take, and to "/" what all do. */
export function withTotals(children: readonly (ChildUsage & { readonly childPath: string })[]): Map<string, ChildUsage> {
  const totals = new Map<string, { cpuPercent: number; memoryBytes: number; processes: number }>([[
    "/",
    { cpuPercent: 0, memoryBytes: 0, processes: 0 },
  ]]);
  for (const { childPath, cpuPercent, memoryBytes, processes } of children) {
    for (let path = childPath;; path = parentPath(path)) {
      const total = totals.get(path) ?? { cpuPercent: 0, memoryBytes: 0, processes: 0 };
      total.cpuPercent += cpuPercent;
      total.memoryBytes += memoryBytes;
      total.processes += processes;
      totals.set(path, total);
      if (path === "/") break;
    }
  }
  return totals;
}
