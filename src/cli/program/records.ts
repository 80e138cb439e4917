/** Commands that print what happened: events, what children printed, who asked for what, and what is measured. */
import { type Command, InvalidArgumentError } from "commander";
import type { AuditShowArgs, AuditVerifyArgs } from "../commands/audit.ts";
import type { EventsArgs } from "../commands/events.ts";
import type { LogsArgs } from "../commands/logs.ts";
import type { MetricsArgs } from "../commands/metrics.ts";
import type { CommandIo } from "../io.ts";
import type { Done } from "./done.ts";
import { withTargetOptions } from "./options.ts";

/** Adds `events`, `logs`, `audit` and `metrics`. */
export function addRecords(program: Command, io: CommandIo, done: Done): void {
  addEvents(program, io, done);
  addLogs(program, io, done);
  addAudit(program, io, done);
  withTargetOptions(program.command("metrics"))
    .description("print what a run measures, as Prometheus reads it; the run must have been started with --metrics")
    .option("--json", "print a JSON object for each value", false)
    .addHelpText("after", "\nExamples:\n  reeve metrics | grep restart\n  reeve metrics --json\n")
    .action(async (options: MetricsArgs) => {
      const { metrics } = await import("../commands/metrics.ts");
      done(await metrics(options, io));
    });
}

const SINCE = "from this moment on: 2026-10-02T14:30:00Z, seconds since 1970, or an age such as 15m, 2h, 3d";

function addEvents(program: Command, io: CommandIo, done: Done): void {
  withTargetOptions(program.command("events"))
    .description("print what happened: from the journal that a file names, also of runs that are over, or from what a run remembers")
    .argument("[file]", "the same as --file")
    .option("--journal <path>", "the journal, whatever the file says")
    .option("--follow", "go on with what happens, also when the run is started anew", false)
    .option("--since <when>", SINCE)
    .option("--until <when>", "up to this moment")
    .option("--type <types>", "only these types, separated by commas")
    .option("--severity <severities>", "only these: error, warning, info, separated by commas")
    .option("--child <child>", "only this child, by path or name, and those below it")
    .option("--limit <n>", "only the last so many", wholeNumber)
    .option("--verbose", "show every event", false)
    .option("--json", "print JSON, one object a line: those of the journal, or what the run tells", false)
    .addHelpText(
      "after",
      "\nExit code 0, also when nothing fits, 1: no such child, or the file is refused, 2: nothing to read, 130: Ctrl-C.\n\nExamples:\n  reeve events --follow\n  reeve events supervisor.yaml --since 2h --severity error,warning\n  reeve events --journal var/events.jsonl --type child_failed --child web\n",
    )
    .action(async (named: string | undefined, { file, ...options }: EventsArgs) => {
      const { events } = await import("../commands/events.ts");
      done(await events({ file: named ?? file, ...options }, io));
    });
}

function addLogs(program: Command, io: CommandIo, done: Done): void {
  withTargetOptions(program.command("logs"))
    .description("print what children printed, as far as the run remembers it")
    .argument("[child...]", "paths or names of children; all where absent")
    .option("--follow", "go on with what they print, also when the run is started anew", false)
    .option("--since <when>", SINCE)
    .option("--limit <n>", "the last so many lines of those that are remembered", wholeNumber, 100)
    .option("--grep <pattern>", "only lines that fit this regular expression")
    .option("--stderr", "only what was printed on stderr", false)
    .option("--json", "print JSON, one object a line", false)
    .addHelpText(
      "after",
      "\nExit code 0, also when nothing fits, 1: no such child, 2: no run answers, 130: Ctrl-C.\n\nExamples:\n  reeve logs web --follow\n  reeve logs web mail --since 10m --grep 'time(d )?out'\n",
    )
    .action(async (children: string[], options: Omit<LogsArgs, "children">) => {
      const { logs } = await import("../commands/logs.ts");
      done(await logs({ children, ...options }, io));
    });
}

function addAudit(program: Command, io: CommandIo, done: Done): void {
  const audit = program.command("audit")
    .description("read the audit: who asked for what, and what became of it; without a command as show")
    .addHelpText("after", "\nExamples:\n  reeve audit\n  reeve audit show --follow\n  reeve audit verify var/audit.jsonl\n");
  withTargetOptions(audit.command("show", { isDefault: true }))
    .description("print the records of a file or, where none is named, those that a run remembers")
    .argument("[audit]", "file of the audit; older ones beside it are read too")
    .option("--follow", "go on with what the run records", false)
    .option("--since <when>", SINCE)
    .option("--command <name>", "only this command, such as restart_child")
    .option("--by <name>", "only what this one asked for")
    .option("--json", "print JSON, one object a line: those of the file, or what the run tells", false)
    .addHelpText(
      "after",
      "\nExamples:\n  reeve audit show --since 1d --command restart_child\n  reeve audit show var/audit.jsonl --by ops\n",
    )
    .action(async (file: string | undefined, { file: config, ...options }: Omit<AuditShowArgs, "config">) => {
      const { auditShow } = await import("../commands/audit.ts");
      done(await auditShow({ ...options, file, config }, io));
    });
  audit.command("verify")
    .description("find what was removed, changed or added; exit code 0 nothing, 1 something, 2 unreadable")
    .argument("[audit]", "file of the audit, with older ones beside it; the one that the YAML file names where absent")
    .option("-f, --file <file>", "the YAML file; supervisor.yaml or reeve.yaml of this folder where absent")
    .option("--expect <hash>", "a hash that was noted elsewhere: it must be there")
    .option("--json", "print JSON", false)
    .addHelpText("after", "\nExample:\n  reeve audit verify var/audit.jsonl\n")
    .action(async (file: string | undefined, { file: config, ...options }: Omit<AuditVerifyArgs, "config">) => {
      const { auditVerify } = await import("../commands/audit.ts");
      done(await auditVerify({ ...options, file, config }, io));
    });
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("It must be a whole number from 1 on");
  return value;
}
