/** One connection: requests and their answers, and what is pushed in between. */
import { cleanText, ReeveError, thrownMessage, TIMERS, unlessAborted } from "../base/mod.ts";
import { type ByteConnection, connectInTime, FrameSplitter, platform } from "../platform/mod.ts";
import { NO_REQUEST_ID, type WireError } from "../protocol/mod.ts";
import { readLine } from "./forms.ts";
import { Pace } from "./pace.ts";
import { distrust } from "./trust.ts";

/** A target said no. */
export class DashboardError extends ReeveError {
  /** The name under which `instanceof` recognizes the class in another copy of the package. */
  static override readonly brand: string = "DashboardError";
  /** The error as it came. */
  readonly wire: WireError;

  /** Creates the error. */
  constructor(wire: WireError) {
    super("dashboard_refused", `The target refused: ${cleanText(wire.message, 1024)} (${cleanText(wire.code, 128)})`);
    this.wire = wire;
  }
}

/** A message of the target. */
export type Message = Readonly<Record<string, unknown>>;

/** Takes what is pushed: as a message, and as the line that it was. */
export type PushTaker = (push: Message, line: string) => void;

interface Waiting {
  readonly resolve: (result: Message) => void;
  readonly reject: (error: Error) => void;
}

/** Longest line in bytes: the state of a very large tree. */
const MAX_LINE_BYTES = 256 * 1024 * 1024;

/** What is said of a connection that is to be made. */
export interface LinkOptions {
  /** Longest time in milliseconds until there is a connection. */
  readonly timeoutMs: number;
  /** Gives up connecting. */
  readonly signal: AbortSignal;
  readonly onPush: PushTaker;
  /** To whom the socket must belong; where it is left out, to the user or root. */
  readonly ownerUid?: number | undefined;
  readonly maxLineBytes?: number | undefined;
  readonly maxBytesPerSecond?: number | undefined;
}

/** Connects, when the place can be trusted; rejects with `dashboard_unreachable`, or with the signal's reason. */
export async function openLink(path: string, options: LinkOptions): Promise<Link> {
  const { timeoutMs, signal, ownerUid } = options;
  signal.throwIfAborted();
  try {
    const why = await unlessAborted(distrust(path, ownerUid), signal);
    if (why !== null) throw new Error(why);
    const tooLate = (): Error => new Error(`it takes no connection within ${timeoutMs} ms`);
    return new Link(path, await connectInTime(path, timeoutMs, tooLate, TIMERS, signal), options);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw unreachable(path, thrownMessage(error), error);
  }
}

/** A connection whose other end is not lost yet. */
export class Link {
  readonly #path: string;
  readonly #bytes: ByteConnection;
  readonly #onPush: PushTaker;
  readonly #waiting = new Map<string, Waiting>();
  readonly #listeners: ((why: Error) => void)[] = [];
  #queue = "";
  #writing = false;
  #over: Error | null = null;

  constructor(path: string, bytes: ByteConnection, { onPush, maxLineBytes, maxBytesPerSecond }: LinkOptions) {
    this.#path = path;
    this.#bytes = bytes;
    this.#onPush = onPush;
    void this.#read(maxLineBytes, maxBytesPerSecond === undefined ? null : new Pace(maxBytesPerSecond));
  }

  /** Why the connection is lost; `null` when it is not. */
  get over(): Error | null {
    return this.#over;
  }

  /** Calls back with the reason when the connection is lost or closed, before anybody else is told. */
  whenOver(listener: (why: Error) => void): void {
    if (this.#over !== null) return listener(this.#over);
    this.#listeners.push(listener);
  }

  /** Sends a line and resolves with the `result` of the answer that has its id; rejects with {@linkcode DashboardError}, or when the connection is lost. */
  send(id: string, line: string): Promise<Message> {
    return new Promise((resolve, reject) => {
      if (this.#over !== null) return reject(this.#over);
      this.#waiting.set(id, { resolve, reject });
      this.#write(line);
    });
  }

  /** Waits for an answer no more. */
  forget(id: string): void {
    this.#waiting.delete(id);
  }

  /** Ends the connection; what waits for an answer is rejected. */
  close(why: Error): void {
    if (this.#over !== null) return;
    this.#over = why;
    this.#bytes.close();
    for (const listener of this.#listeners) listener(why);
    for (const { reject } of this.#waiting.values()) reject(why);
    this.#waiting.clear();
  }

  /** What is asked in the same turn goes out in one piece. */
  async #write(line: string): Promise<void> {
    this.#queue += line;
    if (this.#writing) return;
    this.#writing = true;
    try {
      await Promise.resolve();
      while (this.#queue !== "" && this.#over === null) {
        const lines = this.#queue;
        this.#queue = "";
        await this.#bytes.write(lines);
      }
    } catch (error) {
      this.close(unreachable(this.#path, "it takes nothing more", error));
    } finally {
      this.#writing = false;
    }
  }

  async #read(maxLineBytes = MAX_LINE_BYTES, pace: Pace | null): Promise<void> {
    const frames = new FrameSplitter(maxLineBytes);
    try {
      await this.#bytes.receive((block) => {
        for (const { text } of frames.push(block)) this.#take(readLine(text), text);
        if (this.#over !== null || frames.fault !== null) return false;
        return pace === null || pace.take(block.length);
      });
      this.close(
        unreachable(this.#path, frames.fault === null ? "it closed the connection" : `what it sent is in disorder (${frames.fault})`),
      );
    } catch (error) {
      this.close(unreachable(this.#path, `the connection broke: ${thrownMessage(error, 256)}`, error));
    }
  }

  #take(message: Message, line: string): void {
    const { request_id: id, ok, result, error } = message;
    if (typeof id !== "string") return this.#onPush(message, line);
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (waiting === undefined) this.#takeUnasked(id, error);
    else if (ok === true && typeof result === "object" && result !== null) waiting.resolve({ ...result });
    else waiting.reject(isWireError(error) ? new DashboardError(error) : unreachable(this.#path, "its answer is in disorder"));
  }

  /** A target that refuses the whole connection says so in an answer to nothing. */
  #takeUnasked(id: string, error: unknown): void {
    if (id === NO_REQUEST_ID && isWireError(error)) this.close(new DashboardError(error));
  }
}

/** The target cannot be used. */
export function unreachable(path: string, why: string, cause?: unknown): ReeveError {
  return new ReeveError("dashboard_unreachable", `Cannot use the dashboard on "${cleanText(path, 256)}": ${why}`, {
    path,
    cause,
    hint: cause === undefined ? undefined : platform.permissionHint(cause),
  });
}

function isWireError(value: unknown): value is WireError {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "code") === "string" &&
    typeof Reflect.get(value, "message") === "string";
}
