/** `reeve logs`: what children printed, from what the run remembers, and what they print. */
import { cleanText, lastName } from "../../base/mod.ts";
import type { CaughtUp, Client, Interruption, LogPush, TargetLogRecord } from "../../client/mod.ts";
import { loadFile } from "../../config/mod.ts";
import { wantedPaths } from "../child_paths.ts";
import { spanOf } from "../event_wishes.ts";
import { lasting, MOST_REMEMBERED, showStream, untilCtrlC } from "../following.ts";
import { grep } from "../grep.ts";
import { type CommandIo, EXIT, refuse } from "../io.ts";
import { type LogColumns, outputLog } from "../output_log.ts";
import { lineJson } from "../plain_json.ts";
import { Printer } from "../printer.ts";
import { type TargetArgs, usualFile, withTarget } from "../target.ts";

/** Arguments of {@linkcode logs}. */
export interface LogsArgs extends TargetArgs {
  /** Paths or names of children; all where there are none. */
  readonly children: readonly string[];
  /** Whether to go on with what they print. */
  readonly follow: boolean;
  /** Only what was printed from this moment on. */
  readonly since?: string | undefined;
  /** Only the last so many lines of those that are remembered. */
  readonly limit: number;
  /** Only lines that fit this regular expression. */
  readonly grep?: string | undefined;
  /** Only what was printed on stderr. */
  readonly stderr: boolean;
  /** Whether to print JSON, one object a line. */
  readonly json: boolean;
}

/** What is wanted, and how it is printed. */
interface Showing {
  readonly args: LogsArgs;
  readonly isWanted: (record: TargetLogRecord) => boolean;
  readonly io: CommandIo;
}

/** Prints lines, the oldest first; returns 0, 1 when there is no such child, 2 when no run answers or something is not understood, 130 after Ctrl-C. */
export async function logs(args: LogsArgs, io: CommandIo): Promise<number> {
  const span = spanOf(args.since, undefined);
  if (typeof span === "string") return refuse(io, span, EXIT.unusable);
  const fits = args.grep === undefined ? () => true : grep(args.grep);
  if (typeof fits === "string") return refuse(io, fits, EXIT.unusable);
  const isWanted = ({ occurredAtUnixNanos, message }: TargetLogRecord): boolean =>
    Number(occurredAtUnixNanos / 1_000_000n) >= span.sinceMs && fits(message);
  const showing = { args, isWanted, io };
  let isAnswered = false;
  const onAnswer = (): void => void (isAnswered = true);
  const code = args.follow ? await untilCtrlC((signal) => follow(showing, signal, onAnswer)) : await printRemembered(showing, onAnswer);
  if (code === EXIT.unusable && !isAnswered) await tellFiles(args, io);
  return code;
}

async function printRemembered({ args, isWanted, io }: Showing, onAnswer: () => void): Promise<number> {
  return await withTarget(args, io, async (client) => {
    onAnswer();
    const asked = await askedOf(client, args);
    if (typeof asked === "string") return refuse(io, asked, EXIT.problems);
    const found = (await client.recentLogs({ ...asked.filter, limit: mostOf(args) })).filter(isWanted);
    const render = args.json ? lineJson : outputLog(asked.columns, io);
    using printer = new Printer(io);
    for (const record of found.slice(Math.max(0, found.length - args.limit))) if (!await printer.add(render(record))) break;
    return EXIT.clean;
  });
}

type ToldLine = Exclude<LogPush, CaughtUp | Interruption>;

async function follow({ args, isWanted, io }: Showing, signal: AbortSignal, onAnswer: () => void): Promise<number> {
  return await withTarget(args, io, async (client) => {
    onAnswer();
    const asked = await askedOf(client, args);
    if (typeof asked === "string") return refuse(io, asked, EXIT.problems);
    const render = args.json ? lineJson : outputLog(asked.columns, io);
    await showStream<ToldLine>(client.logs({ ...asked.filter, recent: mostOf(args), signal }), {
      io,
      limit: args.limit,
      isWanted: ({ log }) => isWanted(log),
      render: ({ log }) => render(log),
    });
    return EXIT.clean;
  }, lasting(io, signal));
}

/** What the run itself leaves out, and whether names of children are needed. */
interface Asked {
  readonly filter: { readonly paths?: readonly string[]; readonly severities?: readonly string[] };
  readonly columns: LogColumns;
}

/** Output on stderr counts as a warning. */
const OF_STDERR = ["warning"];

async function askedOf(client: Client, { children, stderr }: LogsArgs): Promise<Asked | string> {
  const wanted = await wantedPaths(client, children);
  if (typeof wanted === "string") return wanted;
  return { filter: { paths: wanted.paths, ...stderr ? { severities: OF_STDERR } : {} }, columns: { named: !wanted.isOne } };
}

/** How many lines are asked for: where only some of them are wanted, all. */
function mostOf({ limit, since, grep }: LogsArgs): number {
  return since === undefined && grep === undefined ? Math.min(limit, MOST_REMEMBERED) : MOST_REMEMBERED;
}

/** Where nobody runs the tree, what its children printed may be in files. */
async function tellFiles({ file, socket, children }: LogsArgs, io: CommandIo): Promise<void> {
  const usual = file ?? (socket === undefined ? usualFile() : undefined);
  if (usual === undefined) return;
  const loaded = await loadFile(usual).catch(() => null);
  for (const [path, logFile] of loaded === null ? [] : filesIn(loaded.spec.children, "")) {
    const isWanted = children.length === 0 || children.some((name) => name === path || `/${name}` === path || lastName(path) === name);
    if (isWanted) io.stderr(`reeve: what ${cleanText(path, 256)} printed is in ${cleanText(logFile, 4_096)}\n`);
  }
}

/** A child as it is declared, as far as it matters here. */
interface Declared {
  readonly name: string;
  readonly logs?: { readonly file?: string } | undefined;
  readonly children?: readonly Declared[];
}

function* filesIn(children: readonly Declared[], parent: string): Generator<readonly [path: string, file: string]> {
  for (const { name, logs: { file } = {}, children: inner = [] } of children) {
    const path = `${parent}/${name}`;
    if (file !== undefined) yield [path, file];
    yield* filesIn(inner, path);
  }
}
