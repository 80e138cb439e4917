/** A stream of pushes that outlives its connection: it goes on after the last thing it saw, or says that it cannot. */
import { cleanText } from "../base/mod.ts";
import { type ReconnectOptions, untilItWorks } from "./backoff.ts";
import type { Link, Message, PushTaker } from "./link.ts";
import { PushQueue } from "./push_queue.ts";
import type { CaughtUp, Hello, Interruption } from "./types.ts";

/** What a subscription is made of. */
export interface SubscriptionOptions<Push> {
  readonly method: "events.subscribe" | "logs.tail";
  readonly params: Readonly<Record<string, unknown>>;
  readonly since: number | undefined;
  /** The run to which that number belongs, where it is known. */
  readonly run: string | undefined;
  readonly maxWaiting: number;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** How a lost connection is made again; `null` where it is not. */
  readonly reconnect: ReconnectOptions | null;
  readonly open: (onPush: PushTaker, signal: AbortSignal, isAgain: boolean) => Promise<Link>;
  readonly helloOf: (link: Link) => Promise<Hello | null>;
  readonly ask: (link: Link, method: "events.subscribe" | "logs.tail", params: object) => Promise<Message>;
  /** Reads what came; `null` where it lacks what it must have, or is nothing that the reader knows. */
  readonly read: (message: Message, line: string) => Push | null;
}

/** The reader's end. */
export interface Subscription<Push> extends AsyncIterableIterator<Push> {
  /** Resolves when the target has begun to push; rejects when it refused. */
  readonly ready: Promise<void>;
}

/** Subscribes at once. */
export function subscribe<Push>(options: SubscriptionOptions<Push>): Subscription<Push | CaughtUp | Interruption> {
  const over = new AbortController();
  const queue = new PushQueue<Push | CaughtUp | Interruption>(options.maxWaiting, () => over.abort());
  const { signal } = options;
  signal.addEventListener("abort", () => queue.end(), { once: true, signal: over.signal });
  if (signal.aborted) queue.end();
  const ready = new Pump(options, queue, over.signal).begin();
  // Who reads is told too.
  ready.catch(() => {});
  return Object.assign(queue, { ready });
}

/** Pushes that must have their shape; of others, a target may send what it likes. */
const KNOWN: ReadonlySet<string> = new Set(["event", "log", "state_delta", "usage"]);

class Pump<Push> {
  readonly #options: SubscriptionOptions<Push>;
  readonly #queue: PushQueue<Push | CaughtUp | Interruption>;
  /** Aborts when nobody reads any more. */
  readonly #signal: AbortSignal;
  #last: number | undefined;
  #runId: string | undefined;
  /** Whether the reader waits for the end of what is remembered. */
  #catchesUp: boolean;

  constructor(options: SubscriptionOptions<Push>, queue: PushQueue<Push | CaughtUp | Interruption>, signal: AbortSignal) {
    this.#options = options;
    this.#queue = queue;
    this.#signal = signal;
    this.#last = options.since;
    this.#runId = options.run;
    this.#catchesUp = options.params["recent"] !== undefined;
  }

  /** Resolves with the first subscription; goes on afterwards. */
  async begin(): Promise<void> {
    try {
      this.#goOn(await this.#connect(false));
    } catch (error) {
      this.#queue.end(error);
      throw error;
    }
  }

  async #goOn(first: Link): Promise<void> {
    const { reconnect } = this.#options;
    try {
      for (let link = first;; link = await untilItWorks(() => this.#connect(true), reconnect, this.#signal)) {
        const why = await new Promise<Error>((resolve) => link.whenOver(resolve));
        if (reconnect === null) throw why;
      }
    } catch (error) {
      this.#queue.end(error);
    }
  }

  /** Connects and subscribes; the connection goes when that fails, or when nobody reads any more. */
  async #connect(isAgain: boolean): Promise<Link> {
    const { method, open, helloOf, ask, params } = this.#options;
    const signal = this.#signal;
    const link = await open((message, line) => this.#take(message, line), signal, isAgain);
    const stop = (): void => link.close(signal.reason);
    signal.addEventListener("abort", stop);
    link.whenOver(() => signal.removeEventListener("abort", stop));
    try {
      signal.throwIfAborted();
      const hello = await helloOf(link);
      const canGoOn = hello?.capabilities?.includes("subscriptions.since") === true;
      if (isAgain || this.#runId !== undefined) this.#tellOfTheLoss(hello, canGoOn);
      // Where the past was cut short, or is not told, nobody waits for its end.
      if (isAgain || hello?.capabilities?.includes("subscriptions.recent") !== true) this.#tellCaughtUp();
      this.#runId = hello?.server?.runId;
      const since = canGoOn ? { since_sequence: this.#last ?? "now" } : {};
      const { since_sequence: last } = await ask(link, method, { session_established: true, ...params, ...since });
      if (typeof last === "number") this.#last = Math.max(last, this.#last ?? 0);
      return link;
    } catch (error) {
      link.close(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
  }

  /** The numbers of another run begin anew: it is read from its beginning. */
  #tellOfTheLoss(hello: Hello | null, canGoOn: boolean): void {
    if (this.#runId !== undefined && hello?.server?.runId !== this.#runId) {
      this.#last = 0;
      this.#queue.push({ type: "restarted", message: "the target was started again: its numbers begin anew", run: hello?.server?.runId });
    } else if (!canGoOn) {
      this.#queue.push({ type: "gap", message: "the connection was lost: what happened meanwhile is not known" });
    }
  }

  #tellCaughtUp(): void {
    if (!this.#catchesUp) return;
    this.#catchesUp = false;
    this.#queue.push({ type: "caught_up" });
  }

  #take(message: Message, line: string): void {
    const { type, error, event, log } = message;
    if (type === "caught_up") return this.#tellCaughtUp();
    if (type === "error") return this.#queue.push({ type: "gap", message: messageOf(error) ?? "something was dropped" });
    const sequence = numberOf(event ?? log);
    if (sequence !== undefined) this.#last = sequence;
    const push = this.#options.read(message, line);
    if (push !== null) this.#queue.push(push);
    else if (KNOWN.has(String(type))) this.#queue.push({ type: "gap", message: "something came that lacks what it must have" });
  }
}

function numberOf(record: unknown): number | undefined {
  const sequence: unknown = typeof record === "object" && record !== null ? Reflect.get(record, "sequence") : undefined;
  return typeof sequence === "number" ? sequence : undefined;
}

function messageOf(error: unknown): string | undefined {
  const message: unknown = typeof error === "object" && error !== null ? Reflect.get(error, "message") : undefined;
  return typeof message === "string" ? cleanText(message, 512) : undefined;
}
