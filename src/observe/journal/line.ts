/** The lines of a journal: an event each, or a gap where events were missed. */
import { Buffer } from "node:buffer";
import { type EventType, type GapMarker, isEventType, type SupervisorEvent } from "../../event/mod.ts";

/** Version of the lines that are written; newer ones are refused by name. */
export const JOURNAL_VERSION = 1;

/** Longest line in bytes: what is longer was not written by us. */
export const LONGEST_LINE = 1024 * 1024;

/** An event in a journal. */
export interface JournalEvent {
  /** Tells it from the others. */
  readonly kind: "event";
  /** Id of the run: each start of a tree has its own, and counts its events from 1. */
  readonly run: string;
  /** When it happened, in milliseconds since the Unix epoch. */
  readonly timeMs: number;
  /** The event; a file may have been edited, so that only its common fields are certain. */
  readonly event: SupervisorEvent;
  /** The line as it is in the file. */
  readonly text: string;
}

/** Events that are not in a journal: it could not be written, or was too slow. */
export interface JournalGap {
  /** Tells it from the others. */
  readonly kind: "gap";
  /** Id of the run. */
  readonly run: string;
  /** When it was known, in milliseconds since the Unix epoch. */
  readonly timeMs: number;
  /** First missing sequence number. */
  readonly from: number;
  /** Last missing sequence number. */
  readonly to: number;
  /** The line as it is in the file. */
  readonly text: string;
}

/** A line that is none of a journal: a crash cut it off, or somebody else wrote it. */
export interface DamagedLine {
  /** Tells it from the others. */
  readonly kind: "damaged";
  /** The file. */
  readonly file: string;
  /** Number of the line in the file, counted from 1; 0 is the file as such. */
  readonly line: number;
  /** What is wrong with it. */
  readonly reason: string;
}

/** What is in a journal. */
export type JournalEntry = JournalEvent | JournalGap | DamagedLine;

/** What a line turned out to be. */
export type ParsedLine =
  | JournalEvent
  | JournalGap
  | { readonly kind: "newer"; readonly version: number }
  | { readonly kind: "foreign"; readonly reason: string };

/** What all lines of one run have in common. */
export interface RunFacts {
  readonly runId: string;
  /** Milliseconds since the Unix epoch at a time of the tree's clock. */
  wallAt(atMs: number): number;
  /** Milliseconds since the Unix epoch. */
  wallNow(): number;
}

/** Writes events and gaps as lines; an event that is too large for one becomes a gap. */
export function toLines(batch: readonly (SupervisorEvent | GapMarker)[], { runId, wallAt, wallNow }: RunFacts): string {
  const beginning = `{"version":${JOURNAL_VERSION},"run":${JSON.stringify(runId)},"time":"`;
  const gapLine = (from: number, to: number): string => `${beginning}${isoTime(wallNow())}","gap":{"from":${from},"to":${to}}}\n`;
  return batch.map((item) => {
    if (item.type === "gap") return gapLine(item.from, item.to);
    const line = `${beginning}${isoTime(wallAt(item.atMs))}","event":${JSON.stringify(item)}}\n`;
    return isTooLong(line) ? gapLine(item.seq, item.seq) : line;
  }).join("");
}

function isoTime(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

function isTooLong(line: string): boolean {
  // A character has three bytes at most for each of its units.
  return line.length > LONGEST_LINE / 3 && Buffer.byteLength(line) > LONGEST_LINE;
}

/** Reads a line, without its end. */
export function parseLine(text: string): ParsedLine {
  const value = parsed(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { kind: "foreign", reason: "it is no object of JSON" };
  const fields: Readonly<Record<string, unknown>> = { ...value };
  const { version, run, time, event, gap } = fields;
  if (typeof version !== "number") return { kind: "foreign", reason: "it has no version" };
  if (version > JOURNAL_VERSION) return { kind: "newer", version };
  const timeMs = typeof time === "string" ? Date.parse(time) : NaN;
  if (version !== JOURNAL_VERSION || typeof run !== "string" || Number.isNaN(timeMs)) {
    return { kind: "foreign", reason: "it has no run or time" };
  }
  if (isGap(gap)) return { kind: "gap", run, timeMs, from: gap.from, to: gap.to, text };
  if (isEvent(event)) return { kind: "event", run, timeMs, event, text };
  return { kind: "foreign", reason: "it is neither an event that this version knows nor a gap" };
}

/** What can be said of a line by its beginning, for those who do not want all; `null` where it does not begin as ours do. */
export function beginningOf(text: string): { readonly run: string; readonly timeMs: number } | null {
  const [, run, time] = BEGINNING.exec(text) ?? [];
  return run === undefined || time === undefined ? null : { run, timeMs: Date.parse(time) };
}

const BEGINNING = /^\{"version":1,"run":"([\w-]+)","time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)",/;

/** Which events are wanted. */
export interface WantedEvents {
  /** From this moment on, in milliseconds since the Unix epoch. @default {from the beginning} */
  readonly since?: number;
  /** Up to this moment, in milliseconds since the Unix epoch. @default {to the end} */
  readonly until?: number;
  /** Of these types. @default {all} */
  readonly types?: readonly EventType[];
  /** Of this child and of those below it. @default {all} */
  readonly path?: string;
  /** Of this run. @default {all} */
  readonly run?: string;
}

/** Returns what says whether something of that run and time may be wanted. */
export function timeFilter(
  { since = -Infinity, until = Infinity, run }: WantedEvents,
): (facts: { readonly run: string; readonly timeMs: number }) => boolean {
  return (facts) => facts.timeMs >= since && facts.timeMs <= until && (run === undefined || facts.run === run);
}

/** Returns what says whether an event of a time that is wanted is wanted itself. */
export function eventFilter({ types, path = "/" }: WantedEvents): (event: SupervisorEvent) => boolean {
  const wanted = types === undefined ? null : new Set<string>(types);
  const below = path.endsWith("/") ? path : `${path}/`;
  return ({ type, path: ofEvent }) => (wanted === null || wanted.has(type)) && `${ofEvent}/`.startsWith(below);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isGap(value: unknown): value is { readonly from: number; readonly to: number } {
  if (typeof value !== "object" || value === null) return false;
  const { from, to }: Readonly<Record<string, unknown>> = { ...value };
  return isCount(from) && isCount(to) && from <= to;
}

/** The file is ours: what all events have is looked at, and not each field of each. */
function isEvent(value: unknown): value is SupervisorEvent {
  if (typeof value !== "object" || value === null) return false;
  const { type, seq, atMs, path }: Readonly<Record<string, unknown>> = { ...value };
  return typeof type === "string" && isEventType(type) && isCount(seq) && Number.isFinite(atMs) && typeof path === "string";
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0;
}
