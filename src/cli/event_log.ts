/** Events and output as lines for people. */
import { describe, type EventType, type GapMarker, type LogRecord, type SupervisorEvent } from "../../mod.ts";
import { cleanText } from "../base/mod.ts";
import { type CommandIo, paint } from "./io.ts";

/** What comes in a stream of events or of output. */
export type LogItem = SupervisorEvent | LogRecord | GapMarker;

/** Steps of which the next event tells the same. */
const DETAILS: ReadonlySet<EventType> = new Set([
  "backoff_scheduled",
  "child_running",
  "child_restarting",
  "child_killing",
  "escalation_bifurcated",
]);

/** Longest paths do not push the text out of sight. */
const WIDEST = 32;

type Color = Parameters<typeof paint>[1];

/** A mark for each sort of event, so that nothing is told by colour alone. */
const MARKS: Readonly<Partial<Record<EventType, readonly [string, Color]>>> = {
  child_ready: ["●", "green"],
  child_healthy: ["●", "green"],
  supervisor_ready: ["●", "green"],
  child_succeeded: ["✓", "green"],
  child_failed: ["✗", "red"],
  child_abandoned: ["✗", "red"],
  supervisor_escalated: ["✗", "red"],
  child_unhealthy: ["!", "yellow"],
  child_lint: ["!", "yellow"],
  child_heartbeat_stale: ["!", "yellow"],
  child_not_ready: ["!", "yellow"],
  subscriber_lagged: ["!", "yellow"],
  backpressure_alert: ["!", "yellow"],
  child_waiting: ["…", "dim"],
  child_starting: ["▸", "dim"],
  shutdown_requested: ["■", "bold"],
  shutdown_completed: ["■", "bold"],
};

/** Options of {@linkcode eventLog}. */
export interface EventLogOptions {
  readonly io: CommandIo;
  /** Whether steps in between are shown too. */
  readonly verbose: boolean;
  /** Wall clock in milliseconds at time 0 of the tree's clock. */
  readonly epochMs: number;
  /** Width of the longest path. */
  readonly width: number;
}

/** Returns what renders an item as a line, or as nothing. */
export function eventLog({ io, verbose, epochMs, width }: EventLogOptions): (item: LogItem) => string {
  const line = (atMs: number | undefined, mark: string, path: string, text: string): string => {
    const time = atMs === undefined ? " ".repeat(12) : clockTime(epochMs + atMs);
    return `${paint(io, "dim", time)} ${mark} ${cleanText(path).padEnd(Math.min(width, WIDEST))}  ${text}\n`;
  };
  return (item) => {
    if (!("type" in item)) return line(item.atMs, paint(io, "dim", "│"), item.path, paint(io, "dim", cleanText(item.line)));
    if (item.type === "gap") return line(undefined, paint(io, "yellow", "!"), "", describe(item));
    if (!verbose && DETAILS.has(item.type)) return "";
    const [mark, color] = MARKS[item.type] ?? ["·", "dim"];
    const returns = item.type === "child_failed" && item.decision.retryAtMs !== null && item.decision.delayMs >= 1000
      ? ` (${clockTime(epochMs + item.decision.retryAtMs).slice(0, 8)})`
      : "";
    return line(item.atMs, paint(io, color, mark), item.path, cleanText(`${describe(item)}${returns}`));
  };
}

function clockTime(epochMs: number): string {
  const date = new Date(epochMs);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
