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
import { codeOf } from "../base/mod.ts";
import { main } from "./main.ts";

/** Whether something could not be written although somebody was there to read it. */
let isLost = false;

// Who reads along may go, and a disk may be full: the tree does not end for that.
function onWriteError(error: unknown): void {
  const code = codeOf(error);
  if (code !== "EPIPE" && code !== "ERR_STREAM_DESTROYED") isLost = true;
}

/** Writes, and hears of failures in each way in which a runtime may tell them. */
function write(stream: NodeJS.WriteStream, text: string, then: () => void = () => {}): void {
  try {
    stream.write(text, (error) => {
      if (error) onWriteError(error);
      then();
    });
  } catch (error) {
    onWriteError(error);
    then();
  }
}

for (const stream of [process.stdout, process.stderr]) stream.on("error", onWriteError);
const color = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined && process.env["TERM"] !== "dumb";
const code = await main(process.argv.slice(2), {
  stdout: (text) => write(process.stdout, text),
  stderr: (text) => write(process.stderr, text),
  color,
});
const endCode = (): number => code === 0 && isLost ? 1 : code;
// Where writing has failed, the last write may never be answered.
process.exitCode = endCode();
// What was written must be out before the program ends; an abandoned task would otherwise keep it alive.
write(process.stdout, "", () => setTimeout(() => process.exit(endCode())));
