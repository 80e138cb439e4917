/** `reeve events`: what happened, from the journal, also of runs that are over, or from what a run remembers; and what happens. */
import process from "node:process";
import { ReeveError } from "../../base/mod.ts";
import type { CaughtUp, Client, DescribedEvent, EventOptions, EventPush, Interruption } from "../../client/mod.ts";
import { ConfigError, loadJournalOptions } from "../../config/mod.ts";
import { wantedPaths } from "../child_paths.ts";
import { type DatedEntry, datedLog, entryOfRun } from "../dated_log.ts";
import { type EventFilterArgs, type EventWishes, eventWishes, isShown } from "../event_wishes.ts";
import { exitCodeOf, printRefusal } from "../file_problems.ts";
import { lasting, MOST_REMEMBERED, showStream, untilCtrlC } from "../following.ts";
import { type CommandIo, EXIT, refuse, talking } from "../io.ts";
import { type JournalEnd, printJournal } from "../journal_print.ts";
import { lineJson } from "../plain_json.ts";
import { Printer } from "../printer.ts";
import { type TargetArgs, usualFile, withTarget } from "../target.ts";

/** Arguments of {@linkcode events}. */
export interface EventsArgs extends TargetArgs, EventFilterArgs {
  /** The journal, whatever the file says. */
  readonly journal?: string | undefined;
  /** Whether to go on with what happens. @default {false} */
  readonly follow?: boolean;
}

/** Prints events, the oldest first; returns 0, 1 when the file has violations or there is no such child, 2 when something cannot be used, 130 after Ctrl-C. */
export async function events(args: EventsArgs, io: CommandIo): Promise<number> {
  const wishes = eventWishes(args);
  if (typeof wishes === "string") return refuse(io, wishes, EXIT.unusable);
  if (args.follow !== true) return await print(args, wishes, io);
  if (args.journal !== undefined) return refuse(io, NOT_FOLLOWED, EXIT.unusable);
  if (args.until !== undefined) return refuse(io, "--follow has no end: it goes without --until", EXIT.unusable);
  return await untilCtrlC((signal) => print(args, wishes, io, signal));
}

const NOT_FOLLOWED = "--journal names a file, and what happens tells only a run: --follow goes with a YAML file, or a --socket";

/** What prints, and in which way: one heading for a run, whichever way it is told of. */
interface Showing {
  readonly args: EventsArgs;
  readonly wishes: EventWishes;
  readonly log: (entry: DatedEntry) => string;
  readonly io: CommandIo;
}

async function print(args: EventsArgs, wishes: EventWishes, io: CommandIo, signal?: AbortSignal): Promise<number> {
  const showing = { args, wishes, log: datedLog(io, wishes.details), io };
  // Lines of a journal and what a run tells are not the same JSON: one stream has one sort.
  const journal = signal !== undefined && args.json ? null : await journalOf(args, io);
  if (typeof journal === "number") return journal;
  if (journal === null) return signal === undefined ? await printRemembered(showing) : await follow(showing, null, signal);
  let end: JournalEnd | null = null;
  try {
    end = await printJournal(journal, { ...showing, signal });
  } catch (error) {
    if (!(error instanceof ReeveError)) throw error;
    // The run that is asked as well may not have begun one yet.
    if (signal === undefined) return refuse(io, error.message, EXIT.unusable);
  }
  return signal === undefined || signal.aborted || end?.isGone === true ? EXIT.clean : await follow(showing, end, signal);
}

/** The file of the journal, `null` where a run is to be asked, or the exit code after it was told what is wrong. */
async function journalOf({ file, socket, journal }: EventsArgs, io: CommandIo): Promise<string | null | number> {
  if (journal !== undefined) return journal;
  const { REEVE_SOCKET: fromEnvironment = "" } = process.env;
  if (file === undefined && (socket !== undefined || fromEnvironment !== "")) return null;
  const usual = file ?? usualFile();
  if (usual === undefined) return null;
  try {
    return (await loadJournalOptions(usual))?.path ?? null;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    printRefusal(error, usual, talking(io));
    return exitCodeOf(error);
  }
}

