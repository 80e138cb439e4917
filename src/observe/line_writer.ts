/** Writes lines of many to one file: in order, in few pieces, and never so that somebody waits for long. */
import { type Clock, thrownMessage } from "../base/mod.ts";
import type { Rotation } from "./rotating_file.ts";

/** What appends to a file. */
export interface LineFile {
  /** Appends whole lines; rejects when they may not be there. */
  append(text: string): Promise<void>;
  /** Lets go of the file. */
  close(): Promise<void>;
  /** It is rotated otherwise from now on. */
  revise?(rotation: Rotation): void;
}

/** A file that takes no more lines, or takes them again. */
export interface SinkChange {
  /** Whether it takes them. */
  readonly healthy: boolean;
  /** Why lines were lost. */
  readonly reason: string;
  /** How many lines were lost since it was healthy. */
  readonly lost: number;
  /** Path of the file. */
  readonly path: string;
}

/** How a writer writes. */
export interface LineWriterForm {
  /** The line, with its end, that stands where lines were lost. */
  readonly lossLine: (lost: number, reason: string) => string;
  /** About how many characters are appended at a time. */
  readonly pieceLength: number;
}

/** What a writer is made of. */
export interface LineWriterMeans extends LineWriterForm {
  readonly path: string;
  readonly file: LineFile;
  readonly clock: Clock;
  readonly tell: (change: SinkChange) => void;
}

/** Characters that wait to be written when who can wait should, and when they need no longer. */
const HIGH_WATER = 1024 * 1024;
const LOW_WATER = HIGH_WATER / 4;

/** Most characters that wait; what comes beyond is lost. */
const MOST_WAITING = 8 * HIGH_WATER;

/** Longest time in milliseconds in a row for which anybody should wait. */
const LONGEST_WAIT_MS = 5_000;

/** How often, in milliseconds, a file that cannot be written is tried again, and how often when it is to be closed. */
const RETRY_MS = 1_000;
const LAST_RETRY_MS = 100;

/** How long, in milliseconds, closing waits while nothing gets written. */
const CLOSE_MS = 2_000;

const TOO_MUCH = "more came than could be written";

/** Lines that follow one another and are written together, after so many that were lost. */
interface Piece {
  lost: number;
  reason: string;
  text: string;
  lines: number;
}

/** Takes lines for one file. */
export class LineWriter {
  #means: LineWriterMeans;
  readonly #clock: Clock;
  /** What waits, the oldest first. */
  readonly #pieces: Piece[] = [];
  /** Characters that wait, those that are being written among them. */
  #waiting = 0;
  /** Lines that are being written. */
  #inFlight = 0;
  #isScheduled = false;
  #isWriting = false;
  #isFailing = false;
  /** Why the last line was lost. */
  #reason = "";
  /** Nothing got written for as long as anybody may wait. */
  #isStuck = false;
  #isFull = false;
  #written = 0;
  #cancelFull = (): void => {};
  #cancelRetry = (): void => {};
  #drained: (() => void)[] = [];
  /** Lines lost since the file was healthy, `null` while it is. */
  #lost: number | null = null;
  #closing: Promise<void> | null = null;
  #isOver = false;
  #onEmpty = (): void => {};

  constructor(means: LineWriterMeans) {
    this.#means = means;
    this.#clock = means.clock;
  }

