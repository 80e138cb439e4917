/** C4: the id of a request counts once for each user. Ids of reads are kept apart from those of commands, so that no crowd of reads makes a command forgotten. */
import { type WireError, wireError } from "../../protocol/mod.ts";
import { ExpiringMap } from "./expiring.ts";
import { PerPeer } from "./per_peer.ts";
import type { SecuritySettings } from "./settings.ts";

/** Whether an id was there before, with the same request or with another one. */
export type Seen = "never" | "same" | "other";

interface Window {
  readonly reads: ExpiringMap<string>;
  readonly commands: ExpiringMap<string>;
}

/** Remembers the ids of every user. */
export class ReplayWindow {
  readonly #enabled: boolean;
  readonly #windows: PerPeer<Window>;

  constructor({ enabled, windowSize: mostEntries, ttlSeconds }: SecuritySettings["replayProtection"]) {
    this.#enabled = enabled;
    const limits = { mostEntries, ttlMs: ttlSeconds * 1_000 };
    this.#windows = new PerPeer(() => ({ reads: new ExpiringMap(limits), commands: new ExpiringMap(limits) }));
  }

  /** Looks an id up, and remembers it. */
  see(peer: string, id: string, content: string, isRead: boolean, nowMs: number): Seen {
    if (!this.#enabled) return "never";
    const { reads, commands } = this.#windows.of(peer, nowMs);
    const known = commands.get(id, nowMs) ?? reads.get(id, nowMs);
    if (known !== undefined) return known === content ? "same" : "other";
    (isRead ? reads : commands).set(id, content, nowMs);
    return "never";
  }
}

/** The refusal of an id that was there before. */
export function replayed(why: string): WireError {
  return wireError("replay_detected", `this request id was there before ${why}`);
}
