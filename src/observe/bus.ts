/** One sequence of items, kept in a ring; every reader has only a place in it. */
import type { GapMarker } from "../event/mod.ts";

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
}

/** Publishes items to any number of readers; a slow reader costs nobody anything and is told what it missed. */
export class Bus<T extends { readonly seq: number }> {
  readonly #ring: T[] = [];
  readonly #capacity: number;
  #last = 0;
  #closed = false;
  #sleepers: (() => void)[] = [];

  /** Creates a bus that remembers `capacity` items. */
  constructor(capacity: number) {
    this.#capacity = capacity;
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
    if (this.#sleepers.length > 0) this.#wake();
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
    for (let seq = first; seq <= this.#last; seq++) items.push(this.#at(seq));
    return items;
  }

  /** Reads items in order, without end until the bus closes; a gap marker stands where items were overtaken. */
  read({ since = "start", filter, signal }: ReadOptions<T> = {}): AsyncIterableIterator<T | GapMarker> {
    let next = since === "now" ? this.#last + 1 : since === "start" ? 1 : since + 1;
    let ended = false;
    let sleeper: (() => void) | undefined;
    const end = (): void => {
      ended = true;
      signal?.removeEventListener("abort", end);
      sleeper?.();
    };
    if (signal?.aborted) ended = true;
    else signal?.addEventListener("abort", end);

    /** The next item that is there already, or `undefined`. */
    const take = (): T | GapMarker | undefined => {
      const oldest = this.oldestSeq;
      if (next < oldest) {
        const gap: GapMarker = { type: "gap", from: next, to: oldest - 1 };
        next = oldest;
        return gap;
      }
      while (next <= this.#last) {
        const item = this.#at(next++);
        if (filter === undefined || filter(item)) return item;
      }
      return undefined;
    };
    const done: IteratorResult<T | GapMarker> = { value: undefined, done: true };

    return {
      next: async (): Promise<IteratorResult<T | GapMarker>> => {
        while (!ended) {
          const item = take();
          if (item !== undefined) return { value: item, done: false };
          if (this.#closed) end();
          else {
            await new Promise<void>((resolve) => {
              sleeper = resolve;
              this.#sleepers.push(resolve);
            });
          }
        }
        return done;
      },
      return: (): Promise<IteratorResult<T | GapMarker>> => {
        end();
        return Promise.resolve(done);
      },
      [Symbol.asyncIterator](): AsyncIterableIterator<T | GapMarker> {
        return this;
      },
    };
  }

  #at(seq: number): T {
    return this.#ring[(seq - 1) % this.#capacity]!;
  }

  #wake(): void {
    const sleepers = this.#sleepers;
    this.#sleepers = [];
    for (const wake of sleepers) wake();
  }
}
