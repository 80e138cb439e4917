/** One sequence of items, kept in a ring; every reader has only a place in it. */
import { cleanText } from "../base/mod.ts";
import type { GapMarker } from "../event/mod.ts";
import { Lag, type LagWatch } from "./lag.ts";

/** How often the readers are looked at while the ring is filled once. */
const LOOKS = 20;

/** From where a reader starts: from the first item (with a gap marker for what the ring has no more), from now, or after a sequence number. */
export type Since = "start" | "now" | number;

/** Options of {@linkcode Bus.read}. */
export interface ReadOptions<T> {
  /** Where to start. @default {"start"} */
  readonly since?: Since;
  /** Which items to read; a filtered stream has holes by nature, only the gap marker means loss. @default {all} */
  readonly filter?: (item: T) => boolean;
  /** Ends the stream when it aborts. */
  readonly signal?: AbortSignal;
  /** What the reader is called where it is told that it is slow. @default {"reader 1", "reader 2", …} */
  readonly subscriber?: string;
}

/** Publishes items to any number of readers; a slow reader costs nobody anything and is told what it missed. */
export class Bus<T extends { readonly seq: number }> {
  readonly #ring: T[] = [];
  readonly #capacity: number;
  #last = 0;
  #closed = false;
  #sleepers = new Set<() => void>();
  readonly #watch: LagWatch | null;
  readonly #lookEvery: number;
  readonly #note: ((item: T) => void) | null;
  /** Readers that nobody holds any more are nobody's. */
  readonly #readers = new Set<WeakRef<Reader<T>>>();
  #readersSoFar = 0;

  /** Creates a bus that remembers `capacity` items, tells of slow readers where that is wanted, and shows each item to who must not miss one. */
  constructor(capacity: number, watch: LagWatch | null = null, note: ((item: T) => void) | null = null) {
    this.#capacity = capacity;
    this.#watch = watch;
    this.#note = note;
    this.#lookEvery = Math.max(1, Math.floor(capacity / LOOKS));
  }

  /** Sequence number of the newest item, 0 when there is none. */
  get lastSeq(): number {
    return this.#last;
  }

  /** Sequence number of the oldest item that is still there. */
  get oldestSeq(): number {
    return this.#last - this.#ring.length + 1;
  }

