/**
 * The `reeve` command: runs, checks and explains trees that are declared in a file.
 *
 * @example
 * ```sh
 * deno run --allow-read --allow-write --allow-run --allow-env jsr:@reeve/supervisor/cli run supervisor.yaml
 * npx reeve run supervisor.yaml
 * ```
 *
 * @module
 */
import process from "node:process";
import { main } from "./main.ts";

// Who reads along may go; the tree does not end for that.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}
const color = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined && process.env["TERM"] !== "dumb";
const code = await main(process.argv.slice(2), {
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
  color,
});
// What was written must be out before the program ends; an abandoned task would otherwise keep it alive.
process.stdout.write("", () => process.exit(code));
