/** A terminal for tests: keys are pressed by the test, the screen is that of an emulator. */
import type { Terminal, TerminalSize } from "../../../src/cli/io.ts";
import { until } from "../../support/until.ts";
import { Emulator } from "./emulator.ts";

type End = Parameters<Parameters<Terminal["onEnd"]>[0]>[0];

/** Stands in for the terminal of the program. */
export class FakeTerminal implements Terminal {
  /** What is seen. */
  screen: Emulator;
  isRaw = false;
  /** How often the program was stopped. */
  suspended = 0;
  /** Everything that was written. */
  written = "";
  #size: TerminalSize;
  readonly #inputs = new Set<(bytes: Uint8Array) => void>();
  readonly #resizes = new Set<() => void>();
  readonly #ends = new Set<(why: End) => void>();

  constructor(size: TerminalSize = { columns: 100, rows: 24 }) {
    this.#size = size;
    this.screen = new Emulator(size.columns, size.rows);
  }

  /** How many listen to it. */
  get listeners(): number {
    return this.#inputs.size + this.#resizes.size + this.#ends.size;
  }

  write(text: string): Promise<void> {
    this.written += text;
    this.screen.write(text);
    return Promise.resolve();
  }

  size(): TerminalSize {
    return this.#size;
  }

  setRaw(isRaw: boolean): void {
    this.isRaw = isRaw;
  }

  onInput(listener: (bytes: Uint8Array) => void): () => void {
    return listening(this.#inputs, listener);
  }

  onResize(listener: () => void): () => void {
    return listening(this.#resizes, listener);
  }

  onEnd(listener: (why: End) => void): () => void {
    return listening(this.#ends, listener);
  }

  suspend(): Promise<void> {
    this.suspended++;
    return Promise.resolve();
  }

  /** Writes what a keyboard would. */
  type(text: string): void {
    for (const listener of this.#inputs) listener(new TextEncoder().encode(text));
  }

  resize(columns: number, rows: number): void {
    this.#size = { columns, rows };
    this.screen = new Emulator(columns, rows);
    for (const listener of this.#resizes) listener();
  }

  end(why: End): void {
    for (const listener of this.#ends) listener(why);
  }

  /** Waits until a text is on the screen. */
  async shows(text: string | RegExp): Promise<void> {
    const has = (): boolean => {
      const seen = this.screen.lines().join("\n");
      return typeof text === "string" ? seen.includes(text) : text.test(seen);
    };
    await until(has, () => `the screen does not show ${text}:\n${this.screen.lines().join("\n")}`);
  }
}

function listening<T>(all: Set<T>, one: T): () => void {
  all.add(one);
  return () => void all.delete(one);
}
