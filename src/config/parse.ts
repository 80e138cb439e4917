/** From text to plain data, with everything refused that could hurt: bombs, depth, reserved keys, several documents. */
import { CORE_SCHEMA, load } from "js-yaml";
import { isRaw, type Raw, toPointer } from "./pointer.ts";
import type { Position } from "./positions.ts";

/** Largest file in bytes. */
export const LARGEST_FILE = 1024 * 1024;
/** Deepest nesting of values. */
const DEEPEST = 64;
/** Most values a file may have once its aliases are written out. */
const MOST_VALUES = 200_000;

const RESERVED: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/** What is wrong with a text before any key is looked at. */
export interface ParseProblem {
  readonly rule: string;
  readonly pointer: string;
  readonly reason: string;
  readonly hint?: string;
  /** Where it is, if the parser said so. */
  readonly position?: Position;
}

/** The data of a text, or why it is refused. */
export type Parsed = { readonly raw: Raw } | { readonly problem: ParseProblem };

/** Parses the bytes of a file. */
export function parseBytes(bytes: Uint8Array): Parsed {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return refused("not_utf8", "is not UTF-8 text");
  }
  return parseText(text);
}

/** Parses a text. */
export function parseText(text: string): Parsed {
  if (text.length > LARGEST_FILE) return refused("too_large", `has more than ${LARGEST_FILE} characters`, "Split it with include");
  if (isBlank(text)) return refused("empty", "is empty", "The smallest useful file is a list of children; see reeve template");
  let value: unknown;
  try {
    value = load(text, { schema: CORE_SCHEMA });
  } catch (error) {
    return { problem: syntaxProblem(error) };
  }
  const problem = findDanger(value);
  if (problem !== undefined) return { problem };
  if (!isRaw(value)) return refused("wrong_type", "must be a map with keys such as children");
  return { raw: value };
}

/** Whether there are only comments; parsers differ in what they make of that. */
function isBlank(text: string): boolean {
  return text.split("\n").every((line) => /^\s*(?:#|---|$)/.test(line));
}

/** Walks the data once per distinct value: aliases share values, so that a bomb is small until it is written out. */
function findDanger(root: unknown): ParseProblem | undefined {
  const sizes = new Map<object, { readonly size: number; readonly height: number }>();
  /** Levels below the value that was looked at last; -1 for a scalar. */
  let height = -1;
  const open = new Set<object>();
  let found: ParseProblem | undefined;

  function sizeOf(value: unknown, path: readonly PropertyKey[]): number {
    if (typeof value !== "object" || value === null || found !== undefined) return 1;
    const known = sizes.get(value);
    if (known !== undefined) {
      if (path.length + known.height > DEEPEST) return fail(tooDeep(path));
      height = known.height;
      return known.size;
    }
    const pointer = toPointer(path);
    if (open.has(value)) return fail({ rule: "self_reference", pointer, reason: "contains itself through an alias" });
    if (path.length > DEEPEST) return fail(tooDeep(path));
    // Whatever way a parser may have let such a key through.
    if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) {
      return fail({ rule: "reserved_key", pointer, reason: "has a reserved key" });
    }
    open.add(value);
    let size = 1;
    let highest = 0;
    const entries: Iterable<[PropertyKey, unknown]> = Array.isArray(value) ? value.entries() : Object.entries(value);
    for (const [key, entry] of entries) {
      if (typeof key === "string" && RESERVED.has(key)) {
        fail({ rule: "reserved_key", pointer: toPointer([...path, key]), reason: `"${key}" is a reserved key` });
      }
      height = -1;
      size += sizeOf(entry, [...path, key]);
      highest = Math.max(highest, height + 1);
      if (size > MOST_VALUES) {
        fail({ rule: "too_many_values", pointer, reason: `has more than ${MOST_VALUES} values once its aliases are written out` });
      }
      if (found !== undefined) break;
    }
    open.delete(value);
    sizes.set(value, { size, height: highest });
    height = highest;
    return size;
  }

  function fail(problem: ParseProblem): number {
    found ??= problem;
    return 1;
  }

  sizeOf(root, []);
  return found;
}

function refused(rule: string, reason: string, hint?: string): Parsed {
  return { problem: { rule, pointer: "", reason: `the file ${reason}`, ...(hint === undefined ? {} : { hint }) } };
}

function tooDeep(path: readonly PropertyKey[]): ParseProblem {
  return { rule: "too_deep", pointer: toPointer(path.slice(0, 4)), reason: `is nested deeper than ${DEEPEST} levels` };
}

/** Names the line and the column that the parser wrote into its message. */
function syntaxProblem(error: unknown): ParseProblem {
  const message = error instanceof Error ? error.message : String(error);
  const firstLine = message.split("\n", 1)[0] ?? "";
  const [place, line, column] = /\s*(?:at )?\(?(?:line )?(\d+)(?::|, column )(\d+)\)?:?/.exec(firstLine) ?? [];
  const position = line === undefined || column === undefined ? {} : { position: { line: Number(line), column: Number(column) } };
  if (error instanceof RangeError || /maxDepth/.test(firstLine)) {
    return { ...tooDeep([]), reason: `the file is nested deeper than ${DEEPEST} levels`, ...position };
  }
  if (/single document/.test(firstLine)) {
    return {
      rule: "several_documents",
      pointer: "",
      reason: "the file has several documents, must have one",
      hint: 'Remove the lines with "---"',
      ...position,
    };
  }
  return {
    rule: "syntax",
    pointer: "",
    reason: `the file is not valid YAML: ${firstLine.replace(place ?? "", "").slice(0, 256)}`,
    ...position,
  };
}
