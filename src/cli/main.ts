/** What the command understands. */
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { type HealthOptions, ReeveError } from "../../mod.ts";
import { platform } from "../platform/mod.ts";
import { check } from "./commands/check.ts";
import { explain } from "./commands/explain.ts";
import { run, type RunArgs } from "./commands/run.ts";
import { schema } from "./commands/schema.ts";
import { template } from "./commands/template.ts";
import type { CommandIo } from "./io.ts";
import { VERSION } from "../base/mod.ts";

/** Exit codes beside those of a tree. */
const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** Runs the command with arguments; returns the exit code. */
export async function main(args: readonly string[], io: CommandIo): Promise<number> {
  if (platform.tooOld !== undefined) {
    io.stderr(`reeve: ${platform.tooOld}\n`);
    return EXIT.failed;
  }
  let code: number = EXIT.ok;
  const program = buildProgram(io, (result) => code = result);
  try {
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    io.stderr(`reeve: ${messageOf(error)}\n`);
    return EXIT.failed;
  }
}

function buildProgram(io: CommandIo, done: (code: number) => void): Command {
  const program = new Command("reeve")
    .description("Keeps long-running work alive: tasks, workers, processes and nested supervisors.")
    .version(VERSION)
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.stdout(text), writeErr: (text) => io.stderr(text) });
  program.command("run")
    .description("run the tree of a file in the foreground")
    .argument("<file>", "YAML file")
    .option("--for <seconds>", "shut down after this many seconds; fails when the tree was never ready", positiveNumber)
    .option("--verbose", "show every event", false)
    .option("--no-output", "do not show what the children print")
    .option("--no-socket", "open no socket where the file has no dashboard section")
    .option("--health <host:port>", "answer /livez, /readyz and /startupz over HTTP", hostAndPort)
    .option("--json", "print events and the report as JSON, one a line", false)
    .addHelpText(
      "after",
      "\nCtrl-C stops the tree in order, a second one forces it.\n\nExamples:\n  reeve run supervisor.yaml\n  reeve run supervisor.yaml --for 20\n",
    )
    .action(async (file: string, { for: forSecs, ...others }: Omit<RunArgs, "file" | "forSecs"> & { readonly for?: number }) =>
      done(await run({ file, forSecs, ...others }, io))
    );
  program.command("check")
    .description("list every problem of a file; exit code 0 none, 1 problems, 2 unreadable")
    .argument("<file>", "YAML file")
    .option("--json", "print JSON", false)
    .addHelpText("after", "\nExample:\n  reeve check supervisor.yaml\n")
    .action(async (file: string, options: { json: boolean }) => done(await check({ file, json: options.json }, io)));
  program.command("explain")
    .description("show what counts for a child, and where each value came from")
    .argument("<file>", "YAML file")
    .argument("<child>", "path or name of the child")
    .option("--json", "print JSON", false)
    .addHelpText("after", "\nExample:\n  reeve explain supervisor.yaml ingest\n")
    .action(async (file: string, child: string, options: { json: boolean }) =>
      done(await explain({ file, child, json: options.json }, io))
    );
  program.command("schema")
    .description("print the JSON Schema of a file")
    .addHelpText("after", "\nExample:\n  reeve schema > supervisor.schema.json\n")
    .action(() => done(schema(io)));
  program.command("template")
    .description("print a commented file with every key")
    .addHelpText("after", "\nExample:\n  reeve template > supervisor.yaml\n")
    .action(() => done(template(io)));
  return program;
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("It must be a number above 0");
  return value;
}

function hostAndPort(text: string): HealthOptions {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535) {
    throw new InvalidArgumentError("It must be an address and a port, such as 127.0.0.1:8086");
  }
  return { host, port: Number(port) };
}

function messageOf(error: unknown): string {
  if (error instanceof ReeveError) return error.message;
  const hint = platform.permissionHint(error);
  const text = error instanceof Error ? error.message : String(error);
  return hint === undefined ? text : `${text}. ${hint}`;
}