  /** Whether who can wait should not send more for now; not for long, and not while writing fails. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Calls back once when it is no longer full, at once when it is not. */
  onceDrained(callback: () => void): void {
    if (this.#isFull) this.#drained.push(callback);
    else callback();
  }

  /** Another form, and another rotation of the file, count from the next line on. */
  revise(form: LineWriterForm, rotation: Rotation): void {
    this.#means = { ...this.#means, ...form };
    this.#means.file.revise?.(rotation);
  }

  /** Takes a line with its end. */
  write(line: string): void {
    if (this.#closing !== null) return;
    const most = this.#isFailing ? HIGH_WATER : MOST_WAITING;
    if (this.#waiting + line.length > most) return this.#lose(this.#isFailing ? this.#reason : TOO_MUCH);
    const last = this.#pieces.at(-1);
    const piece = last === undefined || last.text.length >= this.#means.pieceLength ? this.#addPiece() : last;
    piece.text += line;
    piece.lines++;
    this.#waiting += line.length;
    if (this.#waiting >= HIGH_WATER && !this.#isFull && !this.#isFailing && !this.#isStuck) this.#fill();
    this.#schedule();
  }

  /** Writes what there is, and takes no more; does not wait for long when that fails. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  #addPiece(): Piece {
    const piece: Piece = { lost: 0, reason: "", text: "", lines: 0 };
    this.#pieces.push(piece);
    return piece;
  }

  #lose(reason: string): void {
    const last = this.#pieces.at(-1);
    const piece = last === undefined || last.lines > 0 ? this.#addPiece() : last;
    piece.lost++;
    piece.reason = reason;
    this.#tellLoss(1, reason);
    this.#schedule();
  }

  #tellLoss(lines: number, reason: string): void {
    const isFirst = this.#lost === null;
    this.#lost = (this.#lost ?? 0) + lines;
    this.#reason = reason;
    if (isFirst) this.#tell(false);
  }

  #tell(healthy: boolean): void {
    this.#means.tell({ healthy, reason: this.#reason, lost: this.#lost ?? 0, path: this.#means.path });
  }

  // --- writing ---

  #schedule(): void {
    if (this.#isScheduled || this.#isWriting || this.#isFailing) return;
    this.#isScheduled = true;
    this.#clock.macrotask(() => {
      this.#isScheduled = false;
      this.#run();
    });
  }

  async #run(): Promise<void> {
    if (this.#isWriting || this.#isOver || this.#pieces.length === 0) return;
    this.#isWriting = true;
    this.#cancelRetry();
    do await this.#writeNext(); while (this.#pieces.length > 0 && !this.#isFailing && !this.#isOver);
    this.#isWriting = false;
    if (this.#pieces.length === 0) return this.#onEmpty();
    if (this.#isOver) return;
    this.#cancelRetry = this.#clock.setTimer(() => this.#run(), this.#closing === null ? RETRY_MS : LAST_RETRY_MS);
  }

  async #writeNext(): Promise<void> {
    const piece = this.#takePiece();
    this.#inFlight = piece.lines;
    const failure = await this.#append((piece.lost === 0 ? "" : this.#means.lossLine(piece.lost, piece.reason)) + piece.text);
    this.#inFlight = 0;
    this.#waiting -= piece.text.length;
    if (failure === null) this.#succeeded();
    else this.#fail(piece, failure);
  }

  /** The next piece; while writing fails only what must be told there anyway, so that no line gets lost by trying. */
  #takePiece(): Piece {
    const piece = this.#pieces.shift()!;
    if (!this.#isFailing || piece.lines === 0) return piece;
    this.#pieces.unshift({ ...piece, lost: 0 });
    return { ...piece, text: "", lines: 0 };
  }

  async #append(text: string): Promise<string | null> {
    try {
      await this.#means.file.append(text);
      return null;
    } catch (error) {
      return thrownMessage(error, 256);
    }
  }

  #succeeded(): void {
    this.#written++;
    this.#isFailing = false;
    this.#isStuck = false;
    if (this.#isFull && this.#waiting < LOW_WATER) this.#release();
    if (this.#lost === null || this.#pieces.some(({ lost }) => lost > 0)) return;
    this.#tell(true);
    this.#lost = null;
  }

  /** Whether any of the lines are there is not known; they are not written twice. */
  #fail({ lost, lines }: Piece, reason: string): void {
    const next = this.#pieces[0];
    if (next !== undefined && next.lost > 0) {
      next.lost += lost + lines;
      next.reason = reason;
    } else {
      this.#pieces.unshift({ lost: lost + lines, reason, text: "", lines: 0 });
    }
    this.#isFailing = true;
    this.#release();
    this.#tellLoss(lines, reason);
  }

  // --- waiting ---

  #fill(): void {
    const seen = this.#written;
    this.#isFull = true;
    this.#cancelFull = this.#clock.setTimer(() => {
      this.#isStuck = this.#written === seen;
      this.#release();
    }, LONGEST_WAIT_MS);
  }

  #release(): void {
    this.#cancelFull();
    this.#isFull = false;
    for (const callback of this.#drained.splice(0)) callback();
  }

  async #close(): Promise<void> {
    // Whoever waits goes on, and what comes then is not taken: the caller sees to it that nobody is left.
    this.#release();
    const isEmpty = await this.#emptied();
    this.#isOver = true;
    this.#cancelRetry();
    const closed = this.#means.file.close().catch(() => {});
    if (isEmpty) return closed;
    const left = this.#pieces.reduce((sum, { lines }) => sum + lines, this.#inFlight);
    const wasHealthy = this.#lost === null;
    this.#tellLoss(left, wasHealthy ? TOO_MUCH : this.#reason);
    if (!wasHealthy) this.#tell(false);
  }

  /** Whether everything got written; false when nothing did for a while. */
  #emptied(): Promise<boolean> {
    return new Promise((resolve) => {
      let seen = this.#written;
      let cancel = (): void => {};
      const look = (): void => {
        if (this.#written === seen) return resolve(false);
        seen = this.#written;
        cancel = this.#clock.setTimer(look, CLOSE_MS);
      };
      cancel = this.#clock.setTimer(look, CLOSE_MS);
      this.#onEmpty = () => {
        cancel();
        resolve(true);
      };
      if (this.#pieces.length === 0 && !this.#isWriting) this.#onEmpty();
      else this.#run();
    });
  }
}
