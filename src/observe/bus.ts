/** One sequence of items, kept in a ring; every reader has only a place in it. */
import { cleanText, ReeveError } from "../base/mod.ts";
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
  /**
   * How many items that came after it may wait for this reader; of more it misses the oldest, told by a gap marker. What was there before it came is not
   * counted. What one turn of the program brings comes at once: of more than this even a prompt reader misses some. @default {as many as are kept}
   */
  readonly capacity?: number;
}

/** Publishes items to any number of readers; a slow reader costs nobody anything and is told what it missed. */
export class Bus<T extends { readonly seq: number }> {
  readonly #ring: T[] = [];
  readonly #capacity: number;
  readonly #readerCapacity: number;
  #last = 0;
  #closed = false;
  #sleepers: Sleeper[] = [];
  #waking: Sleeper[] = [];
  readonly #watch: LagWatch | null;
  #lookEvery: number;
  readonly #note: ((item: T) => void) | null;
  /** Readers that nobody holds any more are nobody's. */
  readonly #readers = new Set<WeakRef<Watched>>();
  #readersSoFar = 0;

  /**
   * Creates a bus that remembers `capacity` items, tells of slow readers where that is wanted, and shows each item to who must not miss one; `readerCapacity` is
   * the bound of readers that name none.
   */
  constructor(capacity: number, watch: LagWatch | null = null, note: ((item: T) => void) | null = null, readerCapacity = Infinity) {
    this.#capacity = capacity;
    this.#watch = watch;
    this.#note = note;
    this.#readerCapacity = readerCapacity;
    this.#lookEvery = looksEvery(capacity);
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
    if (this.#sleepers.length > 0) this.#wake();
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
    return new Stream(this.#newReader(options), (reader) => reader.take());
  }

  /** Reads in the same way what is there at once, but so many items at a time at most. */
  readBatches(options: ReadOptions<T> = {}, most = Infinity): AsyncIterableIterator<readonly (T | GapMarker)[]> {
    return new Stream(this.#newReader(options), (reader) => {
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

  /** Wakes the sleeper, once, when something comes, or the end. */
  wakeLater(sleeper: Sleeper): void {
    sleeper.seat = this.#sleepers.push(sleeper) - 1;
  }

  /** Does not wake it any more. */
  letSleep(sleeper: Sleeper): void {
    const { seat } = sleeper;
    if (this.#sleepers[seat] !== sleeper) return;
    const last = this.#sleepers.pop()!;
    if (last === sleeper) return;
    this.#sleepers[seat] = last;
    last.seat = seat;
  }

  /** How many readers wait for what comes next. */
  get waiting(): number {
    return this.#sleepers.length;
  }

  #newReader(options: ReadOptions<T>): Reader<T> {
    const { subscriber, capacity = this.#readerCapacity } = options;
    if (capacity !== Infinity && !(Number.isSafeInteger(capacity) && capacity > 0)) {
      throw new ReeveError("invalid_request", `Cannot read: capacity is ${capacity}, must be a whole number from 1 on`);
    }
    if (this.#watch === null) return new Reader(this, options, capacity, null);
    const name = subscriber ?? `reader ${++this.#readersSoFar}`;
    return new Reader(this, options, capacity, new Lag(this.#watch, cleanText(name, 128)));
  }

  /** Looks at a reader from now on: who never begins to read is not slow. */
  enlist(reader: Watched): void {
    this.#readers.add(new WeakRef(reader));
    this.#lookEvery = Math.min(this.#lookEvery, looksEvery(reader.capacity));
  }

  #lookAtReaders(): void {
    let least = this.#capacity;
    for (const held of this.#readers) {
      const reader = held.deref();
      if (reader === undefined || reader.ended) {
        this.#readers.delete(held);
        continue;
      }
      reader.look(this.#capacity);
      if (reader.capacity < least) least = reader.capacity;
    }
    this.#lookEvery = looksEvery(least);
  }

  /** What readers and their filters do is not done within the turn of who publishes; one microtask is enough for all of them. */
  #wake(): void {
    if (this.#waking.length === 0) {
      [this.#waking, this.#sleepers] = [this.#sleepers, this.#waking];
      queueMicrotask(this.#wakeNow);
      return;
    }
    for (const sleeper of this.#sleepers) this.#waking.push(sleeper);
    this.#sleepers.length = 0;
  }

  #wakeNow = (): void => {
    const waking = this.#waking;
    this.#waking = [];
    for (const sleeper of waking) sleeper.wake();
  };
}

/** After how many items readers are looked at, so that it is done often enough while so many come. */
function looksEvery(capacity: number): number {
  return Math.max(1, Math.floor(capacity / LOOKS));
}

/** What waits for the next item. */
interface Sleeper {
  /** Where the bus has it among those that sleep. */
  seat: number;
  wake(): void;
}

/** A reader whose pace is watched. */
interface Watched {
  readonly ended: boolean;
  readonly capacity: number;
  /** Sees how much waits for it. */
  look(ringCapacity: number): void;
}

/** One reader's place in a bus. */
class Reader<T extends { readonly seq: number }> implements Watched {
  readonly bus: Bus<T>;
  readonly signal: AbortSignal | undefined;
  readonly capacity: number;
  readonly #filter: ReadOptions<T>["filter"];
  #next: number;
  readonly #lag: Lag | null;
  #isEnlisted = false;
  /** What was gone before the reader came is not missed. */
  readonly #firstOwn: number;
  /** What was there before the reader came does not wait for it, it wants it. */
  readonly #lastBefore: number;
  /** What is to be skipped, up to this number. */
  #skipTo = 0;
  ended = false;

  constructor(bus: Bus<T>, { since = "start", filter, signal }: ReadOptions<T>, capacity: number, lag: Lag | null) {
    this.bus = bus;
    this.signal = signal;
    this.capacity = capacity;
    this.#lag = lag;
    this.#firstOwn = bus.oldestSeq;
    this.#lastBefore = bus.lastSeq;
    this.#filter = filter;
    this.#next = since === "now" ? bus.lastSeq + 1 : since === "start" ? 1 : since + 1;
  }

  /** The next item that is there already, or `undefined`. */
  take(): T | GapMarker | undefined {
    const { bus } = this;
    if (this.#lag !== null && !this.#isEnlisted) {
      this.#isEnlisted = true;
      bus.enlist(this);
    }
    const { lastSeq } = bus;
    let first = Math.max(bus.oldestSeq, this.#skipTo);
    if (this.#waiting(this.#next) > this.capacity) first = Math.max(first, lastSeq - this.capacity + 1);
    if (this.#next < first) {
      const gap: GapMarker = { type: "gap", from: this.#next, to: first - 1 };
      this.#lag?.missed(first - Math.max(gap.from, Math.min(this.#firstOwn, first)));
      this.#next = first;
      return gap;
    }
    while (this.#next <= lastSeq) {
      const item = bus.at(this.#next++);
      if (this.#filter === undefined || this.#filter(item)) return item;
    }
    return undefined;
  }

  /** Sees how much waits for the reader, who may be too slow for all of it. */
  look(ringCapacity: number): void {
    const { lastSeq, oldestSeq } = this.bus;
    const next = Math.max(this.#next, this.#skipTo);
    const full = Math.max((lastSeq - next + 1) / ringCapacity, this.#waiting(next) / this.capacity);
    const skipped = this.#lag?.look(Math.min(100, Math.round(100 * full))) ?? 0;
    if (skipped === 0) return;
    const first = Math.max(next, oldestSeq, lastSeq - this.capacity + 1);
    this.#skipTo = first + Math.floor((lastSeq - first + 1) * skipped);
  }

  /** How many wait that came after the reader. */
  #waiting(next: number): number {
    return this.bus.lastSeq - Math.max(next - 1, this.#lastBefore);
  }
}

/** Who waits for what a stream gives next. */
interface Waiter<R> {
  readonly resolve: (result: IteratorResult<R>) => void;
  readonly reject: (reason: unknown) => void;
}

/** What a reader reads, as the language reads it; no promise is made but the one that is handed out. */
class Stream<T extends { readonly seq: number }, R> implements AsyncIterableIterator<R>, Sleeper {
  readonly #reader: Reader<T>;
  readonly #take: (reader: Reader<T>) => R | undefined;
  readonly #waiters: Waiter<R>[] = [];
  seat = -1;

  constructor(reader: Reader<T>, take: (reader: Reader<T>) => R | undefined) {
    this.#reader = reader;
    this.#take = take;
    if (reader.signal?.aborted) reader.ended = true;
    else reader.signal?.addEventListener("abort", this.#end);
  }

  next(): Promise<IteratorResult<R>> {
    if (this.#waiters.length > 0) return this.#wait();
    try {
      const result = this.#nextThere();
      return result === undefined ? this.#wait() : Promise.resolve(result);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  return(): Promise<IteratorResult<R>> {
    this.#end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<R> {
    return this;
  }

  wake(): void {
    while (this.#waiters.length > 0) {
      try {
        const result = this.#nextThere();
        if (result === undefined) return this.#reader.bus.wakeLater(this);
        this.#waiters.shift()?.resolve(result);
      } catch (error) {
        this.#waiters.shift()?.reject(error);
      }
    }
  }

  /** What can be said at once: an item, or the end. */
  #nextThere(): IteratorResult<R> | undefined {
    if (!this.#reader.ended) {
      const value = this.#take(this.#reader);
      if (value !== undefined) return { value, done: false };
      if (!this.#reader.bus.closed) return undefined;
      this.#end();
    }
    return { value: undefined, done: true };
  }

  #wait(): Promise<IteratorResult<R>> {
    return new Promise((resolve, reject) => {
      if (this.#waiters.push({ resolve, reject }) === 1) this.#reader.bus.wakeLater(this);
    });
  }

  #end = (): void => {
    this.#reader.ended = true;
    this.#reader.signal?.removeEventListener("abort", this.#end);
    // Where nothing comes for long, readers that are gone would pile up.
    this.#reader.bus.letSleep(this);
    for (const { resolve } of this.#waiters.splice(0)) resolve({ value: undefined, done: true });
  };
}
