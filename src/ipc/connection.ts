/** One connection: lines in, answers out in their order, and what is pushed in between. */
import { Buffer } from "node:buffer";
import { type Clock, unlessAborted } from "../base/mod.ts";
import { type ByteConnection, type Frame, FrameSplitter, type FramingFault } from "../platform/mod.ts";
import { type WireError, wireError } from "../protocol/mod.ts";
import type { Pieces } from "./state_view.ts";
import { type Client, type Pipeline, refusalLine, type Reply } from "./security/pipeline.ts";
import type { Pushes } from "./subscriptions.ts";

/** What bounds a connection, and where it gets time from. */
export interface ConnectionLimits {
  readonly clock: Clock;
  /** Longest line in bytes; a longer one ends the connection. */
  readonly maxFrameBytes: number;
  /** Longest time in milliseconds in which the client must take what is written. */
  readonly writeTimeoutMs: number;
  /** Longest time in milliseconds without a line, where nothing is subscribed; `null` is unlimited. */
  readonly idleTimeoutMs: number | null;
}

/** So many bytes may wait for the client before nothing more is made for it. */
const MOST_WAITING = 1024 * 1024;

/** So many bytes are copied together, where that saves a write. */
const MOST_COPIED = 64 * 1024;

const FAULTS: Readonly<Record<FramingFault | "ipc_idle_timeout", string>> = {
  frame_too_large: "the line is too long",
  incomplete_frame: "the connection ended inside a line",
  invalid_utf8: "the line is not valid UTF-8",
  ipc_idle_timeout: "nothing whole came for too long",
};

/** Longest time in milliseconds from the beginning of a line to its end. */
const LINE_MS = 30_000;

/** How long, in milliseconds, the end of a connection waits for its last answer. */
const LAST_ANSWER_MS = 1_000;

/** How long, in milliseconds, and how many bytes are thrown away after the last line, before the connection is closed. */
const LINGER_MS = 500;
const MOST_WASTE = 16 * 1024 * 1024;

/** Refuses a client with one line. */
export async function refuseConnection(bytes: ByteConnection, error: WireError, clock: Clock): Promise<void> {
  try {
    await bytes.write(refusalLine(error));
    await linger(bytes, clock);
  } catch {
    // The client is gone: there is nobody to tell.
  } finally {
    bytes.close();
  }
}

/** Serves one client until it goes, or misbehaves. */
export class Connection {
  readonly #bytes: ByteConnection;
  readonly #pipeline: Pipeline;
  readonly #client: Client;
  readonly #limits: ConnectionLimits;
  readonly #over: AbortController;
  readonly #encoder = new TextEncoder();
  readonly #frames: FrameSplitter;
  /** What waits to be written, and what goes out before it. */
  #waiting = "";
  #blocks: Uint8Array[] = [];
  #blockBytes = 0;
  #answering: Promise<unknown> = Promise.resolve();
  #flushing: Promise<void> | null = null;
  #isAnswering = false;
  #isEnding = false;
  /** Since when the client has nothing to wait for. */
  #idleSinceMs: number;
  /** When the line began that is not whole yet. */
  #insideSinceMs: number | null = null;
  #cancelPatience: (() => void) | null = null;
  #patienceEndsAtMs = 0;
  /** Since when the client is to take what is being written. */
  #writingSinceMs: number | null = null;
  #cancelWatch: (() => void) | null = null;

  /** `over` ends what the client began; its signal is the client's. */
  constructor(bytes: ByteConnection, pipeline: Pipeline, client: Client, limits: ConnectionLimits, over: AbortController) {
    this.#bytes = bytes;
    this.#pipeline = pipeline;
    this.#client = client;
    this.#limits = limits;
    this.#over = over;
    this.#frames = new FrameSplitter(limits.maxFrameBytes);
    this.#idleSinceMs = limits.clock.now();
  }

  /** Runs to the end of the connection; never rejects. */
  async run(): Promise<void> {
    try {
      await this.#serve();
      await this.#written();
    } catch {
      // The client is gone, or takes nothing: there is nobody to tell.
    } finally {
      this.close();
    }
  }

