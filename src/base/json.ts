/** JSON without loss: integers of any size go out as digits, and what comes in is looked at before it is parsed. */

/** Writes a value as JSON; a bigint becomes an integer, members without a value are left out. */
export function toJson(value: unknown): string {
  switch (typeof value) {
    case "bigint":
      return String(value);
    case "object":
      if (value === null) return "null";
      if (value instanceof RawJson) return value.text;
      return Array.isArray(value) ? listToJson(value) : objectToJson(value);
    default:
      return JSON.stringify(value) ?? "null";
  }
}

/** A piece of JSON that was written before. */
export class RawJson {
  readonly text: string;

  constructor(text: string) {
    this.text = inOnePiece(text);
  }
}

/** A text that was put together is a tree of its pieces until somebody looks into it: each use, and each tidying of the memory, would go through all of them. */
function inOnePiece(text: string): string {
  text.charCodeAt(0);
  return text;
}

function listToJson(list: readonly unknown[]): string {
  let text = "";
  for (const entry of list) text += `${text === "" ? "" : ","}${inOnePiece(toJson(entry === undefined ? null : entry))}`;
  return `[${text}]`;
}

function objectToJson(value: object): string {
  let text = "";
  for (const [key, entry] of Object.entries(value)) {
    if (entry === undefined) continue;
    text += `${text === "" ? "" : ","}${nameToJson(key)}:${toJson(entry)}`;
  }
  return `{${text}}`;
}

const NAMES = new Map<string, string>();

/** Names repeat: the few there are are written once. */
function nameToJson(name: string): string {
  const before = NAMES.get(name);
  if (before !== undefined) return before;
  const text = JSON.stringify(name);
  if (NAMES.size < 1_024) NAMES.set(name, text);
  return text;
}

/** Why a text is refused before it is parsed: it is nested too deep, or an object has a member twice; `null` when it is not. */
export function refuseJson(text: string, deepest: number): string | null {
  /** Names of the objects that are open, `null` for lists. */
  const open: (Set<string> | null)[] = [];
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) {
      const end = endOfString(text, index);
      const names = open.at(-1) ?? null;
      if (names !== null && isName(text, end) && !addedName(names, text.slice(index, end))) {
        return `duplicate field ${text.slice(index, Math.min(end, index + 64))}`;
      }
      index = end - 1;
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (open.push(code === OPEN_BRACE ? new Set() : null) > deepest) return "recursion limit exceeded";
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      open.pop();
    }
  }
  return null;
}

const QUOTE = 34;
const BACKSLASH = 92;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const COLON = 58;

/** Where a string ends that begins at an index: after its closing quote, or where the text ends. */
function endOfString(text: string, start: number): number {
  let end = start;
  do end = text.indexOf('"', end + 1); while (end !== -1 && isEscaped(text, end));
  return end === -1 ? text.length : end + 1;
}

/** Whether a character stands after an odd number of backslashes. */
function isEscaped(text: string, index: number): boolean {
  let first = index;
  while (text.charCodeAt(first - 1) === BACKSLASH) first--;
  return (index - first) % 2 === 1;
}

function isName(text: string, end: number): boolean {
  for (let index = end; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === COLON) return true;
    if (code > 32) return false;
  }
  return false;
}

/** Two spellings of one name are the same name. */
function addedName(names: Set<string>, quoted: string): boolean {
  const name = quoted.includes("\\") ? spelledOut(quoted) : quoted.slice(1, -1);
  if (names.has(name)) return false;
  names.add(name);
  return true;
}

function spelledOut(quoted: string): string {
  try {
    return String(JSON.parse(quoted));
  } catch {
    // It is no JSON, which the parser says better.
    return quoted;
  }
}
