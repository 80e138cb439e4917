/** `reeve audit verify FILE` and `reeve audit show FILE`: whether what was recorded is whole, and what it says. */
import { cleanText, ReeveError } from "../../base/mod.ts";
import { type AuditFinding, type AuditVerification, isHash, readAuditLines, verifyAudit } from "../../observe/mod.ts";
import { type CommandIo, EXIT, paint, refuse } from "../io.ts";
import { Outlet } from "../outlet.ts";
import { momentOf, MOMENTS } from "../when.ts";

/** Arguments of {@linkcode auditVerify}. */
export interface AuditVerifyArgs {
  /** The file of the audit. */
  readonly file: string;
  /** Hash of a line that somebody noted. */
  readonly expect?: string | undefined;
  /** Whether to print JSON instead of sentences. */
  readonly json: boolean;
}

/** Arguments of {@linkcode auditShow}. */
export interface AuditShowArgs {
  /** The file of the audit. */
  readonly file: string;
  /** Only what was recorded from this moment on: a time, seconds since 1970, or an age such as `15m`. */
  readonly since?: string | undefined;
  /** Only this command, `command.pause_child` or `pause_child`. */
  readonly command?: string | undefined;
  /** Only what this one asked for. */
  readonly by?: string | undefined;
  /** Whether to print the lines of the file instead of lines for people. */
  readonly json: boolean;
}

/** Prints whether an audit is whole; returns 0 when it is, 1 when somebody changed something, 2 when it cannot be read. */
export async function auditVerify({ file, expect, json }: AuditVerifyArgs, io: CommandIo): Promise<number> {
  const hash = expect?.toLowerCase();
  if (hash !== undefined && !isHash(hash)) {
    return refuse(io, `Cannot look for the hash "${hash}": it must have 64 digits from 0 to f`, EXIT.unusable);
  }
  return await readable(io, async () => {
    const found = await verifyAudit(file, { expect: hash });
    if (json) io.stdout(`${JSON.stringify(asJson(file, found), null, 2)}\n`);
    else printVerification(file, found, hash !== undefined, io);
    return found.problemCount === 0 ? EXIT.clean : EXIT.problems;
  });
}

/** Prints what was recorded, the oldest first; returns 0, or 2 when it cannot be read. */
export async function auditShow({ file, since, json, ...others }: AuditShowArgs, io: CommandIo): Promise<number> {
  const sinceMs = since === undefined ? -Infinity : momentOf(since, Date.now());
  if (sinceMs === undefined) return refuse(io, `Cannot understand --since "${since}": it must be ${MOMENTS}`, EXIT.unusable);
  return await readable(io, async () => {
    const damaged = await print(file, { ...others, sinceMs }, json, io);
    if (damaged > 0) {
      const many = damaged === 1 ? "1 line is" : `${damaged} lines are`;
      io.stderr(`reeve: ${many} not as written; "reeve audit verify ${cleanText(file)}" tells where\n`);
    }
    return EXIT.clean;
  });
}

/** Prints what is wanted; returns how many lines are no records, or were changed. */
async function print(file: string, wanted: Wanted, json: boolean, io: CommandIo): Promise<number> {
  const outlet = new Outlet();
  let damaged = 0;
  let run: unknown;
  try {
    for await (const lines of readAuditLines(file)) {
      let out = "";
      for (const { line, text } of lines) {
        if (line.kind !== "unchained" && !(line.kind === "chained" && line.isTrue)) damaged++;
        const record = line.kind === "chained" || line.kind === "unchained" ? line.record : null;
        if (record === null || text === null || !isWanted(record, wanted)) continue;
        if (!json && record["run"] !== run) out += `${paint(io, "dim", `── ${nameOfRun(record)}`)}\n`;
        run = record["run"];
        out += json ? `${text}\n` : lineFor(record, io);
      }
      if (out === "") continue;
      io.stdout(out);
      await outlet.ready();
      if (outlet.isGone) break;
    }
  } finally {
    outlet.release();
  }
  return damaged;
}

