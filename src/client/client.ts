/** A client of one target, over one connection for requests and one for each subscription. */
import { ReeveError, TIMERS, toJson, unlessAborted } from "../base/mod.ts";
import { type CommandKind, type ExtensionKind, isMethod, type Method, METHODS, PROTOCOL_VERSION } from "../protocol/mod.ts";
import type { ReconnectOptions } from "./backoff.ts";
import { brought, broughtPush } from "./forms.ts";
import { Lifeline } from "./lifeline.ts";
import { DashboardError, type Link, type Message, openLink, type PushTaker, unreachable } from "./link.ts";
import {
  isAuditRecord,
  isDescribedEvent,
  isEventPush,
  isHello,
  isListOf,
  isLogPush,
  isLogRecord,
  isOutcome,
  isPassable,
  isState,
  isStatus,
} from "./shapes.ts";
import type {
  AuditOptions,
  CommandRequest,
  ConnectOptions,
  EventOptions,
  RecentOptions,
  RequestOptions,
  SubscribeOptions,
} from "./options.ts";
import { subscribe, type Subscription } from "./subscription.ts";
import type {
  CaughtUp,
  CommandOutcome,
  DashboardState,
  DescribedEvent,
  EventPush,
  Hello,
  Interruption,
  LogPush,
  RawPush,
  TargetAuditRecord,
  TargetLogRecord,
} from "./types.ts";
import type { TreeStatus } from "./status_types.ts";

/** A client of one target. */
export interface Client extends AsyncDisposable {
  /** Asks anything; resolves with the `result` as it came. Rejects with {@linkcode DashboardError}, or `dashboard_unreachable`. */
  request(method: Method, params?: unknown, options?: RequestOptions): Promise<Message>;
  /** What the target is and can do. */
  hello(options?: RequestOptions): Promise<Hello>;
  /** How the tree is. */
  state(options?: RequestOptions): Promise<DashboardState>;
  /** Everything that is known of the tree and its children; only Reeve tells it. With `usage`, what processes take is measured, which takes a quarter of a second. */
  status(options?: RequestOptions & { readonly usage?: boolean }): Promise<TreeStatus>;
  /** The last events that the target remembers, oldest first, each with its sentence; only Reeve tells them. */
  recentEvents(options?: RecentOptions & { readonly types?: readonly string[] }): Promise<readonly DescribedEvent[]>;
  /** The last lines of output that the target remembers, oldest first; only Reeve tells them. */
  recentLogs(options?: RecentOptions): Promise<readonly TargetLogRecord[]>;
  /** The last records of the audit that the target remembers, oldest first; only Reeve tells them. */
  audit(options?: AuditOptions): Promise<readonly TargetAuditRecord[]>;
  /** What is measured, as Prometheus reads it; only Reeve tells it, where it measures. */
  metrics(options?: RequestOptions): Promise<string>;
  /** Asks for a command; resolves with its result, whose `accepted` says whether it was done. */
  command(kind: CommandKind | ExtensionKind, request: CommandRequest): Promise<CommandOutcome>;
  /** Every event from now on; ends with the client or the signal. */
  events(options?: EventOptions): Subscription<EventPush>;
  /** Every line of output in the same way. */
  logs(options?: SubscribeOptions): Subscription<LogPush>;
  /** What {@linkcode Client.events} or {@linkcode Client.logs} give, for whoever passes it on: as it came. */
  raw(what: "events" | "logs", options?: EventOptions): Subscription<RawPush | CaughtUp | Interruption>;
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
    const { timeoutMs = 35_000, reconnect = false, onState = () => {}, onRetry = () => {} } = options;
    this.#path = path;
    this.#options = options;
    this.#timeoutMs = timeoutMs;
    this.#reconnect = reconnect === false ? null : reconnect === true ? {} : reconnect;
    this.#lifeline = new Lifeline({
      open: (isAgain) => this.#open(() => {}, this.#closed.signal, isAgain),
      reconnect: this.#reconnect,
      signal: this.#closed.signal,
      onState,
      onRetry,
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

