/** The man page, in the language of roff. */
import { VERSION } from "../../base/mod.ts";
import { EXIT_CODES } from "../exit_codes.ts";
import { type CommandOutline, leavesOf, type OptionOutline } from "./outline.ts";
import { FILES, VARIABLES } from "./surroundings.ts";

/** Returns the page of a program. */
export function manPage(outline: CommandOutline): string {
  return [
    String.raw`.\" Made by reeve man.`,
    `.TH REEVE 1 "" "reeve ${VERSION}" "User Commands"`,
    ".SH NAME",
    `reeve \\- ${text(outline.description.replace(/\.$/, "").replace(/^K/, "k"))}`,
    ".SH SYNOPSIS",
    ".B reeve",
    ".I COMMAND",
    "[\\fIARGUMENTS\\fR] [\\fIOPTIONS\\fR]",
    ".SH DESCRIPTION",
    text(
      "A tree of tasks, worker threads, processes and nested supervisors is declared in a YAML file. reeve run runs it; the other commands look at " +
        "the run, ask it for something, and look at the file and at what was recorded.",
    ),
    ".SH COMMANDS",
    ...leavesOf(outline).flatMap(commandLines),
    ".SH EXIT STATUS",
    ...EXIT_CODES.flatMap(({ code, means, afterRun }) =>
      tagged(`${code}`, [means, afterRun === "" ? "" : `After run: ${afterRun}`].filter(Boolean).join(". "))
    ),
    ".SH ENVIRONMENT",
    ...VARIABLES.flatMap(([name, means]) => tagged(name, means)),
    ".SH FILES",
    ...FILES.flatMap(([name, means]) => tagged(name, means)),
    ".SH EXAMPLES",
    ...leavesOf(outline).flatMap(({ description, examples }) =>
      examples.length === 0 ? [] : [...tagged(examples[0] ?? "", sentence(description))]
    ),
    ".SH SEE ALSO",
    ".BR systemd (1),",
    ".BR journalctl (1)",
  ].map((line) => `${line}\n`).join("");
}

function commandLines({ path, description, notes, examples, options, arguments: args }: CommandOutline): string[] {
  const written = args.map(({ name, isRequired, isVariadic }) => {
    const word = `\\fI${text(name.toUpperCase())}\\fR${isVariadic ? "..." : ""}`;
    return isRequired ? word : `[${word}]`;
  });
  return [
    `.SS "reeve ${quotable(path)}"`,
    `.B reeve ${text(path)}`,
    ...written.length > 0 ? [written.join(" ")] : [],
    ".PP",
    text(sentence(description)),
    ...args.flatMap(({ name, description: means }) => means === "" ? [] : tagged(name.toUpperCase(), means)),
    ...options.filter(({ names }) => !names.includes("--help")).flatMap(optionLines),
    ...notes === "" ? [] : [".PP", text(notes.replace(/\s*\n\s*/g, " "))],
    ...examples.length < 2 ? [] : [".PP", "Examples:", ".PP", ".nf", ...examples.map((line) => `    ${text(line)}`), ".fi"],
  ];
}

function optionLines({ flags, description, choices }: OptionOutline): string[] {
  return tagged(flags, choices.length > 0 ? `${description}: ${choices.join(", ")}` : description);
}

function tagged(term: string, means: string): string[] {
  return [".TP", `.B ${text(term)}`, text(sentence(means))];
}

function sentence(words: string): string {
  return words === "" ? "Nothing is said of it." : `${words[0]?.toUpperCase()}${words.slice(1)}${/[.!?]$/.test(words) ? "" : "."}`;
}

/** Roff takes a backslash, and a point or a quote at the beginning of a line, for its own. */
function text(words: string): string {
  return words.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^(?=[.'])/, "\\&");
}

function quotable(words: string): string {
  return text(words).replaceAll('"', '""');
}
