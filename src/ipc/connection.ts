/** One connection: lines in, answers out in their order, and what is pushed in between. */
import { toJson } from "../base/mod.ts";
import type { ByteConnection } from "../platform/mod.ts";
import { type Frame, FrameSplitter, type FramingFault, NO_REQUEST_ID, parseRequest, type WireError, wireError } from "../protocol/mod.ts";
import type { Answer, Service } from "./service.ts";

/** What bounds a connection. */
export interface ConnectionLimits {
  /** Longest line in bytes; a longer one ends the connection. */
  readonly maxFrameBytes: number;
  /** Longest request in bytes; a longer one is refused. */
  readonly maxRequestBytes: number;
  /** Longest time in milliseconds in which the client must take what is written. */
  readonly writeTimeoutMs: number;
}

/** So many bytes may wait for the client before nothing more is made for it. */
const MOST_WAITING = 1024 * 1024;

const FAULTS: Readonly<Record<FramingFault, string>> = {
  frame_too_large: "the line is too long",
  incomplete_frame: "the connection ended inside a line",
  invalid_utf8: "the line is not valid UTF-8",
};

/** Subscriptions that one connection may have. */
const MOST_STREAMS = 16;

const SUBSCRIPTIONS: ReadonlySet<string> = new Set(["events.subscribe", "logs.tail"]);

/** How long, in milliseconds, the end of a connection waits for its last answer. */
const LAST_ANSWER_MS = 1_000;

/** How long, in milliseconds, and how many bytes are thrown away after the last line, before the connection is closed. */
const LINGER_MS = 500;
const MOST_WASTE = 16 * 1024 * 1024;

/** The id at the beginning of a line that is not parsed. */
const LEADING_ID = /^\s*\{\s*"request_id"\s*:\s*("(?:[^"\\]|\\.){0,256}")/;

/** Serves one client until it goes, or misbehaves. */
export class Connection {
  readonly #bytes: ByteConnection;
  readonly #service: Service;
  readonly #limits: ConnectionLimits;
  readonly #encoder = new TextEncoder();
  readonly #over = new AbortController();
  #waiting = "";
  #streams = 0;
  #answering: Promise<void> = Promise.resolve();
  #flushing: Promise<void> | null = null;

  constructor(bytes: ByteConnection, service: Service, limits: ConnectionLimits) {
    this.#bytes = bytes;
    this.#service = service;
    this.#limits = limits;
  }

  /** Runs to the end of the connection; never rejects. */
  async run(): Promise<void> {
    try {
      await this.#serve();
      await this.#flush();
    } catch {
      // The client is gone, or takes nothing: there is nobody to tell.
    } finally {
      this.close();
    }
  }

  /** Refuses the client with one line. */
  async refuse(error: WireError): Promise<void> {
    this.#say({ request_id: NO_REQUEST_ID, ok: false, error });
    await this.#flush().catch(() => {});
    this.close();
  }

  /** Ends the connection when the answer that is being made has gone out, and after a second anyway. */
  async end(): Promise<void> {
    const wait = setTimeout(() => this.close(), LAST_ANSWER_MS);
    try {
      await this.#answering;
      await this.#flush();
    } catch {
      // The client is gone.
    } finally {
      clearTimeout(wait);
      this.close();
    }
  }

  /** Ends the connection at once. */
  close(): void {
    this.#over.abort();
    this.#bytes.close();
  }

  async #serve(): Promise<void> {
    const frames = new FrameSplitter(this.#limits.maxFrameBytes);
    while (frames.fault === null) {
      const block = await this.#bytes.read();
      if (block === null) frames.end();
      for (const frame of block === null ? [] : frames.push(block)) await (this.#answering = this.#answer(frame));
      if (this.#waiting.length > MOST_WAITING) await this.#flush();
      else this.#beginFlush();
      if (block === null) break;
    }
    if (frames.fault === null) return;
    this.#say({ request_id: NO_REQUEST_ID, ok: false, error: wireError(frames.fault, FAULTS[frames.fault]) });
    await this.#flush();
    await this.#linger();
  }

  /** What is closed while bytes lie unread takes the last line along: they are thrown away first, for a while. */
  async #linger(): Promise<void> {
    const end = setTimeout(() => this.close(), LINGER_MS);
    try {
      for (let left = MOST_WASTE; left > 0;) {
        const block = await this.#bytes.read();
        if (block === null) return;
        left -= block.length;
      }
    } finally {
      clearTimeout(end);
    }
  }

  async #answer({ text, bytes }: Frame): Promise<void> {
    if (bytes > this.#limits.maxRequestBytes) return this.#tooLarge(text, bytes);
    const request = parseRequest(text);
    if ("error" in request) return this.#say({ request_id: request.requestId, ok: false, error: request.error });
    if (SUBSCRIPTIONS.has(request.method) && this.#streams >= MOST_STREAMS) {
      const error = wireError("too_many_subscriptions", `this connection has ${MOST_STREAMS} subscriptions already`);
      return this.#say({ request_id: request.requestId, ok: false, error });
    }
    const answer: Answer = await this.#service.answer(request, this.#over.signal);
    if ("error" in answer) return this.#say({ request_id: request.requestId, ok: false, error: answer.error });
    this.#say({ request_id: request.requestId, ok: true, result: answer.result });
    if (answer.stream !== undefined) this.#push(answer.stream);
  }

  #tooLarge(text: string, bytes: number): void {
    const error = wireError("request_too_large", `request body ${bytes} bytes exceeds limit of ${this.#limits.maxRequestBytes} bytes`);
    this.#say({ request_id: leadingId(text), ok: false, error });
  }

  /** Goes on beside the answers; a client that does not read makes nothing pile up, because the next item is not taken before. */
  async #push(stream: AsyncIterable<object>): Promise<void> {
    this.#streams++;
    try {
      for await (const item of stream) {
        this.#say(item);
        if (this.#waiting.length > MOST_WAITING) await this.#flush();
        else this.#beginFlush();
      }
    } catch {
      this.close();
    }
  }

  #say(message: object): void {
    this.#waiting += `${toJson(message)}\n`;
  }

  #beginFlush(): void {
    this.#flush().catch(() => this.close());
  }

  /** Writes what waits, in as few pieces as possible; rejects when the client does not take it in time. */
  #flush(): Promise<void> {
    return this.#flushing ??= this.#write();
  }

  async #write(): Promise<void> {
    // What is said in the same turn goes out in one piece.
    await Promise.resolve();
    try {
      while (this.#waiting !== "") {
        const bytes = this.#encoder.encode(this.#waiting);
        this.#waiting = "";
        await this.#inTime(this.#bytes.write(bytes));
      }
    } finally {
      this.#flushing = null;
    }
  }

  async #inTime(writing: Promise<void>): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tooLong = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("the client takes nothing")), this.#limits.writeTimeoutMs);
    });
    try {
      await Promise.race([writing, tooLong]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function leadingId(text: string): string {
  try {
    const id: unknown = JSON.parse(LEADING_ID.exec(text.slice(0, 1_024))?.[1] ?? "null");
    return typeof id === "string" ? id : NO_REQUEST_ID;
  } catch {
    return NO_REQUEST_ID;
  }
}
