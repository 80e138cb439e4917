/** The worker's side of watching other children. */
import type { ChildEnd } from "../base/mod.ts";
import { type FromWorker, WORKER_PROTOCOL } from "./protocol.ts";

type Answer = (end: ChildEnd | null) => void;

/** The watches of one attempt. */
export class Watches {
  readonly #send: (message: FromWorker) => void;
  readonly #answers = new Map<number, Answer>();
  #count = 0;

  constructor(send: (message: FromWorker) => void) {
    this.#send = send;
  }

  /** Watches a child until the signal aborts; one question is under way at a time. */
  open(child: string, signal: AbortSignal): AsyncIterableIterator<ChildEnd> {
    const watch = ++this.#count;
    let isOver = signal.aborted;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      signal.removeEventListener("abort", end);
      this.#answers.get(watch)?.(null);
      this.#send({ reeve: WORKER_PROTOCOL, type: "watch_over", watch });
    };
    signal.addEventListener("abort", end);
    const ask = (): Promise<ChildEnd | null> => {
      if (isOver) return Promise.resolve(null);
      return new Promise((resolve) => {
        this.#answers.set(watch, (end) => {
          this.#answers.delete(watch);
          resolve(end);
        });
        this.#send({ reeve: WORKER_PROTOCOL, type: "watch", watch, child });
      });
    };
    // The first question goes out at once: what happens from now on must not be missed, however late the first answer is wanted.
    let first: Promise<ChildEnd | null> | null = ask();
    const take = (): Promise<ChildEnd | null> => {
      const next = first ?? ask();
      first = null;
      return next;
    };
    let last: Promise<ChildEnd | null> = Promise.resolve(null);
    return {
      next: async (): Promise<IteratorResult<ChildEnd>> => {
        const found = await (last = last.then(take));
        if (found !== null) return { value: found, done: false };
        end();
        return { value: undefined, done: true };
      },
      return: (): Promise<IteratorResult<ChildEnd>> => {
        end();
        return Promise.resolve({ value: undefined, done: true });
      },
      [Symbol.asyncIterator](): AsyncIterableIterator<ChildEnd> {
        return this;
      },
    };
  }

  /** The supervisor told of an end, or that there is no more. */
  answer(watch: number, end: ChildEnd | null): void {
    this.#answers.get(watch)?.(end);
  }
}
