/** `reeve audit verify` and `reeve audit show`: whether what was recorded is whole, and what it says; in a file, or in what a run remembers. */
import { cleanText, pause, ReeveError } from "../../base/mod.ts";
import { type AuditFinding, type AuditVerification, isHash, readAuditLines, verifyAudit } from "../../observe/mod.ts";
import { type AuditEntry, auditLog, dateTime, entryOfFile, isWantedRecord, type WantedRecords } from "../audit_log.ts";
import { spanOf } from "../event_wishes.ts";
import { lasting, MOST_REMEMBERED, untilCtrlC } from "../following.ts";
import { type CommandIo, EXIT, paint, refuse } from "../io.ts";
import { lineJson } from "../plain_json.ts";
import { Printer } from "../printer.ts";
import { type TargetArgs, usualFile, withTarget } from "../target.ts";

/** Arguments of {@linkcode auditVerify}. */
export interface AuditVerifyArgs {
  /** The file of the audit; the one that the YAML file names where absent. */
  readonly file?: string | undefined;
  /** That YAML file. */
  readonly config?: string | undefined;
  /** Hash of a line that somebody noted. */
  readonly expect?: string | undefined;
  /** Whether to print JSON instead of sentences. */
  readonly json: boolean;
}

/** Arguments of {@linkcode auditShow}. */
export interface AuditShowArgs extends Pick<TargetArgs, "socket"> {
  /** The file of the audit; a run is asked where absent. */
  readonly file?: string | undefined;
  /** The YAML file of that run. */
  readonly config?: string | undefined;
  /** Only what was recorded from this moment on: a time, seconds since 1970, or an age such as `15m`. */
  readonly since?: string | undefined;
  /** Only this command, `command.pause_child` or `pause_child`. */
  readonly command?: string | undefined;
  /** Only what this one asked for. */
  readonly by?: string | undefined;
  /** Whether to go on with what the run records. @default {false} */
  readonly follow?: boolean;
  /** Whether to print JSON, one object a line, instead of lines for people. */
  readonly json: boolean;
}

/** Prints whether an audit is whole; returns 0 when it is, 1 when somebody changed something, 2 when it cannot be read. */
export async function auditVerify({ file: named, config, expect, json }: AuditVerifyArgs, io: CommandIo): Promise<number> {
  const hash = expect?.toLowerCase();
  if (hash !== undefined && !isHash(hash)) {
    return refuse(io, `Cannot look for the hash "${hash}": it must have 64 digits from 0 to f`, EXIT.unusable);
  }
  const file = named ?? await fileOf(config ?? usualFile());
  if (file === undefined) {
    return refuse(io, "No file of an audit is named: name one, or a YAML file with audit.file_path by --file", EXIT.unusable);
  }
  return await readable(io, async () => {
    const found = await verifyAudit(file, { expect: hash });
    if (json) io.stdout(`${JSON.stringify(asJson(file, found), null, 2)}\n`);
    else printVerification(file, found, hash !== undefined, io);
    return found.problemCount === 0 ? EXIT.clean : EXIT.problems;
  });
}

/** Prints what was recorded, the oldest first; returns 0, 1 when the run refuses, 2 when it cannot be read, 130 after Ctrl-C. */
export async function auditShow(args: AuditShowArgs, io: CommandIo): Promise<number> {
  const { file, since, json, follow = false, command, by } = args;
  const span = spanOf(since, undefined);
  if (typeof span === "string") return refuse(io, span, EXIT.unusable);
  const wanted = { sinceMs: span.sinceMs, command, by };
  if (file === undefined) {
    return follow ? await untilCtrlC((signal) => showOfRun(args, wanted, io, signal)) : await showOfRun(args, wanted, io);
  }
  if (follow) return refuse(io, "--follow goes with a run, not with a file of the audit", EXIT.unusable);
  return await readable(io, async () => {
    const damaged = await print(file, wanted, json, io);
    if (damaged > 0) {
      const many = damaged === 1 ? "1 line is" : `${damaged} lines are`;
      io.stderr(`reeve: ${many} not as written; "reeve audit verify ${cleanText(file)}" tells where\n`);
    }
    return EXIT.clean;
  });
}

/** What a run remembers; with a signal also what comes, over restarts of the run. */
async function showOfRun(args: AuditShowArgs, wanted: WantedRecords, io: CommandIo, signal?: AbortSignal): Promise<number> {
  const target = { file: args.config, socket: args.socket };
  let isAnswered = false;
  let isFresh = true;
  const onLoss = (): void => void (isFresh = true);
  const code = await withTarget(target, io, async (client) => {
    isAnswered = true;
    const log = args.json ? lineJson : auditLog(io);
    const last = { run: "", sequence: 0 };
    using printer = new Printer(io);
    while (true) {
      // Who answers anew may be another run, whose numbers begin anew.
      const after = isFresh ? 0 : last.sequence;
      isFresh = false;
      for (
        const record of await client.audit({ after, limit: MOST_REMEMBERED, ...signal === undefined ? {} : { timeoutMs: PATIENCE_MS } })
      ) {
        const { run, sequence } = record;
        if (run === last.run && sequence <= last.sequence) continue;
        Object.assign(last, { run, sequence });
        const isOwn = signal !== undefined && record.kind === "read" && record.method === "reeve.audit";
        const entry: AuditEntry = { ...record };
        if (!isOwn && isWantedRecord(entry, wanted) && !await printer.add(log(entry))) return EXIT.clean;
      }
      if (!await printer.flush() || signal === undefined) return EXIT.clean;
      await pause(POLL_MS, signal);
      if (signal.aborted) return EXIT.clean;
    }
  }, signal === undefined ? {} : lasting(io, signal, onLoss));
  if (code === EXIT.unusable && !isAnswered) await tellFile(args, io);
  return code;
}

/** How often a run is asked for what is new, in milliseconds. */
const POLL_MS = 1_000;

/** Who follows waits for the next run as long as it takes: as long as a timer can. */
const PATIENCE_MS = 2_147_483_647;

/** Where nobody runs the tree, its audit may be in a file. */
async function tellFile({ config, socket }: AuditShowArgs, io: CommandIo): Promise<void> {
  const path = await fileOf(config ?? (socket === undefined ? usualFile() : undefined));
  if (path !== undefined) io.stderr(`reeve: its audit is in a file: reeve audit show ${cleanText(path, 4_096)}\n`);
}

/** The file of the audit that a YAML file names. */
async function fileOf(config: string | undefined): Promise<string | undefined> {
  if (config === undefined) return undefined;
  const { loadFile } = await import("../../config/mod.ts");
  const loaded = await loadFile(config).catch(() => null);
  return loaded?.spec.audit?.filePath;
}

/** Prints what is wanted of a file; returns how many lines are no records, or were changed. */
async function print(file: string, wanted: WantedRecords, json: boolean, io: CommandIo): Promise<number> {
  using printer = new Printer(io);
  const log = auditLog(io);
  let damaged = 0;
  for await (const lines of readAuditLines(file)) {
    for (const { line, text } of lines) {
      if (line.kind !== "unchained" && !(line.kind === "chained" && line.isTrue)) damaged++;
      const record = line.kind === "chained" || line.kind === "unchained" ? line.record : null;
      if (record === null || text === null) continue;
      const entry = entryOfFile(record);
      if (!isWantedRecord(entry, wanted)) continue;
      if (!await printer.add(json ? `${text}\n` : log(entry))) return damaged;
    }
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
