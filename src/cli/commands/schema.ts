/** `reeve schema`: the JSON Schema of configuration files. */
import { jsonSchema } from "../../config/mod.ts";
import { type CommandIo, EXIT } from "../io.ts";

/** Prints the schema as JSON; returns 0. */
export function schema(io: CommandIo): number {
  io.stdout(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
  return EXIT.clean;
}
