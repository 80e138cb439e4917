/** Pushes that wait for one reader: bounded, the oldest go first, and how many is told. */

type Gap = { readonly type: "gap"; readonly message: string };

/** The reader's end of a subscription. */
export class PushQueue<Push> implements AsyncIterableIterator<Push | Gap> {
  readonly #capacity: number;
  readonly #onEnd: () => void;
  #items: Push[] = [];
  #dropped = 0;
  #ended = false;
  #error: unknown;
  #sleepers: (() => void)[] = [];

  constructor(capacity: number, onEnd: () => void) {
    this.#capacity = capacity;
    this.#onEnd = onEnd;
  }

  push(item: Push): void {
    if (this.#ended) return;
    this.#items.push(item);
    if (this.#items.length > this.#capacity) {
      this.#items.shift();
      this.#dropped++;
    }
    this.#wake();
  }

  /** Nothing comes any more; with an error, the reader is told when it has read what there is. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#onEnd();
    this.#wake();
  }

  async next(): Promise<IteratorResult<Push | Gap>> {
    while (true) {
      if (this.#dropped > 0) {
        const message = `${this.#dropped} pushes were dropped, because their reader was too slow`;
        this.#dropped = 0;
        return { value: { type: "gap", message }, done: false };
      }
      const value = this.#items.shift();
      if (value !== undefined) return { value, done: false };
      if (this.#error !== undefined) {
        const error = this.#error;
        this.#error = undefined;
        throw error;
      }
      if (this.#ended) return { value: undefined, done: true };
      await new Promise<void>((resolve) => this.#sleepers.push(resolve));
    }
  }

  return(): Promise<IteratorResult<Push | Gap>> {
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Everybody looks again, in the order in which they came. */
  #wake(): void {
    const sleepers = this.#sleepers;
    this.#sleepers = [];
    for (const wake of sleepers) wake();
  }
}
