/** A client of one target, over one connection for requests and one for each subscription. */
import { inTime, ReeveError, toJson } from "../base/mod.ts";
import { type CommandKind, type ExtensionKind, isMethod, type Method, METHODS, PROTOCOL_VERSION } from "../protocol/mod.ts";
import { reconnectDelayMs, type ReconnectOptions } from "./backoff.ts";
import { brought } from "./forms.ts";
import { CLOCK, DashboardError, type Link, type Message, openLink, unreachable } from "./link.ts";
import { isEventPush, isHello, isLogPush, isOutcome, isState } from "./shapes.ts";
import { subscribe, type Subscription } from "./subscription.ts";
import type { CommandOutcome, DashboardState, EventPush, Hello, Interruption, LogPush } from "./types.ts";

/** How a client stands to its target. */
export type ConnectionState = "connected" | "reconnecting" | "closed";

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
  /** Told when the connection for requests is made, lost, or over. */
  readonly onState?: (state: ConnectionState, reason: string) => void;
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
  /** The connection for requests; one that is lost is replaced when somebody asks. */
  #link: Promise<Link>;
  #count = 0;

  constructor(path: string, options: ConnectOptions) {
    const { timeoutMs = 35_000, reconnect = false } = options;
    this.#path = path;
    this.#options = options;
    this.#timeoutMs = timeoutMs;
    this.#reconnect = reconnect === false ? null : reconnect === true ? {} : reconnect;
    this.#link = this.#openOnce(() => {});
  }

  async begin(): Promise<void> {
    await this.#link;
    this.#tell("connected", "");
  }

  request(method: Method, params: unknown = null, options: RequestOptions = {}): Promise<Message> {
    const { id, line } = this.#lineOf(method, params);
    let last: Link | null = null;
    const asking = this.#inTime(method, options, async () => {
      while (true) {
        const link: Link = await this.#live();
        if (last !== null && METHODS[method] !== "read") await this.#refuseToRepeat(method, last, link);
        last = link;
        try {
          return await link.send(id, line);
        } catch (error) {
          if (link.over === null || error instanceof DashboardError || !this.#isStaying) throw error;
        }
      }
    });
    // An answer that comes too late has nobody to go to.
    return asking.finally(() => last?.forget(id));
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
    { childPath, childManifest, template, count, reason, requestedBy, confirmed = false, ...options }: CommandRequest,
  ): Promise<CommandOutcome> {
    const method = methodOf(kind);
    const params = {
      command_id: crypto.randomUUID(),
      target_id: await this.#targetId(options),
      command: method.startsWith("command.") ? kind : undefined,
      target: { child_path: childPath, child_manifest: childManifest },
      template,
      count,
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

  async close(): Promise<void> {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#tell("closed", "the client was closed");
    await this.#link.then((link) => link.close(), () => {});
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #isStaying(): boolean {
    return this.#reconnect !== null && !this.#closed.signal.aborted;
  }

  #tell(state: ConnectionState, reason: string): void {
    this.#options.onState?.(state, reason);
  }

  #lineOf(method: Method, params: unknown): { readonly id: string; readonly line: string } {
    const id = `${this.#prefix}-${++this.#count}`;
    return { id, line: `${toJson({ request_id: id, method, params })}\n` };
  }

  #openOnce(onPush: (push: Message) => void): Promise<Link> {
    if (this.#closed.signal.aborted) return Promise.reject(unreachable(this.#path, "the client was closed"));
    return openLink(this.#path, this.#options.connectTimeoutMs ?? 5_000, onPush);
  }

  /** The connection for requests, which is made again when it was lost and that is wanted. */
  async #live(): Promise<Link> {
    const link = await this.#link;
    if (link.over === null) return link;
    if (!this.#isStaying) throw link.over;
    this.#tell("reconnecting", link.over.message);
    // All requests that wait share one attempt.
    const again = this.#openAgain(() => {});
    this.#link = again;
    again.then(() => this.#tell("connected", ""), () => {});
    return await again;
  }

  /** Connects after growing delays, until it works, the client is closed, or there were too many attempts. */
  async #openAgain(onPush: (push: Message) => void): Promise<Link> {
    const options = this.#reconnect ?? {};
    for (let attempt = 1;; attempt++) {
      await this.#wait(reconnectDelayMs(attempt, options, Math.random));
      try {
        return await this.#openOnce(onPush);
      } catch (error) {
        if (!this.#isStaying || attempt >= (options.maxAttempts ?? Infinity)) throw error;
      }
    }
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      this.#closed.signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      }, { once: true });
    });
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

  /** A command may only be sent again to the same run of a target that answers the same command once. */
  async #refuseToRepeat(method: Method, before: Link, now: Link): Promise<void> {
    const [first, second] = await Promise.all([this.#helloOf(before).catch(() => null), this.#helloOf(now)]);
    const isSameRun = first?.server?.runId !== undefined && first.server.runId === second?.server?.runId;
    if (isSameRun && second?.capabilities?.includes("commands.idempotent") === true) return;
    throw unreachable(this.#path, `the connection was lost while ${method} was under way: whether it was done is not known`);
  }

  async #targetId(options: RequestOptions): Promise<string> {
    return await this.#inTime("hello", options, async () => {
      const link = await this.#live();
      const hello = await this.#helloOf(link);
      return hello?.registration.targetId ?? (await this.state(options)).target.targetId;
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
      isStaying: () => this.#isStaying,
      open: async (onPush, isAgain) => {
        const link = await (isAgain ? this.#openAgain(onPush) : this.#openOnce(onPush));
        return { link, hello: await this.#inTime("hello", {}, () => this.#helloOf(link)) };
      },
      ask: (link, asked, fields) => {
        const { id, line } = this.#lineOf(asked, fields);
        return this.#inTime(asked, {}, () => link.send(id, line));
      },
    });
  }

  /** Waits no longer than is wanted. */
  async #inTime<T>(method: Method, { signal, timeoutMs = this.#timeoutMs }: RequestOptions, work: () => Promise<T>): Promise<T> {
    if (signal?.aborted === true) throw signal.reason;
    let onAbort = (): void => {};
    const aborted = new Promise<never>((_, reject) => onAbort = () => reject(signal?.reason));
    signal?.addEventListener("abort", onAbort);
    const tooLate = (): Error => unreachable(this.#path, `it did not answer ${method} within ${timeoutMs} ms`);
    try {
      return await inTime(Promise.race([work(), aborted]), timeoutMs, tooLate, CLOCK);
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }
}

/** The method of a command: one of the reference, or one of our own. */
function methodOf(kind: CommandKind | ExtensionKind): Method {
  for (const method of [`command.${kind}`, `reeve.${kind}`]) if (isMethod(method)) return method;
  throw new ReeveError("invalid_request", `There is no command "${kind}"`);
}
