/** What the command understands. */
import { Command, CommanderError } from "commander";
import { ReeveError, VERSION } from "../base/mod.ts";
import { platform } from "../platform/mod.ts";
import { type CommandIo, EXIT } from "./io.ts";
import { addControl } from "./program/control.ts";
import { addDashboard } from "./program/dashboard.ts";
import type { Done } from "./program/done.ts";
import { addFiles } from "./program/files.ts";
import { addLooking } from "./program/looking.ts";
import { addRecords } from "./program/records.ts";
import { addRelay } from "./program/relay.ts";
import { addRunning } from "./program/running.ts";
import { addShell } from "./program/shell.ts";
import { addTop } from "./program/top.ts";

/** Runs the command with arguments; returns the exit code. */
export async function main(args: readonly string[], io: CommandIo): Promise<number> {
  if (platform.tooOld !== undefined) {
    io.stderr(`reeve: ${platform.tooOld}\n`);
    return EXIT.problems;
  }
  const helping = platform.help(args);
  if (helping !== null) return await helping;
  let code: number = EXIT.clean;
  const program = buildProgram(io, (result) => code = result);
  try {
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.clean : EXIT.unusable;
    io.stderr(`reeve: ${messageOf(error)}\n`);
    return EXIT.problems;
  }
}

/** What commander reads the arguments with; `done` gets the exit code of the command that ran. */
export function buildProgram(io: CommandIo, done: Done): Command {
  const program = new Command("reeve")
    .description("Keeps long-running work alive: tasks, workers, processes and nested supervisors.")
    .version(VERSION)
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.stdout(text), writeErr: (text) => io.stderr(text) });
  addRunning(program, io, done);
  addLooking(program, io, done);
  addTop(program, io, done);
  addControl(program, io, done);
  addRecords(program, io, done);
  addFiles(program, io, done);
  addDashboard(program, io, done);
  addRelay(program, io, done);
  addShell(program, io, done);
  return program;
}

function messageOf(error: unknown): string {
  if (error instanceof ReeveError) return error.message;
  const hint = platform.permissionHint(error);
  const text = error instanceof Error ? error.message : String(error);
  return hint === undefined ? text : `${text}. ${hint}`;
}
