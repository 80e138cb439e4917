/** `reeve dashboard`: all trees of this user in a browser. */
import process from "node:process";
import { PAGE, startLocalRelay } from "../../relay/mod.ts";
import { openBrowser } from "../browser.ts";
import { type CommandIo, EXIT } from "../io.ts";
import { ownSocketsOfAll } from "../own_socket.ts";
import { userName } from "../target.ts";

/** Arguments of {@linkcode dashboard}. */
export interface DashboardArgs {
  /** Port; any free one where absent. */
  readonly port?: number | undefined;
  /** Sockets beside those that are found. */
  readonly socket: readonly string[];
  /** Whether a browser is opened. */
  readonly open: boolean;
}

/** Serves until it is interrupted; returns 0. */
export async function dashboard({ port, socket, open }: DashboardArgs, io: CommandIo): Promise<number> {
  const findTargets = async (): Promise<string[]> => [...new Set([...socket, ...await ownSocketsOfAll()])];
  await using relay = await startLocalRelay({ findTargets, port, user: userName(), assets: PAGE });
  io.stdout(`${relay.url}\n`);
  io.stderr("reeve: open this address; it lets in once. Ctrl-C ends it\n");
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  const forget = open ? await openBrowser(relay.url, io) : null;
  await interrupted;
  await forget?.();
  return EXIT.clean;
}
