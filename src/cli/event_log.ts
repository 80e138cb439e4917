/** Events and output as lines for people. */
import { describe, type EventType, type GapMarker, type LogRecord, type SupervisorEvent } from "../../mod.ts";
import { type Palette, palette } from "./io.ts";

/** What comes in a stream of events or of output. */
export type LogItem = SupervisorEvent | LogRecord | GapMarker;

/** Steps of which the next event tells the same. */
const DETAILS: ReadonlySet<EventType> = new Set(["backoff_scheduled", "child_running", "child_restarting", "child_killing"]);

type Mood = keyof Palette;

/** A mark for each sort of event, so that nothing is told by colour alone. */
const MARKS: Readonly<Partial<Record<EventType, readonly [string, Mood]>>> = {
  child_ready: ["●", "good"],
  child_healthy: ["●", "good"],
  supervisor_ready: ["●", "good"],
  child_succeeded: ["✓", "good"],
  child_failed: ["✗", "bad"],
  child_abandoned: ["✗", "bad"],
  supervisor_escalated: ["✗", "bad"],
  child_unhealthy: ["!", "warn"],
  child_heartbeat_stale: ["!", "warn"],
  child_not_ready: ["!", "warn"],
  child_waiting: ["…", "dim"],
  child_starting: ["▸", "dim"],
  shutdown_requested: ["■", "strong"],
  shutdown_completed: ["■", "strong"],
};

/** Options of {@linkcode eventLog}. */
export interface EventLogOptions {
  readonly color: boolean;
  /** Whether steps in between are shown too. */
  readonly verbose: boolean;
  /** Wall clock in milliseconds at time 0 of the tree's clock. */
  readonly epochMs: number;
}

/** Returns what renders an item as a line, or as nothing. */
export function eventLog({ color, verbose, epochMs }: EventLogOptions): (item: LogItem) => string {
  const colors = palette(color);
  let width = 12;
  const line = (atMs: number | undefined, mark: string, path: string, text: string): string => {
    width = Math.min(32, Math.max(width, path.length));
    const time = atMs === undefined ? " ".repeat(12) : clockTime(epochMs + atMs);
    return `${colors.dim(time)} ${mark} ${path.padEnd(width)}  ${text}\n`;
  };
  return (item) => {
    if (!("type" in item)) return line(item.atMs, colors.dim("│"), item.path, colors.dim(item.line));
    if (item.type === "gap") return line(undefined, colors.warn("!"), "", describe(item));
    if (!verbose && DETAILS.has(item.type)) return "";
    const [mark, mood] = MARKS[item.type] ?? ["·", "dim"];
    const returns = item.type === "child_failed" && item.decision.retryAtMs !== null && item.decision.delayMs >= 1000
      ? ` (${clockTime(epochMs + item.decision.retryAtMs).slice(0, 8)})`
      : "";
    return line(item.atMs, colors[mood](mark), item.path, `${describe(item)}${returns}`);
  };
}

function clockTime(epochMs: number): string {
  const date = new Date(epochMs);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
