/** Takes secrets out of what is told. */
import { cleanText } from "./clean.ts";

/** What stands in the place of a secret. */
const MASK = "***";

/** Shorter values, and shorter pieces of what was cut, are in too many words to be taken out. */
const SHORTEST = 4;

/** Lines of a value, and encodings of a part of something, count from here on. */
const SHORTEST_PART = 8;

/** After so many characters, programs break lines of base64. */
const BASE64_WIDTHS = [64, 76];

/** Longest regular expression in characters; what is more becomes another one, because engines refuse or forget to compile very long ones. */
const LONGEST_PATTERN = 256 * 1024;

/** Replaces every secret that it was told by `***`, however it is written. */
export class Redactor {
  /** Every way to write a secret. */
  readonly #forms = new Set<string>();
  readonly #values = new Set<string>();
  /** `null` when something was added since they were made. */
  #patterns: readonly RegExp[] | null = [];

  /**
   * Adds secrets; those of fewer than four characters are not taken out.
   *
   * Also taken out: their base64, alone or inside that of something longer, their form in URLs and in JSON, and the single lines of one with several.
   */
  add(values: Iterable<string>): void {
    for (const value of values) {
      if (value.length < SHORTEST || this.#values.has(value)) continue;
      this.#values.add(value);
      for (const form of formsOf(value)) if (form.length >= SHORTEST) this.#forms.add(form);
      this.#patterns = null;
    }
  }

  /** Replaces the secrets in a text. */
  clean(text: string): string {
    if (this.#forms.size === 0) return text;
    let cleaned = text;
    for (const pattern of this.#compiled()) cleaned = cleaned.replace(pattern, MASK);
    return cleaned;
  }

  /** Replaces the secrets in a message that may have been cut already: the beginning of one before a `…` goes too. */
  cleanCut(text: string): string {
    const cleaned = this.clean(text);
    return this.#forms.size === 0 || !cleaned.includes("…") ? cleaned : this.#withoutBeginnings(cleaned);
  }

  /** How many characters at the end of a text belong to a secret of which the rest may follow, so that it must not be cut before them. */
  unfinished(text: string): number {
    let most = 0;
    for (const form of this.#forms) most = Math.max(most, beginningAtEnd(form, text, 1));
    if (most === 0) return 0;
    // The end of a whole secret may be the beginning of another one.
    for (const pattern of this.#compiled()) {
      for (const { index, 0: { length } } of text.matchAll(pattern)) {
        if (index + length > text.length - most) most = Math.max(most, text.length - index);
      }
    }
    return most;
  }

  #compiled(): readonly RegExp[] {
    return this.#patterns ??= patternsOf(this.#forms);
  }

  #withoutBeginnings(text: string): string {
    const parts = text.split("…");
    const last = parts.pop()!;
    const cleaned = parts.map((part) => {
      let most = 0;
      for (const form of this.#forms) most = Math.max(most, beginningAtEnd(form, part, SHORTEST));
      return most === 0 ? part : part.slice(0, -most) + MASK;
    });
    return [...cleaned, last].join("…");
  }
}

/** How many characters of the form's beginning, not of the whole of it, a text ends with; 0 when they are fewer than `least`. */
function beginningAtEnd(form: string, text: string, least: number): number {
  const lead = form.slice(0, least);
  for (let at = text.indexOf(lead, Math.max(0, text.length - form.length + 1)); at !== -1; at = text.indexOf(lead, at + 1)) {
    if (form.startsWith(text.slice(at))) return text.length - at;
  }
  return 0;
}

function* formsOf(value: string): Iterable<string> {
  yield value;
  yield value.trim();
  yield cleanText(value, Infinity);
  yield JSON.stringify(value).slice(1, -1);
  yield* urlForms(value);
  yield* base64Forms(value);
  // What is thrown under the name of a secret is labelled so.
  if (value.length >= SHORTEST_PART) yield value.replace(/[^A-Za-z0-9_.-]/g, "_");
  const lines = value.split(/\r?\n|\r/);
  if (lines.length === 1) return;
  for (const line of lines) {
    if (line.length >= SHORTEST_PART) yield line;
    if (line.trim().length >= SHORTEST_PART) yield line.trim();
  }
}

function urlForms(value: string): string[] {
  // As a field of a form: what cannot be encoded is replaced, so that this never throws.
  const form = new URLSearchParams([["", value]]).toString().slice(1);
  const strict = form.replaceAll("+", "%20");
  const lenient = strict.replace(/%(?:21|27|28|29|7E)/g, (code) => String.fromCharCode(parseInt(code.slice(1), 16)));
  return [form, strict, lenient].flatMap((text) => [text, text.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())]);
}

/** A value inside something longer begins in the middle of a group of three bytes: what its own bytes decide alone is the same in all. */
function* base64Forms(value: string): Iterable<string> {
  let bytes = "";
  for (const byte of new TextEncoder().encode(value)) bytes += String.fromCharCode(byte);
  const whole = btoa(bytes);
  for (
    const text of [
      whole,
      whole.replace(/=+$/, ""),
      ...BASE64_WIDTHS.flatMap((width) => whole.length > width ? chunks(whole, width) : []),
    ]
  ) {
    yield text;
    yield urlSafe(text);
  }
  for (let before = 0; before < 3; before++) {
    const end = Math.floor(8 * (before + bytes.length) / 6);
    const own = btoa("\0".repeat(before) + bytes).slice(Math.ceil(8 * before / 6), end);
    if (own.length < SHORTEST_PART) continue;
    yield own;
    yield urlSafe(own);
  }
}

function urlSafe(base64: string): string {
  return base64.replaceAll("+", "-").replaceAll("/", "_");
}

function chunks(text: string, width: number): string[] {
  const found: string[] = [];
  for (let at = 0; at < text.length; at += width) found.push(text.slice(at, at + width));
  return found.filter((chunk) => chunk.length >= SHORTEST_PART);
}

/** The longest first: a secret that is the beginning of another one must not leave the rest of that. */
function patternsOf(forms: ReadonlySet<string>): RegExp[] {
  const patterns: RegExp[] = [];
  let sources: string[] = [];
  let length = 0;
  const finish = (): void => {
    if (sources.length > 0) patterns.push(new RegExp(sources.join("|"), "g"));
    sources = [];
    length = 0;
  };
  for (const form of [...forms].sort((a, b) => b.length - a.length)) {
    const source = form.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
    if (length > 0 && length + source.length > LONGEST_PATTERN) finish();
    sources.push(source);
    length += source.length + 1;
  }
  finish();
  return patterns;
}
