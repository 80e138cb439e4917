/** Bytes to frames: one line each, bounded, and valid UTF-8. */

import { Buffer, isAscii } from "node:buffer";

/** Why a connection cannot go on. */
export type FramingFault = "frame_too_large" | "incomplete_frame" | "invalid_utf8";

/** One line, and its length in bytes. */
export interface Frame {
  readonly text: string;
  readonly bytes: number;
}

const LF = 10;

/** Cuts blocks of bytes into lines of text. */
export class FrameSplitter {
  readonly #maxBytes: number;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  /** The beginning of the frame that is not whole yet. */
  #rest = new Uint8Array(0);
  #restBytes = 0;
  /** Set for good when the bytes are in disorder; frames before that are still good. */
  fault: FramingFault | null = null;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Returns the frames that are whole now. The block may be used again afterwards. */
  push(block: Uint8Array): Frame[] {
    const ends = endsIn(block);
    const frames = this.#atOnce(block, ends) ?? this.#oneByOne(block, ends);
    const start = ends.length === 0 ? 0 : ends.at(-1)! + 1;
    if (this.fault === null && start < block.length && this.#fits(block.length - start)) this.#keep(block.subarray(start));
    return frames;
  }

  /** Lines that begin and end in one block are decoded in one go; `null` when something about one of them is wrong. */
  #atOnce(block: Uint8Array, ends: readonly number[]): Frame[] | null {
    if (ends.length < 2 || this.#restBytes > 0) return null;
    try {
      const texts = this.#textOf(block.subarray(0, ends.at(-1)!)).split("\n");
      const frames = texts.map((text, index) => ({ text, bytes: ends[index]! - (index === 0 ? 0 : ends[index - 1]! + 1) }));
      return frames.some(({ bytes }) => bytes > this.#maxBytes) ? null : frames;
    } catch {
      return null;
    }
  }

  #oneByOne(block: Uint8Array, ends: readonly number[]): Frame[] {
    const frames: Frame[] = [];
    let start = 0;
    for (const end of ends) {
      const frame = this.#frame(block.subarray(start, end));
      if (frame === null) break;
      frames.push(frame);
      start = end + 1;
    }
    return frames;
  }

  /** Whether a line has begun that is not whole yet. */
  get isInside(): boolean {
    return this.#restBytes > 0;
  }

  /** Nothing comes any more. */
  end(): void {
    if (this.isInside) this.fault ??= "incomplete_frame";
  }

  #frame(last: Uint8Array): Frame | null {
    if (!this.#fits(last.length)) return null;
    let bytes = last;
    if (this.#restBytes > 0) {
      this.#keep(last);
      bytes = this.#rest.subarray(0, this.#restBytes);
      this.#restBytes = 0;
    }
    try {
      return { text: this.#textOf(bytes), bytes: bytes.length };
    } catch {
      this.fault = "invalid_utf8";
      return null;
    }
  }

  /** Nearly every line is ASCII, of which each byte is a character; a decoder costs many times more. Throws for what is not UTF-8. */
  #textOf(bytes: Uint8Array): string {
    if (!isAscii(bytes)) return this.#decoder.decode(bytes);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  }

  /** Room doubles as it is needed, so that a client that sends byte by byte costs no more than its bytes. */
  #keep(bytes: Uint8Array): void {
    const needed = this.#restBytes + bytes.length;
    if (needed > this.#rest.length) {
      const more = new Uint8Array(Math.max(needed, 2 * this.#rest.length));
      more.set(this.#rest.subarray(0, this.#restBytes));
      this.#rest = more;
    }
    this.#rest.set(bytes, this.#restBytes);
    this.#restBytes = needed;
  }

  #fits(more: number): boolean {
    if (this.#restBytes + more <= this.#maxBytes) return true;
    this.fault = "frame_too_large";
    return false;
  }
}

function endsIn(block: Uint8Array): number[] {
  const ends: number[] = [];
  for (let end = block.indexOf(LF); end !== -1; end = block.indexOf(LF, end + 1)) ends.push(end);
  return ends;
}
