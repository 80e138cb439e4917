/** What is kept of each user. */

/** Users who are remembered; the one who asked longest ago goes first. */
const MOST_PEERS = 256;

/** One of a kind for every user. */
export class PerPeer<T> {
  readonly #make: (nowMs: number) => T;
  /** In the order of the last use, where there is more than one user at all. */
  readonly #known = new Map<string, T>();

  constructor(make: (nowMs: number) => T) {
    this.#make = make;
  }

  /** That of a user, which is made when there is none. */
  of(peer: string, nowMs: number): T {
    const known = this.#known.get(peer);
    const value = known ?? this.#make(nowMs);
    if (known === undefined || this.#known.size > 1) {
      this.#known.delete(peer);
      this.#known.set(peer, value);
    }
    if (this.#known.size > MOST_PEERS) this.#known.delete(this.#known.keys().next().value!);
    return value;
  }
}
