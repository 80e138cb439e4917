/** The command that shows all trees of a user in a browser. */
import { type Command, InvalidArgumentError } from "commander";
import process from "node:process";
import type { CommandIo } from "../io.ts";
import type { Done } from "./done.ts";

interface Options {
  readonly port?: number;
  readonly socket: readonly string[];
  readonly open: boolean;
}

/** Adds `dashboard`. */
export function addDashboard(program: Command, io: CommandIo, done: Done): void {
  program.command("dashboard")
    .description("show all your running trees in a browser, until Ctrl-C")
    .option("--port <port>", "port on the loopback address; any free one where absent", readPort)
    .option("--socket <path...>", "sockets of trees beside those that are found", [])
    .option("--no-open", "print the address only; a browser is opened only where there is a terminal")
    .addHelpText(
      "after",
      "\nExit code 0: ended by Ctrl-C, 1: it could not listen.\n\nExamples:\n  reeve dashboard\n  reeve dashboard --port 7800 --no-open\n",
    )
    .action(async ({ port, socket, open }: Options) => {
      const { dashboard } = await import("../commands/dashboard.ts");
      done(await dashboard({ port, socket, open: open && process.stdout.isTTY === true }, io));
    });
}

function readPort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError("It must be a number from 0 to 65535.");
  return Number(text);
}
