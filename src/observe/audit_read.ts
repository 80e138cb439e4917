/** Reads what was recorded back, from the oldest file on. */
import { Buffer } from "node:buffer";
import { thrownMessage } from "../base/mod.ts";
import { NEWLINE } from "./append_file.ts";
import { type AuditLine, auditText, readAuditLine } from "./audit_chain.ts";
import { openSeries, type SeriesFile } from "./file_series.ts";

/** A line of a file of the audit. */
export interface AuditFileLine {
  /** Its file. */
  readonly file: string;
  /** Its number, counted from 1. */
  readonly number: number;
  /** What stands there; `null` where that is too long, or cannot be read. */
  readonly text: string | null;
  /** What it is. */
  readonly line: AuditLine;
  /** Why nothing more of the file can be read, else `null`. */
  readonly failure: string | null;
}

/** Longest line, in bytes: no record is nearly as long. */
const LONGEST = 1024 * 1024;

const FOREIGN: AuditLine = { kind: "foreign" };

/** Reads all files of an audit, many lines at a time, also while it is written; no file is held in memory as a whole. Rejects with `audit_not_opened` where there is none. */
export async function* readAuditLines(path: string): AsyncGenerator<readonly AuditFileLine[]> {
  const files = await openSeries(path, { code: "audit_not_opened", what: "the audit" });
  try {
    for (const file of files) {
      yield* linesIn(file);
      await file.close();
    }
  } finally {
    for (const file of files) await file.close();
  }
}

async function* linesIn({ name: file, read }: SeriesFile): AsyncGenerator<readonly AuditFileLine[]> {
  let last = 0;
  try {
    const blocks = await read();
    if (blocks === null) throw new Error("it was moved away while the audit was read");
    for await (const lines of split(blocks)) {
      yield lines.map((bytes) => {
        const [text, line] = bytes === null ? [null, FOREIGN] : [auditText(bytes), readAuditLine(bytes)];
        return { file, number: ++last, text, line, failure: null };
      });
    }
  } catch (error) {
    yield [{ file, number: last + 1, text: null, line: FOREIGN, failure: thrownMessage(error) }];
  }
}

/** Splits blocks into lines as they are, byte by byte; what is too long is `null`, and never held in memory. */
async function* split(blocks: AsyncIterable<Uint8Array>): AsyncGenerator<readonly (Uint8Array | null)[]> {
  let begun: Uint8Array | null = new Uint8Array();
  for await (const block of blocks) {
    const lines: (Uint8Array | null)[] = [];
    let from = 0;
    for (let end = block.indexOf(NEWLINE); end !== -1; end = block.indexOf(NEWLINE, from)) {
      lines.push(longer(begun, block.subarray(from, end)));
      begun = new Uint8Array();
      from = end + 1;
    }
    begun = longer(begun, block.subarray(from));
    if (lines.length > 0) yield lines;
  }
  if (begun === null || begun.length > 0) yield [begun];
}

function longer(begun: Uint8Array | null, more: Uint8Array): Uint8Array | null {
  if (begun === null || begun.length + more.length > LONGEST) return null;
  return begun.length === 0 ? more : Buffer.concat([begun, more]);
}
