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

/** So many bytes are decoded together; who keeps a part of one line keeps the text of all of them. */
const TOGETHER = 4 * 1024;

/** Room for a line that is longer than this is not kept for the next. */
const MOST_ROOM = 1024 * 1024;

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
    const frames: Frame[] = [];
    let start = 0;
    if (this.isInside) {
      start = block.indexOf(LF) + 1;
      if (start > 0) this.#take(block.subarray(0, start - 1), frames);
    }
    const end = block[block.length - 1] === LF ? block.length : block.lastIndexOf(LF) + 1;
    if (start < end) this.#takeAll(start === 0 && end === block.length ? block : block.subarray(start, end), frames);
    if (this.fault === null && end < block.length && this.#fits(block.length - end)) this.#keep(block.subarray(end));
    return frames;
  }

  /** Lines that are all there. */
  #takeAll(bytes: Uint8Array, frames: Frame[]): void {
    if (bytes.length <= TOGETHER && this.fault === null && isAscii(bytes)) {
      const text = asciiOf(bytes);
      for (let start = 0, end = 0; start < text.length; start = end + 1) {
        end = text.indexOf("\n", start);
        if (!this.#fits(end - start)) return;
        frames.push({ text: text.slice(start, end), bytes: end - start });
      }
      return;
    }
    let start = 0;
    for (let end = bytes.indexOf(LF); end !== -1; end = bytes.indexOf(LF, start)) {
      this.#take(bytes.subarray(start, end), frames);
      start = end + 1;
    }
  }

  /** Whether a line has begun that is not whole yet. */
  get isInside(): boolean {
    return this.#restBytes > 0;
  }

  /** Nothing comes any more. */
  end(): void {
    if (this.isInside) this.fault ??= "incomplete_frame";
  }

  /** One line, the beginning of which may have been kept; nothing is taken any more when one was wrong. */
  #take(last: Uint8Array, frames: Frame[]): void {
    if (this.fault !== null || !this.#fits(last.length)) return;
    let bytes = last;
    if (this.isInside) {
      this.#keep(last);
      bytes = this.#rest.subarray(0, this.#restBytes);
      this.#restBytes = 0;
      if (this.#rest.length > MOST_ROOM) this.#rest = new Uint8Array(0);
    }
    try {
      frames.push({ text: isAscii(bytes) ? asciiOf(bytes) : this.#decoder.decode(bytes), bytes: bytes.length });
    } catch {
      this.fault = "invalid_utf8";
    }
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

/** Each byte of ASCII is a character; a decoder costs many times more. */
function asciiOf(bytes: Uint8Array): string {
  return (bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)).toString("latin1");
}
