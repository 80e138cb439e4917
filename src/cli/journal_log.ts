/** What is in a journal, as lines for people: those of `reeve run`, and where another run or another day begins. */
import { cleanText } from "../base/mod.ts";
import type { JournalEvent, JournalGap } from "../observe/mod.ts";
import { eventLog, type LogItem } from "./event_log.ts";
import { type CommandIo, paint } from "./io.ts";

/** The narrowest that paths are shown; the column grows with what comes. */
const NARROWEST = 12;

/** Returns what renders an entry as a line, or as nothing; throws where somebody took away what events of its type have. */
export function journalLog(io: CommandIo, verbose: boolean): (entry: JournalEvent | JournalGap) => string {
  let [run, day, logOf, width] = ["", "", "", NARROWEST];
  let log = (_: LogItem): string => "";
  return (entry) => {
    const isGap = entry.kind === "gap";
    if (logOf !== entry.run || !isGap && entry.event.path.length > width) {
      if (!isGap) width = Math.max(width, entry.event.path.length);
      log = eventLog({ io, verbose, epochMs: isGap ? 0 : entry.timeMs - entry.event.atMs, width });
      logOf = isGap ? "" : entry.run;
    }
    const line = log(isGap ? { type: "gap", from: entry.from, to: entry.to } : entry.event);
    if (line === "") return "";
    const today = dayOf(entry.timeMs);
    const name = entry.run === run ? "" : `, run ${cleanText(entry.run, 64)}`;
    const heading = name === "" && today === day ? "" : `${paint(io, "dim", `── ${today}${name} ──`)}\n`;
    [run, day] = [entry.run, today];
    return heading + line;
  };
}

/** The day at the place where the command runs. */
function dayOf(epochMs: number): string {
  const date = new Date(epochMs);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
