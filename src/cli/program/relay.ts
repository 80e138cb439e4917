/** The command that brings many targets to many operators. */
import type { Command } from "commander";
import type { RelayArgs } from "../commands/relay.ts";
import type { CommandIo } from "../io.ts";
import type { Done } from "./done.ts";

/** Adds `relay`. */
export function addRelay(program: Command, io: CommandIo, done: Done): void {
  program.command("relay")
    .description("serve many targets to many operators: TLS, identities, roles, registrations, an audit")
    .requiredOption("--config <file>", "YAML file")
    .option("--check", "only say whether it could start", false)
    .addHelpText(
      "after",
      "\nSIGHUP reads certificates and tokens again, Ctrl-C ends it.\n\nExit code 0: ended as wanted, or with --check that it could start, 1: it could not.\n\nExamples:\n  reeve relay --config relay.yaml --check\n  reeve relay --config relay.yaml\n",
    )
    .action(async (options: RelayArgs) => {
      const { relay } = await import("../commands/relay.ts");
      done(await relay(options, io));
    });
}
