/** A program beside a test, which is asked line by line. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { programArgs } from "./runtime.ts";

/** A program that does what each line on its input says, and answers with a line. */
export class Program {
  readonly #process: ChildProcessWithoutNullStreams;
  #text = "";
  #wake = (): void => {};

  private constructor(file: string) {
    this.#process = spawn(process.execPath, programArgs(file, ["-A"]));
    this.#process.stderr.on("data", (data) => this.#text += data);
    this.#process.stdout.on("data", (data) => {
      this.#text += data;
      this.#wake();
    });
    this.#process.once("exit", () => {
      this.#text += "the program has ended\n";
      this.#wake();
    });
  }

  /** Writes a program into a folder and starts it; it says "begun" when it can be asked. */
  static async start(folder: string, name: string, text: string): Promise<Program> {
    const file = join(folder, `${name}.mjs`);
    await writeFile(file, text);
    const program = new Program(file);
    const line = await program.#line();
    if (line !== "begun") throw new Error(`${name} said: ${line}`);
    return program;
  }

  ask(line: string): Promise<string> {
    this.#process.stdin.write(`${line}\n`);
    return this.#line();
  }

  /** How many descriptors it has open, 0 where the system does not tell. */
  async descriptors(): Promise<number> {
    return process.platform === "linux" ? (await readdir(`/proc/${this.#process.pid}/fd`)).length : 0;
  }

  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGKILL");
    await ended;
  }

  async #line(): Promise<string> {
    while (!this.#text.includes("\n")) await new Promise<void>((resolve) => this.#wake = resolve);
    const end = this.#text.indexOf("\n");
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    return line;
  }
}
