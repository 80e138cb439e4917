/** Commands that look at files, and make some. */
import { type Command, Option } from "commander";
import type { ImportArgs } from "../commands/import.ts";
import type { InitArgs } from "../commands/init.ts";
import type { InstallArgs } from "../commands/install.ts";
import { IMPORT_KINDS } from "../import/kinds.ts";
import type { CommandIo } from "../io.ts";
import type { Done } from "./done.ts";

/** Adds `init`, `check`, `doctor`, `explain`, `import`, `install`, `schema` and `template`. */
export function addFiles(program: Command, io: CommandIo, done: Done): void {
  program.command("init")
    .description("write a first file, which runs as it is")
    .argument("[file]", "the file to write", "supervisor.yaml")
    .option("--name <name>", "name of the tree; that of the folder where absent")
    .option("--command <line>", "what the first child runs; a small loop where absent")
    .option("-y, --yes", "ask nothing", false)
    .option("--force", "replace a file that is there", false)
    .addHelpText(
      "after",
      '\nExit code 0: written, 1: what it would say cannot run, 2: it cannot be written.\n\nExamples:\n  reeve init\n  reeve init --name shop --command "node server.js" --yes\n',
    )
    .action(async (file: string, options: Omit<InitArgs, "file">) => {
      const { init } = await import("../commands/init.ts");
      done(await init({ file, ...options }, io));
    });
  program.command("check")
    .description("list every problem of a file; exit code 0 none, 1 problems, 2 unreadable")
    .argument("<file>", "YAML file")
    .option("--json", "print JSON", false)
    .addHelpText("after", "\nExample:\n  reeve check supervisor.yaml\n")
    .action(async (file: string, options: { json: boolean }) => {
      const { check } = await import("../commands/check.ts");
      done(await check({ file, json: options.json }, io));
    });
  program.command("doctor")
    .description("look whether machine, runtime, file and run are as they must be, and say what to do")
    .argument("[file]", "YAML file; supervisor.yaml or reeve.yaml of this folder where absent")
    .option("--json", "print JSON", false)
    .addHelpText(
      "after",
      "\nExit code 0: nothing is wrong, 1: something is, 2: the file cannot be read.\n\nExamples:\n  reeve doctor\n  reeve doctor supervisor.yaml --json\n",
    )
    .action(async (file: string | undefined, options: { json: boolean }) => {
      const { doctor } = await import("../commands/doctor.ts");
      done(await doctor({ file, ...options }, io));
    });
  addImport(program, io, done);
  addInstall(program, io, done);
  program.command("explain")
    .description("show what counts for a child, and where each value came from")
    .argument("<file>", "YAML file")
    .argument("<child>", "path or name of the child")
    .option("--json", "print JSON", false)
    .addHelpText("after", "\nExample:\n  reeve explain supervisor.yaml ingest\n")
    .action(async (file: string, child: string, options: { json: boolean }) => {
      const { explain } = await import("../commands/explain.ts");
      done(await explain({ file, child, json: options.json }, io));
    });
  program.command("schema")
    .description("print the JSON Schema of a file")
    .addHelpText("after", "\nExample:\n  reeve schema > supervisor.schema.json\n")
    .action(async () => {
      const { schema } = await import("../commands/schema.ts");
      done(schema(io));
    });
  program.command("template")
    .description("print a commented file with every key")
    .addHelpText("after", "\nExample:\n  reeve template > supervisor.yaml\n")
    .action(async () => {
      const { template } = await import("../commands/template.ts");
      done(template(io));
    });
}

function addImport(program: Command, io: CommandIo, done: Done): void {
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
    .action(async (file: string, options: Omit<ImportArgs, "file">) => {
      const { importFile } = await import("../commands/import.ts");
      done(await importFile({ file, ...options }, io));
    });
}

function addInstall(program: Command, io: CommandIo, done: Done): void {
  program.command("install")
    .description("write a systemd unit that runs a file")
    .argument("<file>", "YAML file")
    .option("--user", "a unit of the user, instead of one of the system", false)
    .option("--name <name>", "name of the unit; that of the tree where absent")
    .option("--print", "print the unit only", false)
    .option("--enable", "start it, now and with the machine", false)
    .option("--force", "replace a unit that was not made by this command", false)
    .addHelpText("after", "\nExample:\n  reeve install supervisor.yaml --print\n")
    .action(async (file: string, options: Omit<InstallArgs, "file">) => {
      const { install } = await import("../commands/install.ts");
      done(await install({ file, ...options }, io));
    });
}
