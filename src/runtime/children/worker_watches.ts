/** What a worker hears of other children, asked for one by one, so that a slow worker makes nothing pile up. */
import type { ChildEnd } from "../../base/mod.ts";
import { type ToWorker, WORKER_PROTOCOL } from "../../worker/mod.ts";
import type { AttemptContext } from "./types.ts";

/** Most children, counted repeatedly, that one attempt may watch at a time. */
const MOST_WATCHES = 1_024;

/** The watches of one worker. */
export class WorkerWatches {
  readonly #context: AttemptContext;
  readonly #send: (message: ToWorker) => void;
  readonly #watches = new Map<number, AsyncIterator<ChildEnd>>();
  readonly #over = new AbortController();

  constructor(context: AttemptContext, send: (message: ToWorker) => void) {
    this.#context = context;
    this.#send = send;
  }

  /** The worker wants the next end of a watch of its; the first time it says of whom. */
  async next(watch: unknown, child: unknown): Promise<void> {
    if (typeof watch !== "number" || this.#over.signal.aborted) return;
    const ends = this.#watches.get(watch) ?? this.#open(watch, child);
    const found = await ends?.next();
    const end = found === undefined || found.done === true ? null : found.value;
    if (end === null) this.#watches.delete(watch);
    if (!this.#over.signal.aborted) this.#send({ reeve: WORKER_PROTOCOL, type: "watched", watch, end });
  }

  /** The worker no longer watches. */
  close(watch: unknown): void {
    if (typeof watch !== "number") return;
    this.#watches.get(watch)?.return?.();
    this.#watches.delete(watch);
  }

  /** The worker is over, or about to be. */
  end(): void {
    this.#over.abort();
    this.#watches.clear();
  }

  #open(watch: number, child: unknown): AsyncIterator<ChildEnd> | null {
    if (typeof child !== "string" || this.#watches.size >= MOST_WATCHES) return null;
    const ends = this.#context.watch(child, this.#over.signal);
    this.#watches.set(watch, ends);
    return ends;
  }
}
