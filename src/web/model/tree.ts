/** A tree as a list of rows, for the eye and for the keyboard. */
import { type Child, parentOf } from "./child.ts";
import { problemOf } from "./look.ts";

/** One row of the tree; the root is the tree itself. */
export interface TreeRow {
  readonly path: string;
  readonly name: string;
  readonly level: number;
  readonly isFoldable: boolean;
  readonly isFolded: boolean;
  /** Where it stands among its siblings, and how many these are. */
  readonly position: number;
  readonly siblings: number;
  /** Problems below it, which a folded row tells. */
  readonly problemsBelow: number;
  readonly child: Child | null;
}

/** What of a tree is wanted. */
export interface TreeFilter {
  readonly text: string;
  readonly onlyProblems: boolean;
}

/** Children by the path of their supervisor, in their order. */
export function byParent(children: ReadonlyMap<string, Child>): Map<string, Child[]> {
  const found = new Map<string, Child[]>();
  for (const child of children.values()) {
    let parent = parentOf(child.path) ?? "/";
    // One whose supervisor is not known belongs to the next one that is.
    while (parent !== "/" && !children.has(parent)) parent = parentOf(parent) ?? "/";
    const siblings = found.get(parent);
    if (siblings === undefined) found.set(parent, [child]);
    else siblings.push(child);
  }
  return found;
}

/** Paths that are wanted, with those above them; `null` where all are. */
export function wantedPaths(children: ReadonlyMap<string, Child>, { text, onlyProblems }: TreeFilter): ReadonlySet<string> | null {
  if (text === "" && !onlyProblems) return null;
  const words = text.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const wanted = new Set<string>(["/"]);
  for (const child of children.values()) {
    const haystack = `${child.path} ${child.tags.join(" ")} ${child.kind}`.toLowerCase();
    if (!words.every((word) => haystack.includes(word)) || (onlyProblems && problemOf(child) === null)) continue;
    for (let path: string | null = child.path; path !== null && !wanted.has(path); path = parentOf(path)) wanted.add(path);
  }
  return wanted;
}

/** The rows that show. */
export function rowsOf(
  children: ReadonlyMap<string, Child>,
  rootName: string,
  folded: ReadonlySet<string>,
  filter: TreeFilter,
): readonly TreeRow[] {
  const below = byParent(children);
  const wanted = wantedPaths(children, filter);
  const rows: TreeRow[] = [];
  const problems = new Map<string, number>();
  const countProblems = (path: string): number => {
    let count = 0;
    for (const child of below.get(path) ?? []) count += (problemOf(child) === null ? 0 : 1) + countProblems(child.path);
    problems.set(path, count);
    return count;
  };
  countProblems("/");
  const visit = (path: string, name: string, child: Child | null, level: number, position: number, siblings: number): void => {
    const own = (below.get(path) ?? []).filter((entry) => wanted === null || wanted.has(entry.path));
    const isFoldable = own.length > 0;
    const isFolded = isFoldable && wanted === null && folded.has(path);
    rows.push({ path, name, level, isFoldable, isFolded, position, siblings, problemsBelow: problems.get(path) ?? 0, child });
    if (isFolded) return;
    own.forEach((entry, index) => visit(entry.path, entry.name, entry, level + 1, index + 1, own.length));
  };
  visit("/", rootName, null, 1, 1, 1);
  return rows;
}

/** What a key does in a tree. */
export interface KeyOutcome {
  /** The row that is active then. */
  readonly path: string;
  /** The row to fold or unfold. */
  readonly toggle?: string;
}

/** What a key does in a tree, as screen readers tell people who use one; `null` where nothing. */
export function keyInTree(rows: readonly TreeRow[], active: string, key: string, typed: string): KeyOutcome | null {
  const at = Math.max(0, rows.findIndex(({ path }) => path === active));
  const row = rows[at];
  if (row === undefined) return null;
  const to = (index: number): KeyOutcome => ({ path: rows[Math.min(rows.length - 1, Math.max(0, index))]!.path });
  switch (key) {
    case "ArrowDown":
      return to(at + 1);
    case "ArrowUp":
      return to(at - 1);
    case "PageDown":
      return to(at + 10);
    case "PageUp":
      return to(at - 10);
    case "Home":
      return to(0);
    case "End":
      return to(rows.length - 1);
    case "ArrowRight":
      if (row.isFolded) return { path: row.path, toggle: row.path };
      return row.isFoldable ? to(at + 1) : null;
    case "ArrowLeft": {
      if (row.isFoldable && !row.isFolded) return { path: row.path, toggle: row.path };
      const above = parentOf(row.path);
      return above === null ? null : { path: above };
    }
  }
  if (key.length !== 1 || typed === "") return null;
  // One more letter of a word stays where it fits; the first letter goes on to the next.
  const from = typed.length === 1 ? at + 1 : at;
  for (let step = 0; step < rows.length; step++) {
    const candidate = rows[(from + step) % rows.length]!;
    if (candidate.name.toLowerCase().startsWith(typed.toLowerCase())) return { path: candidate.path };
  }
  return null;
}
