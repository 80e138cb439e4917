/** Requests and answers over one connection, and what is pushed in between. */
import { ReeveError, toJson } from "../base/mod.ts";
import { type ByteConnection, platform } from "../platform/mod.ts";
import { type CommandKind, FrameSplitter, type Method, type WireError } from "../protocol/mod.ts";
import { PushQueue } from "./push_queue.ts";
import { distrust } from "./trust.ts";

/** Options of {@linkcode connect}. */
export interface ConnectOptions {
  /** Longest time in milliseconds to wait for an answer. @default {35000} */
  readonly timeoutMs?: number;
  /** Most pushes of one subscription that wait for their reader; of more, the oldest are dropped and counted. @default {1024} */
  readonly maxWaiting?: number;
}

/** Options of one request. */
export interface RequestOptions {
  /** Stops waiting when it aborts; the target may do what was asked all the same. */
  readonly signal?: AbortSignal;
  /** Longest time in milliseconds to wait for the answer. @default {that of the connection} */
  readonly timeoutMs?: number;
}

/** What is asked of a child or of the tree, by whom and why. */
export interface CommandRequest extends RequestOptions {
  /** The child's path. */
  readonly childPath?: string;
  /** The declaration of a child to be added. */
  readonly childManifest?: string;
  /** Why. */
  readonly reason: string;
  /** Who asks. */
  readonly requestedBy: string;
  /** Whether a dangerous command is meant. @default {false} */
  readonly confirmed?: boolean;
}

/** A target said no. */
export class DashboardError extends ReeveError {
  /** The name under which `instanceof` recognizes the class in another copy of the package. */
  static override readonly brand: string = "DashboardError";
  /** The error as it came. */
  readonly wire: WireError;

  /** Creates the error. */
  constructor(wire: WireError) {
    super("dashboard_refused", `The target refused: ${wire.message} (${wire.code})`);
    this.wire = wire;
  }
}

/** A connection to a target. */
export interface Client extends AsyncDisposable {
  /** Asks anything; resolves with the `result`. Rejects with {@linkcode DashboardError}, or `dashboard_unreachable`. */
  request(method: Method, params?: unknown, options?: RequestOptions): Promise<Record<string, unknown>>;
  /** What the target is and can do. */
  hello(options?: RequestOptions): Promise<Record<string, unknown>>;
  /** How the tree is. */
  state(options?: RequestOptions): Promise<unknown>;
  /** Asks for a command; resolves with its result, whose `accepted` says whether it was done. */
  command(kind: CommandKind, request: CommandRequest): Promise<unknown>;
  /** Every event from now on, and `{ type: "error", error }` where some were dropped; ends with the connection or the signal. */
  events(options?: Pick<RequestOptions, "signal">): AsyncIterableIterator<Record<string, unknown>>;
  /** Every line of output in the same way. */
  logs(options?: Pick<RequestOptions, "signal">): AsyncIterableIterator<Record<string, unknown>>;
  /** Ends the connection; what waits for an answer is rejected. */
  close(): Promise<void>;
}

/** Longest answer in bytes: the state of a very large tree. */
const MAX_FRAME_BYTES = 256 * 1024 * 1024;

/**
 * Connects to the socket of a target.
 *
 * Rejects with `dashboard_unreachable` when nobody listens there, or when somebody else than the user (or root) could have put the socket there.
 *
 * @example
 * ```ts ignore
 * import { connect } from "@reeve/supervisor/client";
 *
 * await using client = await connect("/run/shop/reeve.sock");
 * console.log(await client.state());
 * await client.command("restart_child", { childPath: "/web", reason: "new certificate", requestedBy: "ops" });
 * for await (const push of client.events()) console.log(push);
 * ```
 */
export async function connect(path: string, options: ConnectOptions = {}): Promise<Client> {
  try {
    const why = await distrust(path);
    if (why !== null) throw new Error(why);
    return new SocketClient(path, await platform.connectUnix(path), options);
  } catch (error) {
    throw unreachable(path, error instanceof Error ? error.message : String(error), error);
  }
}

interface Waiting {
  readonly resolve: (result: Record<string, unknown>) => void;
  readonly reject: (error: Error) => void;
}

/** Kinds of pushes, by subscription. */
const PUSHES = { "events.subscribe": "event", "logs.tail": "log" } as const;

class SocketClient implements Client {
  readonly #path: string;
  readonly #bytes: ByteConnection;
  readonly #timeoutMs: number;
  readonly #maxWaiting: number;
  readonly #waiting = new Map<string, Waiting>();
  readonly #queues = new Map<string, Set<PushQueue>>([["event", new Set()], ["log", new Set()]]);
  readonly #subscribed = new Map<string, Promise<unknown>>();
  readonly #encoder = new TextEncoder();
  #writing: Promise<void> = Promise.resolve();
  #count = 0;
  #over: Error | null = null;

  constructor(path: string, bytes: ByteConnection, { timeoutMs = 35_000, maxWaiting = 1_024 }: ConnectOptions) {
    this.#path = path;
    this.#bytes = bytes;
    this.#timeoutMs = timeoutMs;
    this.#maxWaiting = maxWaiting;
    this.#read();
  }

