/** What waits to go out to one client: answers before what targets say, and many frames in one write. */
import type { Duplex } from "node:stream";
import { Buffer } from "node:buffer";
import { setImmediate, setTimeout } from "node:timers";

/** What a socket holds can neither be shared nor overtaken: so many bytes at most; the rest waits here. */
const MOST_IN_SOCKET = 128 * 1024;

/** Bytes in one write. */
const MOST_IN_WRITE = 64 * 1024;

/** What targets say waits so many milliseconds for more of it: a write costs more than what is in it. */
const GATHERING_MS = 5;

/** After so many bytes others have their turn, such as whoever waits for an answer. */
const MOST_IN_TURN = 256 * 1024;

/** The clients to whom something is to be written. */
export class Outgoing {
  readonly #answered = new Set<Outbox>();
  readonly #told = new Set<Outbox>();
  #isTelling = false;

  /** There is something for a client. */
  plan(outbox: Outbox, isAnswer: boolean): void {
    if (!isAnswer) {
      this.#told.add(outbox);
      if (this.#isTelling) return;
      this.#isTelling = true;
      setTimeout(this.#tell, GATHERING_MS);
    } else if (this.#answered.add(outbox).size === 1) setImmediate(this.#answer);
  }

  readonly #answer = (): void => {
    const all = [...this.#answered];
    this.#answered.clear();
    for (const outbox of all) outbox.write();
  };

  readonly #tell = (): void => {
    let bytes = 0;
    for (const outbox of this.#told) {
      if (bytes >= MOST_IN_TURN) return void setImmediate(this.#tell);
      this.#told.delete(outbox);
      bytes += outbox.waitingBytes;
      outbox.write();
    }
    this.#isTelling = false;
  };
}

/** What waits for one client; its frames belong to all who are given them. */
export class Outbox {
  readonly #socket: Duplex;
  readonly #outgoing: Outgoing;
  readonly #answers: Uint8Array[] = [];
  readonly #told: Uint8Array[] = [];
  #bytes = 0;
  #hasMoved = true;
  #waiter: { readonly most: number; readonly call: () => void } | null = null;

  constructor(socket: Duplex, outgoing: Outgoing) {
    this.#socket = socket;
    this.#outgoing = outgoing;
  }

  /** Bytes that are not with the system yet. */
  get waitingBytes(): number {
    return this.#bytes + this.#socket.writableLength;
  }

  /** Whether the other end has read anything since this was asked last. */
  hasMoved(): boolean {
    const before = this.#hasMoved;
    this.#hasMoved = false;
    return before;
  }

  /** Calls back once when no more than so many bytes wait. */
  whenBelow(most: number, call: () => void): void {
    this.#waiter = { most, call };
  }

  /** Sends a whole frame. */
  send(frame: Uint8Array, isAnswer: boolean): void {
    (isAnswer ? this.#answers : this.#told).push(frame);
    this.#bytes += frame.length;
    this.#outgoing.plan(this, isAnswer);
  }

  /** Writes what the socket takes now; the rest follows when that is written. */
  readonly write = (): void => {
    while (this.#bytes > 0 && this.#socket.writableLength < MOST_IN_SOCKET) {
      const frames = [...this.#take(this.#answers, MOST_IN_WRITE)];
      frames.push(...this.#take(this.#told, MOST_IN_WRITE - lengthOf(frames)));
      this.#put(frames, this.#onWritten);
    }
  };

  readonly #onWritten = (): void => {
    this.#hasMoved = true;
    this.write();
    const waiter = this.#waiter;
    if (waiter === null || this.waitingBytes > waiter.most) return;
    this.#waiter = null;
    waiter.call();
  };

  /** Writes what must be said before the end: every answer, and the rest where the client reads. */
  end(): void {
    const isRead = this.#socket.writableLength < MOST_IN_SOCKET;
    this.#put([...this.#answers, ...isRead ? this.#told : []], () => {});
    this.#answers.length = 0;
    this.#told.length = 0;
    this.#bytes = 0;
  }

  #put(frames: readonly Uint8Array[], written: () => void): void {
    const [first] = frames;
    if (first === undefined || this.#socket.destroyed) return;
    this.#socket.write(frames.length === 1 ? first : Buffer.concat(frames), written);
  }

  /** The first frames, as many as fit, and one at least where there is room at all. */
  #take(waiting: Uint8Array[], room: number): readonly Uint8Array[] {
    let [count, bytes] = [0, 0];
    for (let frame = waiting[0]; frame !== undefined && bytes < room; frame = waiting[count]) {
      bytes += frame.length;
      count++;
    }
    this.#bytes -= bytes;
    return waiting.splice(0, count);
  }
}

function lengthOf(frames: readonly Uint8Array[]): number {
  return frames.reduce((sum, { length }) => sum + length, 0);
}
