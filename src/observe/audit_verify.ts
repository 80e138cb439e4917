/** Finds out whether an audit is whole: whether each line is as it was written, and follows the one that was written before it. */
import { AUDIT_VERSION, isHash, NO_HASH, TAMPERED } from "./audit_chain.ts";
import { type AuditFileLine, readAuditLines } from "./audit_read.ts";

/** Something about one line. */
export interface AuditFinding {
  /** Its file. */
  readonly file: string;
  /** Its number, counted from 1. */
  readonly line: number;
  /** What is to be said of it. */
  readonly what: string;
}

/** What an audit is found to be. */
export interface AuditVerification {
  /** The files that have lines, the oldest first. */
  readonly files: readonly string[];
  /** How many records there are. */
  readonly records: number;
  /** How many of them are of version 1 and have no hash: whether somebody changed those cannot be found. */
  readonly unchained: number;
  /** Milliseconds since the Unix epoch of the first record, `null` where there is none. */
  readonly firstAtMs: number | null;
  /** Those of the last one. */
  readonly lastAtMs: number | null;
  /** How many runs of the program wrote them. */
  readonly runs: number;
  /** Hash of the last line; noted elsewhere, it shows later whether anything up to it was changed. `null` where no line has one. */
  readonly lastHash: string | null;
  /** Where somebody changed something; the first 100. */
  readonly problems: readonly AuditFinding[];
  /** How many problems there are in all. */
  readonly problemCount: number;
  /** What is as it should be, and good to know: where a crash cut a line off, and that older files are gone; the first 100. */
  readonly remarks: readonly AuditFinding[];
  /** How many remarks there are in all. */
  readonly remarkCount: number;
}

/** Options of {@linkcode verifyAudit}. */
export interface VerifyAuditOptions {
  /** Hash that a line must have, because somebody noted it. @default {none} */
  readonly expect?: string;
}

/** So many problems and remarks are told. */
const MOST_FINDINGS = 100;

/**
 * Reads an audit and its older files, and finds what somebody changed in them; rejects with `audit_not_opened` where there is none.
 *
 * What it cannot find without `expect`: lines that were taken away at the end while nobody wrote, the oldest files that were removed, and files that were written anew
 * as a whole by somebody who calculated all hashes again.
 */
export async function verifyAudit(path: string, { expect }: VerifyAuditOptions = {}): Promise<AuditVerification> {
  if (expect !== undefined && !isHash(expect)) {
    throw new TypeError(`Cannot look for the hash "${expect}": it must have 64 digits from 0 to f`);
  }
  const verifier = new Verifier(expect ?? null);
  for await (const lines of readAuditLines(path)) {
    for (const line of lines) verifier.look(line);
  }
  return verifier.end(path);
}

/** Looks at one line after the other. */
class Verifier {
  readonly #expect: string | null;
  readonly #files: string[] = [];
  readonly #problems = new Findings();
  readonly #remarks = new Findings();
  /** Hash that the next line must have for the one before it; `null` while no line has one, or where that is not known. */
  #previous: string | null = null;
  #isBegun = false;
  #isFound = false;
  #records = 0;
  #unchained = 0;
  #firstAtMs: number | null = null;
  #lastAtMs: number | null = null;
  #runs = 0;
  #run: unknown;
  #lastHash: string | null = null;
  #at: Pick<AuditFileLine, "file" | "number"> | null = null;

  constructor(expect: string | null) {
    this.#expect = expect;
  }

  look(found: AuditFileLine): void {
    const { file, number, line } = found;
    const isFirstOfFile = this.#at?.file !== file;
    if (isFirstOfFile) this.#files.push(file);
    this.#lookAtLine(found, isFirstOfFile ? this.#at?.file ?? null : null);
    this.#at = { file, number };
    if (line.kind === "chained" || line.kind === "unchained") this.#count(line.record);
  }