  /** Ends the connection when the answer that is being made has gone out, and after a second anyway. */
  async end(): Promise<void> {
    this.#isEnding = true;
    const cancel = this.#limits.clock.setTimer(() => this.close(), LAST_ANSWER_MS);
    try {
      await this.#answering;
      await this.#written();
    } catch {
      // The client is gone.
    } finally {
      cancel();
      this.close();
    }
  }

  /** Ends the connection at once. */
  close(): void {
    this.#isEnding = true;
    this.#cancelPatience?.();
    this.#cancelWatch?.();
    this.#over.abort();
    this.#bytes.close();
  }

  async #serve(): Promise<void> {
    const frames = this.#frames;
    this.#bePatient();
    await this.#bytes.receive((block) => this.#answerAll(frames.push(block), 0));
    if (this.#isEnding) return;
    frames.end();
    if (frames.fault === null) return;
    await this.#say(frames.fault);
    await linger(this.#bytes, this.#limits.clock);
  }

  /** Answers the lines of a block, from one of them on; says whether there may be more. */
  #answerAll(frames: readonly Frame[], first: number): boolean | Promise<boolean> {
    for (let index = first; index < frames.length; index++) {
      // Nobody would get the answer any more.
      if (this.#isEnding) return false;
      const later = this.#answer(frames[index]!);
      if (later !== undefined) return later.then(() => this.#answerAll(frames, index + 1));
    }
    this.#beginFlush();
    if (this.#frames.isInside) this.#beInside();
    return this.#frames.fault === null;
  }

  /** Resolves when the next line may be answered; `undefined` where it may be at once. */
  #answer(frame: Frame): Promise<void> | undefined {
    this.#insideSinceMs = null;
    this.#idleSinceMs = this.#limits.clock.now();
    const answer = this.#pipeline.answer(frame, this.#client, this.#idleSinceMs);
    if (answer instanceof Promise) return this.#answering = this.#wait(answer);
    this.#reply(answer);
    return this.#isFull ? this.#written() : undefined;
  }

  /** The last line of a connection that is at fault. */
  async #say(fault: keyof typeof FAULTS): Promise<void> {
    this.#waiting += this.#pipeline.fault(wireError(fault, FAULTS[fault]), this.#client);
    await this.#written();
  }

  /** The time that an answer takes is not the client's, and what was answered before does not wait for it. */
  async #wait(answer: Promise<Reply>): Promise<void> {
    this.#beginFlush();
    this.#isAnswering = true;
    try {
      this.#reply(await answer);
      if (this.#isFull) await this.#written();
    } finally {
      this.#isAnswering = false;
      this.#idleSinceMs = this.#limits.clock.now();
    }
  }

  #reply({ line, streams }: Reply): void {
    this.#queue(line);
    streams?.forEach((stream) => this.#push(stream));
  }

  #beInside(): void {
    this.#insideSinceMs ??= this.#limits.clock.now();
    this.#bePatient();
  }

  /** Looks again when patience may have an end: one timer for a connection, however much comes. */
  #bePatient(): void {
    const leftMs = this.#patienceLeftMs();
    if (leftMs === Infinity || this.#isEnding) return;
    const endsAtMs = this.#limits.clock.now() + leftMs;
    if (this.#cancelPatience !== null && this.#patienceEndsAtMs <= endsAtMs) return;
    this.#cancelPatience?.();
    this.#patienceEndsAtMs = endsAtMs;
    this.#cancelPatience = this.#limits.clock.setTimer(() => {
      this.#cancelPatience = null;
      if (this.#patienceLeftMs() > 0) this.#bePatient();
      else this.#say("ipc_idle_timeout").catch(() => {}).finally(() => this.close());
    }, leftMs);
  }

  /** How long the client may go on like this. */
  #patienceLeftMs(): number {
    const { clock, idleTimeoutMs } = this.#limits;
    const nowMs = clock.now();
    const lineLeftMs = this.#insideSinceMs === null ? Infinity : this.#insideSinceMs + LINE_MS - nowMs;
    if (idleTimeoutMs === null) return lineLeftMs;
    const isBusy = this.#isAnswering || this.#writingSinceMs !== null || this.#client.streams > 0;
    return Math.min(lineLeftMs, isBusy ? idleTimeoutMs : this.#idleSinceMs + idleTimeoutMs - nowMs);
  }

