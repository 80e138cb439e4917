/** How much of the screen belongs to what. */
import type { Model } from "./model.ts";

/** Smaller than this, nothing can be shown. */
export const SMALLEST = { columns: 40, rows: 10 } as const;

/** Lines of a screen. */
export interface Layout {
  /** Rows of the tree, without the heading. */
  readonly tree: number;
  /** Lines of the pane, without its title. */
  readonly pane: number;
}

/** What was said, and the keys. */
export const FOOT = 2;
/** Heading of two lines, titles of the columns, what was said, and the keys. */
const FIXED = 3 + FOOT;
/** Least rows of a tree, and least lines of a pane with its title. */
const [LEAST_TREE, LEAST_PANE] = [3, 4];

/** Where the tree begins. */
export const TREE_ROW = 3;

/** How the lines are shared out. */
export function layoutOf({ rows, focus, isLarge, children }: Pick<Model, "rows" | "focus" | "isLarge" | "children">): Layout {
  const rest = rows - FIXED;
  const share = (pane: number): Layout => ({ tree: rest - pane, pane: Math.max(0, pane - 1) });
  if (focus !== "tree" && (isLarge || rest < LEAST_TREE + LEAST_PANE)) return share(rest - 1);
  if (rest < LEAST_TREE + LEAST_PANE) return share(0);
  const wanted = Math.max(LEAST_PANE, Math.round(rest * 0.38), rest - Math.max(LEAST_TREE, children.size));
  return share(Math.min(rest - LEAST_TREE, wanted));
}
