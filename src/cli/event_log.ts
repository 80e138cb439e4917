/** Events and output as lines for people, the same wherever they come from. */
import { cleanText } from "../base/mod.ts";
import { describe, type EventType, type GapMarker, type SupervisorEvent } from "../event/mod.ts";
import type { LogRecord } from "../observe/mod.ts";
import { type Color, type CommandIo, paint } from "./io.ts";

/** What comes in a stream of events or of output. */
export type LogItem = SupervisorEvent | LogRecord | GapMarker;

/** Steps of which the next event tells the same. */
const DETAILS: ReadonlySet<string> = new Set<EventType>([
  "backoff_scheduled",
  "child_running",
  "child_restarting",
  "child_killing",
  "escalation_bifurcated",
]);

/** Longest paths do not push the text out of sight. */
const WIDEST = 32;

/** A restart that takes so long is told with the time at which it comes. */
const LONG_MS = 1_000;

/** A mark for each sort of event, so that nothing is told by colour alone. */
const MARKS: ReadonlyMap<string, readonly [string, Color]> = new Map<EventType, readonly [string, Color]>([
  ["child_ready", ["●", "green"]],
  ["child_healthy", ["●", "green"]],
  ["supervisor_ready", ["●", "green"]],
  ["child_succeeded", ["✓", "green"]],
  ["child_failed", ["✗", "red"]],
  ["child_abandoned", ["✗", "red"]],
  ["supervisor_escalated", ["✗", "red"]],
  ["child_unhealthy", ["!", "yellow"]],
  ["child_lint", ["!", "yellow"]],
  ["child_heartbeat_stale", ["!", "yellow"]],
  ["child_not_ready", ["!", "yellow"]],
  ["subscriber_lagged", ["!", "yellow"]],
  ["backpressure_alert", ["!", "yellow"]],
  ["child_waiting", ["…", "dim"]],
  ["child_starting", ["▸", "dim"]],
  ["shutdown_requested", ["■", "bold"]],
  ["shutdown_completed", ["■", "bold"]],
]);

/** An event as it is shown: of a tree in this program, of a journal, or of a run that was asked. */
export interface ShownEvent {
  readonly type: string;
  readonly path: string;
  /** When it happened, in milliseconds since the Unix epoch. */
  readonly timeMs: number;
  /** What it means in one sentence. */
  readonly sentence: string;
  /** How long it is until its child starts again, in milliseconds; `null` where that is not known. */
  readonly restartDelayMs: number | null;
}

/** How lines look. */
export interface LineLook {
  readonly io: CommandIo;
  /** Whether steps in between are shown too. */
  readonly verbose: boolean;
  /** Width of the longest path. */
  readonly width: number;
}

/** Options of {@linkcode eventLog}. */
export interface EventLogOptions extends LineLook {
  /** The wall clock in milliseconds at a time of the tree's clock. */
  readonly wallAt: (atMs: number) => number;
}

/** An event of a tree as it is shown; throws where somebody took away what events of its type have. */
export function shownEvent(event: SupervisorEvent, timeMs: number): ShownEvent {
  const restartDelayMs = event.type === "child_failed" && event.decision.retryAtMs !== null ? event.decision.delayMs : null;
  return { type: event.type, path: event.path, timeMs, sentence: describe(event), restartDelayMs };
}

/** Whether an event is shown only to those who want every step. */
export function isDetail(type: string): boolean {
  return DETAILS.has(type);
}

/** Returns what renders an item as a line, or as nothing. */
export function eventLog({ wallAt, ...look }: EventLogOptions): (item: LogItem) => string {
  return (item) => {
    if (!("type" in item)) {
      const { io } = look;
      return line(look, wallAt(item.atMs), paint(io, "dim", "│"), item.path, paint(io, "dim", cleanText(item.line)));
    }
    return item.type === "gap" ? gapLine(look, item) : eventLine(look, shownEvent(item, wallAt(item.atMs)));
  };
}

/** An event as a line, or as nothing. */
export function eventLine(look: LineLook, { type, path, timeMs, sentence, restartDelayMs }: ShownEvent): string {
  if (!look.verbose && isDetail(type)) return "";
  const [mark, color] = MARKS.get(type) ?? ["·", "dim"];
  const isLong = restartDelayMs !== null && restartDelayMs >= LONG_MS;
  const returns = isLong ? ` (${clockTime(timeMs + restartDelayMs).slice(0, 8)})` : "";
  return line(look, timeMs, paint(look.io, color, mark), path, cleanText(`${sentence}${returns}`));
}

/** Events that are missing, as a line. */
export function gapLine(look: LineLook, gap: GapMarker): string {
  return line(look, undefined, paint(look.io, "yellow", "!"), "", describe(gap));
}

function line({ io, width }: LineLook, timeMs: number | undefined, mark: string, path: string, text: string): string {
  const time = timeMs === undefined ? " ".repeat(12) : clockTime(timeMs);
  return `${paint(io, "dim", time)} ${mark} ${cleanText(path, LONGEST_PATH).padEnd(Math.min(width, WIDEST))}  ${text}\n`;
}

const LONGEST_PATH = 1_024;

/** The time of the day at the place where the command runs. */
export function clockTime(epochMs: number): string {
  const date = new Date(epochMs);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
