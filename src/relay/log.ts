/** What a relay says of itself, line by line. */
import { cleanText } from "../base/mod.ts";

/** What is said beside what happened. */
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/** Takes what a relay says of itself. */
export interface RelayLog {
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
}

/** Says nothing. */
export const NO_LOG: RelayLog = { info: () => {}, warn: () => {} };

/** Lines about the same thing in one second: whoever knocks often does not fill the disk. */
const MOST_LINES = 20;

/** Writes lines as text or JSON; of many about the same thing, those that are left out are counted. */
export function lineLog(format: "text" | "json", write: (line: string) => void, wallNow: () => number): RelayLog {
  const counts = new Map<string, number>();
  let second = 0;
  const isTooMany = (event: string): boolean => {
    const now = Math.floor(wallNow() / 1_000);
    if (now !== second) {
      second = now;
      const left = [...counts].filter(([, count]) => count > MOST_LINES);
      counts.clear();
      for (const [name, count] of left) say("warn", "lines_left_out", { about: name, count: count - MOST_LINES });
    }
    const count = (counts.get(event) ?? 0) + 1;
    counts.set(event, count);
    return count > MOST_LINES;
  };
  const say = (level: "info" | "warn", event: string, fields: LogFields = {}): void => {
    if (isTooMany(event)) return;
    const time = new Date(wallNow()).toISOString();
    const clean = Object.entries(fields).map(([name, value]) => [name, typeof value === "string" ? cleanText(value, 512) : value] as const);
    write(
      format === "json"
        ? `${JSON.stringify({ time, level, event, ...Object.fromEntries(clean) })}\n`
        : `${time} ${level} ${event}${
          clean.map(([name, value]) => ` ${name}=${typeof value === "string" ? JSON.stringify(value) : value}`).join("")
        }\n`,
    );
  };
  return { info: (event, fields) => say("info", event, fields), warn: (event, fields) => say("warn", event, fields) };
}
