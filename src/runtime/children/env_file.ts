/** Reads the variables of a process from a file. */
import { open, stat } from "node:fs/promises";
import { codeOf, thrownMessage } from "../../base/mod.ts";
import { platform } from "../../platform/mod.ts";

/** Most bytes of a file with variables. */
const MOST_BYTES = 1024 * 1024;

/** Most bytes that are read at once. */
const BLOCK = 64 * 1024;

/** Why a file cannot be used. No value of it is ever told. */
export interface EnvFileProblem {
  /** Whether nothing is there. */
  readonly isMissing: boolean;
  /** The reason, with the path and, where there is one, the line. */
  readonly reason: string;
  /** What to do next. */
  readonly hint?: string;
}

/** The variables of a file, the last one of a name, or why there are none. */
export type EnvFile = { readonly variables: ReadonlyMap<string, string> } | { readonly problem: EnvFileProblem };

/** Reads a file with lines `NAME=value`; never rejects. */
export async function readEnvFile(path: string): Promise<EnvFile> {
  const refused = (reason: string, hint?: string): EnvFile => ({
    problem: { isMissing: false, reason: `Cannot read environment file "${path}": ${reason}`, ...(hint === undefined ? {} : { hint }) },
  });
  try {
    const bytes = await readBounded(path);
    if (typeof bytes === "string") return refused(bytes);
    const text = decoded(bytes);
    if (text === null) return refused("it is not in UTF-8");
    const parsed = parseEnvFile(text);
    return parsed instanceof Map ? { variables: parsed } : refused(`line ${parsed.line} ${parsed.reason}`, parsed.hint);
  } catch (error) {
    if (codeOf(error) === "ENOENT") {
      return { problem: { isMissing: true, reason: `Cannot read environment file "${path}": it does not exist` } };
    }
    const hint = platform.permissionHint(error);
    const reason = `Cannot read environment file "${path}": ${thrownMessage(error)}`;
    return { problem: { isMissing: false, reason, ...(hint === undefined ? {} : { hint }) } };
  }
}

/** A line that cannot be used. */
export interface BadLine {
  /** Its number, from 1. */
  readonly line: number;
  /** What is wrong with it. */
  readonly reason: string;
  /** What to do next. */
  readonly hint?: string;
}

/** Takes a text apart; nothing in it is expanded or run. */
export function parseEnvFile(text: string): Map<string, string> | BadLine {
  const variables = new Map<string, string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const content = line.trim();
    if (content === "" || content.startsWith("#")) continue;
    const found = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=\s*(.*)$/.exec(content);
    if (found === null || content.includes("\0")) {
      const hint = "A comment begins with #, a value with several lines is written in double quotes with \\n";
      return { line: index + 1, reason: "is not NAME=value", hint };
    }
    const [, name = "", rest = ""] = found;
    const value = valueOf(rest);
    if (typeof value !== "string") return { line: index + 1, ...value };
    variables.set(name, value);
  }
  return variables;
}

type BadValue = Omit<BadLine, "line">;

/** The value behind the equals sign. Looked at by hand: a line may be a mebibyte long, which is too much for most expressions. */
function valueOf(rest: string): string | BadValue {
  const quote = rest[0];
  if (quote !== '"' && quote !== "'") return withoutComment(rest);
  const end = quote === "'" ? rest.indexOf(quote, 1) : closingQuote(rest);
  if (end === -1) {
    return { reason: "has a quote that is not closed", hint: "A value with several lines is written in double quotes with \\n" };
  }
  const after = rest.slice(end + 1).trimStart();
  if (after !== "" && !after.startsWith("#")) {
    return { reason: "goes on after the closing quote", hint: 'Write a quote inside double quotes as \\"' };
  }
  const inner = rest.slice(1, end);
  return quote === "'" ? inner : unescaped(inner);
}

/** A comment begins at the start or after a blank. */
function withoutComment(rest: string): string {
  for (let at = rest.indexOf("#"); at !== -1; at = rest.indexOf("#", at + 1)) {
    if (at === 0 || rest[at - 1]!.trim() === "") return rest.slice(0, at).trimEnd();
  }
  return rest;
}

function closingQuote(rest: string): number {
  for (let at = 1; at < rest.length; at++) {
    if (rest[at] === "\\") at++;
    else if (rest[at] === '"') return at;
  }
  return -1;
}

const ESCAPES: ReadonlyMap<string, string> = new Map([["n", "\n"], ["r", "\r"], ["t", "\t"], ["\\", "\\"], ['"', '"'], ["$", "$"]]);

function unescaped(text: string): string | BadValue {
  let isKnown = true;
  const value = text.replace(/\\([^])/g, (_, escaped: string) => {
    const meant = ESCAPES.get(escaped);
    isKnown &&= meant !== undefined;
    return meant ?? "";
  });
  if (isKnown) return value;
  return {
    reason: "has an escape that is not known",
    hint: 'Write \\n, \\r, \\t, \\", \\$, and \\\\ for a backslash, or use single quotes',
  };
}

function decoded(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** The bytes of a file, or why they are not wanted. Only what is a file is opened: opening a pipe may wait for ever. */
async function readBounded(path: string): Promise<Uint8Array | string> {
  const found = await stat(path);
  if (!found.isFile()) return "it is not a file";
  const tooLarge = `it has more than ${MOST_BYTES} bytes`;
  if (found.size > MOST_BYTES) return tooLarge;
  const handle = await open(path);
  try {
    const blocks: Uint8Array[] = [];
    // What the size says may be out of date, or nothing at all.
    for (let total = 0;;) {
      const { bytesRead, buffer } = await handle.read(new Uint8Array(BLOCK), 0, BLOCK, null);
      if (bytesRead === 0) return joined(blocks, total);
      total += bytesRead;
      if (total > MOST_BYTES) return tooLarge;
      blocks.push(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}

function joined(blocks: readonly Uint8Array[], total: number): Uint8Array {
  const whole = new Uint8Array(total);
  let offset = 0;
  for (const block of blocks) {
    whole.set(block, offset);
    offset += block.length;
  }
  return whole;
}