  request(
    method: Method,
    params: unknown = null,
    { signal, timeoutMs = this.#timeoutMs }: RequestOptions = {},
  ): Promise<Record<string, unknown>> {
    if (this.#over !== null) return Promise.reject(this.#over);
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    const id = `c${++this.#count}`;
    return new Promise((resolve, reject) => {
      const giveUp = (error: unknown): void => this.#waiting.get(id)?.reject(error instanceof Error ? error : new Error(String(error)));
      const timer = setTimeout(() => giveUp(unreachable(this.#path, `it did not answer ${method} within ${timeoutMs} ms`)), timeoutMs);
      const onAbort = (): void => giveUp(signal?.reason);
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        this.#waiting.delete(id);
      };
      signal?.addEventListener("abort", onAbort);
      this.#waiting.set(id, {
        resolve: (result) => {
          done();
          resolve(result);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      });
      this.#write(`${toJson({ request_id: id, method, params })}\n`);
    });
  }

  async hello(options?: RequestOptions): Promise<Record<string, unknown>> {
    return await this.request("hello", null, options);
  }

  async state(options?: RequestOptions): Promise<unknown> {
    return (await this.request("state", null, options))["state"];
  }

  async command(
    kind: CommandKind,
    { childPath, childManifest, reason, requestedBy, confirmed = false, ...options }: CommandRequest,
  ): Promise<unknown> {
    const targetId = await this.#targetId(options);
    const params = {
      command_id: crypto.randomUUID(),
      target_id: targetId,
      command: kind,
      target: { child_path: childPath, child_manifest: childManifest },
      reason,
      requested_by: requestedBy,
      confirmed,
      requested_at_unix_nanos: BigInt(Date.now()) * 1_000_000n,
    };
    return (await this.request(`command.${kind}`, params, options))["result"];
  }

  events(options: Pick<RequestOptions, "signal"> = {}): AsyncIterableIterator<Record<string, unknown>> {
    return this.#subscribe("events.subscribe", options);
  }

  logs(options: Pick<RequestOptions, "signal"> = {}): AsyncIterableIterator<Record<string, unknown>> {
    return this.#subscribe("logs.tail", options);
  }

  close(): Promise<void> {
    this.#end(unreachable(this.#path, "the client was closed"));
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #targetId(options: RequestOptions): Promise<string> {
    const { registration } = await this.hello(options);
    const id: unknown = typeof registration === "object" && registration !== null ? Reflect.get(registration, "target_id") : undefined;
    if (typeof id !== "string") throw unreachable(this.#path, "it does not say which target it is");
    return id;
  }

  /** One subscription of the connection serves all readers of its kind. */
  #subscribe(method: keyof typeof PUSHES, { signal }: Pick<RequestOptions, "signal">): AsyncIterableIterator<Record<string, unknown>> {
    const queues = this.#queues.get(PUSHES[method])!;
    const queue = new PushQueue(this.#maxWaiting, () => queues.delete(queue));
    queues.add(queue);
    if (this.#over !== null) queue.end();
    signal?.addEventListener("abort", () => queue.end(), { once: true });
    if (signal?.aborted === true) queue.end();
    const subscribed = this.#subscribed.get(method) ?? this.request(method, { session_established: true });
    this.#subscribed.set(method, subscribed);
    subscribed.catch((error: unknown) => {
      this.#subscribed.delete(method);
      queue.end(error);
    });
    return queue;
  }

  #write(text: string): void {
    this.#writing = this.#writing.then(() => this.#bytes.write(this.#encoder.encode(text)));
    this.#writing.catch((error: unknown) => this.#end(unreachable(this.#path, "it takes nothing more", error)));
  }

  async #read(): Promise<void> {
    const frames = new FrameSplitter(MAX_FRAME_BYTES);
    try {
      while (this.#over === null && frames.fault === null) {
        const block = await this.#bytes.read();
        if (block === null) break;
        for (const { text } of frames.push(block)) this.#take(text);
      }
      this.#end(
        unreachable(this.#path, frames.fault === null ? "it closed the connection" : `what it sent is in disorder (${frames.fault})`),
      );
    } catch (error) {
      this.#end(unreachable(this.#path, "the connection broke", error));
    }
  }

  #take(line: string): void {
    const message: unknown = JSON.parse(line);
    if (typeof message !== "object" || message === null) throw new Error("no message");
    const { request_id: id, ok, result, error, type }: Record<string, unknown> = { ...message };
    if (typeof id === "string") {
      const waiting = this.#waiting.get(id);
      if (ok === true && typeof result === "object" && result !== null) waiting?.resolve({ ...result });
      else waiting?.reject(isWireError(error) ? new DashboardError(error) : unreachable(this.#path, "its answer is in disorder"));
    } else if (type === "event" || type === "log") {
      for (const queue of this.#queues.get(type)!) queue.push({ ...message });
    } else {
      for (const queues of this.#queues.values()) for (const queue of queues) queue.push({ ...message });
    }
  }

  #end(error: Error): void {
    if (this.#over !== null) return;
    this.#over = error;
    this.#bytes.close();
    for (const { reject } of [...this.#waiting.values()]) reject(error);
    for (const queues of this.#queues.values()) for (const queue of [...queues]) queue.end();
  }
}

function isWireError(value: unknown): value is WireError {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "code") === "string" &&
    typeof Reflect.get(value, "message") === "string";
}

function unreachable(path: string, why: string, cause?: unknown): ReeveError {
  return new ReeveError("dashboard_unreachable", `Cannot use the dashboard on "${path}": ${why}`, {
    path,
    cause,
    hint: cause === undefined ? undefined : platform.permissionHint(cause),
  });
}
