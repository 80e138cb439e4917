/** The connection for requests: made again as soon as it is lost, where that is wanted. */
import { thrownMessage } from "../base/mod.ts";
import { type ReconnectOptions, untilItWorks } from "./backoff.ts";
import type { Link } from "./link.ts";

/** How a client stands to its target. */
export type ConnectionState = "connected" | "reconnecting" | "closed";

/** What a lifeline is made of. */
export interface LifelineOptions {
  readonly open: (isAgain: boolean) => Promise<Link>;
  /** How a lost connection is made again; `null` where it is not. */
  readonly reconnect: ReconnectOptions | null;
  /** Ends it; its reason is what everybody is told who waits. */
  readonly signal: AbortSignal;
  readonly onState: (state: ConnectionState, reason: string) => void;
  readonly onRetry: (delayMs: number) => void;
}

/** One connection after the other. */
export class Lifeline {
  readonly #options: LifelineOptions;
  #state: ConnectionState | null = null;
  #link: Promise<Link>;

  constructor(options: LifelineOptions) {
    this.#options = options;
    this.#link = this.#open(false);
  }

  /** The connection that there is, or the next one; all who wait share one attempt. Rejects when there will be none. */
  live(): Promise<Link> {
    return this.#link;
  }

  /** Ends the connection; whoever waits is told why. */
  async close(why: Error): Promise<void> {
    this.#tell("closed", why.message);
    await this.#link.then((link) => link.close(why), () => {});
  }

  async #open(isAgain: boolean): Promise<Link> {
    const link = await this.#options.open(isAgain);
    this.#tell("connected", "");
    link.whenOver((why) => this.#lost(why));
    return link;
  }

  #lost(why: Error): void {
    const { reconnect, signal } = this.#options;
    const isOver = reconnect === null || signal.aborted;
    if (!isOver) this.#tell("reconnecting", why.message);
    this.#link = isOver
      ? Promise.reject(why)
      : untilItWorks(() => this.#open(true), reconnect, signal, (delayMs) => this.#call(() => this.#options.onRetry(delayMs)));
    this.#link.catch((error) => this.#tell("closed", thrownMessage(error)));
  }

  /** After the end there is nothing to tell any more. */
  #tell(state: ConnectionState, reason: string): void {
    if (this.#state === state || this.#state === "closed") return;
    this.#state = state;
    this.#call(() => this.#options.onState(state, reason));
  }

  /** What a listener throws is its own affair. */
  #call(listener: () => void): void {
    try {
      listener();
    } catch {
      // A listener that fails must not cost the connection.
    }
  }
}
