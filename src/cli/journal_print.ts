/** Prints what is in a journal. */
import { cleanText } from "../base/mod.ts";
import { type JournalEvent, type JournalGap, readJournal } from "../observe/mod.ts";
import { type DatedEntry, entryOfJournal } from "./dated_log.ts";
import { type EventWishes, isShown, PathFilter, typesOf } from "./event_wishes.ts";
import type { CommandIo } from "./io.ts";
import { Printer } from "./printer.ts";

/** What can be shown of a journal. */
type Shown = JournalEvent | JournalGap;

/** Up to where a journal was read. */
export interface JournalEnd {
  readonly run: string;
  readonly seq: number;
  /** Whether nobody reads any more. */
  readonly isGone: boolean;
}

/** What {@linkcode printJournal} prints, and in which way. */
export interface JournalShowing {
  readonly args: { readonly json: boolean };
  readonly wishes: EventWishes;
  readonly log: (entry: DatedEntry) => string;
  readonly io: CommandIo;
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
}

/** Prints the oldest first; resolves with the last that was there, whether it was wanted or not, and `null` where there was nothing. */
export async function printJournal(path: string, { args, wishes, log, io, signal }: JournalShowing): Promise<JournalEnd | null> {
  const render = args.json ? textOf : (entry: Shown): string => log(entryOfJournal(entry));
  const { sinceMs: since, untilMs: until, limit } = wishes;
  const types = typesOf(wishes);
  const wanted = types === undefined ? null : new Set(types);
  const paths = new PathFilter(wishes.child);
  const damage = new Damage();
  const last: Shown[] = [];
  let end: Omit<JournalEnd, "isGone"> | null = null;
  let isGone = false;
  const isWanted = (entry: Shown): boolean => {
    if (entry.kind === "gap") return true;
    const { event, timeMs } = entry;
    return paths.isWanted(event.path) && (wanted === null || wanted.has(event.type)) && isShown(wishes, { type: event.type, timeMs });
  };
  using printer = new Printer(io);
  try {
    for await (const entry of readJournal(path, { since, until })) {
      if (signal?.aborted === true) break;
      if (entry.kind === "damaged") {
        damage.at(`${entry.file}:${entry.line} (${entry.reason})`);
        continue;
      }
      end = { run: entry.run, seq: entry.kind === "gap" ? entry.to : entry.event.seq };
      if (!isWanted(entry)) continue;
      if (limit !== Infinity) {
        last.push(entry);
        if (last.length > limit) last.shift();
      } else if (!await printer.add(damage.orElse(entry, render))) {
        isGone = true;
        break;
      }
    }
    for (const entry of last) if (!await printer.add(damage.orElse(entry, render))) break;
    isGone = !await printer.flush();
  } finally {
    damage.tell(io);
    if (paths.complaint !== null) io.stderr(`reeve: ${cleanText(paths.complaint)}\n`);
  }
  return end === null ? isGone ? { run: "", seq: 0, isGone } : null : { ...end, isGone };
}

function textOf({ text }: Shown): string {
  return `${text}\n`;
}

/** So many damaged lines are told with their place. */
const MOST_PLACES = 5;

/** What cannot be shown. */
class Damage {
  #count = 0;
  readonly #places: string[] = [];

  at(place: string): void {
    if (++this.#count <= MOST_PLACES) this.#places.push(place);
  }

  /** Shows what was perhaps edited, so that it lacks what events of its type have. */
  orElse(entry: Shown, render: (entry: Shown) => string): string {
    try {
      return render(entry);
    } catch {
      this.at(`an event of ${new Date(entry.timeMs).toISOString()} (it lacks something)`);
      return "";
    }
  }

  tell(io: CommandIo): void {
    if (this.#count === 0) return;
    const more = this.#count > this.#places.length ? `\n  and ${this.#count - this.#places.length} more` : "";
    const places = this.#places.map((place) => `\n  ${cleanText(place)}`).join("");
    io.stderr(`reeve: ${this.#count} ${this.#count === 1 ? "line is" : "lines are"} damaged, and left out:${places}${more}\n`);
  }
}
