/** Pages over the whole screen: everything about a child, why it is so, and the help. */
import { SILENT } from "../io.ts";
import { describeText, whyText } from "../render/child.ts";
import { GROUPS } from "./bindings.ts";
import { childAt, isStale, type Model, momentOfModel, type Screen, type Story } from "./model.ts";
import { type Span, spansOf, wrapped } from "./text.ts";
import type { RawLine } from "./view.ts";

/** A page of so many lines, with its title. */
export function pageLines(model: Model, screen: Exclude<Screen, { kind: "tree" }>, height: number): RawLine[] {
  const body = bodyOf(model, screen);
  const room = height - 1;
  const from = Math.min(screen.scroll, Math.max(0, body.length - room));
  const rest = body.length - from - room;
  const title = screen.kind === "help" ? "reeve top: keys" : `${screen.kind === "why" ? "why" : "details of"} ${screen.path}`;
  const how = [...isStale(model) ? ["not connected: this is how it was"] : [], ...rest > 0 ? [`${rest} more below`] : []].join(", ");
  const head: RawLine = { spans: [{ text: `── ${title} ──  `, style: "bold" }, { text: how, style: "yellow" }] };
  const shown = body.slice(from, from + room);
  return [head, ...shown.map((spans) => ({ spans })), ...Array.from({ length: Math.max(0, room - shown.length) }, () => ({ spans: [] }))];
}

/** How far a page can be scrolled at most. */
export function lastScroll(model: Model, screen: Exclude<Screen, { kind: "tree" }>, height: number): number {
  return Math.max(0, bodyOf(model, screen).length - (height - 1));
}

function bodyOf(model: Model, screen: Exclude<Screen, { kind: "tree" }>): Span[][] {
  return screen.kind === "help" ? helpLines(model.columns) : storyLines(model, screen);
}

/** Columns before the values of `reeve describe`. */
const VALUE_COLUMN = 14;

function storyLines(model: Model, { kind, path, events, logs }: Story): Span[][] {
  const child = childAt(model, path);
  if (child === undefined || model.tree === null) return [[{ text: `${path} is not there any more`, style: "yellow" }]];
  const tree = { ...model.tree, atUnixNanos: momentOfModel(model) };
  const story = { status: { targetId: "", tree, children: kind === "why" ? [...model.children.values()] : [] }, child, events, logs };
  const io = { ...SILENT, color: true };
  const text = kind === "why" ? whyText(story, io) : describeText(story, io);
  return text.trimEnd().split("\n").flatMap((line) => wrapped(spansOf(line), model.columns, Math.min(VALUE_COLUMN, model.columns >> 2)));
}

const KEY_COLUMN = 12;

function helpLines(columns: number): Span[][] {
  return GROUPS.flatMap(([title, bindings]) => [
    [{ text: title, style: "bold" as const }],
    ...bindings.flatMap(({ shown, help }) =>
      wrapped([{ text: `  ${shown.padEnd(KEY_COLUMN)}`, style: "green" }, { text: help }], columns, KEY_COLUMN + 2)
    ),
    [],
  ]);
}
