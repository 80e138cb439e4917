/** `reeve top`: a tree on the whole screen, live. */
import process from "node:process";
import { type CommandIo, EXIT, refuse } from "../io.ts";
import { type TargetArgs, withTarget } from "../target.ts";
import { App } from "../top/app.ts";
import { Feed } from "../top/feed.ts";
import { emptyModel, type Model } from "../top/model.ts";
import { type Incoming, update } from "../top/update.ts";
import { view } from "../top/view.ts";

/** Arguments of `reeve top`. */
export interface TopArgs extends TargetArgs {
  /** Whether to print one picture and end. */
  readonly once: boolean;
  /** Whether the mouse is listened to. */
  readonly mouse: boolean;
  /** There is no such thing here. */
  readonly json: boolean;
}

const INSTEAD = "reeve status --json";

/** How long it is waited for what processes take before a single picture is printed. */
const PATIENCE_MS = 3_000;

/** Shows the tree until somebody quits; returns 0, after a signal 128 and its number, 2 where it cannot be shown. */
export async function top(args: TopArgs, io: CommandIo): Promise<number> {
  if (args.json) return refuse(io, `top is for people; for programs: ${INSTEAD}`, EXIT.unusable);
  if (args.once) return await once(args, io);
  const { terminal } = io;
  if (terminal === undefined) {
    return refuse(io, `top needs a terminal for input and output; without one: ${INSTEAD}, or reeve top --once`, EXIT.unusable);
  }
  if (process.env["TERM"] === "dumb") {
    return refuse(io, "this terminal (TERM=dumb) cannot be drawn on; use: reeve status", EXIT.unusable);
  }
  const app = new App({ terminal, color: io.color, mouse: args.mouse });
  const feed = new Feed((arrival) => app.take(arrival));
  return await withTarget(args, io, (client) => app.run(client, feed), feed.connectOptions);
}

async function once(args: TopArgs, io: CommandIo): Promise<number> {
  const { columns, rows } = sizeOf(io);
  let model: Model = emptyModel({ columns, rows, nowMs: Date.now() });
  let look = (): void => {};
  const take = (incoming: Incoming): void => {
    [model] = update(model, incoming);
    look();
  };
  const feed = new Feed(take);
  const { reconnect: _, ...options } = feed.connectOptions;
  return await withTarget(args, io, async (client) => {
    const over = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const complete = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS);
      look = () => model.isWhole && model.tree !== null && model.usage.has("/") ? resolve() : undefined;
    });
    try {
      await Promise.race([complete, feed.run(client, over.signal)]);
    } finally {
      clearTimeout(timer);
      over.abort();
    }
    take({ type: "tick", nowMs: Date.now() });
    io.stdout(`${view(model, { columns, rows, color: io.color }).join("\n")}\n`);
    return EXIT.clean;
  }, options);
}

/** The size of the terminal, else what the environment says of it, else that of a usual one. */
function sizeOf({ terminal, columns }: CommandIo): { readonly columns: number; readonly rows: number } {
  if (terminal !== undefined) return terminal.size();
  const { COLUMNS, LINES } = process.env;
  return { columns: columns === Infinity ? numberOf(COLUMNS, 100) : columns, rows: numberOf(LINES, 30) };
}

function numberOf(text: string | undefined, usual: number): number {
  return text !== undefined && /^[1-9]\d{0,3}$/.test(text) ? Number(text) : usual;
}
