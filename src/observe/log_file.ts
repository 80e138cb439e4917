/** Files of what the children say: one writer for each, whoever writes there. */
import { mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { clearInterval, setInterval } from "node:timers";
import { Calendar, type Clock, codeOf } from "../base/mod.ts";
import type { LogOptions } from "../spec/mod.ts";
import { type LineFile, LineWriter, type LineWriterForm, type SinkChange } from "./line_writer.ts";
import type { LogRecord } from "./log.ts";
import { RotatingFile, type RotatingFileOptions, type Rotation } from "./rotating_file.ts";

export type { LineFile, SinkChange } from "./line_writer.ts";

/** A line on its way to a file. */
export type LogLine = Omit<LogRecord, "seq">;

/** Takes the lines of a child for its file. */
export interface LineSink {
  /** Takes a line; it is never refused, but may be lost, which is counted and told. */
  write(record: LogLine): void;
  /** Whether who can wait should not send more for now: at most 5 seconds in a row, and never while the file cannot be written. */
  readonly isFull: boolean;
  /** Calls back once when it is no longer full, at once when it is not. */
  onceDrained(callback: () => void): void;
}

/** What {@linkcode LogFiles} are made of. */
export interface LogFilesMeans {
  readonly clock: Clock;
  /** Hears once when a file loses lines, and once when it takes them again. */
  readonly tell: (change: SinkChange) => void;
  /** Makes what appends to a file; a folder that is missing is made. @default {a `RotatingFile`} */
  readonly open?: (options: RotatingFileOptions) => LineFile;
}

/** About how many characters of lines are written at a time, and how many times at least until a file is full, so that it gets not much larger than it may be. */
const LONGEST_PIECE = 64 * 1024;
const SHORTEST_PIECE = 4 * 1024;
const PIECES_PER_FILE = 16;

const MAX_BYTES = 10 * 1024 * 1024;

/** The files of a tree's output. */
export class LogFiles {
  readonly #means: LogFilesMeans;
  readonly #calendar: Calendar;
  readonly #writers = new Map<string, LineWriter>();

  /** Opens no file yet. */
  constructor(means: LogFilesMeans) {
    this.#means = means;
    this.#calendar = new Calendar(means.clock);
  }

  /** Whether no file was ever named. */
  get isEmpty(): boolean {
    return this.#writers.size === 0;
  }

  /** The way to the file that the options name; `null` when they name none. Children that name the same one share it, with the rotation of the first. */
  sinkOf(options: LogOptions = {}): LineSink | null {
    if (options.file === undefined) return null;
    const path = resolve(options.file);
    const lineOf = options.format === "json" ? (record: LogLine): string => this.#json(record) : textOf;
    let writer = this.#writers.get(path);
    if (writer === undefined) this.#writers.set(path, writer = this.#newWriter(path, options));
    return new Sink(writer, lineOf);
  }

  /** Other options count for a file that is written already: the rotation of whoever came last is that of all who share it. */
  revise(options: LogOptions = {}): void {
    if (options.file !== undefined) this.#writers.get(resolve(options.file))?.revise(this.#formOf(options), rotationOf(options));
  }

  /** Writes what there is; waits at most 2 seconds for a file that cannot be written, for which it keeps the program alive. */
  async close(): Promise<void> {
    const keepAlive = setInterval(() => {}, 1_000);
    await Promise.all([...this.#writers.values()].map((writer) => writer.close()));
    clearInterval(keepAlive);
  }

  #newWriter(path: string, options: LogOptions): LineWriter {
    const { clock, tell, open = (options): LineFile => new RotatingFile(options) } = this.#means;
    const times = { wallNow: () => clock.wallNow(), now: () => clock.now(), setTimer: clock.setTimer.bind(clock) };
    const file = withFolder(path, open({ path, fsync: "never", ...rotationOf(options), ...times }));
    return new LineWriter({ path, file, clock, tell, ...this.#formOf(options) });
  }

  #formOf({ maxBytes = MAX_BYTES, format }: LogOptions): LineWriterForm {
    const lossLine = format === "json" ? (lost: number, reason: string): string => this.#jsonLoss(lost, reason) : textLoss;
    return { lossLine, pieceLength: Math.max(SHORTEST_PIECE, Math.min(LONGEST_PIECE, maxBytes / PIECES_PER_FILE)) };
  }

  #json({ atMs, path, generation, attempt, stream, line }: LogLine): string {
    return `${JSON.stringify({ time: this.#timeAt(atMs), path, generation, attempt, stream, line })}\n`;
  }

  #jsonLoss(lost: number, reason: string): string {
    return `${JSON.stringify({ time: this.#timeAt(this.#means.clock.now()), lost, reason })}\n`;
  }

  #timeAt(atMs: number): string {
    return new Date(this.#calendar.at(atMs)).toISOString();
  }
}

function rotationOf({ maxBytes = MAX_BYTES, maxAgeSecs = null, keep = 5, compress = false }: LogOptions): Rotation {
  return { maxBytes, maxAgeMs: maxAgeSecs === null ? null : 1000 * maxAgeSecs, keep, compress };
}

class Sink implements LineSink {
  readonly #writer: LineWriter;
  readonly #lineOf: (record: LogLine) => string;

  constructor(writer: LineWriter, lineOf: (record: LogLine) => string) {
    this.#writer = writer;
    this.#lineOf = lineOf;
  }

  write(record: LogLine): void {
    this.#writer.write(this.#lineOf(record));
  }

  get isFull(): boolean {
    return this.#writer.isFull;
  }

  onceDrained(callback: () => void): void {
    this.#writer.onceDrained(callback);
  }
}

function textOf({ line }: LogLine): string {
  return `${line}\n`;
}

function textLoss(lost: number, reason: string): string {
  return lost === 1 ? `1 line was lost: ${reason}\n` : `${lost} lines were lost: ${reason}\n`;
}

/** Makes the folder of a file where it is missing, also when others have removed it. */
function withFolder(path: string, file: LineFile): LineFile {
  return {
    append: async (text) => {
      try {
        await file.append(text);
      } catch (error) {
        if (codeOf(error) !== "ENOENT") throw error;
        await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        await file.append(text);
      }
    },
    close: () => file.close(),
    revise: (rotation) => file.revise?.(rotation),
  };
}
