/** A client of one target, over one connection for requests and one for each subscription. */
import { ReeveError, toJson, unlessAborted } from "../base/mod.ts";
import { type CommandKind, type ExtensionKind, isMethod, type Method, METHODS, PROTOCOL_VERSION } from "../protocol/mod.ts";
import type { ReconnectOptions } from "./backoff.ts";
import { brought } from "./forms.ts";
import { type ConnectionState, Lifeline } from "./lifeline.ts";
import { CLOCK, DashboardError, type Link, type Message, openLink, unreachable } from "./link.ts";
import { isEventPush, isHello, isLogPush, isOutcome, isState } from "./shapes.ts";
import { subscribe, type Subscription } from "./subscription.ts";
import type { CommandOutcome, DashboardState, EventPush, Hello, Interruption, LogPush } from "./types.ts";

/** Options of {@linkcode connect}. */
export interface ConnectOptions {
  /** Longest time in milliseconds to wait for an answer. @default {35000} */
  readonly timeoutMs?: number;
  /** Longest time in milliseconds to wait for a connection. @default {5000} */
  readonly connectTimeoutMs?: number;
  /** Most pushes of one subscription that wait for their reader; of more, the oldest are dropped and counted. @default {1024} */
  readonly maxWaiting?: number;
  /** Whether and how a lost connection is made again. @default {false} */
  readonly reconnect?: boolean | ReconnectOptions;
  /** Told when the connection for requests is made, lost and to be made again, or over; what it throws is ignored. */
  readonly onState?: (state: ConnectionState, reason: string) => void;
  /** Closes the client when it aborts, also while it connects. */
  readonly signal?: AbortSignal;
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
  /** The template of which copies are made. */
  readonly template?: string;
  /** How many copies there are to be. */
  readonly count?: number;
  /** Whether `reload` only says what it would do. @default {false} */
  readonly dryRun?: boolean;
  /** Why. */
  readonly reason: string;
  /** Who asks. */
  readonly requestedBy: string;
  /** Whether a dangerous command is meant. @default {false} */
  readonly confirmed?: boolean;
}

/** Options of a subscription; filters count with targets that have the capability `subscriptions.filter`. */
export interface SubscribeOptions {
  /** Ends the stream when it aborts. */
  readonly signal?: AbortSignal;
  /** Goes on after this number instead of from now on. */
  readonly since?: number;
  /** Only what concerns this child and those below it. */
  readonly path?: string;
  /** Only these: `error`, `warning`, `info`. */
  readonly severities?: readonly string[];
}

/** Options of a subscription to events. */
export interface EventOptions extends SubscribeOptions {
  /** Only these types, such as `child_failed`. */
  readonly types?: readonly string[];
  /** Whether children are pushed as well, all of them first and then those that changed. @default {false} */
  readonly states?: boolean;
}

/** A client of one target. */
export interface Client extends AsyncDisposable {
  /** Asks anything; resolves with the `result` as it came. Rejects with {@linkcode DashboardError}, or `dashboard_unreachable`. */
  request(method: Method, params?: unknown, options?: RequestOptions): Promise<Message>;
  /** What the target is and can do. */
  hello(options?: RequestOptions): Promise<Hello>;
  /** How the tree is. */
  state(options?: RequestOptions): Promise<DashboardState>;
  /** Asks for a command; resolves with its result, whose `accepted` says whether it was done. */
  command(kind: CommandKind | ExtensionKind, request: CommandRequest): Promise<CommandOutcome>;
  /** Every event from now on; ends with the client or the signal. */
  events(options?: EventOptions): Subscription<EventPush>;
  /** Every line of output in the same way. */
  logs(options?: SubscribeOptions): Subscription<LogPush>;
  /** Ends all connections; what waits for an answer is rejected. */
  close(): Promise<void>;
}

/**
 * Connects to the socket of a target.
 *
 * Rejects with `dashboard_unreachable` when nobody listens there, or when somebody else than the user (or root) could have put the socket there. A read that
 * a lost connection cut short is asked again; a command only of a target that answers it once, else its outcome is unknown and it rejects.
 *
 * @example
 * ```ts ignore
 * import { connect } from "@reeve/supervisor/client";
 *
 * await using client = await connect("/run/shop/reeve.sock", { reconnect: true });
 * console.log((await client.state()).runtimeState);
 * await client.command("restart_child", { childPath: "/web", reason: "new certificate", requestedBy: "ops" });
 * for await (const push of client.events({ path: "/web" })) console.log(push);
 * ```
 */