async function readable(io: CommandIo, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ReeveError)) throw error;
    return refuse(io, error.message, EXIT.unusable);
  }
}

function asJson(file: string, found: AuditVerification): object {
  return {
    ok: found.problemCount === 0,
    file,
    files: found.files,
    records: found.records,
    unchained: found.unchained,
    first: timeOrNull(found.firstAtMs),
    last: timeOrNull(found.lastAtMs),
    runs: found.runs,
    last_hash: found.lastHash,
    problem_count: found.problemCount,
    problems: found.problems,
    remark_count: found.remarkCount,
    remarks: found.remarks,
  };
}

function timeOrNull(atMs: number | null): string | null {
  return atMs === null ? null : new Date(atMs).toISOString();
}

function printVerification(file: string, found: AuditVerification, isExpected: boolean, io: CommandIo): void {
  printFindings(found.problems, found.problemCount, paint(io, "red", "error"), (text) => io.stderr(text));
  printFindings(found.remarks, found.remarkCount, paint(io, "yellow", "note"), (text) => io.stdout(text));
  const { records, unchained, files, runs, firstAtMs, lastAtMs, lastHash, problemCount } = found;
  const span = firstAtMs === null || lastAtMs === null ? "" : `, ${dateTime(firstAtMs)} to ${dateTime(lastAtMs)}`;
  const writers = runs === 0 ? "" : `, by ${countOf(runs, "run", "runs")} of the program`;
  io.stdout(`${cleanText(file)}: ${countOf(records, "record", "records")} in ${countOf(files.length, "file", "files")}${span}${writers}\n`);
  if (unchained > 0) {
    io.stdout(`${countOf(unchained, "record", "records")} of version 1: not chained, so that nobody can tell about them\n`);
  }
  if (problemCount > 0) {
    io.stderr(`${cleanText(file)} is not as it was written: ${countOf(problemCount, "problem", "problems")}\n`);
    return;
  }
  if (lastHash === null) return;
  io.stdout(`every record with a hash is as it was written; the last hash is ${lastHash}\n`);
  if (isExpected) io.stdout("the expected hash is there\n");
  else io.stdout("whether lines at the end are gone only a hash can tell that was noted elsewhere: --expect HASH\n");
}

function printFindings(findings: readonly AuditFinding[], count: number, word: string, print: (text: string) => void): void {
  for (const { file, line, what } of findings) print(`${word}  ${cleanText(`${file}:${line}  ${what}`)}\n`);
  if (count > findings.length) print(`${word}  and ${count - findings.length} more\n`);
}

function countOf(count: number, one: string, many: string): string {
  return `${count === 0 ? "no" : count} ${count === 1 ? one : many}`;
}

type AuditEntry = Readonly<Record<string, unknown>>;

/** What is to be shown. */
interface Wanted extends Pick<AuditShowArgs, "command" | "by"> {
  readonly sinceMs: number;
}

function isWanted(record: AuditEntry, { sinceMs, command, by }: Wanted): boolean {
  const method = textOf(record["method"]);
  if (command !== undefined && method !== command && !method.endsWith(`.${command}`)) return false;
  if (by !== undefined && record["requested_by"] !== by) return false;
  // What has no time that can be read is rather shown than hidden.
  return !(Date.parse(textOf(record["timestamp"])) < sinceMs);
}

function lineFor(record: AuditEntry, io: CommandIo): string {
  const atMs = Date.parse(textOf(record["timestamp"]));
  const time = Number.isNaN(atMs) ? "no time".padEnd(23) : dateTime(atMs);
  const cells = [whoAsked(record), textOf(record["method"]) || "-", textOf(record["target_path"]) || "-"];
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
  const by = textOf(record["requested_by"]);
  if (by !== "") return by;
  const [origin, hash] = [textOf(record["origin"]) || "socket", textOf(record["initiator_hash"])];
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
      `refused: ${[record["denial_code"], record["denial_control_point"]].map(textOf).join(" ").trim()}${end}`,
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
function dateTime(epochMs: number): string {
  const date = new Date(epochMs);
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
