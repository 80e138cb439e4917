/** All timers of a tree in one heap, behind one timer of the clock. */
import type { Clock } from "../base/mod.ts";

/** A timer of the core. */
export interface Timer {
  readonly timer: number;
  readonly node: number;
  readonly child: number;
  readonly dueMs: number;
}

/** Deadlines in order; setting and clearing cost O(log n) at most. */
export class TimerQueue {
  readonly #clock: Clock;
  readonly #fire: (timer: Timer) => void;
  readonly #live = new Map<number, Timer>();
  readonly #heap: Timer[] = [];
  #cancelAlarm: (() => void) | null = null;
  #armedDueMs = Infinity;

  constructor(clock: Clock, fire: (timer: Timer) => void) {
    this.#clock = clock;
    this.#fire = fire;
  }

  /** How many timers are set. */
  get size(): number {
    return this.#live.size;
  }

  /** The timers that are set. */
  get live(): readonly Timer[] {
    return [...this.#live.values()];
  }

  set(timer: Timer): void {
    this.#live.set(timer.timer, timer);
    this.#push(timer);
    this.#arm();
  }

  clear(timer: number): void {
    if (!this.#live.delete(timer)) return;
    if (this.#live.size === 0) {
      this.#heap.length = 0;
      return this.#disarm();
    }
    // Cleared timers stay in the heap until they surface, unless they are the larger part of it.
    if (this.#heap.length > 64 && this.#heap.length > 2 * this.#live.size) this.#rebuild();
  }

  clearAll(): void {
    this.#live.clear();
    this.#heap.length = 0;
    this.#disarm();
  }

  #onAlarm = (): void => {
    this.#cancelAlarm = null;
    this.#armedDueMs = Infinity;
    const now = this.#clock.now();
    while (true) {
      const first = this.#first();
      if (first === undefined || first.dueMs > now) break;
      this.#pop();
      this.#live.delete(first.timer);
      this.#fire(first);
    }
    this.#arm();
  };

  /** The earliest live timer. */
  #first(): Timer | undefined {
    while (this.#heap.length > 0 && this.#live.get(this.#heap[0]!.timer) !== this.#heap[0]) this.#pop();
    return this.#heap[0];
  }

  #arm(): void {
    const first = this.#first();
    if (first === undefined) return this.#disarm();
    if (first.dueMs >= this.#armedDueMs) return;
    this.#disarm();
    this.#armedDueMs = first.dueMs;
    this.#cancelAlarm = this.#clock.setTimer(this.#onAlarm, Math.max(0, first.dueMs - this.#clock.now()));
  }

  #disarm(): void {
    this.#cancelAlarm?.();
    this.#cancelAlarm = null;
    this.#armedDueMs = Infinity;
  }

  #rebuild(): void {
    this.#heap.length = 0;
    for (const timer of this.#live.values()) this.#push(timer);
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.push(timer) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(timer, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    while (true) {
      let smallest = 2 * index + 1;
      if (smallest >= heap.length) break;
      if (smallest + 1 < heap.length && before(heap[smallest + 1]!, heap[smallest]!)) smallest++;
      if (!before(heap[smallest]!, last)) break;
      heap[index] = heap[smallest]!;
      index = smallest;
    }
    heap[index] = last;
  }
}

/** Timers that are due together fire in the order in which they were set. */
function before(a: Timer, b: Timer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.timer < b.timer);
}
