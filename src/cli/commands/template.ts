/** `reeve template`: a commented configuration file with every key. */
import { template as templateText } from "../../config/mod.ts";
import { type CommandIo, EXIT } from "../io.ts";

/** Prints the template; returns 0. */
export function template(io: CommandIo): number {
  io.stdout(templateText());
  return EXIT.clean;
}
