/** Reads a journal back, from its oldest file on. */
import { ReeveError, thrownMessage } from "../../base/mod.ts";
import { openSeries, type SeriesFile } from "../file_series.ts";
import {
  beginningOf,
  eventFilter,
  type JournalEntry,
  type JournalEvent,
  type JournalGap,
  LONGEST_LINE,
  parseLine,
  timeFilter,
  type WantedEvents,
} from "./line.ts";
import { type Line, linesOf } from "./split.ts";

/**
 * Reads a journal and its older files in order, while it may be written; no file is ever held in memory as a whole.
 *
 * Gaps are told whatever is wanted of the events in that time. Lines that are none of a journal are told as `damaged` and passed over. Throws `journal_not_opened`
 * where there is no journal, or a newer version wrote it.
 *
 * @example
 * ```ts ignore
 * import { describe, readJournal } from "@reeve/supervisor";
 *
 * for await (const entry of readJournal("/var/lib/shop/events.jsonl", { since: Date.now() - 3_600_000, types: ["child_failed"] })) {
 *   if (entry.kind === "event") console.log(new Date(entry.timeMs), entry.event.path, describe(entry.event));
 * }
 * ```
 */
export async function* readJournal(path: string, wanted: WantedEvents = {}): AsyncGenerator<JournalEntry> {
  const files = await openSeries(path, { code: "journal_not_opened", what: "the journal" });
  const reader = new JournalReader(wanted);
  try {
    for (const file of files) {
      yield* reader.read(file);
      await file.close();
    }
  } finally {
    for (const file of files) await file.close();
  }
}

class JournalReader {
  readonly #isOfTime: ReturnType<typeof timeFilter>;
  readonly #isWanted: ReturnType<typeof eventFilter>;
  /** The last number of each run: what was written again, or is met again in a file that moved on, is not told again. */
  readonly #lastOf = new Map<string, number>();

  constructor(wanted: WantedEvents) {
    this.#isOfTime = timeFilter(wanted);
    this.#isWanted = eventFilter(wanted);
  }

  async *read(file: SeriesFile): AsyncGenerator<JournalEntry> {
    const damage = (line: number, reason: string): JournalEntry => ({ kind: "damaged", file: file.name, line, reason });
    let last = 0;
    try {
      const blocks = await file.read();
      if (blocks === null) {
        yield damage(0, "it was moved away while the journal was read");
        return;
      }
      for await (const lines of linesOf(blocks)) {
        for (const line of lines) {
          last = line.number;
          const found = this.#readLine(line, file.name);
          if (typeof found === "string") yield damage(line.number, found);
          else if (found !== null) yield found;
        }
      }
    } catch (error) {
      if (error instanceof ReeveError) throw error;
      yield damage(last + 1, `nothing more can be read of the file: ${thrownMessage(error)}`);
    }
  }

  /** What is in a line: why it is none of ours, or `null` when it is not wanted. */
  #readLine({ number, text, isWhole }: Line, file: string): JournalEvent | JournalGap | string | null {
    if (text === "") return null;
    if (text === null) return `it is no text, or longer than ${LONGEST_LINE} bytes`;
    const beginning = beginningOf(text);
    if (beginning !== null && !this.#isOfTime(beginning)) return null;
    const entry = parseLine(text);
    switch (entry.kind) {
      case "newer":
        throw newerVersion(file, entry.version, `line ${number}`);
      case "foreign":
        return isWhole ? entry.reason : "its end is missing";
      case "gap":
        return this.#isNew(entry.run, entry.to) && this.#isOfTime(entry) ? entry : null;
      case "event":
        return this.#isNew(entry.run, entry.event.seq) && this.#isOfTime(entry) && this.#isWanted(entry.event) ? entry : null;
      default:
        return entry satisfies never;
    }
  }

  #isNew(run: string, seq: number): boolean {
    if (seq <= (this.#lastOf.get(run) ?? 0)) return false;
    this.#lastOf.set(run, seq);
    return true;
  }
}

/** What is said of a file of a newer version. */
export function newerVersion(path: string, version: number, place: string): ReeveError {
  const message = `Cannot use the journal "${path}": ${place} was written by a newer version (${version}), must be at most 1`;
  return new ReeveError("journal_not_opened", message, { path, hint: "Use the newer version of the package, or another file" });
}
