/** Text on a terminal: how wide it is, where it is cut, and how it is coloured. */
import { cleanText } from "../../base/mod.ts";
import { type Color, COLOR_CODES } from "../io.ts";

/** How a piece of text looks. */
export type Style = Color;

/** A piece of a line. */
export interface Span {
  /** Whatever it has, it is made harmless before it is shown. */
  readonly text: string;
  readonly style?: Style | undefined;
}

/** How lines are made. */
export interface LineOptions {
  readonly columns: number;
  readonly color: boolean;
  /** Whether the line is marked over its whole width. */
  readonly inverse?: boolean;
}

const ESC = String.fromCharCode(27);

/** Letters, digits and signs of which each takes one column. */
const PLAIN = /^[\x20-\x7e]*$/;
/** Written over the character before. */
const MARK = /[\p{M}\u1160-\u11ff\u200d]/u;
const MANY_MARKS = /(\p{M}{3})\p{M}+/gu;
/** Characters that take two columns. */
const WIDE =
  /[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{17000}-\u{18cff}\u{1b000}-\u{1b2ff}\u{1f200}-\u{1f202}\u{20000}-\u{3fffd}]/u;

/** How many columns a character takes. */
export function charWidth(character: string): 0 | 1 | 2 {
  return MARK.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
}

/** How many columns a harmless text takes. */
export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += charWidth(character);
  return width;
}

/** The text without what could move the cursor; tabs are spaces. */
export function harmless(text: string, maxLength = 4_096): string {
  if (text.length <= maxLength && PLAIN.test(text)) return text;
  return cleanText(text, maxLength).replaceAll("\t", "  ").replace(MANY_MARKS, "$1");
}

/** The first columns of a text. */
export function cut(text: string, columns: number): string {
  if (columns <= 0) return "";
  if (PLAIN.test(text)) return text.slice(0, columns);
  let [shown, width] = ["", 0];
  for (const character of text) {
    width += charWidth(character);
    if (width > columns) break;
    shown += character;
  }
  return shown;
}

/** The text in exactly so many columns: cut with a mark, or filled with spaces on the right or on the left. */
export function fitted(text: string, columns: number, side: "left" | "right" = "left"): string {
  const clean = harmless(text);
  const width = widthOf(clean);
  if (width === columns) return clean;
  if (width > columns) {
    if (columns <= 0) return "";
    const shown = cut(clean, columns - 1);
    return `${shown}…${" ".repeat(columns - 1 - widthOf(shown))}`;
  }
  const room = " ".repeat(columns - width);
  return side === "left" ? `${clean}${room}` : `${room}${clean}`;
}

/** One line, never wider than there are columns. */
export function lineOf(spans: readonly Span[], { columns, color, inverse = false }: LineOptions): string {
  const pieces = spans.map(({ text, style }) => ({ text: harmless(text), style }));
  const total = pieces.reduce((sum, { text }) => sum + widthOf(text), 0);
  let room = total > columns ? columns - 1 : columns;
  let line = "";
  for (const { text, style } of pieces) {
    const shown = total > columns ? cut(text, room) : text;
    const isLast = total > columns && shown.length < text.length;
    line += painted(isLast ? `${shown}…` : shown, style, { color, inverse });
    room -= widthOf(shown);
    if (isLast) break;
  }
  const left = columns - Math.min(total, columns);
  return inverse && color && left > 0 ? `${line}${painted(" ".repeat(left), undefined, { color, inverse })}` : line;
}

function painted(
  text: string,
  style: Style | undefined,
  { color, inverse }: { readonly color: boolean; readonly inverse: boolean },
): string {
  if (!color || text === "" || (style === undefined && !inverse)) return text;
  // Colours of a marked line would be those of its background.
  const codes = inverse ? [7, ...style === "bold" ? [1] : []] : style === undefined ? [] : [COLOR_CODES[style]];
  return `${ESC}[${codes.join(";")}m${text}${ESC}[0m`;
}

/** Spans with others at the right end, which are never cut as long as there is room for them. */
export function withRight(left: readonly Span[], right: readonly Span[], columns: number): readonly Span[] {
  const width = (spans: readonly Span[]): number => spans.reduce((sum, { text }) => sum + widthOf(harmless(text)), 0);
  const room = columns - width(right) - 2;
  if (room < 8) return left;
  let used = 0;
  const shown: Span[] = [];
  for (const { text, style } of left) {
    const clean = harmless(text);
    const piece = widthOf(clean) <= room - used ? clean : fitted(clean, room - used).trimEnd();
    used += widthOf(piece);
    shown.push({ text: piece, style });
    if (piece !== clean) break;
  }
  return [...shown, { text: " ".repeat(columns - width(right) - used) }, ...right];
}

const STYLE_NAMES: readonly Style[] = ["red", "green", "yellow", "blue", "magenta", "cyan", "dim", "bold"];
const STYLES: ReadonlyMap<string, Style> = new Map(
  STYLE_NAMES.map((name) => [String(COLOR_CODES[name]), name]),
);

const CODE = new RegExp(`${ESC}\\[([\\d;]*)m`);

/** The spans of lines that `paint` has coloured. */
export function spansOf(line: string): Span[] {
  const [first = "", ...more] = line.split(CODE);
  const spans: Span[] = [{ text: first }];
  for (let index = 0; index < more.length; index += 2) spans.push({ text: more[index + 1] ?? "", style: STYLES.get(more[index] ?? "") });
  return spans.filter(({ text }) => text !== "");
}

/** What a child printed, without its colours. */
export function withoutColors(text: string): string {
  return text.includes(ESC) ? text.replace(COLORS, "") : text;
}

const COLORS = new RegExp(`${ESC}\\[[\\d;:]{0,64}m`, "g");

/** Breaks spans into lines that are not wider than there are columns; what follows the first is indented. */
export function wrapped(spans: readonly Span[], columns: number, indent: number): Span[][] {
  const lines: Span[][] = [[]];
  let room = columns;
  for (const { text, style } of spans) {
    for (let rest = harmless(text); rest !== "";) {
      const shown = cut(rest, room);
      if (shown !== "") lines.at(-1)?.push({ text: shown, style });
      room -= widthOf(shown);
      rest = rest.slice(shown.length);
      if (rest === "") break;
      lines.push([{ text: " ".repeat(indent) }]);
      room = columns - indent;
      if (room < 2) return lines;
    }
  }
  return lines;
}
