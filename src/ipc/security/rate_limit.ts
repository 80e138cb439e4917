/** C6: how often something may be asked. A bucket goes with its connection; one of the user is there beside it, so that connecting again refills nothing. */
import { type WireError, wireError } from "../../protocol/mod.ts";
import { PerPeer } from "./per_peer.ts";
import type { SecuritySettings } from "./settings.ts";

/** Tokens that come back with time. */
export class Bucket {
  readonly #perMs: number;
  readonly #capacity: number;
  #tokens: number;
  #atMs: number;

  constructor(perSecond: number, capacity: number, nowMs: number) {
    this.#perMs = perSecond / 1_000;
    this.#capacity = capacity;
    this.#tokens = capacity;
    this.#atMs = nowMs;
  }

  /** Milliseconds until there is a token: 0 when one is there. */
  waitMs(nowMs: number): number {
    this.#tokens = Math.min(this.#capacity, this.#tokens + Math.max(0, nowMs - this.#atMs) * this.#perMs);
    this.#atMs = nowMs;
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) / this.#perMs);
  }

  /** Takes a token that is there. */
  take(): void {
    this.#tokens--;
  }
}

/** Hands out the buckets of connections, and keeps those of users. */
export class RateLimiter {
  readonly #settings: SecuritySettings["rateLimit"];
  readonly #shared: PerPeer<Bucket>;

  constructor(settings: SecuritySettings["rateLimit"]) {
    this.#settings = settings;
    const { peerRefillRate, peerBurstCapacity } = settings;
    this.#shared = new PerPeer((nowMs) => new Bucket(peerRefillRate, peerBurstCapacity, nowMs));
  }

  /** A bucket for a new connection. */
  newBucket(nowMs: number): Bucket {
    const { refillRate, burstCapacity } = this.#settings;
    return new Bucket(refillRate, burstCapacity, nowMs);
  }

  /** Takes a token of the connection and one of its user, or says how long there is none. */
  refuse(own: Bucket, peer: string, nowMs: number): WireError | null {
    if (!this.#settings.enabled) return null;
    const shared = this.#shared.of(peer, nowMs);
    const waitMs = Math.max(own.waitMs(nowMs), shared.waitMs(nowMs));
    if (waitMs > 0) return wireError("rate_limit_exceeded", `too many requests; retry after ${waitMs} ms`, null, true);
    own.take();
    shared.take();
    return null;
  }
}