  async status({ usage = false, ...options }: RequestOptions & { readonly usage?: boolean } = {}): Promise<TreeStatus> {
    const { type: _, ...status } = { type: "", ...await this.request("reeve.status", { usage }, options) };
    const found = brought(status);
    if (!isStatus(found)) throw unreachable(this.#path, "its status is in disorder");
    return found;
  }

  async recentEvents(
    { path, paths, severities, limit, types, ...options }: RecentOptions & { readonly types?: readonly string[] } = {},
  ): Promise<readonly DescribedEvent[]> {
    const { records } = await this.request("reeve.events", { path, paths, severities, limit, types }, options);
    const found = brought(records);
    if (!isListOf(found, isDescribedEvent)) throw unreachable(this.#path, "its events are in disorder");
    return found;
  }

  async recentLogs({ path, paths, severities, limit, ...options }: RecentOptions = {}): Promise<readonly TargetLogRecord[]> {
    const { records } = await this.request("reeve.logs", { path, paths, severities, limit }, options);
    const found = brought(records);
    if (!isListOf(found, isLogRecord)) throw unreachable(this.#path, "its lines are in disorder");
    return found;
  }

  async audit({ after, limit, ...options }: AuditOptions = {}): Promise<readonly TargetAuditRecord[]> {
    const { records } = await this.request("reeve.audit", { after_sequence: after, limit }, options);
    const found = brought(records);
    if (!isListOf(found, isAuditRecord)) throw unreachable(this.#path, "its audit is in disorder");
    return found;
  }

  async metrics(options?: RequestOptions): Promise<string> {
    const { text } = await this.request("reeve.metrics", null, options);
    if (typeof text !== "string") throw unreachable(this.#path, "its metrics are in disorder");
    return text;
  }

  async command(
    kind: CommandKind | ExtensionKind,
    { childPath, childManifest, template, count, to, args, force, dryRun, reason, requestedBy, confirmed = false, ...options }:
      CommandRequest,
  ): Promise<CommandOutcome> {
    const method = methodOf(kind);
    const params = {
      command_id: crypto.randomUUID(),
      target_id: await this.#targetId(options, Object.entries({ to, args, force }).find(([, value]) => value !== undefined)?.[0]),
      command: method.startsWith("command.") ? kind : undefined,
      target: { child_path: childPath, child_manifest: childManifest },
      template,
      count,
      to,
      args,
      force,
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

  events(options: EventOptions = {}): Subscription<EventPush> {
    return this.#subscribe("events.subscribe", options, (message) => wholePush(message, isEventPush));
  }

  logs(options: SubscribeOptions = {}): Subscription<LogPush> {
    return this.#subscribe("logs.tail", options, (message) => wholePush(message, isLogPush));
  }

  raw(what: "events" | "logs", options: EventOptions = {}): Subscription<RawPush | CaughtUp | Interruption> {
    const method = what === "events" ? "events.subscribe" : "logs.tail";
    return this.#subscribe(method, options, (message, line) => isPassable(message) ? { type: "raw", message, line } : null);
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

  async #open(onPush: PushTaker, signal: AbortSignal, isAgain: boolean): Promise<Link> {
    const { relocate, ownerUid, connectTimeoutMs = 5_000, maxLineBytes, maxBytesPerSecond } = this.#options;
    const path = isAgain && relocate !== undefined ? await relocate(this.#path) ?? this.#path : this.#path;
    return await openLink(path, { timeoutMs: connectTimeoutMs, signal, onPush, ownerUid, maxLineBytes, maxBytesPerSecond });
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

  /** The id of the target; rejects where it would pass over an option without a word. */
  async #targetId(options: RequestOptions, option?: string): Promise<string> {
    return await this.#inTime("hello", options, async (signal) => {
      while (true) {
        const link = await this.#lifeline.live();
        signal.throwIfAborted();
        try {
          const hello = await this.#helloOf(link);
          if (option !== undefined && hello?.capabilities?.includes("commands.options") !== true) {
            throw new ReeveError("invalid_request", `The target knows no "${option}" of a command`, { path: this.#path });
          }
          return hello?.registration.targetId ?? (await this.state(options)).target.targetId;
        } catch (error) {
          if (error !== link.over) throw error;
        }
      }
    });
  }

  #subscribe<Push>(
    method: "events.subscribe" | "logs.tail",
    { signal, since, run, usageMs, ...params }: EventOptions,
    read: (message: Message, line: string) => Push | null,
  ): Subscription<Push | CaughtUp | Interruption> {
    return subscribe<Push>({
      method,
      params: { ...params, usage_ms: usageMs },
      since,
      run,
      read,
      maxWaiting: this.#options.maxWaiting ?? 1_024,
      signal: signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal]),
      reconnect: this.#reconnect,
      open: (onPush, ended, isAgain) => this.#open(onPush, ended, isAgain),
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
    const cancel = TIMERS.setTimer(
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

/** A push that has what it must have. */
function wholePush<Push extends object>(message: Message, isWhole: (push: object) => push is Push): Push | null {
  const push = broughtPush(message);
  return isWhole(push) ? push : null;
}

function abortedBy(signal: AbortSignal | undefined): Error {
  return signal?.reason instanceof Error ? signal.reason : new Error(String(signal?.reason));
}

/** The method of a command: one of the reference, or one of our own. */
function methodOf(kind: CommandKind | ExtensionKind): Method {
  for (const method of [`command.${kind}`, `reeve.${kind}`]) if (isMethod(method)) return method;
  throw new ReeveError("invalid_request", `There is no command "${kind}"`);
}