export async function connect(path: string, options: ConnectOptions = {}): Promise<Client> {
  const client = new SocketClient(path, options);
  await client.begin();
  return client;
}

class SocketClient implements Client {
  readonly #path: string;
  readonly #options: ConnectOptions;
  readonly #timeoutMs: number;
  readonly #reconnect: ReconnectOptions | null;
  readonly #closed = new AbortController();
  /** Ids are told apart from those of all other connections, which the target remembers too. */
  readonly #prefix = crypto.randomUUID().slice(0, 13);
  readonly #hellos = new WeakMap<Link, Promise<Hello | null>>();
  readonly #lifeline: Lifeline;
  #count = 0;

  constructor(path: string, options: ConnectOptions) {
    const { timeoutMs = 35_000, reconnect = false, onState = () => {} } = options;
    this.#path = path;
    this.#options = options;
    this.#timeoutMs = timeoutMs;
    this.#reconnect = reconnect === false ? null : reconnect === true ? {} : reconnect;
    this.#lifeline = new Lifeline({
      open: () => this.#open(() => {}, this.#closed.signal),
      reconnect: this.#reconnect,
      signal: this.#closed.signal,
      onState,
    });
  }

  /** Resolves when there is a connection. */
  async begin(): Promise<void> {
    const { signal } = this.#options;
    const onAbort = (): void => void this.#end(abortedBy(signal));
    signal?.addEventListener("abort", onAbort);
    this.#closed.signal.addEventListener("abort", () => signal?.removeEventListener("abort", onAbort));
    if (signal?.aborted === true) onAbort();
    try {
      await this.#lifeline.live();
    } catch (error) {
      this.#closed.abort(error);
      throw error;
    }
  }

  request(method: Method, params: unknown = null, options: RequestOptions = {}): Promise<Message> {
    const { id, line } = this.#lineOf(method, params);
    return this.#inTime(method, options, async (signal) => {
      const sentAtMs = performance.now();
      for (let before: Link | null = null;;) {
        const link: Link = before === null ? await this.#lifeline.live() : await this.#again(method, before, sentAtMs, signal);
        // What nobody waits for any more is not sent.
        signal.throwIfAborted();
        before = link;
        try {
          return await unlessAborted(link.send(id, line), signal);
        } catch (error) {
          if (error !== link.over) throw error;
        } finally {
          link.forget(id);
        }
      }
    });
  }

  async hello(options?: RequestOptions): Promise<Hello> {
    const hello = brought(await this.request("hello", null, options));
    if (!isHello(hello)) throw unreachable(this.#path, "its hello is in disorder");
    if (hello.protocolVersion !== PROTOCOL_VERSION) {
      throw unreachable(this.#path, `it speaks ${hello.protocolVersion}, not ${PROTOCOL_VERSION}`);
    }
    return hello;
  }

  async state(options?: RequestOptions): Promise<DashboardState> {
    const state = brought((await this.request("state", null, options))["state"]);
    if (!isState(state)) throw unreachable(this.#path, "its state is in disorder");
    return state;
  }

  async command(
    kind: CommandKind | ExtensionKind,
    { childPath, childManifest, template, count, dryRun, reason, requestedBy, confirmed = false, ...options }: CommandRequest,
  ): Promise<CommandOutcome> {
    const method = methodOf(kind);
    const params = {
      command_id: crypto.randomUUID(),
      target_id: await this.#targetId(options),
      command: method.startsWith("command.") ? kind : undefined,
      target: { child_path: childPath, child_manifest: childManifest },
      template,
      count,
      dry_run: dryRun,
      reason,
      requested_by: requestedBy,
      confirmed,
      requested_at_unix_nanos: BigInt(Date.now()) * 1_000_000n,
    };
    const outcome = brought((await this.request(method, params, options))["result"]);
    if (!isOutcome(outcome)) throw unreachable(this.#path, "its answer is in disorder");
    return outcome;
  }

  events({ signal, since, ...params }: EventOptions = {}): Subscription<EventPush> {
    return this.#subscribe("events.subscribe", params, since, signal, isEventPush);
  }

  logs({ signal, since, ...params }: SubscribeOptions = {}): Subscription<LogPush> {
    return this.#subscribe("logs.tail", params, since, signal, isLogPush);
  }

  close(): Promise<void> {
    return this.#end(unreachable(this.#path, "the client was closed"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #end(why: Error): Promise<void> {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort(why);
    await this.#lifeline.close(why);
  }

  #lineOf(method: Method, params: unknown): { readonly id: string; readonly line: string } {
    const id = `${this.#prefix}-${++this.#count}`;
    return { id, line: `${toJson({ request_id: id, method, params })}\n` };
  }

  #open(onPush: (push: Message) => void, signal: AbortSignal): Promise<Link> {
    return openLink(this.#path, { timeoutMs: this.#options.connectTimeoutMs ?? 5_000, signal, onPush });
  }

  /** The connection on which a request may be repeated that a lost one may have cut short. */
  async #again(method: Method, before: Link, sentAtMs: number, signal: AbortSignal): Promise<Link> {
    if (METHODS[method] === "read") return await this.#lifeline.live();
    const first = await this.#helloOf(before).catch(() => null);
    const { answersId, answersKeptSeconds = 0 } = first?.server ?? {};
    if (answersId === undefined) throw this.#unknown(method, before.over);
    while (true) {
      const link = await this.#lifeline.live().catch((error) => Promise.reject(this.#unknown(method, error)));
      const second = await this.#helloOf(link).catch(() => null);
      signal.throwIfAborted();
      // One that was lost too is followed by the next.
      if (second === null && link.over !== null) continue;
      const isKept = performance.now() - sentAtMs < answersKeptSeconds * 1_000;
      if (answersId !== second?.server?.answersId || !isKept) throw this.#unknown(method, before.over);
      return link;
    }
  }

  #unknown(method: Method, cause: unknown): ReeveError {
    const message = `The connection was lost while ${method} was under way: whether it was done is not known`;
    return new ReeveError("dashboard_outcome_unknown", message, { path: this.#path, cause, hint: "Look at the state before asking again" });
  }

  /** What a connection's target says of itself; `null` where it says nothing. */
  #helloOf(link: Link): Promise<Hello | null> {
    const known = this.#hellos.get(link);
    if (known !== undefined) return known;
    const { id, line } = this.#lineOf("hello", null);
    const asked = link.send(id, line).then(brought).then((hello) => isHello(hello) ? hello : null, (error) => {
      // The reference says nothing of itself unless it registers.
      if (error instanceof DashboardError) return null;
      throw error;
    });
    this.#hellos.set(link, asked);
    return asked;
  }

  async #targetId(options: RequestOptions): Promise<string> {
    return await this.#inTime("hello", options, async (signal) => {
      while (true) {
        const link = await this.#lifeline.live();
        signal.throwIfAborted();
        try {
          const hello = await this.#helloOf(link);
          return hello?.registration.targetId ?? (await this.state(options)).target.targetId;
        } catch (error) {
          if (error !== link.over) throw error;
        }
      }
    });
  }

  #subscribe<Push>(
    method: "events.subscribe" | "logs.tail",
    params: Readonly<Record<string, unknown>>,
    since: number | undefined,
    signal: AbortSignal | undefined,
    isWanted: (push: object) => push is Push & object,
  ): Subscription<Push | Interruption> {
    return subscribe<Push>({
      method,
      params,
      since,
      isWanted,
      maxWaiting: this.#options.maxWaiting ?? 1_024,
      signal: signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal]),
      reconnect: this.#reconnect,
      open: (onPush, ended) => this.#open(onPush, ended),
      helloOf: (link) => this.#inTime("hello", {}, () => this.#helloOf(link)),
      ask: (link, asked, fields) => {
        const { id, line } = this.#lineOf(asked, fields);
        return this.#inTime(asked, {}, () => link.send(id, line));
      },
    });
  }

  /** Waits no longer than is wanted; the signal tells the work that nobody waits any more. */
  async #inTime<T>(
    method: Method,
    { signal, timeoutMs = this.#timeoutMs }: RequestOptions,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const over = new AbortController();
    const onAbort = (): void => over.abort(signal?.reason);
    const cancel = CLOCK.setTimer(
      () => over.abort(unreachable(this.#path, `it did not answer ${method} within ${timeoutMs} ms`)),
      timeoutMs,
    );
    signal?.addEventListener("abort", onAbort);
    if (signal?.aborted === true) onAbort();
    try {
      return await unlessAborted(work(over.signal), over.signal);
    } finally {
      cancel();
      signal?.removeEventListener("abort", onAbort);
    }
  }
}

function abortedBy(signal: AbortSignal | undefined): Error {
  return signal?.reason instanceof Error ? signal.reason : new Error(String(signal?.reason));
}

/** The method of a command: one of the reference, or one of our own. */
function methodOf(kind: CommandKind | ExtensionKind): Method {
  for (const method of [`command.${kind}`, `reeve.${kind}`]) if (isMethod(method)) return method;
  throw new ReeveError("invalid_request", `There is no command "${kind}"`);
}
