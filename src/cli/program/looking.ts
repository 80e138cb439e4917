/** Commands that look at a run. */
import type { Command } from "commander";
import type { ChildArgs, CriticalChainArgs, IsReadyArgs, LookArgs } from "../commands/look.ts";
import type { CommandIo } from "../io.ts";
import type { Done } from "./done.ts";
import { withTargetOptions } from "./options.ts";

/** Adds `status`, `tree`, `describe`, `why`, `critical-chain` and `is-ready`. */
export function addLooking(program: Command, io: CommandIo, done: Done): void {
  withTargetOptions(program.command("status"))
    .description("show the tree at one glance; exit code 0 ready, 1 not ready, 2 no run answers")
    .option("--json", "print JSON", false)
    .addHelpText("after", "\nExamples:\n  reeve status\n  reeve status --file supervisor.yaml --json\n")
    .action(async (options: LookArgs) => {
      const { status } = await import("../commands/look.ts");
      done(await status(options, io));
    });
  withTargetOptions(program.command("tree"))
    .description("draw the tree: who belongs to whom, and who comes after whom")
    .option("--json", "print JSON", false)
    .addHelpText("after", "\nExample:\n  reeve tree\n")
    .action(async (options: LookArgs) => {
      const { tree } = await import("../commands/look.ts");
      done(await tree(options, io));
    });
  withTargetOptions(program.command("describe"))
    .description("show everything about one child, with its last events and lines")
    .argument("<child>", "path or name of the child")
    .option("--json", "print JSON", false)
    .addHelpText("after", "\nExample:\n  reeve describe /web\n")
    .action(async (child: string, options: Omit<ChildArgs, "child">) => {
      const { describe } = await import("../commands/look.ts");
      done(await describe({ child, ...options }, io));
    });
  withTargetOptions(program.command("why"))
    .description("say why a child is as it is, since when, and when it comes back")
    .argument("<child>", "path or name of the child")
    .option("--json", "print JSON", false)
    .addHelpText("after", "\nExample:\n  reeve why mail\n")
    .action(async (child: string, options: Omit<ChildArgs, "child">) => {
      const { why } = await import("../commands/look.ts");
      done(await why({ child, ...options }, io));
    });
  withTargetOptions(program.command("critical-chain"))
    .description("show what made the start slow")
    .argument("[child]", "the child with which the chain ends; the one that was ready last where absent")
    .option("--json", "print JSON", false)
    .addHelpText("after", "\nExample:\n  reeve critical-chain /web\n")
    .action(async (child: string | undefined, options: Omit<CriticalChainArgs, "child">) => {
      const { criticalChainOf } = await import("../commands/look.ts");
      done(await criticalChainOf({ child, ...options }, io));
    });
  withTargetOptions(program.command("is-ready"))
    .description("exit with 0 when the tree is ready, 1 when not, 2 when no run answers; for health checks of containers")
    .argument("[child]", "only this child")
    .option("--quiet", "say nothing", false)
    .addHelpText("after", "\nExample:\n  HEALTHCHECK CMD reeve is-ready --quiet\n")
    .action(async (child: string | undefined, options: Omit<IsReadyArgs, "child">) => {
      const { isReady } = await import("../commands/look.ts");
      done(await isReady({ child, ...options }, io));
    });
}
