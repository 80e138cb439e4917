/** The language of systemd: lines of a unit, words of a command, spans of time. */
import { shellQuoted } from "./model.ts";

/** One `Key=value` of a unit. */
export interface Entry {
  readonly section: string;
  readonly key: string;
  readonly value: string;
  /** Line in which it begins, counted from 1. */
  readonly line: number;
}

/** Splits a unit; lines that are none are handed to `stray`. */
export function unitEntries(text: string, stray: (line: number, text: string) => void): Entry[] {
  const entries: Entry[] = [];
  let section = "";
  let open: { line: number; text: string } | undefined;
  text.replace(/^\ufeff/, "").split(/\r?\n/).forEach((raw, index) => {
    if (open === undefined && raw.trim() === "") return;
    if (/^\s*[#;]/.test(raw)) return;
    const goesOn = raw.endsWith("\\");
    const part = goesOn ? raw.slice(0, -1) : raw;
    open = open === undefined ? { line: index + 1, text: part } : { line: open.line, text: `${open.text} ${part}` };
    if (!goesOn) close();
  });
  close();
  return entries;

  function close(): void {
    if (open === undefined) return;
    const { line, text: whole } = open;
    open = undefined;
    const [, name] = /^\s*\[([^\]]+)\]\s*$/.exec(whole) ?? [];
    if (name !== undefined) {
      section = name;
      return;
    }
    const at = whole.indexOf("=");
    if (at < 1 || section === "") return stray(line, whole.trim());
    entries.push({ section, key: whole.slice(0, at).trim(), value: whole.slice(at + 1).trim(), line });
  }
}

/** The first specifier in a text, such as `%n`. */
export function specifierIn(text: string): string | undefined {
  return /%(?!%)./.exec(text.replaceAll("%%", ""))?.[0];
}

/** A word: plain text, or with variables for a shell. */
export interface Word {
  /** The text, without quotes; with `$NAME` as it stands where there is a variable. */
  readonly text: string;
  /** The word in the language of sh. */
  readonly shell: string;
  readonly hasVariable: boolean;
  /** Whether it has quotes or escapes, so that it means itself. */
  readonly isQuoted: boolean;
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  s: " ",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
  "'": "'",
  ";": ";",
};

/** Splits a text into words as systemd does; `null` where a quote is not closed or an escape is unknown. */
export function unitWords(text: string, { withVariables }: { readonly withVariables: boolean }): Word[] | null {
  const words: Word[] = [];
  let word = "";
  let shell = "";
  let plain = "";
  let hasVariable = false;
  let isOpen = false;
  let isQuoted = false;
  let quote = "";
  const flush = (): void => {
    if (plain !== "") shell += shellQuoted(plain);
    plain = "";
  };
  const end = (): void => {
    if (!isOpen) return;
    flush();
    words.push({ text: word, shell: shell === "" ? "''" : shell, hasVariable, isQuoted });
    [word, shell, hasVariable, isOpen, isQuoted] = ["", "", false, false, false];
  };
  const add = (characters: string): void => {
    word += characters;
    plain += characters;
    isOpen = true;
  };
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? "";
    if (quote === "" && /\s/.test(character)) end();
    else if (character === quote) quote = "";
    else if (quote === "" && (character === '"' || character === "'")) [quote, isOpen, isQuoted] = [character, true, true];
    else if (character === "\\") {
      const [whole, hex, octal, short] = /^\\(?:x([0-9a-fA-F]{2})|([0-3][0-7]{2})|(.))/.exec(text.slice(at, at + 4)) ?? [];
      if (whole === undefined) return null;
      const meant = hex !== undefined
        ? String.fromCharCode(Number.parseInt(hex, 16))
        : octal !== undefined
        ? String.fromCharCode(Number.parseInt(octal, 8))
        : ESCAPES[short ?? ""];
      if (meant === undefined) return null;
      add(meant);
      isQuoted = true;
      at += whole.length - 1;
    } else if (text[at + 1] === character && (character === "%" || (withVariables && character === "$"))) {
      add(character);
      at++;
    } else if (withVariables && character === "$") {
      const [whole, braced, bare] = /^\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*)(?=\s|$))/.exec(text.slice(at, at + 300)) ??
        [];
      // A bare variable is one only where it is a word of its own.
      if (whole === undefined || (bare !== undefined && isOpen)) add("$");
      else {
        flush();
        word += whole;
        shell += braced === undefined ? `$${bare}` : `"$\{${braced}}"`;
        [hasVariable, isOpen] = [true, true];
        at += whole.length - 1;
      }
    } else add(character);
  }
  if (quote !== "") return null;
  end();
  return words;
}

const UNITS: Readonly<Record<string, number>> = {
  us: 0.001,
  usec: 0.001,
  "µs": 0.001,
  ms: 1,
  msec: 1,
  "": 1_000,
  s: 1_000,
  sec: 1_000,
  second: 1_000,
  seconds: 1_000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  minutes: 60_000,
  h: 3_600_000,
  hr: 3_600_000,
  hour: 3_600_000,
  hours: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  days: 86_400_000,
  w: 604_800_000,
  week: 604_800_000,
  weeks: 604_800_000,
};

/** Reads a span of time such as `1min 30s` in milliseconds; `null` is for ever, `undefined` is none. */
export function spanMs(text: string): number | null | undefined {
  if (text === "infinity") return null;
  let rest = text.trim();
  if (rest === "") return undefined;
  let sum = 0;
  while (rest !== "") {
    const [whole = "", digits = "", unit = ""] = /^(\d{1,12}(?:\.\d{1,9})?)\s*([a-zµ]*)\s*/.exec(rest) ?? [];
    const factor = UNITS[unit];
    if (whole === "" || factor === undefined) return undefined;
    sum += Number(digits) * factor;
    rest = rest.slice(whole.length);
  }
  return sum;
}

/** Reads a yes or no. */
export function flagOf(text: string): boolean | undefined {
  if (/^(?:1|yes|y|true|t|on)$/i.test(text)) return true;
  return /^(?:0|no|n|false|f|off)$/i.test(text) ? false : undefined;
}
