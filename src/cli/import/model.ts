/** What every importer hands out: children in the form of a file, and what has no equivalent. */
import { extname } from "node:path";

/** A text with placeholders `${NAME:-default}`, which are filled in when the file is loaded; any other text is taken as it is. */
export class Placeholders {
  /** The text, in which a literal `${` is written as `$${`. */
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A value of a file. */
export type Value = string | number | boolean | null | Placeholders | readonly Value[] | Fields;

/** Keys of a file with their values; what is `undefined` is not written. */
export interface Fields {
  readonly [key: string]: Value | undefined;
}

/** One child. */
export interface ImportedChild {
  /** Its name, one that a file may have. */
  readonly name: string;
  /** What is said of it in comments. */
  readonly remarks: readonly string[];
  /** Its keys beside the name. */
  readonly fields: Fields;
}

/** Something that has no equivalent. */
export interface Gap {
  /** The file in which it stands. */
  readonly file: string;
  /** The line in which it stands, counted from 1. */
  readonly line: number;
  /** What stands there. */
  readonly what: string;
  /** Why it is not taken over. */
  readonly why: string;
  /** What to do instead. */
  readonly instead: string;
}

/** What was read from a file of another program. */
export interface Imported {
  /** Keys of the file beside its children. */
  readonly top: Fields;
  /** The children. */
  readonly children: readonly ImportedChild[];
  /** What has no equivalent. */
  readonly gaps: readonly Gap[];
}

/** Thrown where nothing at all can be taken over. */
export class Unusable extends Error {
  override readonly name = "Unusable";
}

/** Where paths of the source start, and where those of the result do. */
export interface Folders {
  /** The folder of the source. */
  readonly source: string;
  /** Says a path of the source, relative to `from` where it is relative, as the result must say it. */
  readonly place: (path: string, from?: string) => string;
}

/** Collects what has no equivalent in one file. */
export class Gaps {
  readonly #file: string;
  readonly #found: Gap[];

  constructor(file: string, found: Gap[]) {
    this.#file = file;
    this.#found = found;
  }

  /** Adds one. */
  add(line: number, what: string, why: string, instead: string): void {
    this.#found.push({ file: this.#file, line, what, why, instead });
  }
}

const RESERVED: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);
const LONGEST_NAME = 64;
/** Most children that one import makes. */
const MOST_CHILDREN = 5_000;

/** Gives out names that a child may have, each once. */
export class Names {
  readonly #taken = new Set<string>();
  /** The number that is tried next for a name. */
  readonly #next = new Map<string, number>();

  /** The name itself where it may be had, else one that is like it. */
  take(wanted: string): string {
    const allowed = wanted.replace(/[^A-Za-z0-9_-]+/g, "-").replace(/^(?=[-0-9])/, "_").slice(0, LONGEST_NAME);
    const base = allowed === "" || RESERVED.has(allowed) ? `${allowed}_child` : allowed;
    if (this.#taken.size >= MOST_CHILDREN) throw new Unusable(`it has more than ${MOST_CHILDREN} children`);
    let name = base;
    for (let number = this.#next.get(base) ?? 2; this.#taken.has(name); number++) {
      name = `${base}-${number}`;
      this.#next.set(base, number + 1);
    }
    this.#taken.add(name);
    return name;
  }
}

/** Longest time that a key may have, in milliseconds. */
export const LONGEST_MS = 2 ** 31 - 1;

/** A time that a key may have: whole milliseconds, not longer than can be waited. */
export function asMs(ms: number, leastMs = 1): number {
  return Math.min(LONGEST_MS, Math.max(leastMs, Math.round(ms)));
}

/** Quotes a word for sh. */
export function shellQuoted(word: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The file of one of several copies. */
export function numbered(file: string, index: number): string {
  const extension = extname(file);
  return `${file.slice(0, file.length - extension.length)}-${index}${extension}`;
}

/** Variables in the form of a file; the last of a name counts. */
export function variables(pairs: Iterable<readonly [string, string | Placeholders]>): Value[] | undefined {
  const all = [...new Map(pairs)];
  return all.length === 0 ? undefined : all.map(([name, value]) => ({ name, value }));
}

/** Whether a variable may have this name. */
export function isVariableName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
}

/** Reads a size such as `150M` in MiB, rounded up; `undefined` where it is none. */
export function sizeInMib(text: string): number | undefined {
  const [, digits, unit = ""] = /^(\d{1,15}(?:\.\d{1,6})?)\s*([KMGT]?)(?:i?B)?$/i.exec(text.trim()) ?? [];
  if (digits === undefined) return undefined;
  const power = ["", "K", "M", "G", "T"].indexOf(unit.toUpperCase());
  return Math.max(1, Math.ceil(Number(digits) * 1_024 ** (power - 2)));
}

/** A user or group id where it is one; `root` is 0 everywhere. */
export function numericId(name: string): number | undefined {
  if (name === "root") return 0;
  return /^\d{1,9}$/.test(name) ? Number(name) : undefined;
}
