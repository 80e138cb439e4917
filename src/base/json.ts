/** JSON without loss: integers of any size go out as digits, and what comes in is looked at before it is parsed. */

/** Writes a value as JSON; a bigint becomes an integer, members without a value are left out. */
export function toJson(value: unknown): string {
  switch (typeof value) {
    case "bigint":
      return String(value);
    case "object":
      if (value === null) return "null";
      if (value instanceof RawJson) return value.text;
      if (Array.isArray(value)) return `[${value.map((entry) => toJson(entry === undefined ? null : entry)).join(",")}]`;
      return objectToJson(value);
    default:
      return JSON.stringify(value) ?? "null";
  }
}

/** A piece of JSON that was written before. */
export class RawJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

function objectToJson(value: object): string {
  let text = "";
  for (const [key, entry] of Object.entries(value)) {
    if (entry === undefined) continue;
    text += `${text === "" ? "" : ","}${JSON.stringify(key)}:${toJson(entry)}`;
  }
  return `{${text}}`;
}

/** Why a text is refused before it is parsed; `null` when it is not. */
export function refuseJson(text: string, deepest: number): string | null {
  const names = new Set<string>();
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) {
      const end = endOfString(text, index);
      if (depth === 1 && isName(text, end) && !addedName(names, text.slice(index, end))) {
        return `duplicate field ${text.slice(index, Math.min(end, index + 64))}`;
      }
      index = end - 1;
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (++depth > deepest) return "recursion limit exceeded";
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      depth--;
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
  for (let index = start + 1; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === BACKSLASH) index++;
    else if (code === QUOTE) return index + 1;
  }
  return text.length;
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
  let name = quoted;
  try {
    name = JSON.parse(quoted);
  } catch {
    // It is no JSON, which the parser says better.
  }
  if (names.has(name)) return false;
  names.add(name);
  return true;
}
