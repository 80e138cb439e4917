/** The whole screen as lines: it depends on the model and the size, and on nothing else. */
import { BINDINGS, placeOf } from "./bindings.ts";
import { FOOT, layoutOf, SMALLEST } from "./layout.ts";
import { isStale, type Model, momentOfModel, paneOf, shownEntries } from "./model.ts";
import { DEFAULT_REASON, questionOf } from "./orders.ts";
import { isFoundIn, shownIn } from "./pane.ts";
import type { Editor } from "./prompt.ts";
import { fitted, harmless, lineOf, type Span, type Style, withRight } from "./text.ts";
import { pageLines } from "./pages.ts";
import { countsOf, lookOfTree, plural } from "../render/status.ts";
import { age, bytes, moment, msBetween, percent } from "../render/words.ts";
import { treeLines } from "./tree_view.ts";

/** How large the screen is, and whether there are colours. */
export interface ViewOptions {
  readonly columns: number;
  readonly rows: number;
  readonly color: boolean;
}

/** A line before it is cut. */
export interface RawLine {
  readonly spans: readonly Span[];
  readonly inverse?: boolean;
}

/** Exactly as many lines as there are rows, none wider than there are columns. */
export function view(model: Model, { columns, rows, color }: ViewOptions): string[] {
  const own = model.columns === columns && model.rows === rows ? model : { ...model, columns, rows };
  const raw = columns < SMALLEST.columns || rows < SMALLEST.rows ? tooSmall(columns, rows) : screenOf(own);
  return Array.from({ length: rows }, (_, row) => {
    const { spans = [], inverse = false } = raw[row] ?? {};
    return lineOf(spans, { columns, color, inverse });
  });
}

function tooSmall(columns: number, rows: number): RawLine[] {
  return [
    `${columns}x${rows} is too small`,
    `it takes ${SMALLEST.columns}x${SMALLEST.rows}`,
    "q quits",
  ].map((text) => ({ spans: [{ text }] }));
}

function screenOf(model: Model): RawLine[] {
  const { screen, rows } = model;
  const foot = [sayingLine(model), keysLine(model)];
  if (screen.kind !== "tree") return [...pageLines(model, screen, rows - FOOT), ...foot];
  const { tree, pane } = layoutOf(model);
  return [...headLines(model), ...treeLines(model, tree), ...pane === 0 ? [] : paneLines(model, pane), ...foot];
}

function headLines(model: Model): RawLine[] {
  const { tree, children, usage, sort, filter, list, unmeasured, columns } = model;
  const now = momentOfModel(model);
  const { counts, restarts, failures } = factsOf(children);
  const { mark, word, color } = tree === null ? { mark: "?", word: "not known yet", color: "yellow" as const } : lookOfTree(tree);
  const first: Span[] = [
    { text: `${mark} `, style: color },
    { text: tree?.name ?? "reeve", style: "bold" },
    { text: ` ${word}`, style: color },
    ...tree === null ? [] : [{ text: `, up ${age(msBetween(tree.startedAtUnixNanos, now))}` }],
    { text: `  ${counts}`, style: "dim" },
  ];
  const total = usage.get("/");
  const second = [
    ...total === undefined || total.processes === 0 ? [] : [`CPU ${percent(total.cpuPercent)}`, `memory ${bytes(total.memoryBytes)}`],
    plural(restarts, "restart"),
    plural(failures, "failure"),
    ...sort === "declared" ? [] : [`by ${sort}`],
    ...filter === "" ? [] : [`"${filter}": ${list.found} found`],
    ...unmeasured === null || unmeasured === undefined ? [] : [`not measured: ${unmeasured}`],
  ];
  return [
    { spans: withRight(first, connectionSpans(model), columns) },
    { spans: [{ text: `  ${second.join("  ")}`, style: "dim" }] },
  ];
}

function connectionSpans(model: Model): readonly Span[] {
  const { connection: { state, lostAtMs, retryAtMs }, nowMs } = model;
  if (state === "closed") return [{ text: "✗ closed", style: "red" }];
  if (state === "reconnecting") {
    const old = age(nowMs - (lostAtMs ?? nowMs));
    const seconds = retryAtMs === null ? 0 : Math.ceil((retryAtMs - nowMs) / 1_000);
    const next = seconds > 0 ? `again in ${seconds} s` : "connecting";
    return [{ text: `✗ lost ${old} ago, ${next}`, style: "red" }];
  }
  return isStale(model) ? [{ text: "… connected, waiting", style: "yellow" }] : [{ text: "● live", style: "green" }];
}

interface Facts {
  readonly counts: string;
  readonly restarts: number;
  readonly failures: number;
  /** Length of the longest path. */
  readonly longest: number;
}

/** They are made anew only when children have changed. */
const FACTS = new WeakMap<object, Facts>();

function factsOf(children: Model["children"]): Facts {
  const known = FACTS.get(children);
  if (known !== undefined) return known;
  let [restarts, failures, longest] = [0, 0, 0];
  for (const child of children.values()) {
    restarts += child.restartsTotal;
    failures += child.failuresTotal;
    longest = Math.max(longest, child.childPath.length);
  }
  const made = { counts: countsOf([...children.values()]), restarts, failures, longest };
  FACTS.set(children, made);
  return made;
}