  end(path: string): AuditVerification {
    const { file, number } = this.#at ?? { file: path, number: 1 };
    if (this.#expect !== null && !this.#isFound) {
      const what =
        `no line up to here has the hash ${this.#expect}: lines at the end are gone, or its file was rotated away, or all were written anew`;
      this.#problems.add({ file, number }, what);
    }
    return {
      files: this.#files,
      records: this.#records,
      unchained: this.#unchained,
      firstAtMs: this.#firstAtMs,
      lastAtMs: this.#lastAtMs,
      runs: this.#runs,
      lastHash: this.#lastHash,
      problems: this.#problems.first,
      problemCount: this.#problems.count,
      remarks: this.#remarks.first,
      remarkCount: this.#remarks.count,
    };
  }

  /** `fileBefore` is the file before this one, where the line is the first of its file. */
  #lookAtLine(at: AuditFileLine, fileBefore: string | null): void {
    const { line, text, failure } = at;
    switch (line.kind) {
      case "chained":
        if (!line.isTrue) this.#problems.add(at, "it was changed: its hash is not that of what stands there");
        else if (!this.#isBegun) this.#begin(at, line.previous);
        else if (this.#previous !== null && line.previous !== this.#previous) this.#problems.add(at, notFollowing(fileBefore));
        this.#isBegun = true;
        this.#previous = this.#lastHash = line.hash;
        if (line.isTrue && line.hash === this.#expect) this.#isFound = true;
        if (line.isTrue && line.record?.["method"] === TAMPERED) {
          this.#problems.add(at, `the program noticed: ${String(line.record["reason"])}`);
        }
        return;
      case "unchained":
        if (this.#isBegun) this.#problems.add(at, "it has no hash, though lines before it have one");
        this.#unchained++;
        return;
      case "newer":
        this.#problems.add(at, `it was written by a newer version (${line.version}), must be at most ${AUDIT_VERSION}`);
        // Nobody knows how it would go on.
        this.#isBegun = true;
        this.#previous = null;
        return;
      case "torn":
        this.#remarks.add(at, "it was cut off by a crash, and is no record");
        return;
      case "foreign":
        this.#problems.add(at, failure === null ? whyForeign(text) : `nothing more can be read of the file: ${failure}`);
        return;
      default:
        return line satisfies never;
    }
  }

  /** The first line with hashes. */
  #begin(at: AuditFileLine, previous: string): void {
    if (previous === NO_HASH) return;
    if (this.#unchained > 0) this.#problems.add(at, "it does not follow the lines before it, which have no hashes: lines between are gone");
    else this.#remarks.add(at, "lines before it are gone, with older files or without");
  }

  #count(record: Readonly<Record<string, unknown>> | null): void {
    this.#records++;
    const { timestamp, run } = record ?? {};
    const atMs = typeof timestamp === "string" ? Date.parse(timestamp) : NaN;
    if (!Number.isNaN(atMs)) {
      this.#firstAtMs ??= atMs;
      this.#lastAtMs = atMs;
    }
    if (run === undefined || run === this.#run) return;
    this.#runs++;
    this.#run = run;
  }
}

/** The first findings, and how many there are. */
class Findings {
  readonly first: AuditFinding[] = [];
  count = 0;

  add({ file, number }: Pick<AuditFileLine, "file" | "number">, what: string): void {
    this.count++;
    if (this.first.length < MOST_FINDINGS) this.first.push({ file, line: number, what });
  }
}

function notFollowing(fileBefore: string | null): string {
  return fileBefore === null
    ? "it does not follow the line before it: lines between the two are gone, or that one was changed, moved or put there"
    : `it does not follow the last line of "${fileBefore}": lines at the end of that file are gone, or it was replaced, or a file between the two is gone`;
}

function whyForeign(text: string | null): string {
  if (text === null) return "it is too long for a record";
  return text === "" ? "it is empty" : "it is no record";
}
