/** The command that shows a run on the whole screen. */
import { type Command, Option } from "commander";
import type { TopArgs } from "../commands/top.ts";
import type { CommandIo } from "../io.ts";
import type { Done } from "./done.ts";
import { withTargetOptions } from "./options.ts";

/** Adds `top`. */
export function addTop(program: Command, io: CommandIo, done: Done): void {
  withTargetOptions(program.command("top"))
    .description("show the tree on the whole screen, live, and ask things of its children; ? shows the keys")
    .option("--once", "print one picture and end", false)
    .option("--no-mouse", "leave the mouse to the terminal")
    .addOption(new Option("--json").default(false).hideHelp())
    .addHelpText(
      "after",
      "\nExit code 0: somebody quit, 2: no run answers, or there is no terminal.\n\nExamples:\n  reeve top\n  reeve top --file supervisor.yaml\n",
    )
    .action(async (options: TopArgs) => {
      const { top } = await import("../commands/top.ts");
      done(await top(options, io));
    });
}
