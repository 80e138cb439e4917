/** What the model becomes by what comes: keys, the mouse, pushes, time. */
import { parentPath } from "../../base/mod.ts";
import { bindingOf, placeOf } from "./bindings.ts";
import type { Input, Key } from "./decoder.ts";
import { FOOT, layoutOf } from "./layout.ts";
import { type Model, only, paneOf, shownEntries, type Step, withPane } from "./model.ts";
import { pressed, selectedRow, wheeled } from "./moves.ts";
import { entered } from "./orders.ts";
import { lastScroll } from "./pages.ts";
import { searched } from "./pane.ts";
import { type Editor, inserted, type Prompt, typed } from "./prompt.ts";
import { type Arrival, arrived } from "./pushes.ts";
import { rowsOf } from "./rows.ts";

/** Everything that can come. */
export type Incoming =
  | Input
  | Arrival
  | { readonly type: "resize"; readonly columns: number; readonly rows: number }
  | { readonly type: "tick"; readonly nowMs: number };

/** The next model, and what is to be done. */
export function update(model: Model, incoming: Incoming): Step {
  const [next, effects] = changed(model, incoming);
  return [settled(withScroll(next, model), model), effects];
}

function changed(model: Model, incoming: Incoming): Step {
  switch (incoming.type) {
    case "key":
      return keyed(model, incoming);
    case "paste":
      return model.prompt === null ? only(model) : edited(model, model.prompt, inserted(model.prompt.editor, incoming.text));
    case "mouse":
      if (incoming.action === "press") return pressed(model, incoming.row);
      return model.prompt === null ? wheeled(model, incoming.row, incoming.action === "up" ? -1 : 1) : only(model);
    case "resize":
      return only({ ...model, columns: incoming.columns, rows: incoming.rows });
    case "tick":
      return only({ ...model, nowMs: incoming.nowMs });
    default:
      return only(arrived(model, incoming));
  }
}

function keyed(model: Model, key: Key): Step {
  const { prompt } = model;
  const isForPrompt = prompt !== null && key.name !== "ctrl+c" && key.name !== "ctrl+z";
  if (isForPrompt) return answered(model, prompt, key);
  return bindingOf(placeOf(model), key.name)?.act(model) ?? only(model);
}

function answered(model: Model, prompt: Prompt, key: Key): Step {
  if (key.name === "escape") {
    const closed = { ...model, prompt: null };
    return only(prompt.kind === "filter" ? { ...closed, filter: prompt.before } : closed);
  }
  if (key.name === "enter") {
    if (prompt.kind === "filter") return only({ ...model, prompt: null });
    if (prompt.kind === "search") return lookedFor({ ...model, prompt: null }, prompt.editor.text);
    return entered(model, prompt);
  }
  if (prompt.kind === "filter" && (key.name === "up" || key.name === "down")) return bindingOf("tree", key.name)?.act(model) ?? only(model);
  const editor = typed(prompt.editor, key);
  return editor === undefined ? only(model) : edited(model, prompt, editor);
}

/** A filter counts while it is typed. */
function edited(model: Model, prompt: Prompt, editor: Editor): Step {
  const next = { ...model, prompt: { ...prompt, editor } };
  return only(prompt.kind === "filter" ? { ...next, filter: editor.text.trim() } : next);
}

/** The newest line that has the text, beginning with those that are shown. */
function lookedFor(model: Model, text: string): Step {
  const pane = { ...paneOf(model), search: text.trim() };
  if (pane.search === "") return only(withPane(model, pane));
  const entries = shownEntries(model);
  const found = searched({ ...pane, bottom: null }, entries, -1);
  if (found === undefined) {
    return only({ ...withPane(model, pane), said: { text: `"${pane.search}" is not found`, style: "yellow" } });
  }
  return only(withPane(model, found));
}

/** A page is not scrolled further than to its end. */
function withScroll(model: Model, before: Model): Model {
  const { screen, rows } = model;
  if (screen === before.screen || screen.kind === "tree" || screen.scroll === 0) return model;
  return { ...model, screen: { ...screen, scroll: Math.min(screen.scroll, lastScroll(model, screen, rows - FOOT)) } };
}

/** What follows from what has changed: the rows, who is selected, and which rows are shown. */
function settled(model: Model, before: Model): Model {
  const list = hasOtherRows(model, before) ? rowsOf(model) : model.list;
  const selected = stillThere({ ...model, list }, before);
  if (list === before.list && selected === before.selected && model.rows === before.rows && model.focus === before.focus) {
    if (model.children.size === before.children.size && model.isLarge === before.isLarge) return model;
  }
  const at = Math.max(0, selectedRow({ list, selected }));
  const height = Math.max(1, layoutOf(model).tree);
  const top = Math.max(0, Math.min(Math.max(model.top, at - height + 1), at, Math.max(0, list.rows.length - height)));
  return { ...model, list, selected, top };
}

function hasOtherRows(model: Model, before: Model): boolean {
  const { structure, folded, sort, filter, children, usage } = model;
  if (structure !== before.structure || folded !== before.folded || sort !== before.sort || filter !== before.filter) return true;
  if (children !== before.children && (filter !== "" || sort === "restarts")) return true;
  return usage !== before.usage && (sort === "cpu" || sort === "memory");
}

/** The same child as before; where it is not shown any more, the one above it, or the one that has its place. */
function stillThere(model: Model, before: Model): string | null {
  const { rows } = model.list;
  if (model.list === before.list && model.selected === before.selected) return model.selected;
  if (model.filter !== "" && model.filter !== before.filter) {
    // Who was looked for is meant, not the supervisor above it.
    const found = rows.filter(({ isFound }) => isFound);
    return (found.find(({ path }) => path === model.selected) ?? found[0])?.path ?? null;
  }
  if (model.selected !== null) {
    for (let path = model.selected; path !== "/"; path = parentPath(path)) {
      if (model.list.rows.some((row) => row.path === path)) return path;
    }
  }
  return rows[Math.max(0, Math.min(rows.length - 1, selectedRow(before)))]?.path ?? null;
}
