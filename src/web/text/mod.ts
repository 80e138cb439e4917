/** The words of the page, in the language that is chosen. */
import { humanised, visible } from "../model/clean.ts";
import { lasting } from "../model/format.ts";
import { rawOf, textOf } from "../model/read.ts";
import type { Row, RowWords } from "../model/timeline.ts";
import { en, type Key } from "./en.ts";
import { zh } from "./zh.ts";
import { zhEvents } from "./zh_events.ts";
import { zhExit, zhSentence } from "./zh_sentences.ts";

/** Languages of the page. */
export type Language = "en" | "zh";

/** All words, by language. */
export const WORDS: Readonly<Record<Language, Readonly<Record<Key, string>>>> = { en, zh };

export type { Key };

let current: Language = "en";

/** The language that is chosen. */
export function language(): Language {
  return current;
}

/** Chooses a language. */
export function choose(chosen: Language): void {
  current = chosen;
}

/** The language for somebody whose browser wants these, best first. */
export function languageFor(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    if (/^zh\b/i.test(tag)) return "zh";
    if (/^en\b/i.test(tag)) return "en";
  }
  return "en";
}

const SLOT = /\{(\w+)(?::([^/}]*)\/([^}]*))?\}/g;

/** A text, with what stands in braces put in; `{count:child/children}` is the number with the word that fits it. */
export function t(key: Key, values: Readonly<Record<string, string | number>> = {}): string {
  return WORDS[current][key].replace(SLOT, (whole, name: string, one?: string, many?: string) => {
    if (!Object.hasOwn(values, name)) return whole;
    return one === undefined ? String(values[name]) : `${values[name]} ${values[name] === 1 ? one : many}`;
  });
}

/** A word of the protocol: translated where it is known, else in letters for people. */
export function word(kind: string, name: string): string {
  const words: Readonly<Record<string, string>> = WORDS[current];
  const key = `${kind}.${name}`;
  return Object.hasOwn(words, key) ? words[key]! : humanised(name);
}

/** How long something lasts, in the language that is chosen. */
export function duration(ms: number): string {
  return lasting(ms).replace(/[a-z]/g, (unit) => word("unit", unit));
}

/** The name of an event. */
export function eventWord(name: string): string {
  if (current === "zh") {
    const key = snakeCase(name);
    if (Object.hasOwn(zhEvents, key)) return zhEvents[key]!;
  }
  return humanised(name);
}

/** How a child ended: as it was sent, or in the language that is chosen where it has words for it. */
export function exitWords(sent: string): string {
  return (current === "zh" ? zhExit(sent) : null) ?? sent;
}

/** What rows say in the language that is chosen, each found once. */
export const ROW_WORDS: RowWords = {
  type: ({ kind, type }) => kind === "event" ? eventWord(type) : kind === "audit" ? word("command", type) : type,
  text: (row) => {
    if (current === "en" || row.kind === "log") return row.text;
    const known = said.get(row);
    if (known !== undefined) return known;
    const text = row.kind === "event" ? zhSentence(snakeCase(row.type), row.text) ?? row.text : auditText(row);
    said.set(row, text);
    return text;
  },
};

/** What was found in Chinese: rows stay as they are, and are shown and searched again and again. */
const said = new WeakMap<Row, string>();

function auditText({ raw }: Row): string {
  const { identity, reason, result, detail } = rawOf(raw);
  const more = textOf(detail) === null || detail === result ? "" : `（${textOf(detail)}）`;
  return visible(
    `${textOf(rawOf(identity)["principal"]) ?? "?"}：${textOf(reason) ?? ""} → ${word("result", textOf(result) ?? "")}${more}`,
  );
}

function snakeCase(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();
}
