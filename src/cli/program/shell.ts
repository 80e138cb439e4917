/** Commands for the shell around the command: completions, the man page, and what each command says of its exit codes. */
import { Argument, type Command } from "commander";
import { EXIT, EXIT_CODES } from "../exit_codes.ts";
import type { CommandIo } from "../io.ts";
import { outlineOf } from "../shell/outline.ts";
import { type Shell, SHELLS } from "../shell/shells.ts";
import type { Done } from "./done.ts";

/** Adds `completions`, `man` and what they call; to be added last. */
export function addShell(program: Command, io: CommandIo, done: Done): void {
  program.command("completions")
    .description("print the script with which a shell completes commands, options and names of children")
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .addHelpText(
      "after",
      "\nExamples:\n  source <(reeve completions bash)\n  reeve completions zsh > ~/.zfunc/_reeve\n  reeve completions fish > ~/.config/fish/completions/reeve.fish\n",
    )
    .action(async (shell: Shell) => {
      const { completions } = await import("../commands/shell.ts");
      done(completions(shell, outlineOf(program), io));
    });
  program.command("man")
    .description("print the man page")
    .addHelpText("after", "\nExample:\n  reeve man > /usr/local/share/man/man1/reeve.1\n")
    .action(async () => {
      const { man } = await import("../commands/shell.ts");
      done(man(outlineOf(program), io));
    });
  program.command("__complete", { hidden: true })
    .argument("<what>")
    .argument("[words...]")
    .option("--limit <ms>", "longest time, for tests", Number)
    .helpOption(false)
    .action(async (_what: string, words: string[], { limit }: { limit?: number }) => {
      const { complete } = await import("../shell/complete.ts");
      done(await complete(words, io, limit));
    });
  program.addHelpText("after", `\nExit codes:\n${EXIT_CODES.map(codeLine).join("")}`);
  for (const command of program.commands) addExitCodes(command);
}

function codeLine({ code, means, afterRun }: (typeof EXIT_CODES)[number]): string {
  return `  ${`${code}`.padEnd(4)} ${means === "" ? `after run: ${afterRun}` : means}\n`;
}

/** What most commands end with. */
const USUAL_CODES = `Exit code ${
  EXIT_CODES.filter(({ code }) => code <= EXIT.unusable).map(({ code, means }) => `${code}: ${means}`).join("; ")
}.\n`;

/** Where a command does not say it itself, which only its own help tells; that is made when somebody asks for it. */
function addExitCodes(command: Command): void {
  if (command.commands.length > 0) return command.commands.forEach(addExitCodes);
  let isLooking = false;
  command.addHelpText("after", () => {
    if (isLooking) return "";
    isLooking = true;
    const { description, notes } = outlineOf(command);
    isLooking = false;
    return /exit(?: with)? (?:code )?\d|exit code/i.test(`${description}\n${notes}`) ? "" : USUAL_CODES;
  });
}
