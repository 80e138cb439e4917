/** Captures what a child writes, line by line. */
import { clearInterval, setInterval } from "node:timers";
import type { Readable } from "node:stream";
import { lineSplitter } from "./lines.ts";
import type { AttemptContext } from "./types.ts";

/**
 * How often to look, in milliseconds, whether anything still comes after the exit, and how many quiet looks are enough.
 *
 * Several looks instead of one timer: in a program that was busy meanwhile, the runtime reads the pipes between two of them.
 */
const LOOK_MS = 25;
const QUIET_LOOKS = 4;

/** Most looks in all: a stranger that inherited the pipe and goes on writing must not delay the report for ever. */
const MOST_LOOKS = 40;

/** Whom output goes to. */
export type OutputTaker = Pick<AttemptContext, "output" | "redactor" | "sink">;

/** Reads the output of one attempt. */
export class OutputCapture {
  readonly #canWait: boolean;
  readonly #streams: Readable[] = [];
  readonly #flushes: (() => void)[] = [];
  #open = 0;
  #chunks = 0;
  #onEnd: () => void = () => {};
  #isPaused = false;
  #isDraining = false;

  /** Captures the output of somebody who can wait while the file of the output takes no more, or cannot. */
  constructor({ canWait }: { readonly canWait: boolean }) {
    this.#canWait = canWait;
  }

  /** Captures a stream. */
  add(stream: Readable | null, name: "stdout" | "stderr", context: OutputTaker): void {
    if (stream === null) return;
    const split = lineSplitter((line) => context.output(name, line), (text) => context.redactor.unfinished(text));
    this.#streams.push(stream);
    this.#flushes.push(() => split());
    this.#open++;
    let ended = false;
    const end = (): void => {
      if (ended) return;
      ended = true;
      if (--this.#open === 0) this.#onEnd();
    };
    // A pipe that is not read blocks the child: data are taken, whatever happens to them, at the latest when nobody may wait any longer.
    stream.on("data", (chunk: Uint8Array) => {
      this.#chunks++;
      split(chunk);
      if (this.#canWait) this.#waitFor(context);
    });
    for (const event of ["end", "close", "error"]) stream.on(event, end);
  }

  /** After the exit: calls back when everything that still comes was captured; a grandchild that holds a pipe does not delay that for long. */
  drain(onDrained: () => void): void {
    this.#isDraining = true;
    this.#resume();
    if (this.#open === 0) return this.#finish(onDrained);
    let seen = this.#chunks;
    let quiet = 0;
    let looks = 0;
    const timer = setInterval(() => {
      quiet = seen === this.#chunks ? quiet + 1 : 0;
      seen = this.#chunks;
      if (quiet >= QUIET_LOOKS || ++looks >= MOST_LOOKS) this.#onEnd();
    }, LOOK_MS);
    timer.unref();
    this.#onEnd = () => {
      clearInterval(timer);
      this.#onEnd = () => {};
      this.#finish(onDrained);
    };
  }

  /** Lets the child wait, by not reading its pipes; what it wrote before its end is little and taken at once. */
  #waitFor({ sink }: OutputTaker): void {
    if (sink === null || !sink.isFull || this.#isPaused || this.#isDraining) return;
    this.#isPaused = true;
    for (const stream of this.#streams) stream.pause();
    sink.onceDrained(() => this.#resume());
  }

  #resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    for (const stream of this.#streams) stream.resume();
  }

  #finish(onDrained: () => void): void {
    for (const flush of this.#flushes) flush();
    for (const stream of this.#streams) stream.destroy();
    onDrained();
  }
}
