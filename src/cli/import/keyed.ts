/** Hands out the keys of a map of another program, and remembers which nobody asked for. */
import { type Gaps, Placeholders } from "./model.ts";

type Path = readonly (string | number)[];

/** Finds the line of a value. */
export type LineOf = (path: Path) => number;

/** Whether a value has keys. */
export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Fills in what `<<` of YAML stands for, however deep: keys of the map itself win. */
export function withMergedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withMergedKeys);
  if (!isMap(value)) return value;
  const { "<<": merged, ...own } = value;
  const sources: unknown[] = merged === undefined ? [] : Array.isArray(merged) ? [...merged] : [merged];
  // Of several that are merged, the first wins.
  const base = sources.reverse().map(withMergedKeys).filter(isMap).reduce((all, source) => ({ ...all, ...source }), {});
  return Object.fromEntries(Object.entries({ ...base, ...own }).map(([key, entry]) => [key, withMergedKeys(entry)]));
}

/** One map of a file. */
export class Keyed {
  readonly gaps: Gaps;
  readonly path: Path;
  readonly #raw: Readonly<Record<string, unknown>>;
  readonly #lineOf: LineOf;
  readonly #asked = new Set<string>();

  constructor(raw: Readonly<Record<string, unknown>>, path: Path, lineOf: LineOf, gaps: Gaps) {
    this.#raw = raw;
    this.path = path;
    this.#lineOf = lineOf;
    this.gaps = gaps;
  }

  /** The line of a key. */
  line(key: string): number {
    return this.#lineOf([...this.path, key]);
  }

  /** The value of the first of several keys that is there, whatever it is; `null` counts as absent. */
  any(...keys: readonly string[]): unknown {
    for (const key of keys) this.#asked.add(key);
    const key = keys.find((name) => Object.hasOwn(this.#raw, name) && this.#raw[name] !== null);
    return key === undefined ? undefined : this.#raw[key];
  }

  /** A text, also where it is written as a number. */
  text(...keys: readonly string[]): string | undefined {
    const value = this.any(...keys);
    if (value === undefined) return undefined;
    if (typeof value === "number" || typeof value === "boolean") return String(value);
    if (typeof value === "string" && value.trim() !== "" && !value.includes("\0")) return value;
    return this.#wrong(keys, "is no text");
  }

  /** A number that is not negative, also where it is written as a text. */
  number(...keys: readonly string[]): number | undefined {
    const value = this.any(...keys);
    if (value === undefined) return undefined;
    const number = typeof value === "string" && /^\d{1,15}(?:\.\d{1,9})?$/.test(value) ? Number(value) : value;
    if (typeof number === "number" && number >= 0 && Number.isFinite(number)) return number;
    return this.#wrong(keys, "is no number that can be taken over");
  }

  /** A yes or no. */
  flag(...keys: readonly string[]): boolean | undefined {
    const value = this.any(...keys);
    if (value === undefined || typeof value === "boolean") return value;
    if (value === "true" || value === "false") return value === "true";
    return this.#wrong(keys, "is neither true nor false");
  }

  /** A list of texts; a single text is a list of one. */
  texts(...keys: readonly string[]): string[] | undefined {
    const value = this.any(...keys);
    if (value === undefined) return undefined;
    const list: unknown[] = Array.isArray(value) ? value : [value];
    const texts = list.flatMap((entry) => typeof entry === "string" || typeof entry === "number" ? [String(entry)] : []);
    if (texts.length === list.length && !texts.some((text) => text.includes("\0"))) return texts;
    return this.#wrong(keys, "is no list of texts");
  }

  /** A map inside. */
  map(...keys: readonly string[]): Keyed | undefined {
    const value = this.any(...keys);
    if (value === undefined) return undefined;
    const key = keys.find((name) => this.#raw[name] === value) ?? "";
    return isMap(value) ? new Keyed(value, [...this.path, key], this.#lineOf, this.gaps) : this.#wrong(keys, "is no map");
  }

  /** Names of all keys. */
  keys(): string[] {
    return Object.keys(this.#raw);
  }

  /** Tells of a key that is not taken over. */
  gap(key: string, why: string, instead: string): void {
    this.#asked.add(key);
    this.gaps.add(this.line(key), [...this.path, key].filter((part) => typeof part === "string").join("."), why, instead);
  }

  /** Tells of each of several keys that is there and asks for something. */
  gapWhereAsked(keys: readonly string[], why: string, instead: string): void {
    for (const key of keys) {
      const value = this.any(key);
      if (value !== undefined && value !== false && value !== "") this.gap(key, why, instead);
    }
  }

  /** Tells of every key that nobody asked for. */
  tellRest(why: string, instead: string): void {
    for (const key of this.keys()) if (!this.#asked.has(key)) this.gap(key, why, instead);
  }

  #wrong(keys: readonly string[], why: string): undefined {
    const key = keys.find((name) => this.#raw[name] !== undefined && this.#raw[name] !== null) ?? "";
    this.gap(key, why, "correct it, and import again");
    return undefined;
  }
}

/** A text of a program that fills in variables: what it fills in from its own environment becomes placeholders. */
export function withPlaceholders(text: string): string | Placeholders {
  let hasVariable = false;
  const parts: { readonly text: string; readonly isVariable: boolean }[] = [];
  let last = 0;
  for (const match of text.matchAll(/\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::?-([^}]*))?\}|\$([A-Za-z_][A-Za-z0-9_]*)/g)) {
    const [whole, braced, fallback = "", bare] = match;
    const name = braced ?? bare;
    parts.push({ text: text.slice(last, match.index), isVariable: false });
    parts.push(name === undefined ? { text: "$", isVariable: false } : { text: `$\{${name}:-${fallback}}`, isVariable: true });
    hasVariable ||= name !== undefined;
    last = match.index + whole.length;
  }
  parts.push({ text: text.slice(last), isVariable: false });
  if (!hasVariable) return parts.map((part) => part.text).join("");
  // What is literal is escaped as a whole: a dollar that was doubled may stand before a brace now.
  let written = "";
  let literal = "";
  for (const part of [...parts, { text: "", isVariable: true }]) {
    if (!part.isVariable) literal += part.text;
    else {
      // What ends with a dollar would escape the brace that follows.
      const [, before = "", dollar] = /^([^]*?)(\$?)$/.exec(literal) ?? [];
      written += `${before.replaceAll("${", () => "$${")}${dollar === "$" && part.text !== "" ? "${DOLLAR:-$}" : dollar}${part.text}`;
      literal = "";
    }
  }
  return new Placeholders(written);
}
