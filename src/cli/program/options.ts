/** Options that many commands have. */
import type { Command } from "commander";

/** Adds how the run is named that a command talks to. */
export function withTargetOptions(command: Command): Command {
  return command
    .option("-f, --file <file>", "the YAML file that runs; supervisor.yaml or reeve.yaml of this folder where absent")
    .option("--socket <path>", "the socket of the run, whatever a file says; also by REEVE_SOCKET");
}