  /** Goes on beside the answers; a client that does not read makes nothing pile up: each stream waits with its next item until there is room. */
  async #push(stream: Pushes): Promise<void> {
    this.#client.streams++;
    try {
      for await (const lines of stream) {
        for (const line of lines) {
          while (this.#isFull) await this.#written();
          this.#waiting += line;
        }
        this.#beginFlush();
      }
    } catch {
      this.close();
    } finally {
      this.#client.streams--;
    }
  }

  #queue(line: string | Pieces): void {
    if (typeof line === "string") {
      this.#waiting += line;
      return;
    }
    for (const piece of line) {
      if (typeof piece === "string") {
        this.#waiting += piece;
        continue;
      }
      const before = this.#encoder.encode(this.#waiting);
      this.#waiting = "";
      this.#blocks.push(before, piece);
      this.#blockBytes += before.length + piece.length;
    }
  }

  get #isFull(): boolean {
    return this.#waiting.length + this.#blockBytes > MOST_WAITING;
  }

  #beginFlush(): void {
    this.#flush()?.catch(() => this.close());
  }

  /** Writes what waits, in as few pieces as possible; `undefined` where the system took all of it at once. */
  #flush(): Promise<void> | undefined {
    if (this.#flushing !== null) return this.#flushing;
    while (this.#hasMore) {
      const taken = this.#bytes.write(this.#next());
      if (taken !== undefined) return this.#flushing = this.#goOn(taken);
    }
    return undefined;
  }

  /** Resolves when the system has taken everything; rejects when the connection is over: Deno before 2.9.6 ends no write that is under way. */
  async #written(): Promise<void> {
    const writing = this.#flush();
    if (writing !== undefined) await unlessAborted(writing, this.#over.signal);
  }

  /** Goes on when the system has taken what is being written; a client that does not read in time is cut off. */
  async #goOn(first: Promise<void>): Promise<void> {
    try {
      for (let taken: Promise<void> | undefined = first;; taken = this.#bytes.write(this.#next())) {
        if (taken !== undefined) {
          this.#writingSinceMs = this.#limits.clock.now();
          this.#watchWriting(this.#limits.writeTimeoutMs);
          await taken;
        }
        if (!this.#hasMore) return;
      }
    } finally {
      this.#writingSinceMs = null;
      this.#flushing = null;
    }
  }

  get #hasMore(): boolean {
    return this.#waiting !== "" || this.#blocks.length > 0;
  }

  #next(): string | Uint8Array {
    const text = this.#waiting;
    if (this.#blocks.length === 0) {
      this.#waiting = "";
      return text;
    }
    if (this.#blockBytes + text.length <= MOST_COPIED) {
      this.#waiting = "";
      const blocks = [...this.#blocks, this.#encoder.encode(text)];
      this.#blocks = [];
      this.#blockBytes = 0;
      return Buffer.concat(blocks);
    }
    const block = this.#blocks.shift()!;
    this.#blockBytes -= block.length;
    return block;
  }

  /** Looks later whether the client has taken what is being written: one timer for a connection, however much goes out. */
  #watchWriting(delayMs: number): void {
    if (this.#isEnding) return;
    this.#cancelWatch ??= this.#limits.clock.setTimer(() => {
      this.#cancelWatch = null;
      if (this.#writingSinceMs === null) return;
      const leftMs = this.#writingSinceMs + this.#limits.writeTimeoutMs - this.#limits.clock.now();
      if (leftMs <= 0) this.close();
      else this.#watchWriting(leftMs);
    }, delayMs);
  }
}

/** What is closed while bytes lie unread takes the last line along: they are thrown away first, for a while. */
async function linger(bytes: ByteConnection, clock: Clock): Promise<void> {
  const cancel = clock.setTimer(() => bytes.close(), LINGER_MS);
  try {
    let left = MOST_WASTE;
    await bytes.receive((block) => (left -= block.length) > 0);
  } finally {
    cancel();
  }
}
