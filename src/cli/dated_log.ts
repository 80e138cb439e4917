/** Events of any time, from a journal or from a run, as lines for people: those of `reeve run`, and where another run or another day begins. */
import type { GapMarker } from "../../mod.ts";
import { cleanText, pascalCase } from "../base/mod.ts";
import type { DescribedEvent } from "../client/mod.ts";
import { EVENT_TYPES } from "../event/mod.ts";
import type { JournalEvent, JournalGap } from "../observe/mod.ts";
import { eventLine, gapLine, type ShownEvent, shownEvent } from "./event_log.ts";
import { type CommandIo, paint } from "./io.ts";

/** The narrowest that paths are shown; the column grows with what comes. */
const NARROWEST = 12;

/** What happened in a run at a time. */
export interface DatedEntry {
  /** Id of the run; empty where it is not known. */
  readonly run: string;
  /** In milliseconds since the Unix epoch. */
  readonly timeMs: number;
  /** The event, or which ones are missing. */
  readonly what: ShownEvent | GapMarker;
}

/** An entry of a journal; throws where somebody took away what events of its type have. */
export function entryOfJournal(entry: JournalEvent | JournalGap): DatedEntry {
  const { run, timeMs } = entry;
  const isGap = entry.kind === "gap";
  return { run, timeMs, what: isGap ? { type: "gap", from: entry.from, to: entry.to } : shownEvent(entry.event, timeMs) };
}

const TYPES: ReadonlyMap<string, string> = new Map(EVENT_TYPES.map((type) => [pascalCase(type), type]));

/** An event that a run told. */
export function entryOfRun({ event, description, restartDelayMs }: DescribedEvent, run: string): DatedEntry {
  const timeMs = Number(event.occurredAtUnixNanos / 1_000_000n);
  const type = TYPES.get(event.eventType) ?? event.eventType;
  return { run, timeMs, what: { type, path: event.targetPath, timeMs, sentence: description, restartDelayMs: restartDelayMs ?? null } };
}

/** Returns what renders an entry as a line, or as nothing. */
export function datedLog(io: CommandIo, verbose: boolean): (entry: DatedEntry) => string {
  let [lastRun, lastDay, width] = ["", "", NARROWEST];
  return ({ run, timeMs, what }) => {
    if ("path" in what) width = Math.max(width, what.path.length);
    const look = { io, verbose, width };
    const line = "path" in what ? eventLine(look, what) : gapLine(look, what);
    if (line === "") return "";
    const day = dayOf(timeMs);
    const name = run === lastRun ? "" : `, run ${cleanText(run, 64)}`;
    const heading = name === "" && day === lastDay ? "" : `${paint(io, "dim", `── ${day}${name} ──`)}\n`;
    [lastRun, lastDay] = [run, day];
    return heading + line;
  };
}

/** The day at the place where the command runs. */
export function dayOf(epochMs: number): string {
  const date = new Date(epochMs);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
