/** What goes on until somebody ends it: a run whose stream is shown, also over its restarts. */
import process from "node:process";
import { cleanText } from "../base/mod.ts";
import type { CaughtUp, ConnectOptions, Interruption, Subscription } from "../client/mod.ts";
import { type CommandIo, EXIT } from "./io.ts";
import { Printer } from "./printer.ts";

/** Works until it is done, or until Ctrl-C, which ends it with an exit code of its own. */
export async function untilCtrlC(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const over = new AbortController();
  const end = (): void => over.abort();
  process.once("SIGINT", end);
  try {
    const code = await work(over.signal);
    return over.signal.aborted ? EXIT.interrupted : code;
  } catch (error) {
    if (over.signal.aborted) return EXIT.interrupted;
    throw error;
  } finally {
    process.removeListener("SIGINT", end);
  }
}

/** Records that a run remembers, at most; so many may wait for who reads them. */
export const MOST_REMEMBERED = 10_000;
const MOST_WAITING = 2 * MOST_REMEMBERED;

/** A connection that waits for the next run where one ends, and says so. */
export function lasting(io: CommandIo, signal: AbortSignal, onLoss: () => void = () => {}): ConnectOptions {
  let isLost = false;
  return {
    signal,
    reconnect: { maxMs: 1_000 },
    maxWaiting: MOST_WAITING,
    onState: (state) => {
      if (state === "reconnecting") {
        io.stderr("reeve: the run is gone, or does not answer; waiting for it (Ctrl-C ends)\n");
        onLoss();
      } else if (state === "connected" && isLost) io.stderr("reeve: a run answers again\n");
      isLost = state === "reconnecting";
    },
  };
}

/** How a stream is shown. */
export interface StreamView<Push> {
  readonly io: CommandIo;
  /** So many of those that are remembered are shown at most; `null` where none of them were asked for. */
  readonly limit: number | null;
  /** Whether something is wanted. */
  readonly isWanted: (push: Push) => boolean;
  readonly render: (push: Push) => string;
  /** Told when another run begins, with its id where that is known. */
  readonly onRestart?: (run: string) => void;
}

/** Shows the last of what is remembered and then what comes, until the stream ends or nobody reads any more. */
export async function showStream<Push extends object>(
  stream: Subscription<Push | CaughtUp | Interruption>,
  { io, limit, isWanted, render, onRestart = () => {} }: StreamView<Push>,
): Promise<void> {
  using printer = new Printer(io, () => void stream.return?.());
  const past: Push[] = [];
  let isPast = limit !== null;
  const endPast = async (): Promise<boolean> => {
    isPast = false;
    for (const push of past.splice(0)) if (!await printer.add(render(push))) return false;
    return await printer.flush();
  };
  for await (const push of stream) {
    if (isMark(push)) {
      if (isPast && !await endPast()) return;
      if (push.type === "caught_up") continue;
      io.stderr(`reeve: ${cleanText(push.message, 512)}\n`);
      if (push.type === "restarted") onRestart(push.run ?? "");
    } else if (!isWanted(push)) continue;
    else if (isPast) {
      past.push(push);
      if (past.length > (limit ?? 0)) past.shift();
    } else {
      await printer.add(render(push));
      if (!await printer.flush()) return;
    }
  }
  if (isPast) await endPast();
}

const MARKS: ReadonlySet<unknown> = new Set(["caught_up", "gap", "restarted"]);

function isMark(push: object): push is CaughtUp | Interruption {
  return MARKS.has(Reflect.get(push, "type"));
}
