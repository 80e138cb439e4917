/** What a target tells, for as long as somebody looks. */
import type { Client, ConnectOptions, DescribedEvent } from "../../client/mod.ts";
import { ReeveError, thrownMessage } from "../../base/mod.ts";
import { userName } from "../target.ts";
import type { Effect } from "./model.ts";
import { outcomeOf } from "./orders.ts";
import { type Arrival, type Push, STORY_EVENTS, STORY_LOGS } from "./pushes.ts";

/** How often it is told what processes take. */
const USAGE_MS = 2_000;
/** Events and lines from before somebody looked. */
const RECENT_EVENTS = 4_000;
const RECENT_LOGS = 2_000;
/** Pushes that wait at most: all events of a run that began anew. */
const MOST_WAITING = 16_384;

/** Tells arrivals to one listener. */
export class Feed {
  readonly #tell: (arrival: Arrival) => void;
  #client: Client | null = null;

  constructor(tell: (arrival: Arrival) => void) {
    this.#tell = tell;
  }

  /** How to connect. */
  get connectOptions(): ConnectOptions {
    return {
      maxWaiting: MOST_WAITING,
      reconnect: { initialMs: 200, maxMs: 3_000 },
      onState: (state, reason) => this.#tell({ type: "connection", state, reason, nowMs: Date.now() }),
      onRetry: (delayMs) => this.#tell({ type: "retry", atMs: Date.now() + delayMs }),
    };
  }

  /** Tells everything until the signal aborts; rejects where the target refuses for good. */
  async run(client: Client, signal: AbortSignal): Promise<void> {
    this.#client = client;
    const [events, logs] = await Promise.all([client.recentEvents({ limit: RECENT_EVENTS }), client.recentLogs({ limit: RECENT_LOGS })]);
    this.#tell({ type: "recent", events, logs });
    const wanted = { states: true, details: true, rows: false, described: true, usageMs: USAGE_MS, since: lastOf(events), signal };
    await Promise.race([
      this.#read(client.events(wanted), (push) => ({ from: "events", push })),
      this.#read(client.logs({ since: logs.at(-1)?.sequence ?? 0, signal }), (push) => ({ from: "logs", push })),
    ]);
  }

  async #read<P extends Push["push"]>(stream: AsyncIterable<P>, pushed: (push: P) => Push): Promise<void> {
    for await (const push of stream) {
      this.#tell({ type: "pushes", pushes: [pushed(push)] });
      if (push.type !== "state_delta" || push.delta.tree === undefined) continue;
      this.#tell({ type: "tree", tree: push.delta.tree, nowMs: Date.now() });
    }
  }

  /** Does what the reducer asks of the target. */
  async carryOut(effect: Extract<Effect, { type: "command" | "recall" }>): Promise<void> {
    const client = this.#client;
    if (client === null) return;
    try {
      if (effect.type === "recall") {
        const { path } = effect;
        const [events, logs] = await Promise.all([
          client.recentEvents({ path, limit: STORY_EVENTS }),
          client.recentLogs({ path, limit: STORY_LOGS }),
        ]);
        return this.#tell({ type: "story", path, events, logs });
      }
      const outcome = await client.command(effect.kind, { ...effect.request, requestedBy: userName() });
      this.#tell({ type: "outcome", ...outcomeOf(effect.what, outcome) });
    } catch (error) {
      const what = effect.type === "command" ? effect.what : `read about ${effect.path}`;
      const hint = error instanceof ReeveError ? error.message : thrownMessage(error);
      this.#tell({ type: "outcome", text: `✗ ${what}: ${hint}`, style: "red" });
    }
  }
}

function lastOf(events: readonly DescribedEvent[]): number {
  return events.at(-1)?.event.sequence ?? 0;
}
