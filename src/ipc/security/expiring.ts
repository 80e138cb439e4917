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
    this.#makeRoom(nowMs, mostEntries, mostBytes);
    if (this.#order.length <= 2 * this.#entries.size + LITTLE) return;
    this.#order = this.#order.slice(this.#first).filter(({ isReplaced }) => !isReplaced);
    this.#first = 0;
  }

  /** Milliseconds until one more has a place for which no other must go before its time: 0 when there is one. */
  waitMs(nowMs: number): number {
    if (this.#entries.size < this.#limits.mostEntries) return 0;
    this.#makeRoom(nowMs, Infinity, Infinity);
    return this.#entries.size < this.#limits.mostEntries ? 0 : this.#order[this.#first]!.untilMs - nowMs;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Lets those go whose time is over, and the oldest that are too many. */
  #makeRoom(nowMs: number, mostEntries: number, mostBytes: number): void {
    for (; this.#first < this.#order.length; this.#first++) {
      const oldest = this.#order[this.#first]!;
      if (oldest.isReplaced) continue;
      if (oldest.untilMs > nowMs && this.#entries.size <= mostEntries && this.#bytes <= mostBytes) return;
      this.#entries.delete(oldest.key);
      this.#bytes -= oldest.bytes;
      oldest.value = undefined;
    }
  }
}

/** So many that are gone cost nothing worth tidying up. */
const LITTLE = 64;
