/** Entries that are remembered for a time, the oldest first to go: everything costs the same however many there are. */

/** What bounds the entries. */
export interface ExpiringLimits {
  readonly ttlMs: number;
  readonly mostEntries: number;
  readonly mostBytes?: number;
}

/** Places that there are at first; twice as many whenever they are all taken. */
const FIRST_PLACES = 64;

/**
 * A map whose entries go after a time, and earlier when there are too many of them or too many bytes.
 *
 * Entries stand in the order in which they came, in rings of texts and numbers: what is asked for every request makes no objects that a collector must copy.
 */
export class ExpiringMap<V extends NonNullable<unknown>> {
  readonly #limits: ExpiringLimits;
  /** Number of each entry; its place in the rings is that modulo their length. */
  readonly #numbers = new Map<string, number>();
  /** Of each place; a key without a value was replaced by a later entry. */
  #keys: string[] = [];
  #values: (V | undefined)[] = [];
  #untilMs: number[] = [];
  #sizes: number[] = [];
  #places = 0;
  /** Number of the oldest entry, and of the next one. */
  #first = 0;
  #next = 0;
  #bytes = 0;

  constructor(limits: ExpiringLimits) {
    this.#limits = limits;
  }

  get(key: string, nowMs: number): V | undefined {
    const number = this.#numbers.get(key);
    if (number === undefined) return undefined;
    const place = number & (this.#places - 1);
    return this.#untilMs[place]! > nowMs ? this.#values[place] : undefined;
  }

  /** Remembers a value; `bytes` is what it takes. */
  set(key: string, value: V, nowMs: number, bytes = 0): void {
    const before = this.#numbers.get(key);
    if (before !== undefined) this.#empty(before & (this.#places - 1));
    if (this.#next - this.#first === this.#places) this.#makePlaces();
    const place = this.#next & (this.#places - 1);
    this.#keys[place] = key;
    this.#values[place] = value;
    this.#untilMs[place] = nowMs + this.#limits.ttlMs;
    this.#sizes[place] = bytes;
    this.#numbers.set(key, this.#next++);
    this.#bytes += bytes;
    const { mostEntries, mostBytes = Infinity } = this.#limits;
    this.#makeRoom(nowMs, mostEntries, mostBytes);
  }

  /** Milliseconds until one more has a place for which no other must go before its time: 0 when there is one. */
  waitMs(nowMs: number): number {
    if (this.size < this.#limits.mostEntries) return 0;
    this.#makeRoom(nowMs, Infinity, Infinity);
    return this.size < this.#limits.mostEntries ? 0 : this.#untilMs[this.#first & (this.#places - 1)]! - nowMs;
  }

  get size(): number {
    return this.#numbers.size;
  }

  /** Lets those go whose time is over, and the oldest that are too many. */
  #makeRoom(nowMs: number, mostEntries: number, mostBytes: number): void {
    for (; this.#first < this.#next; this.#first++) {
      const place = this.#first & (this.#places - 1);
      if (this.#values[place] === undefined) continue;
      if (this.#untilMs[place]! > nowMs && this.size <= mostEntries && this.#bytes <= mostBytes) return;
      this.#numbers.delete(this.#keys[place]!);
      this.#empty(place);
    }
  }

  #empty(place: number): void {
    this.#bytes -= this.#sizes[place]!;
    this.#keys[place] = "";
    this.#values[place] = undefined;
  }

  /** Those that were replaced give up their places; where most were not, there are twice as many afterwards. */
  #makePlaces(): void {
    const [keys, values, untilMs, sizes, places] = [this.#keys, this.#values, this.#untilMs, this.#sizes, this.#places];
    const [first, next] = [this.#first, this.#next];
    if (2 * this.size >= places) this.#places = Math.max(FIRST_PLACES, 2 * places);
    [this.#keys, this.#values, this.#untilMs, this.#sizes] = [[], [], [], []];
    this.#first = 0;
    this.#next = 0;
    for (let number = first; number < next; number++) {
      const place = number & (places - 1);
      if (values[place] === undefined) continue;
      this.#keys.push(keys[place]!);
      this.#values.push(values[place]);
      this.#untilMs.push(untilMs[place]!);
      this.#sizes.push(sizes[place]!);
      this.#numbers.set(keys[place]!, this.#next++);
    }
  }
}
