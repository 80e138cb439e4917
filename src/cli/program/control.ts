/** Commands that ask a run for something. */
import { type Command, InvalidArgumentError } from "commander";
import type { ControlArgs, Verb } from "../commands/control.ts";
import type { AddArgs, ScaleArgs, TemplateArgs } from "../commands/grow.ts";
import type { ShutdownArgs } from "../commands/shutdown.ts";
import { type CommandIo, EXIT, refuse } from "../io.ts";
import type { Done } from "./done.ts";
import { withTargetOptions } from "./options.ts";

/** Adds `restart`, `pause`, `resume`, `quarantine`, `release`, `start`, `stop`, `reset-fuse`, `remove`, `add`, `scale`, `start-template`, `shutdown` and `plan`. */
export function addControl(program: Command, io: CommandIo, done: Done): void {
  for (const verb of VERBS) addVerb(program, verb, io, done);
  addRemove(program, io, done);
  addAdd(program, io, done);
  addScale(program, io, done);
  addStartTemplate(program, io, done);
  addShutdown(program, io, done);
  addPlan(program, io, done);
}

/** How long is waited where nobody says it, and at most. */
const WAIT_SECS = 60;
const MOST_WAIT_SECS = 86_400;

const CODES = "\nExit code 0: done, 1: refused or failed, 2: no run answers, or nothing was asked.\n";

/** A command to children, and what else it can do. */
interface VerbOptions {
  readonly verb: Verb;
  readonly does: string;
  readonly examples: readonly string[];
  readonly alias?: string;
  /** Whether it can be waited for. */
  readonly waits?: boolean;
  /** Whether it can go to all children at once. */
  readonly all?: boolean;
  /** Whether copies can be replaced one after another. */
  readonly rolls?: boolean;
}

const VERBS: readonly VerbOptions[] = [
  {
    verb: "restart",
    does: "stop children and start them anew",
    examples: ["restart web --wait --reason 'new certificate'", "restart --rolling /web", "restart '/pool/*'"],
    waits: true,
    all: true,
    rolls: true,
  },
  {
    verb: "pause",
    does: "stop children, and let no automatism start them",
    examples: ["pause ingest --reason 'the disk is full'", "pause --all"],
    all: true,
  },
  {
    verb: "resume",
    does: "let policy decide again over children that are held",
    examples: ["resume ingest --wait"],
    waits: true,
    all: true,
  },
  { verb: "quarantine", does: "the same as pause, for children that are suspected", examples: ["quarantine /pool/worker:3"] },
  { verb: "release", does: "end the quarantine of children", examples: ["release /pool/worker:3"], waits: true },
  {
    verb: "start",
    does: "start children that are down, or wait for their next attempt",
    examples: ["start report --wait=120"],
    waits: true,
  },
  { verb: "stop", does: "stop children until somebody starts them", examples: ["stop ingest"], alias: "terminate" },
  { verb: "reset-fuse", does: "close the fuses of children and their groups", examples: ["reset-fuse mail"] },
];

const CHILDREN = "paths, names that one child alone has, or patterns of paths such as '/pool/*'";

function addVerb(program: Command, { verb, does, examples, alias, waits, all, rolls }: VerbOptions, io: CommandIo, done: Done): void {
  const command = asking(program.command(verb)).description(does).argument("[child...]", CHILDREN);
  if (alias !== undefined) command.alias(alias);
  if (all === true) command.option("--all", "all children of the root, with whatever is below them", false);
  if (rolls === true) {
    command.option("--rolling", "the copies of a child one after another, without a gap; waits until that is done", false);
  }
  if (waits === true) withWait(command, secondsOrChild);
  command.addHelpText("after", `${CODES}${examplesOf(examples)}`).action(async (children: string[], options: VerbFlags) => {
    const args = withChildren(children, options);
    if (args.children.length === 0 && options.all !== true) {
      const more = all === true ? ", or --all" : "";
      return done(refuse(io, `name a child${more}: reeve tree shows who is there. Nothing was asked`, EXIT.unusable));
    }
    const { control, rollingRestart } = await import("../commands/control.ts");
    done(options.rolling === true ? await rollingRestart(args, io) : await control(verb, args, io));
  });
}

/** What commander makes of the options of a command to children. */
type VerbFlags = Omit<ControlArgs, "children" | "waitSecs"> & Waits & { readonly rolling?: boolean };

/** What commander makes of `--wait`: seconds, a child that came after it, or nothing. */
interface Waits {
  readonly wait?: number | string | true;
}

/** In `--wait web` it is a child that comes after the option. */
function withChildren(children: readonly string[], { wait, ...options }: VerbFlags): ControlArgs {
  return { ...options, children: typeof wait === "string" ? [wait, ...children] : children, waitSecs: waitOf(wait) };
}

function waitOf(wait: Waits["wait"]): number | undefined {
  return typeof wait === "number" || wait === undefined ? wait : WAIT_SECS;
}

function withWait(command: Command, parse: (text: string) => number | string = seconds): Command {
  return command.option(
    "--wait [seconds]",
    `wait until they are ready, ${WAIT_SECS} seconds unless said otherwise; 1 where one is not`,
    parse,
  );
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && value <= MOST_WAIT_SECS) return value;
  throw new InvalidArgumentError(`It must be a number of seconds, above 0 and up to ${MOST_WAIT_SECS}`);
}

