/** The program as plain data, read from commander: what completions, the man page and tests are made of. */
import type { Argument, Command, Option } from "commander";

/** What can stand in a place of the command line. */
export type Kind = "file" | "child" | "choice" | "text";

/** One argument. */
export interface ArgumentOutline {
  readonly name: string;
  readonly description: string;
  readonly isRequired: boolean;
  readonly isVariadic: boolean;
  readonly kind: Kind;
  readonly choices: readonly string[];
}

/** One option. */
export interface OptionOutline {
  /** As it is written: `-f, --file <file>`. */
  readonly flags: string;
  /** Each way to write it: `-f`, `--file`. */
  readonly names: readonly string[];
  readonly description: string;
  /** What its value can be; `null` where it has none. */
  readonly kind: Kind | null;
  readonly choices: readonly string[];
}

/** One command. */
export interface CommandOutline {
  /** Its words after `reeve`: `audit verify`. */
  readonly path: string;
  readonly description: string;
  /** What comes after the options in its help, without the examples. */
  readonly notes: string;
  readonly examples: readonly string[];
  readonly arguments: readonly ArgumentOutline[];
  readonly options: readonly OptionOutline[];
  readonly commands: readonly CommandOutline[];
}

/** Reads a program, or a command of it. */
export function outlineOf(command: Command, path = ""): CommandOutline {
  const help = command.createHelp();
  const { notes, examples } = textAfter(command);
  return {
    path,
    description: command.description(),
    notes,
    examples,
    arguments: command.registeredArguments.map(argumentOf),
    options: help.visibleOptions(command).map(optionOf),
    commands: help.visibleCommands(command).filter((inner) => inner.name() !== "help").map((inner) =>
      outlineOf(inner, `${path} ${inner.name()}`.trim())
    ),
  };
}

/** Every command that does something, however deep. */
export function leavesOf(outline: CommandOutline): CommandOutline[] {
  return outline.commands.length === 0 ? [outline] : outline.commands.flatMap(leavesOf);
}

/** Every command, those around others among them. */
export function allOf(outline: CommandOutline): CommandOutline[] {
  return outline.commands.flatMap((inner) => [inner, ...allOf(inner)]);
}

function argumentOf(argument: Argument): ArgumentOutline {
  const { description, required, variadic, argChoices = [] } = argument;
  return {
    name: argument.name(),
    description,
    isRequired: required,
    isVariadic: variadic,
    kind: kindOf(argument.name(), argChoices),
    choices: argChoices,
  };
}

function optionOf(option: Option): OptionOutline {
  const { flags, description, argChoices = [] } = option;
  const [, value] = /[<[]([^>\]]+)[>\]]/.exec(flags) ?? [];
  const names = [option.short, option.long].filter((name) => typeof name === "string");
  const kind = value === undefined ? null : option.attributeName() === "child" ? "child" : kindOf(value, argChoices);
  return { flags, names, description, kind, choices: argChoices };
}

function kindOf(name: string, choices: readonly string[]): Kind {
  if (choices.length > 0) return "choice";
  if (/^child(?:ren)?\b/.test(name)) return "child";
  return /^(?:file|path|folder)\b/.test(name) ? "file" : "text";
}

/** commander keeps what was added after the help for itself, until the help is shown. */
function textAfter(command: Command): { notes: string; examples: string[] } {
  const own = command.configureOutput();
  let text = "";
  command.configureOutput({ ...own, writeOut: (part) => text += part });
  try {
    command.outputHelp();
  } finally {
    command.configureOutput(own);
  }
  const after = text.slice(text.indexOf(command.helpInformation()) + command.helpInformation().length);
  const [notes = "", ...rest] = after.split(/^Examples?:\n/m);
  const [examples = "", ...more] = rest.join("").split(/\n\n/);
  return {
    notes: [notes, ...more].map((part) => part.trim()).filter((part) => part !== "").join("\n\n"),
    examples: examples.split("\n").map((line) => line.trim()).filter((line) => line !== ""),
  };
}
