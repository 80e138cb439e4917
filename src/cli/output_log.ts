/** What children print as lines for people, with a column of names where there are several. */
import { cleanText } from "../base/mod.ts";
import type { TargetLogRecord } from "../client/mod.ts";
import { clockTime } from "./event_log.ts";
import { type CommandIo, paint } from "./io.ts";

/** How lines look. */
export interface LogColumns {
  /** Whether each line says whose it is. */
  readonly named: boolean;
}

/** Colours of names, one after the other. */
const COLORS = ["cyan", "magenta", "green", "blue", "yellow"] as const;

/** The column grows with what comes, up to so many characters. */
const WIDEST = 24;

/** Longest line of those that are shown, and longest name, in characters. */
const LONGEST = 4_096;
const LONGEST_NAME = 256;

/** Returns what renders a line; what came on stderr has a thicker bar. */
export function outputLog({ named }: LogColumns, io: CommandIo): (record: TargetLogRecord) => string {
  const colors = new Map<string, (typeof COLORS)[number]>();
  let width = 0;
  return ({ occurredAtUnixNanos, message, severity, fields }) => {
    const time = paint(io, "dim", clockTime(Number(occurredAtUnixNanos / 1_000_000n)));
    const bar = severity === "warning" ? paint(io, "red", "┃") : paint(io, "dim", "│");
    const text = cleanText(message, LONGEST);
    if (!named) return `${time} ${bar} ${text}\n`;
    const path = fields["target_path"] ?? "";
    const name = cleanText(path.replace(/^\//, ""), LONGEST_NAME);
    const color = colors.get(path) ?? COLORS[colors.size % COLORS.length] ?? "cyan";
    if (colors.size < MOST_NAMES) colors.set(path, color);
    width = Math.min(WIDEST, Math.max(width, name.length));
    return `${time} ${paint(io, color, name.padEnd(width))} ${bar} ${text}\n`;
  };
}

/** So many names have a colour of their own. */
const MOST_NAMES = 10_000;
