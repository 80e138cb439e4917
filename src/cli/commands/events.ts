/** `reeve events [FILE]`: what happened, also in runs that are over, from the journal. */
import type { EventType } from "../../../mod.ts";
import { cleanText, didYouMean, ReeveError } from "../../base/mod.ts";
import { ConfigError, loadJournalOptions } from "../../config/mod.ts";
import { EVENT_TYPES, isEventType } from "../../event/mod.ts";
import { type JournalEvent, type JournalGap, readJournal, type WantedEvents } from "../../observe/mod.ts";
import { type CommandIo, EXIT, refuse } from "../io.ts";
import { journalLog } from "../journal_log.ts";
import { Outlet } from "../outlet.ts";
import { momentOf, MOMENTS } from "../when.ts";
import { exitCodeOf, printRefusal } from "./check.ts";

/** Arguments of {@linkcode events}. */
export interface EventsArgs {
  /** A YAML file that names its journal. */
  readonly file?: string | undefined;
  /** The journal, whatever the file says. */
  readonly journal?: string | undefined;
  /** Only what happened from this moment on: a time, seconds since 1970, or an age such as `15m`. */
  readonly since?: string | undefined;
  /** Only what happened up to this moment. */
  readonly until?: string | undefined;
  /** Only these types, separated by commas. */
  readonly type?: string | undefined;
  /** Only this child and those below it. */
  readonly child?: string | undefined;
  /** Whether steps in between are shown too, which are when their type is asked for. @default {false} */
  readonly verbose?: boolean;
  /** Whether to print the lines of the journal instead of lines for people. */
  readonly json: boolean;
}

/** So many characters are written at a time. */
const PIECE = 64 * 1024;

/** So many damaged lines are told with their place. */
const MOST_PLACES = 5;

/** Prints the events of a journal, the oldest first; returns 0, 1 when the file has violations, 2 when something cannot be used. */
export async function events(args: EventsArgs, io: CommandIo): Promise<number> {
  const wanted = wantedOf(args, io);
  if (wanted === null) return EXIT.unusable;
  const path = await journalOf(args, io);
  if (typeof path === "number") return path;
  try {
    await print(path, wanted, args, io);
    return EXIT.clean;
  } catch (error) {
    if (!(error instanceof ReeveError)) throw error;
    return refuse(io, error.message, EXIT.unusable);
  }
}

function refuseWish(io: CommandIo, reason: string): null {
  refuse(io, reason, EXIT.unusable);
  return null;
}

/** Which events are asked for; `null` when that cannot be understood, which is told. */
function wantedOf({ since, until, type, child }: EventsArgs, io: CommandIo): WantedEvents | null {
  const nowMs = Date.now();
  const moments: (number | undefined)[] = [];
  for (const [option, text] of [["--since", since], ["--until", until]]) {
    const atMs = text === undefined ? undefined : momentOf(text, nowMs);
    if (text !== undefined && atMs === undefined) return refuseWish(io, `Cannot understand ${option} "${text}": it must be ${MOMENTS}`);
    moments.push(atMs);
  }
  const [sinceMs = -Infinity, untilMs = Infinity] = moments;
  if (sinceMs > untilMs) return refuseWish(io, `Nothing can be shown: --since ${since} is after --until ${until}`);
  const types: EventType[] = [];
  for (const name of type?.split(",").map((text) => text.trim()) ?? []) {
    if (!isEventType(name)) {
      const hint = didYouMean(name, EVENT_TYPES) ?? "docs/reference/events.md lists them";
      return refuseWish(io, `There is no event of type "${name}". ${hint}`);
    }
    types.push(name);
  }
  return {
    since: sinceMs,
    until: untilMs,
    ...(type === undefined ? {} : { types }),
    ...(child === undefined ? {} : { path: child.startsWith("/") ? child : `/${child}` }),
  };
}

/** The file of the journal, or the exit code after it was told why there is none. */
async function journalOf({ file, journal }: EventsArgs, io: CommandIo): Promise<string | number> {
  if (journal !== undefined) return journal;
  if (file === undefined) {
    return refuse(io, "No journal is named. Name a YAML file, or the journal itself with --journal PATH", EXIT.unusable);
  }
  try {
    const options = await loadJournalOptions(file);
    if (options !== null) return options.path;
    return refuse(
      io,
      `"${file}" keeps no journal. Write "observability: { journal: { path: events.jsonl } }" into it, or name one with --journal PATH`,
      EXIT.unusable,
    );
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    printRefusal(error, file, { color: io.color, stdout: (text) => io.stderr(text), stderr: (text) => io.stderr(text) });
    return exitCodeOf(error);
  }
}

async function print(path: string, wanted: WantedEvents, { json, verbose = false }: EventsArgs, io: CommandIo): Promise<void> {
  const render = json ? textOf : journalLog(io, verbose || wanted.types !== undefined);
  const outlet = new Outlet();
  const damage = new Damage();
  let text = "";
  try {
    for await (const entry of readJournal(path, wanted)) {
      if (entry.kind === "damaged") damage.at(`${entry.file}:${entry.line} (${entry.reason})`);
      else text += damage.orElse(entry, render);
      if (text.length < PIECE) continue;
      io.stdout(text);
      text = "";
      await outlet.ready();
      if (outlet.isGone) return;
    }
  } finally {
    outlet.release();
    if (text !== "") io.stdout(text);
    damage.tell(io);
  }
}

function textOf({ text }: Shown): string {
  return `${text}\n`;
}

/** What can be shown of a journal. */
type Shown = JournalEvent | JournalGap;

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