/** What a run remembers. */
async function printRemembered(showing: Showing): Promise<number> {
  const { args, wishes, io } = showing;
  let isAnswered = false;
  const code = await withTarget(args, io, async (client) => {
    isAnswered = true;
    const filter = await filterOf(client, wishes);
    if (typeof filter === "string") return refuse(io, filter, EXIT.problems);
    const { server } = await client.hello();
    const found = await client.recentEvents({ ...filter, limit: mostOf(wishes) });
    const wanted = found.map((event) => ({ event, entry: entryOfRun(event, server?.runId ?? "") })).filter(({ entry }) =>
      isWanted(showing, entry)
    );
    using printer = new Printer(io);
    for (const { event, entry } of wanted.slice(Math.max(0, wanted.length - wishes.limit))) {
      if (!await printer.add(render(showing, event, entry))) break;
    }
    return EXIT.clean;
  });
  if (code === EXIT.unusable && !isAnswered) tellNoJournal(args, io);
  return code;
}

type ToldEvent = Exclude<EventPush, CaughtUp | Interruption>;

/** What comes after the end of the journal or, where there is none, after what the run remembers; also over restarts of the run. */
async function follow(showing: Showing, end: JournalEnd | null, signal: AbortSignal): Promise<number> {
  const { args, wishes, io } = showing;
  return await withTarget(args, io, async (client) => {
    const filter = await filterOf(client, wishes);
    if (typeof filter === "string") return refuse(io, filter, EXIT.problems);
    let { runId: run = "" } = (await client.hello()).server ?? {};
    const from = end === null ? { recent: mostOf(wishes) } : { since: end.seq, run: end.run };
    await showStream<ToldEvent>(client.events({ ...filter, ...from, described: true, signal }), {
      io,
      limit: end === null ? wishes.limit : null,
      isWanted: (push) => push.type === "event" && isWanted(showing, entryOfRun(described(push), run)),
      render: (push) => push.type === "event" ? render(showing, described(push), entryOfRun(described(push), run)) : "",
      onRestart: (next) => run = next,
    });
    return EXIT.clean;
  }, lasting(io, signal));
}

/** The event of a push, with a sentence also where the target knows none. */
function described({ event, description = event.eventType, restartDelayMs }: ToldEvent & { readonly type: "event" }): DescribedEvent {
  return { event, description, ...restartDelayMs === undefined ? {} : { restartDelayMs } };
}

function isWanted({ wishes }: Showing, { what }: DatedEntry): boolean {
  return "path" in what && isShown(wishes, what);
}

function render({ args, log }: Showing, event: DescribedEvent, entry: DatedEntry): string {
  return args.json ? lineJson(event) : log(entry);
}

/** What the run itself leaves out; or why that cannot be said. */
async function filterOf(client: Client, { child, types, severities }: EventWishes): Promise<EventFilter | string> {
  const found = child === null ? undefined : await wantedPaths(client, [child]);
  if (typeof found === "string") return found;
  return {
    ...types === null ? {} : { types },
    ...severities === null ? {} : { severities },
    ...found === undefined ? {} : { paths: found.paths },
  };
}

/** How many events are asked for: where only some of them are shown, all. */
function mostOf({ limit, details, sinceMs, untilMs }: EventWishes): number {
  const areAllShown = details && sinceMs === -Infinity && untilMs === Infinity;
  return areAllShown ? Math.min(limit, MOST_REMEMBERED) : MOST_REMEMBERED;
}

/** What a run leaves out. */
type EventFilter = Pick<EventOptions, "types" | "severities" | "paths">;

/** What happened in a run that is over is only in its journal. */
function tellNoJournal({ file }: EventsArgs, io: CommandIo): void {
  if (file === undefined) return;
  const hint = 'Write "observability: { journal: { path: events.jsonl } }" into it, or name one with --journal PATH';
  refuse(io, `"${file}" keeps no journal. ${hint}`, EXIT.unusable);
}