function secondsOrChild(text: string): number | string {
  return Number.isNaN(Number(text)) ? text : seconds(text);
}

/** The options that all of them have. */
function asking(command: Command): Command {
  return withTargetOptions(command)
    .option("--reason <text>", 'why, for the audit; "by hand" where nobody can be asked')
    .option("--json", "print JSON", false);
}

function examplesOf(examples: readonly string[]): string {
  return `\nExample${examples.length === 1 ? "" : "s"}:\n${examples.map((example) => `  reeve ${example}\n`).join("")}`;
}

const YES = ["-y, --yes", "it is meant: do not ask for its name", false] as const;

function addRemove(program: Command, io: CommandIo, done: Done): void {
  asking(program.command("remove"))
    .description("stop children and take them out of the tree until the program starts anew")
    .argument("<path...>", "paths of children")
    .option(...YES)
    .addHelpText("after", `${CODES}${examplesOf(["remove /pool/cleaner", "remove /pool/cleaner --yes --reason done"])}`)
    .action(async (children: string[], options: Omit<ControlArgs, "children">) => {
      const { control } = await import("../commands/control.ts");
      done(await control("remove", { children, ...options }, io));
    });
}

function addAdd(program: Command, io: CommandIo, done: Done): void {
  withWait(asking(program.command("add")))
    .description("add a child to the tree until the program starts anew")
    .argument("<manifest>", "a file with the declaration of one child in YAML, - for standard input")
    .option("--to <supervisor>", "the supervisor that gets it; the root where absent")
    .addHelpText(
      "after",
      `\nRelative paths in it start from the folder of the file that runs.\n${CODES}${
        examplesOf(["add cleaner.yaml --to /pool", "add - < cleaner.yaml"])
      }`,
    )
    .action(async (manifest: string, { wait, ...options }: Omit<AddArgs, "manifest" | "waitSecs"> & Waits) => {
      const { add } = await import("../commands/grow.ts");
      done(await add({ manifest, ...options, waitSecs: waitOf(wait) }, io));
    });
}

function addScale(program: Command, io: CommandIo, done: Done): void {
  asking(program.command("scale"))
    .description("make it so many copies of a template, or of a child with instances")
    .argument("<name>", "name of the template, or of the child; its path too")
    .argument("<count>", "how many copies there are to be", wholeNumber)
    .option("--to <supervisor>", "path of the supervisor that has them; the root where absent")
    .option(...YES)
    .addHelpText(
      "after",
      `\nFewer copies than there are must be confirmed.\n${CODES}${examplesOf(["scale web 5", "scale session 0 --to /pool --yes"])}`,
    )
    .action(async (name: string, count: number, options: Omit<ScaleArgs, "name" | "count">) => {
      const { scale } = await import("../commands/grow.ts");
      done(await scale({ name, count, ...options }, io));
    });
}

function wholeNumber(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError("It must be a whole number, 0 or more");
  return Number(text);
}

function addStartTemplate(program: Command, io: CommandIo, done: Done): void {
  withWait(asking(program.command("start-template")))
    .description("start one more copy of a template")
    .argument("<template>", "name of the template")
    .option("--args <json>", "what the copy is given, in place of what the template says")
    .option("--to <supervisor>", "the supervisor that gets it; the root where absent")
    .addHelpText("after", `${CODES}${examplesOf([`start-template session --to /pool --args '{"user": 7}'`])}`)
    .action(async (template: string, { wait, ...options }: Omit<TemplateArgs, "template" | "waitSecs"> & Waits) => {
      const { startTemplate } = await import("../commands/grow.ts");
      done(await startTemplate({ template, ...options, waitSecs: waitOf(wait) }, io));
    });
}

function addShutdown(program: Command, io: CommandIo, done: Done): void {
  asking(program.command("shutdown"))
    .description("end the run in order, and say how that went")
    .option("--force", "everything at once, also what stops already", false)
    .option(...YES)
    .addHelpText(
      "after",
      `\nIt waits 30 seconds for the end. Exit code 0: all ended, 1: it was refused, takes longer, or something is left behind, 2: no run answers, or nothing was asked.\n${
        examplesOf(["shutdown", "shutdown --file supervisor.yaml --yes --reason 'new machine'"])
      }`,
    )
    .action(async (options: ShutdownArgs) => {
      const { shutdown } = await import("../commands/shutdown.ts");
      done(await shutdown(options, io));
    });
}

function addPlan(program: Command, io: CommandIo, done: Done): void {
  program.command("plan")
    .description("show what a changed file would do to the run, and do nothing; the same as reload --dry-run")
    .argument("[file]", "the YAML file that runs")
    .option("--socket <path>", "the socket of the run, whatever the file says")
    .option("--json", "print JSON", false)
    .addHelpText(
      "after",
      `\nExit code 0: it can be done, or nothing has changed, 1: the file is refused, 2: no run answers.\n${
        examplesOf(["plan supervisor.yaml"])
      }`,
    )
    .action(async (file: string | undefined, options: { readonly socket?: string; readonly json: boolean }) => {
      const { reload } = await import("../commands/reload.ts");
      done(await reload({ file, ...options, dryRun: true, reason: "what would it do?" }, io));
    });
}
