/** A ring of fixed capacity: the oldest element makes room for the newest. */

/** Keeps the last `capacity` elements; grows lazily, so that an empty ring costs nothing. */
export class RingBuffer<T> {
  #items: T[] = [];
  #next = 0;
  #dropped = 0;
  readonly #capacity: number;

  /** Creates an empty ring for at most `capacity` elements. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** How many elements are held. */
  get length(): number {
    return this.#items.length;
  }

  /** How many elements had to go. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Adds an element, dropping the oldest when full. */
  push(item: T): void {
    if (this.#items.length < this.#capacity) {
      this.#items.push(item);
      return;
    }
    this.#dropped++;
    if (this.#capacity === 0) return;
    this.#items[this.#next] = item;
    this.#next = (this.#next + 1) % this.#capacity;
  }

  /** The element at an index counted from the oldest, or `undefined` outside. */
  at(index: number): T | undefined {
    if (index < 0 || index >= this.#items.length) return undefined;
    return this.#items[(this.#next + index) % this.#items.length];
  }

  /** All elements, oldest first. */
  toArray(): T[] {
    return [...this.#items.slice(this.#next), ...this.#items.slice(0, this.#next)];
  }
}
