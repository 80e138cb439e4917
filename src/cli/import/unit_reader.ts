/** Hands out what a unit says, key by key, and remembers what nobody asked for. */
import type { Gaps } from "./model.ts";
import { type Entry, flagOf, spanMs, specifierIn, unitEntries } from "./unit_file.ts";
import { reasonFor } from "./unit_gaps.ts";

/** One unit. */
export class UnitReader {
  readonly gaps: Gaps;
  readonly #entries: readonly Entry[];
  readonly #asked = new Set<string>();
  readonly #refused = new Set<Entry>();

  constructor(text: string, gaps: Gaps) {
    this.gaps = gaps;
    this.#entries = unitEntries(text, (line, stray) => gaps.add(line, stray.slice(0, 80), "is no line of a unit", "correct or remove it"));
  }

  /** Whether it has a section. */
  has(section: string): boolean {
    return this.#entries.some((entry) => entry.section === section);
  }

  /** All values of a key that count: an empty one takes those before it away. */
  list(...keys: readonly string[]): Entry[] {
    let found: Entry[] = [];
    for (const key of keys) this.#asked.add(key);
    for (const entry of this.#entries) {
      if (!keys.includes(entry.key)) continue;
      if (entry.value === "") found = [];
      else if (this.#isWhole(entry)) found.push(entry);
    }
    return found;
  }

  /** The value of a key that counts: the last one. */
  last(...keys: readonly string[]): Entry | undefined {
    return this.list(...keys).at(-1);
  }

  /** A yes or no; what is neither is told. */
  flag(key: string): boolean | undefined {
    const entry = this.last(key);
    if (entry === undefined) return undefined;
    const flag = flagOf(entry.value);
    if (flag === undefined) this.gap(entry, "is neither yes nor no", "correct it");
    return flag;
  }

  /** A span of time in milliseconds, `null` for ever; what is none is told. */
  span(...keys: readonly string[]): { readonly ms: number | null; readonly entry: Entry } | undefined {
    const entry = this.last(...keys);
    if (entry === undefined) return undefined;
    const ms = spanMs(entry.value);
    if (ms !== undefined) return { ms, entry };
    this.gap(entry, "is no span of time", "write it as systemd does, such as 1min 30s");
    return undefined;
  }

  /** Tells of something that is not taken over. */
  gap({ key, value, line }: Entry, why: string, instead: string): void {
    this.gaps.add(line, `${key}=${value.slice(0, 80)}`, why, instead);
  }

  /** The same, with the reason that is known for the key. */
  known(entry: Entry): void {
    const { why, instead } = reasonFor(entry.key);
    this.gap(entry, why, instead);
  }

  /** Tells of every key that nobody asked for. */
  tellRest(): void {
    for (const entry of this.#entries) if (!this.#asked.has(entry.key) && entry.value !== "") this.known(entry);
  }

  /** The name of the unit is known to systemd alone. */
  #isWhole(entry: Entry): boolean {
    const specifier = specifierIn(entry.value);
    if (specifier === undefined) return true;
    if (this.#refused.has(entry)) return false;
    this.#refused.add(entry);
    this.gap(entry, `the specifier ${specifier} is filled in by systemd alone`, "write what it stands for");
    return false;
  }
}
