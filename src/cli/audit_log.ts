/** Records of the audit as lines for people, the same from a file and from a run. */
import { camelCase, cleanText } from "../base/mod.ts";
import { dayOf } from "./dated_log.ts";
import { clockTime } from "./event_log.ts";
import { type CommandIo, paint } from "./io.ts";

/** A record with members as the client names them; of one that somebody may have edited, nothing is certain. */
export type AuditEntry = Readonly<Record<string, unknown>>;

/** A record as it is in a file. */
export function entryOfFile(record: Readonly<Record<string, unknown>>): AuditEntry {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [camelCase(name), value]));
}

/** What is to be shown. */
export interface WantedRecords {
  readonly sinceMs: number;
  /** Only this command, `command.pause_child` or `pause_child`. */
  readonly command?: string | undefined;
  /** Only what this one asked for. */
  readonly by?: string | undefined;
}

/** Whether a record is to be shown. */
export function isWantedRecord(record: AuditEntry, { sinceMs, command, by }: WantedRecords): boolean {
  const method = textOf(record["method"]);
  if (command !== undefined && method !== command && !method.endsWith(`.${command}`)) return false;
  if (by !== undefined && record["requestedBy"] !== by) return false;
  // What has no time that can be read is rather shown than hidden.
  return !(Date.parse(textOf(record["timestamp"])) < sinceMs);
}

/** Returns what renders a record as a line, with a heading where another run of the program begins. */
export function auditLog(io: CommandIo): (record: AuditEntry) => string {
  let run: unknown;
  return (record) => {
    const heading = record["run"] === run ? "" : `${paint(io, "dim", `── ${nameOfRun(record)}`)}\n`;
    run = record["run"];
    return heading + lineFor(record, io);
  };
}

function lineFor(record: AuditEntry, io: CommandIo): string {
  const atMs = Date.parse(textOf(record["timestamp"]));
  const time = Number.isNaN(atMs) ? "no time".padEnd(23) : dateTime(atMs);
  const cells = [whoAsked(record), textOf(record["method"]) || "-", textOf(record["targetPath"]) || "-"];
  const [who = "", what = "", child = ""] = cells.map((text) => cleanText(text, 128));
  const [mark, text] = whatBecame(record, io);
  return `${paint(io, "dim", time)} ${mark} ${who.padEnd(16)}  ${what.padEnd(24)}  ${child.padEnd(20)}  ${cleanText(text)}\n`;
}

function nameOfRun(record: AuditEntry): string {
  const run = textOf(record["run"]);
  return run === "" ? "runs that wrote no number of theirs" : `run ${cleanText(run, 64)}`;
}

/** Who says to have asked, else where it came from. */
function whoAsked(record: AuditEntry): string {
  const by = textOf(record["requestedBy"]);
  if (by !== "") return by;
  const [origin, hash] = [textOf(record["origin"]) || "socket", textOf(record["initiatorHash"])];
  return origin === "socket" ? `socket:${hash.slice(0, 8)}` : origin;
}

/** A mark, so that nothing is told by colour alone, and a text. */
function whatBecame(record: AuditEntry, io: CommandIo): readonly [string, string] {
  const reason = textOf(record["reason"]);
  const because = reason === "" ? "" : `: ${reason}`;
  const more = [
    typeof record["suppressed"] === "number" ? `${record["suppressed"]} more of its kind left out` : "",
    typeof record["lost"] === "number" ? `${record["lost"]} before it lost` : "",
  ].filter((text) => text !== "").join(", ");
  const end = more === "" ? "" : ` (${more})`;
  if (record["allowed"] === false) {
    return [
      paint(io, "red", "✗"),
      `refused: ${[record["denialCode"], record["denialControlPoint"]].map(textOf).join(" ").trim()}${end}`,
    ];
  }
  switch (record["kind"]) {
    case "intent":
      return [paint(io, "dim", "▸"), `asked${because}${end}`];
    case "outcome":
      return [paint(io, "green", "✓"), `done${because}${end}`];
    case "read":
      return [paint(io, "dim", "·"), `read${end}`];
    default:
      return [paint(io, "yellow", "!"), `by itself${because}${end}`];
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Date and time of the place where the command runs. */
export function dateTime(epochMs: number): string {
  return `${dayOf(epochMs)} ${clockTime(epochMs)}`;
}
