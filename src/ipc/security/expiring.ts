/** Entries that are remembered for a time, the oldest first to go: everything costs the same however many there are. */

interface Entry<V> {
  readonly key: string;
  /** Let go with its place, although the order has the entry for a while yet. */
  value: V | undefined;
  readonly untilMs: number;
  readonly bytes: number;
  /** Whether another one has taken its place. */
  isReplaced: boolean;
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
  /** In the order in which they came, from `#first` on; a map would look for its first entry through all those that are gone. */
  #order: Entry<V>[] = [];
  #first = 0;
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
    const before = this.#entries.get(key);
    if (before !== undefined) {
      before.isReplaced = true;
      before.value = undefined;
      this.#bytes -= before.bytes;
    }
    const entry: Entry<V> = { key, value, untilMs: nowMs + this.#limits.ttlMs, bytes, isReplaced: false };
    this.#entries.set(key, entry);
    this.#order.push(entry);
    this.#bytes += bytes;
    const { mostEntries, mostBytes = Infinity } = this.#limits;
    while (this.#first < this.#order.length) {
      const oldest = this.#order[this.#first]!;
      if (!oldest.isReplaced && oldest.untilMs > nowMs && this.#entries.size <= mostEntries && this.#bytes <= mostBytes) break;
      this.#first++;
      if (oldest.isReplaced) continue;
      this.#entries.delete(oldest.key);
      this.#bytes -= oldest.bytes;
      oldest.value = undefined;
    }
    if (this.#order.length <= 2 * this.#entries.size + LITTLE) return;
    this.#order = this.#order.slice(this.#first).filter(({ isReplaced }) => !isReplaced);
    this.#first = 0;
  }

  get size(): number {
    return this.#entries.size;
  }
}

/** So many that are gone cost nothing worth tidying up. */
const LITTLE = 64;
