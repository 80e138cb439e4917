/** Bytes to frames: one line each, bounded, and valid UTF-8. */

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
    const frames: Frame[] = [];
    let start = 0;
    for (let end = block.indexOf(LF); end !== -1 && this.fault === null; end = block.indexOf(LF, start)) {
      const frame = this.#frame(block.subarray(start, end));
      if (frame !== null) frames.push(frame);
      start = end + 1;
    }
    if (this.fault === null && start < block.length && this.#fits(block.length - start)) {
      this.#keep(block.subarray(start));
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
      return { text: this.#decoder.decode(bytes), bytes: bytes.length };
    } catch {
      this.fault = "invalid_utf8";
      return null;
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
