/** C4: the id of a request counts once for each user. Ids of reads are kept apart from those of commands, so that no crowd of reads makes a command forgotten. */
import { type WireError, wireError } from "../../protocol/mod.ts";
import { ExpiringMap } from "./expiring.ts";
import type { SecuritySettings } from "./settings.ts";

/** Whether an id was there before, with the same request or with another one. */
export type Seen = "never" | "same" | "other";

/** Users whose ids are remembered; the one who came first goes first. */
const MOST_PEERS = 256;

interface Window {
  readonly reads: ExpiringMap<string>;
  readonly commands: ExpiringMap<string>;
}

/** Remembers the ids of every user. */
export class ReplayWindow {
  readonly #settings: SecuritySettings["replayProtection"];
  readonly #peers = new Map<string, Window>();

  constructor(settings: SecuritySettings["replayProtection"]) {
    this.#settings = settings;
  }

  /** Looks an id up, and remembers it. */
  see(peer: string, id: string, content: string, isRead: boolean, nowMs: number): Seen {
    if (!this.#settings.enabled) return "never";
    const { reads, commands } = this.#windowOf(peer);
    const known = commands.get(id, nowMs) ?? reads.get(id, nowMs);
    if (known !== undefined) return known === content ? "same" : "other";
    (isRead ? reads : commands).set(id, content, nowMs);
    return "never";
  }

  #windowOf(peer: string): Window {
    const known = this.#peers.get(peer);
    if (known !== undefined) return known;
    const { windowSize: mostEntries, ttlSeconds } = this.#settings;
    const limits = { mostEntries, ttlMs: ttlSeconds * 1_000 };
    const window = { reads: new ExpiringMap<string>(limits), commands: new ExpiringMap<string>(limits) };
    this.#peers.set(peer, window);
    if (this.#peers.size > MOST_PEERS) this.#peers.delete(this.#peers.keys().next().value!);
    return window;
  }
}

/** The refusal of an id that was there before. */
export function replayed(why: string): WireError {
  return wireError("replay_detected", `this request id was there before ${why}`);
}
