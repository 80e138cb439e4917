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
import { Buffer } from "node:buffer";
import process from "node:process";
import { codeOf } from "../base/mod.ts";
import { main } from "./main.ts";
import { ownTerminal } from "./terminal.ts";

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

/** Asks on standard error, because standard output may be read by a program. */
async function askPerson(question: string): Promise<string | null> {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) return null;
  const { createInterface } = await import("node:readline/promises");
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  // Who ends the command here has asked for nothing.
  reader.once("SIGINT", () => {
    reader.close();
    process.stderr.write("\n");
    process.exit(130);
  });
  const closed = new Promise<null>((resolve) => reader.once("close", () => resolve(null)));
  try {
    return await Promise.race([reader.question(question), closed]);
  } finally {
    reader.close();
  }
}

/** No more than somebody asked for is kept. */
async function readInput(most: number): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of process.stdin) {
    pieces.push(Buffer.from(piece));
    bytes += pieces.at(-1)!.length;
    if (bytes > most) break;
  }
  return new TextDecoder().decode(Buffer.concat(pieces).subarray(0, most + 1));
}

for (const stream of [process.stdout, process.stderr]) stream.on("error", onWriteError);
const color = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined && process.env["TERM"] !== "dumb";
const terminal = ownTerminal((text, then) => write(process.stdout, text, then));

// What was written must be out before the program ends; an abandoned task would otherwise keep it alive.
function end(code: number): void {
  const endCode = (): number => code === 0 && isLost ? 1 : code;
  // Where writing has failed, the last write may never be answered.
  process.exitCode = endCode();
  write(process.stdout, "", () => setTimeout(() => process.exit(endCode())));
}

// Nothing is awaited here at the top: what makes one file of the command cannot do that.
main(process.argv.slice(2), {
  stdout: (text) => write(process.stdout, text),
  stderr: (text) => write(process.stderr, text),
  color,
  columns: process.stdout.isTTY === true ? process.stdout.columns : Infinity,
  isWatched: process.stderr.isTTY === true,
  ask: askPerson,
  input: readInput,
  ...terminal === undefined ? {} : { terminal },
}).then(end);
