/**
 * C4: the id of a request counts once for each user. Ids of reads are kept apart from those of commands, so that no crowd of reads makes a command
 * forgotten; and a crowd of commands makes none forgotten either: what comes when all places are taken has to wait.
 */
import { type WireError, wireError } from "../../protocol/mod.ts";
import { ExpiringMap } from "./expiring.ts";
import { PerPeer } from "./per_peer.ts";
import type { SecuritySettings } from "./settings.ts";

/** Whether an id was there before, with the same request or with another one, or why that cannot be remembered now. */
export type Seen = "never" | "same" | "other" | WireError;

/** Places for commands to one for a read: they are few, unless somebody sends as many as the rate limit lets through. */
const COMMANDS_TO_READS = 16;

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
    const ttlMs = ttlSeconds * 1_000;
    this.#windows = new PerPeer(() => ({
      reads: new ExpiringMap({ mostEntries, ttlMs }),
      commands: new ExpiringMap({ mostEntries: COMMANDS_TO_READS * mostEntries, ttlMs }),
    }));
  }

  /** Looks an id up, and remembers it. */
  see(peer: string, id: string, content: string, isRead: boolean, nowMs: number): Seen {
    if (!this.#enabled) return "never";
    const { reads, commands } = this.#windows.of(peer, nowMs);
    const known = commands.get(id, nowMs) ?? reads.get(id, nowMs);
    if (known !== undefined) return known === content ? "same" : "other";
    const waitMs = isRead ? 0 : commands.waitMs(nowMs);
    if (waitMs > 0) return tooMany(waitMs);
    (isRead ? reads : commands).set(id, content, nowMs);
    return "never";
  }
}

function tooMany(waitMs: number): WireError {
  const message = `too many commands, whose ids must be remembered; retry after ${Math.ceil(waitMs)} ms`;
  return wireError("rate_limit_exceeded", message, null, true);
}

/** The refusal of an id that was there before. */
export function replayed(why: string): WireError {
  return wireError("replay_detected", `this request id was there before ${why}`);
}
