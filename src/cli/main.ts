/** What the command understands. */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { ReeveError } from "../../mod.ts";
import { platform } from "../platform/mod.ts";
import { auditShow, type AuditShowArgs, auditVerify, type AuditVerifyArgs } from "./commands/audit.ts";
import { check } from "./commands/check.ts";
import { events, type EventsArgs } from "./commands/events.ts";
import { explain } from "./commands/explain.ts";
import { IMPORT_KINDS, type ImportArgs, importFile } from "./commands/import.ts";
import { install, type InstallArgs } from "./commands/install.ts";
import { reload, type ReloadArgs } from "./commands/reload.ts";
import { run, type RunArgs } from "./commands/run.ts";
import { schema } from "./commands/schema.ts";
import { template } from "./commands/template.ts";
import type { CommandIo } from "./io.ts";
import { type Place, placeOf } from "./place.ts";
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
    .option("--metrics <host:port>", "tell metrics to Prometheus over HTTP, at /metrics", hostAndPort)
    .option("--watchdog <seconds>", "end the program by force when its loop is blocked for so long", positiveNumber)
    .option("--json", "print events and the report as JSON, one a line", false)
    .addHelpText(
      "after",
      "\nCtrl-C stops the tree in order, a second one forces it.\n\nExamples:\n  reeve run supervisor.yaml\n  reeve run supervisor.yaml --for 20\n",
    )
    .action(async (file: string, { for: forSecs, watchdog: watchdogSecs, ...others }: RunOptions) =>
      done(await run({ file, forSecs, watchdogSecs, ...others }, io))
    );
  program.command("check")
    .description("list every problem of a file; exit code 0 none, 1 problems, 2 unreadable")
    .argument("<file>", "YAML file")
    .option("--json", "print JSON", false)
    .addHelpText("after", "\nExample:\n  reeve check supervisor.yaml\n")
    .action(async (file: string, options: { json: boolean }) => done(await check({ file, json: options.json }, io)));
  addReload(program, io, done);
  addImport(program, io, done);
  addInstall(program, io, done);
  addEvents(program, io, done);
  addAudit(program, io, done);
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

/** What commander makes of the options of `run`. */
type RunOptions = Omit<RunArgs, "file" | "forSecs" | "watchdogSecs"> & { readonly for?: number; readonly watchdog?: number };

function addReload(program: Command, io: CommandIo, done: (code: number) => void): void {
  program.command("reload")
    .description("have the run of a file read it anew; what has not changed is not touched")
    .argument("[file]", "the YAML file that runs")
    .option("--dry-run", "only show what would be done", false)
    .option("--socket <path>", "the socket of the run, whatever the file says")
    .option("--reason <text>", "why, for the audit", "the file was changed")
    .option("--json", "print JSON", false)
    .addHelpText(
      "after",
      "\nExit code 0: done, 1: refused, or a child runs as before, 2: no run answers.\n\nExamples:\n  reeve reload supervisor.yaml --dry-run\n  reeve reload supervisor.yaml\n",
    )
    .action(async (file: string | undefined, options: Omit<ReloadArgs, "file">) => done(await reload({ file, ...options }, io)));
}

function addImport(program: Command, io: CommandIo, done: (code: number) => void): void {
  program.command("import")
    .description("make a file out of a systemd unit, a PM2 ecosystem file, a Procfile or a process-compose file")
    .argument("<file>", "the file, or a folder of units")
    .addOption(new Option("--from <kind>", "what it is, where its name does not tell").choices(IMPORT_KINDS))
    .option("--out <file>", "the file to write, which must not be there yet; standard output where absent")
    .option("--json", "print what happened as JSON", false)
    .addHelpText(
      "after",
      "\nExit code 0: all was taken over, 1: something has no equivalent, 2: nothing could be.\n\nExample:\n  reeve import Procfile --out supervisor.yaml\n",
    )
    .action(async (file: string, options: Omit<ImportArgs, "file">) => done(await importFile({ file, ...options }, io)));
}

function addInstall(program: Command, io: CommandIo, done: (code: number) => void): void {
  program.command("install")
    .description("write a systemd unit that runs a file")
    .argument("<file>", "YAML file")
    .option("--user", "a unit of the user, instead of one of the system", false)
    .option("--name <name>", "name of the unit; that of the tree where absent")
    .option("--print", "print the unit only", false)
    .option("--enable", "start it, now and with the machine", false)
    .option("--force", "replace a unit that was not made by this command", false)
    .addHelpText("after", "\nExample:\n  reeve install supervisor.yaml --print\n")
    .action(async (file: string, options: Omit<InstallArgs, "file">) => done(await install({ file, ...options }, io)));
}

function addEvents(program: Command, io: CommandIo, done: (code: number) => void): void {
  program.command("events")
    .description("print what happened, also in runs that are over, from the journal that a file names")
    .argument("[file]", "YAML file with observability.journal.path")
    .option("--journal <path>", "the journal, whatever the file says")
    .option("--since <when>", "from this moment on: 2026-10-02T14:30:00Z, seconds since 1970, or an age such as 15m, 2h, 3d")
    .option("--until <when>", "up to this moment")
    .option("--type <types>", "only these types, separated by commas")
    .option("--child <path>", "only this child and those below it")
    .option("--verbose", "show every event", false)
    .option("--json", "print the lines of the journal", false)
    .addHelpText(
      "after",
      "\nExamples:\n  reeve events supervisor.yaml --since 2h\n  reeve events --journal var/events.jsonl --type child_failed --child /web\n",
    )
    .action(async (file: string | undefined, options: Omit<EventsArgs, "file">) => done(await events({ file, ...options }, io)));
}

function addAudit(program: Command, io: CommandIo, done: (code: number) => void): void {
  const audit = program.command("audit").description("read the audit: who asked for what, and what became of it");
  audit.command("verify")
    .description("find what was removed, changed or added; exit code 0 nothing, 1 something, 2 unreadable")
    .argument("<file>", "file of the audit; older ones beside it are read too")
    .option("--expect <hash>", "a hash that was noted elsewhere: it must be there")
    .option("--json", "print JSON", false)
    .addHelpText("after", "\nExample:\n  reeve audit verify var/audit.jsonl\n")
    .action(async (file: string, options: Omit<AuditVerifyArgs, "file">) => done(await auditVerify({ file, ...options }, io)));
  audit.command("show")
    .description("print the records")
    .argument("<file>", "file of the audit; older ones beside it are read too")
    .option("--since <when>", "from this moment on: a time, seconds since 1970, or an age such as 2h")
    .option("--command <name>", "only this command, such as restart_child")
    .option("--by <name>", "only what this one asked for")
    .option("--json", "print the lines of the file", false)
    .addHelpText("after", "\nExample:\n  reeve audit show var/audit.jsonl --since 1d --command restart_child\n")
    .action(async (file: string, options: Omit<AuditShowArgs, "file">) => done(await auditShow({ file, ...options }, io)));
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("It must be a number above 0");
  return value;
}

function hostAndPort(text: string): Place {
  const place = placeOf(text);
  if (place === undefined) throw new InvalidArgumentError("It must be an address and a port, such as 127.0.0.1:8086");
  return place;
}

function messageOf(error: unknown): string {
  if (error instanceof ReeveError) return error.message;
  const hint = platform.permissionHint(error);
  const text = error instanceof Error ? error.message : String(error);
  return hint === undefined ? text : `${text}. ${hint}`;
}