  /** Remembers the item, whose number must be the next one, and wakes the readers. */
  publish(item: T): void {
    const { seq } = item;
    this.#last = seq;
    if (this.#ring.length < this.#capacity) this.#ring.push(item);
    else this.#ring[(seq - 1) % this.#capacity] = item;
    this.#note?.(item);
    if (this.#sleepers.size > 0) this.#wake();
    if (seq % this.#lookEvery === 0 && this.#readers.size > 0) this.#lookAtReaders();
  }

  /** Ends every stream once it has read what there is. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  /** The last items, oldest first. */
  recent(count: number): T[] {
    const first = Math.max(this.oldestSeq, this.#last - count + 1);
    const items: T[] = [];
    for (let seq = first; seq <= this.#last; seq++) items.push(this.at(seq));
    return items;
  }

  /** Reads items in order, without end until the bus closes; a gap marker stands where items were overtaken. */
  read(options: ReadOptions<T> = {}): AsyncIterableIterator<T | GapMarker> {
    const reader = this.#newReader(options);
    return iterate(reader, () => reader.take());
  }

  /** Reads in the same way what is there at once, but so many items at a time at most. */
  readBatches(options: ReadOptions<T> = {}, most = Infinity): AsyncIterableIterator<readonly (T | GapMarker)[]> {
    const reader = this.#newReader(options);
    return iterate(reader, () => {
      const batch: (T | GapMarker)[] = [];
      while (batch.length < most) {
        const item = reader.take();
        if (item === undefined) break;
        batch.push(item);
      }
      return batch.length === 0 ? undefined : batch;
    });
  }

  /** The item with a number that the ring still has. */
  at(seq: number): T {
    return this.#ring[(seq - 1) % this.#capacity]!;
  }

  /** Whether nothing comes any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Calls back when something comes, or the end. */
  wakeLater(wake: () => void): void {
    this.#sleepers.add(wake);
  }

  /** Does not call back any more. */
  letSleep(wake: () => void): void {
    this.#sleepers.delete(wake);
  }

  /** How many readers wait for what comes next. */
  get waiting(): number {
    return this.#sleepers.size;
  }

  #newReader(options: ReadOptions<T>): Reader<T> {
    if (this.#watch === null) return new Reader(this, options, null);
    const name = options.subscriber ?? `reader ${++this.#readersSoFar}`;
    return new Reader(this, options, new Lag(this.#watch, cleanText(name, 128)));
  }

  /** Looks at a reader from now on: who never begins to read is not slow. */
  enlist(reader: Reader<T>): void {
    this.#readers.add(new WeakRef(reader));
  }

  #lookAtReaders(): void {
    for (const held of this.#readers) {
      const reader = held.deref();
      if (reader === undefined || reader.ended) this.#readers.delete(held);
      else reader.look(this.#capacity);
    }
  }

  #wake(): void {
    const sleepers = this.#sleepers;
    this.#sleepers = new Set();
    for (const wake of sleepers) wake();
  }
}

/** One reader's place in a bus. */
class Reader<T extends { readonly seq: number }> {
  readonly #bus: Bus<T>;
  readonly #filter: ReadOptions<T>["filter"];
  readonly #signal: AbortSignal | undefined;
  #next: number;
  #sleeper: (() => void) | undefined;
  readonly #lag: Lag | null;
  #isEnlisted = false;
  /** What was gone before the reader came is not missed. */
  readonly #firstOwn: number;
  /** What is to be skipped, up to this number. */
  #skipTo = 0;
  ended = false;

  constructor(bus: Bus<T>, { since = "start", filter, signal }: ReadOptions<T>, lag: Lag | null) {
    this.#bus = bus;
    this.#lag = lag;
    this.#firstOwn = bus.oldestSeq;
    this.#filter = filter;
    this.#signal = signal;
    this.#next = since === "now" ? bus.lastSeq + 1 : since === "start" ? 1 : since + 1;
    if (signal?.aborted) this.ended = true;
    else signal?.addEventListener("abort", this.end);
  }

  end = (): void => {
    this.ended = true;
    this.#signal?.removeEventListener("abort", this.end);
    if (this.#sleeper === undefined) return;
    // Where nothing comes for long, readers that are gone would pile up.
    this.#bus.letSleep(this.#sleeper);
    this.#sleeper();
  };

  /** The next item that is there already, or `undefined`. */
  take(): T | GapMarker | undefined {
    const bus = this.#bus;
    if (this.#lag !== null && !this.#isEnlisted) {
      this.#isEnlisted = true;
      bus.enlist(this);
    }
    const first = Math.max(bus.oldestSeq, this.#skipTo);
    if (this.#next < first) {
      const gap: GapMarker = { type: "gap", from: this.#next, to: first - 1 };
      this.#lag?.missed(first - Math.max(gap.from, Math.min(this.#firstOwn, first)));
      this.#next = first;
      return gap;
    }
    while (this.#next <= bus.lastSeq) {
      const item = bus.at(this.#next++);
      if (this.#filter === undefined || this.#filter(item)) return item;
    }
    return undefined;
  }

  /** Sees how much waits for the reader, who may be too slow for all of it. */
  look(capacity: number): void {
    const { lastSeq, oldestSeq } = this.#bus;
    const next = Math.max(this.#next, this.#skipTo);
    const skipped = this.#lag?.look(Math.min(100, Math.round(100 * (lastSeq - next + 1) / capacity))) ?? 0;
    if (skipped === 0) return;
    const first = Math.max(next, oldestSeq);
    this.#skipTo = first + Math.floor((lastSeq - first + 1) * skipped);
  }

  /** Waits until there may be more; ends when there will not. */
  async wait(): Promise<void> {
    if (this.#bus.closed) return this.end();
    await new Promise<void>((resolve) => {
      this.#sleeper = resolve;
      this.#bus.wakeLater(resolve);
    });
  }
}

function iterate<T extends { readonly seq: number }, R>(reader: Reader<T>, take: () => R | undefined): AsyncIterableIterator<R> {
  const done: IteratorResult<R> = { value: undefined, done: true };
  return {
    next: async (): Promise<IteratorResult<R>> => {
      while (!reader.ended) {
        const found = take();
        if (found !== undefined) return { value: found, done: false };
        await reader.wait();
      }
      return done;
    },
    return: (): Promise<IteratorResult<R>> => {
      reader.end();
      return Promise.resolve(done);
    },
    [Symbol.asyncIterator](): AsyncIterableIterator<R> {
      return this;
    },
  };
}
