/** The last events and lines of output, for who looks later; what is older is counted. */
import type { GapMarker, SupervisorEvent } from "../event/mod.ts";
import type { LogRecord } from "../observe/mod.ts";
import type { Tree } from "../runtime/mod.ts";

/** How many of each are kept. */
const MOST = 128;

/** The last items of one stream. */
class Recent<T extends { readonly seq: number }> {
  #items: T[] = [];
  #seen = 0;

  /** Reads the stream to its end. */
  async follow(stream: AsyncIterable<T | GapMarker>): Promise<void> {
    for await (const item of stream) {
      if ("from" in item) {
        this.#seen += item.to - item.from + 1;
        continue;
      }
      this.#seen++;
      this.#items.push(item);
      if (this.#items.length >= 2 * MOST) this.#items = this.#items.slice(-MOST);
    }
  }

  /** The last ones, oldest first. */
  get items(): readonly T[] {
    return this.#items.slice(-MOST);
  }

  /** How many there were in all, which is the number of the last one. */
  get last(): number {
    return this.#seen;
  }

  /** How many there were before them. */
  get dropped(): number {
    return this.#seen - this.items.length;
  }
}

/** What was told of a tree lately. */
export class History {
  readonly events = new Recent<SupervisorEvent>();
  readonly logs = new Recent<LogRecord>();

  constructor(tree: Tree, signal: AbortSignal) {
    this.events.follow(tree.events({ signal }));
    this.logs.follow(tree.logs({ signal }));
  }
}
