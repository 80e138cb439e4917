/** Commands that run a file, and have a run read it anew. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { DetachArgs } from "../commands/detach.ts";
import type { ReloadArgs } from "../commands/reload.ts";
import type { RunArgs } from "../commands/run.ts";
import { type CommandIo, EXIT, refuse } from "../io.ts";
import { type Place, placeOf } from "../place.ts";
import type { Done } from "./done.ts";

/** Adds `run` and `reload`. */
export function addRunning(program: Command, io: CommandIo, done: Done): void {
  program.command("run")
    .description("run the tree of a file, in the foreground or with --detach in the background")
    .argument("<file>", "YAML file")
    .option("--for <seconds>", "shut down after this many seconds; fails when the tree was never ready", positiveNumber)
    .option("--verbose", "show every event", false)
    .option("--no-output", "do not show what the children print")
    .option("--no-socket", "open no socket where the file has no dashboard section")
    .option("--health <host:port>", "answer /livez, /readyz and /startupz over HTTP", hostAndPort)
    .option("--metrics <host:port>", "tell metrics to Prometheus over HTTP, at /metrics", hostAndPort)
    .option("--watchdog <seconds>", "end the program by force when its loop is blocked for so long", positiveNumber)
    .option("--json", "print events and the report as JSON, one a line", false)
    .option("--detach", "run in the background, and return when all is ready; its log begins anew at 10 MiB", false)
    .option("--pid-file <path>", "with --detach: the file for the number of the process")
    .option("--log-file <path>", "with --detach: the file for what the run says")
    .option("--wait <seconds>", "with --detach: wait so long until all is ready", positiveNumber)
    .addOption(new Option("--background <report>", "what --detach starts").hideHelp())
    .addHelpText(
      "after",
      "\nCtrl-C stops the tree in order, a second one forces it.\n\nExit code 0: it was shut down, 1: it could not start or was never ready, 2: nothing runs, 70: a supervisor gave up;" +
        " with --detach 0 only when all is ready.\n\nExamples:\n  reeve run supervisor.yaml\n  reeve run supervisor.yaml --for 20\n  reeve run supervisor.yaml --detach\n",
    )
    .action(async (file: string, options: RunOptions) => done(await runAsAsked(file, options, io)));
  addReload(program, io, done);
}

/** What commander makes of the options of `run`. */
interface RunOptions extends Omit<RunArgs, "file" | "forSecs" | "watchdogSecs" | "onRunning">, Pick<DetachArgs, "pidFile" | "logFile"> {
  readonly for?: number;
  readonly watchdog?: number;
  readonly wait?: number;
  readonly detach: boolean;
  readonly background?: string;
}

/** How long the start in the background is waited for, in seconds, where nobody says. */
const WAIT_SECS = 60;

async function runAsAsked(file: string, options: RunOptions, io: CommandIo): Promise<number> {
  const { for: forSecs, watchdog: watchdogSecs, wait: waitSecs = WAIT_SECS, detach: isDetached, background, ...others } = options;
  const args = { file, forSecs, watchdogSecs, ...others };
  const { pidFile, logFile } = args;
  if (isDetached) {
    const { detach } = await import("../commands/detach.ts");
    return await detach({ ...args, waitSecs }, io);
  }
  if (background !== undefined && pidFile !== undefined && logFile !== undefined) {
    const { runInBackground } = await import("../commands/detach.ts");
    return await runInBackground({ ...args, waitSecs, pidFile, logFile }, background, io);
  }
  const lonely = Object.entries({ "--pid-file": pidFile, "--log-file": logFile, "--wait": options.wait }).find(([, value]) =>
    value !== undefined
  );
  if (lonely !== undefined) return refuse(io, `${lonely[0]} goes with --detach`, EXIT.unusable);
  const { run } = await import("../commands/run.ts");
  return await run(args, io);
}

function addReload(program: Command, io: CommandIo, done: Done): void {
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
    .action(async (file: string | undefined, options: Omit<ReloadArgs, "file">) => {
      const { reload } = await import("../commands/reload.ts");
      done(await reload({ file, ...options }, io));
    });
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