const SEVERITIES: Readonly<Record<string, readonly [mark: string, style: Style]>> = {
  error: ["✗", "red"],
  warning: ["!", "yellow"],
  info: ["·", "dim"],
};

function paneLines(model: Model, height: number): RawLine[] {
  const { below, focus, onlySelected, selected, columns } = model;
  const pane = paneOf(model);
  const entries = shownEntries(model);
  const { lines, below: unseen } = shownIn(pane, entries, height);
  const title = (name: "events" | "logs", shown: string): Span =>
    name === below ? { text: `[${shown}]`, style: focus === name ? "bold" : undefined } : { text: ` ${shown} `, style: "dim" };
  const whose = onlySelected && selected !== null ? ` of ${selected}` : " of all";
  const how = pane.bottom === null ? "follows" : unseen === 0 ? "stays" : `stays, ${unseen} more below`;
  const left: Span[] = [
    { text: focus === below ? "━━" : "──", style: focus === below ? undefined : "dim" },
    title("events", "events"),
    title("logs", "output"),
    { text: whose, style: "dim" },
  ];
  const right: Span[] = [
    ...pane.search === "" ? [] : [{ text: `"${pane.search}" `, style: "yellow" as const }],
    { text: `${how} `, style: pane.bottom === null ? "dim" : "yellow" },
  ];
  const width = Math.min(Math.max(factsOf(model.children).longest, 8), 24, Math.floor(columns / 4));
  const rows = lines.map((entry) => {
    const { atMs, path, text, severity } = entry;
    const [mark, style] = below === "logs" && severity === "info" ? ["│", "dim" as const] : SEVERITIES[severity] ?? ["·", "dim" as const];
    const isFound = isFoundIn(pane, entry);
    const time = moment(BigInt(Math.round(atMs)) * 1_000_000n).slice(11);
    return {
      spans: [
        { text: isFound ? "› " : "  ", style: "yellow" as const },
        ...columns < 60 ? [] : [{ text: `${time} `, style: "dim" as const }],
        { text: `${mark} `, style },
        ...path === "" || (onlySelected && path === selected) ? [] : [{ text: `${fitted(path, width)}  `, style: "dim" as const }],
        { text, style: isFound ? "bold" as const : severity === "error" ? "red" as const : path === "" ? "yellow" as const : undefined },
      ],
    };
  });
  const empty = lines.length > 0 ? [] : [{ spans: [{ text: below === "events" ? "  no events" : "  no output", style: "dim" as const }] }];
  const filled = [...rows, ...empty];
  return [
    { spans: withRight(left, right, columns) },
    ...filled,
    ...Array.from({ length: Math.max(0, height - filled.length) }, () => ({ spans: [] })),
  ];
}

/** What is asked, or what was done last. */
function sayingLine({ prompt, said, connection, columns }: Model): RawLine {
  if (prompt === null) {
    if (said !== null) return { spans: [{ text: said.text, style: said.style }] };
    return connection.state === "connected" ? { spans: [] } : { spans: [{ text: connection.reason, style: "red" }] };
  }
  const question = prompt.kind === "filter" ? "Only with: " : prompt.kind === "search" ? "Look for: " : questionOf(prompt);
  const isEmpty = prompt.editor.text === "";
  const hint = prompt.kind === "reason" && isEmpty ? [{ text: ` ${DEFAULT_HINT}`, style: "dim" as const }] : [];
  return {
    spans: [
      { text: fittingQuestion(question, columns), style: "bold" },
      { text: editorText(prompt.editor, columns - question.length - 1) },
      ...hint,
    ],
  };
}

const DEFAULT_HINT = `Enter: ${DEFAULT_REASON}`;

/** A question leaves room for its answer. */
function fittingQuestion(question: string, columns: number): string {
  const most = Math.max(12, columns - 16);
  const clean = harmless(question);
  return clean.length <= most ? clean : `${fitted(clean, most).trimEnd()} `;
}

/** The text with its cursor, which is always in sight. */
function editorText({ text, cursor }: Editor, columns: number): string {
  const characters = [...text];
  const room = Math.max(8, columns - 1);
  const from = Math.max(0, cursor - room);
  return `${characters.slice(from, cursor).join("")}▏${characters.slice(cursor).join("")}`;
}

/** The keys that count now, as many as there is room for. */
function keysLine(model: Model): RawLine {
  if (model.prompt !== null) return { spans: keySpans([["Enter", "ok"], ["Esc", "cancel"], ["Ctrl-U", "clear"]], model.columns) };
  const place = placeOf(model);
  const shown = BINDINGS.filter(({ places, label }) => label !== undefined && places.includes(place));
  return { spans: keySpans(shown.map(({ shown: key, label = "" }) => [key, label]), model.columns) };
}

function keySpans(keys: readonly (readonly [key: string, label: string])[], columns: number): Span[] {
  let used = 0;
  return keys.flatMap(([key, label]) => {
    const gap = used === 0 ? "" : "  ";
    used += gap.length + key.length + label.length + 1;
    return used > columns ? [] : [{ text: `${gap}${key}`, style: "bold" as const }, { text: ` ${label}`, style: "dim" as const }];
  });
}
