/** What keys and the mouse do to the model. */
import { parentPath } from "../../base/mod.ts";
import { layoutOf, TREE_ROW } from "./layout.ts";
import { type Model, only, paneOf, shownEntries, type Step, type Story, withPane } from "./model.ts";
import { scrolled, searched } from "./pane.ts";
import { editorOf } from "./prompt.ts";
import { SORTS } from "./rows.ts";

/** The row of the selected child, -1 where there is none. */
export function selectedRow({ list, selected }: Pick<Model, "list" | "selected">): number {
  return selected === null ? -1 : list.rows.findIndex(({ path }) => path === selected);
}

/** Selects a child so many rows further down, or up. */
export function moved(model: Model, by: number): Step {
  const { rows } = model.list;
  const row = rows[Math.max(0, Math.min(rows.length - 1, selectedRow(model) + by))];
  return only(row === undefined ? model : { ...model, selected: row.path });
}

/** Looks further down in a pane, or up. */
export function paneMoved(model: Model, by: number): Step {
  return only(withPane(model, scrolled(paneOf(model), shownEntries(model), by, layoutOf(model).pane)));
}

/** Looks further down in a page, or up. */
export function pageMoved(model: Model, by: number): Step {
  const { screen } = model;
  return only(screen.kind === "tree" ? model : { ...model, screen: { ...screen, scroll: Math.max(0, screen.scroll + by) } });
}

/** How far one page is. */
export function pageOf(model: Model): number {
  const { tree, pane } = layoutOf(model);
  if (model.screen.kind !== "tree") return Math.max(1, model.rows - 4);
  return Math.max(1, (model.focus === "tree" ? tree : pane) - 1);
}

/** Folds the selected supervisor, or goes to the one above. */
export function folded(model: Model): Step {
  const row = model.list.rows[selectedRow(model)];
  if (row === undefined) return only(model);
  if (row.below > 0 && !row.isFolded && model.filter === "") return only({ ...model, folded: new Set([...model.folded, row.path]) });
  const parent = parentPath(row.path);
  return only(model.children.has(parent) ? { ...model, selected: parent } : model);
}

/** Unfolds the selected supervisor, or goes to the first below it. */
export function unfolded(model: Model): Step {
  const row = model.list.rows[selectedRow(model)];
  if (row === undefined || row.below === 0) return only(model);
  if (!row.isFolded) return moved(model, 1);
  return only({ ...model, folded: new Set([...model.folded].filter((path) => path !== row.path)) });
}

/** Folds or unfolds the selected supervisor. */
export function toggled(model: Model): Step {
  const row = model.list.rows[selectedRow(model)];
  if (row === undefined || row.below === 0) return only(model);
  return row.isFolded ? unfolded(model) : folded(model);
}

/** Folds every supervisor, or none. */
export function allFolded(model: Model, isFolded: boolean): Step {
  return only({ ...model, folded: new Set(isFolded ? model.structure.below.keys() : []) });
}

/** The next order of siblings. */
export function sortedNext(model: Model): Step {
  return only({ ...model, sort: SORTS[(SORTS.indexOf(model.sort) + 1) % SORTS.length] ?? "declared" });
}

/** The next child that was looked for, or the one before. */
export function foundNext(model: Model, direction: -1 | 1): Step {
  const { rows } = model.list;
  const from = selectedRow(model);
  for (let step = 1; step <= rows.length; step++) {
    const row = rows[(from + direction * step + rows.length * 2) % rows.length];
    if (row?.isFound === true) return only({ ...model, selected: row.path });
  }
  return only(model);
}

/** The next line of a pane that was looked for, or the one before. */
export function lineFound(model: Model, direction: -1 | 1): Step {
  const pane = paneOf(model);
  if (pane.search === "") return only({ ...model, said: { text: "nothing is looked for: / says what", style: "yellow" } });
  const found = searched(pane, shownEntries(model), direction);
  if (found !== undefined) return only({ ...withPane(model, found), said: null });
  return only({ ...model, said: { text: `"${pane.search}" is not found ${direction < 0 ? "above" : "below"}`, style: "yellow" } });
}

/** Goes from the tree to the events, to the lines of output, and back. */
export function focusedNext(model: Model, direction: -1 | 1): Step {
  const order = ["tree", "events", "logs"] as const;
  const focus = order[(order.indexOf(model.focus) + direction + order.length) % order.length] ?? "tree";
  return only({ ...model, focus, below: focus === "tree" ? model.below : focus, isLarge: focus !== "tree" && model.isLarge });
}

/** Follows what comes, or stays where it is. */
export function followed(model: Model): Step {
  const pane = paneOf(model);
  return only(withPane(model, { ...pane, bottom: pane.bottom === null ? shownEntries(model).at(-1)?.id ?? null : null }));
}

/** Opens everything about the selected child, or why it is so. */
export function opened(model: Model, kind: Story["kind"]): Step {
  const { selected, screen } = model;
  if (selected === null) return only(model);
  if ("path" in screen && screen.path === selected) return only({ ...model, screen: { ...screen, kind, scroll: 0 } });
  return [{ ...model, screen: { kind, path: selected, events: [], logs: [], scroll: 0 } }, [{ type: "recall", path: selected }]];
}

/** Begins to type what is looked for. */
export function asksFor(model: Model, kind: "filter" | "search"): Step {
  const editor = editorOf(kind === "filter" ? model.filter : "");
  return only({ ...model, said: null, prompt: kind === "filter" ? { kind, editor, before: model.filter } : { kind, editor } });
}

/** A click: on a row of the tree, or on a pane. */
export function pressed(model: Model, row: number): Step {
  if (model.screen.kind !== "tree" || model.prompt !== null) return only(model);
  const { tree, pane } = layoutOf(model);
  if (row >= TREE_ROW && row < TREE_ROW + tree) {
    const hit = model.list.rows[model.top + row - TREE_ROW];
    if (hit === undefined) return only({ ...model, focus: "tree" });
    const isAgain = hit.path === model.selected && model.focus === "tree";
    return isAgain ? opened(model, "describe") : only({ ...model, focus: "tree", selected: hit.path });
  }
  return only(row >= TREE_ROW + tree && row <= TREE_ROW + tree + pane ? { ...model, focus: model.below } : model);
}

/** Lines of one turn of the wheel. */
const WHEEL = 3;

/** The wheel: what is under the mouse moves. */
export function wheeled(model: Model, row: number, direction: -1 | 1): Step {
  if (model.screen.kind !== "tree") return pageMoved(model, direction * WHEEL);
  return row < TREE_ROW + layoutOf(model).tree ? moved(model, direction * WHEEL) : paneMoved(model, direction * WHEEL);
}
