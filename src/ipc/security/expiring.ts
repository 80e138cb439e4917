/** Entries that are remembered for a time, the oldest first to go: everything costs the same however many there are. */

interface Entry<V> {
  readonly value: V;
  readonly untilMs: number;
  readonly bytes: number;
}

/** What bounds the entries. */
export interface ExpiringLimits {
  readonly ttlMs: number;
  readonly mostEntries: number;
  readonly mostBytes?: number;
}

/** A map whose entries go after a time, and earlier when there are too many of them or too many bytes. */
export class ExpiringMap<V> {
  readonly #limits: ExpiringLimits;
  readonly #entries = new Map<string, Entry<V>>();
  #bytes = 0;

  constructor(limits: ExpiringLimits) {
    this.#limits = limits;
  }

  get(key: string, nowMs: number): V | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.untilMs > nowMs ? entry.value : undefined;
  }

  /** Remembers a value; `bytes` is what it takes. */
  set(key: string, value: V, nowMs: number, bytes = 0): void {
    this.delete(key);
    this.#entries.set(key, { value, untilMs: nowMs + this.#limits.ttlMs, bytes });
    this.#bytes += bytes;
    const { mostEntries, mostBytes = Infinity } = this.#limits;
    for (const [oldest, { untilMs }] of this.#entries) {
      if (untilMs > nowMs && this.#entries.size <= mostEntries && this.#bytes <= mostBytes) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }

  get size(): number {
    return this.#entries.size;
  }
}
