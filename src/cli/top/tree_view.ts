/** The tree: a row for each child that is in sight. */
import type { ChildDescription } from "../../client/mod.ts";
import { lastName } from "../../base/mod.ts";
import { age, bytes, lookOf, msBetween, noteOf, percent } from "../render/words.ts";
import { childAt, isStale, type Model, momentOfModel, type Restarts } from "./model.ts";
import { STRETCH_MS, STRETCHES } from "./pushes.ts";
import type { Row, Sort } from "./rows.ts";
import { fitted, type Span, type Style } from "./text.ts";
import type { RawLine } from "./view.ts";

interface Column {
  readonly title: string;
  readonly width: number;
  readonly side: "left" | "right";
  /** The column goes where there is less room than this. */
  readonly from: number;
  readonly sort?: Sort;
  readonly cell: (child: ChildDescription, model: Model) => Pick<Span, "text" | "style">;
}

const COLUMNS: readonly Column[] = [
  {
    title: "STATE",
    width: 11,
    side: "left",
    from: 0,
    cell: (child) => ({ text: lookOf(child).word, style: lookOf(child).color }),
  },
  {
    title: "SINCE",
    width: 10,
    side: "left",
    from: 62,
    cell: ({ sinceUnixNanos }, model) => ({ text: age(msBetween(sinceUnixNanos, momentOfModel(model))) }),
  },
  {
    title: "RESTARTS",
    width: 9,
    side: "right",
    from: 56,
    sort: "restarts",
    cell: ({ restartsTotal }) => ({ text: String(restartsTotal), style: restartsTotal === 0 ? "dim" : undefined }),
  },
  {
    title: "LAST 5 MIN",
    width: STRETCHES,
    side: "left",
    from: 88,
    cell: ({ childPath }, model) => ({
      text: sparkline(model.restarts.get(childPath) ?? [], model.nowMs + model.aheadMs),
      style: "yellow",
    }),
  },
  {
    title: "CPU",
    width: 6,
    side: "right",
    from: 74,
    sort: "cpu",
    cell: ({ usage }) => usage === null ? NONE : { text: percent(usage.cpuPercent) },
  },
  {
    title: "MEMORY",
    width: 8,
    side: "right",
    from: 74,
    sort: "memory",
    cell: ({ usage }) => usage === null ? NONE : { text: bytes(usage.memoryBytes) },
  },
  {
    title: "PID",
    width: 7,
    side: "right",
    from: 110,
    cell: ({ pid }) => pid === null ? NONE : { text: String(pid) },
  },
];

const NONE: Pick<Span, "text" | "style"> = { text: "-", style: "dim" };
/** What stands before a name: the selection, the fold and the mark. */
const BEFORE_NAME = 6;
/** Columns of a name that indentation leaves. */
const LEAST_NAME = 6;
/** Where there is less room, nothing is said of a child. */
const NOTE_FROM = 48;

const BARS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/** Restarts over the last minutes, the newest on the right; empty where there were none. */
export function sparkline(restarts: Restarts, nowMs: number): string {
  const last = Math.floor(nowMs / STRETCH_MS);
  const counts = Array.from({ length: STRETCHES }, (_, place) => {
    const stretch = last - STRETCHES + 1 + place;
    return restarts.reduce((sum, [when, count]) => when === stretch || (when > last && stretch === last) ? sum + count : sum, 0);
  });
  const most = Math.max(BARS.length, ...counts);
  if (counts.every((count) => count === 0)) return "";
  return counts.map((count) => count === 0 ? "·" : BARS[Math.ceil(count / most * BARS.length) - 1] ?? "█").join("");
}

/** The titles of the columns, and so many rows. */
export function treeLines(model: Model, height: number): RawLine[] {
  if (height <= 0) return [{ spans: [] }];
  const { list: { rows, nameWidth }, top, columns, sort, filter, isWhole } = model;
  const shown = COLUMNS.filter(({ from }) => columns >= from);
  const taken = shown.reduce((sum, { width }) => sum + width + 1, 0);
  const name = Math.max(8, Math.min(Math.max(nameWidth, 12), columns - BEFORE_NAME - taken - 1, Math.floor(columns * 0.45)));
  const stale = isStale(model);
  const titles: Span[] = [
    { text: `      ${fitted(sort === "name" ? "NAME↓" : "NAME", name)}`, style: "dim" },
    ...shown.map(({ title, width, side, sort: own }): Span => ({
      text: ` ${fitted(own !== undefined && own === sort ? `${title}↓` : title, width, side)}`,
      style: "dim",
    })),
  ];
  const lines = rows.slice(top, top + height).map((row) => rowLine(model, row, { shown, name, stale }));
  const empty = filter === "" ? isWhole ? "no children" : "waiting for the children" : `nobody has "${filter}": Esc shows all`;
  if (lines.length === 0) lines.push({ spans: [{ text: `  ${empty}`, style: "dim" }] });
  return [{ spans: titles }, ...lines, ...Array.from({ length: Math.max(0, height - lines.length) }, () => ({ spans: [] }))];
}

function rowLine(
  model: Model,
  { path, depth, below, isFolded, isFound }: Row,
  { shown, name, stale }: { readonly shown: readonly Column[]; readonly name: number; readonly stale: boolean },
): RawLine {
  const child = childAt(model, path);
  if (child === undefined) return { spans: [] };
  const isSelected = path === model.selected;
  const { mark, color } = lookOf(child);
  // What may be otherwise by now is told by a mark and without colours.
  const styled = (style: Style | undefined): Style | undefined => stale || !isFound ? "dim" : style;
  const fold = below === 0 ? " " : isFolded ? "+" : "-";
  const indent = "  ".repeat(Math.min(depth, Math.floor((name - LEAST_NAME) / 2)));
  const inside = isFolded ? [{ text: `${insideOf(model, path)}  `, style: styled("dim") }] : [];
  const note = model.columns < NOTE_FROM ? "" : noteOf(child, momentOfModel(model));
  return {
    inverse: isSelected,
    spans: [
      { text: `${isSelected ? "›" : " "}${stale ? "~" : " "}` },
      { text: `${indent}${fold} `, style: "dim" },
      { text: `${mark} `, style: styled(color) },
      { text: fitted(lastName(path), name - indent.length), style: styled(undefined) },
      ...shown.map(({ width, side, cell }): Span => {
        const { text, style } = cell(child, model);
        return { text: ` ${fitted(text, width, side)}`, style: styled(style) };
      }),
      { text: "  " },
      ...inside,
      { text: note, style: styled(undefined) },
    ],
  };
}

/** How many are inside of a folded supervisor, and how many of them are not as they should be. */
function insideOf({ children, structure }: Model, path: string): string {
  let [all, bad] = [0, 0];
  const waiting = [...structure.below.get(path) ?? []];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const child = children.get(next);
    all++;
    if (child !== undefined && lookOf(child).color !== "green") bad++;
    waiting.push(...structure.below.get(next) ?? []);
  }
  return `${all} inside${bad === 0 ? "" : `, ${bad} not ready`}`;
}
