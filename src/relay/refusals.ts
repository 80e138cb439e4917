/** Records of commands that were refused: whoever asks in vain, again and again, does not wash away what others did. */
import type { Clock } from "../base/mod.ts";
import { Rates } from "./rate.ts";

/** So many of one identity are recorded in a second; the rest becomes one record that counts them. */
const MOST_IN_A_SECOND = 10;

/** Writes the records of one relay. */
export class Refusals<Fact> {
  readonly #clock: Clock;
  readonly #record: (fact: Fact, count: number | null) => Promise<unknown>;
  readonly #rates: Rates;
  /** The first one that was too much, by identity, and how many there are. */
  readonly #excess = new Map<string, { readonly fact: Fact; count: number }>();
  #cancel: () => void = () => {};

  /** `record` writes one, which stands for `count` where that is a number. */
  constructor(clock: Clock, record: (fact: Fact, count: number | null) => Promise<unknown>) {
    this.#clock = clock;
    this.#record = record;
    this.#rates = new Rates(clock, MOST_IN_A_SECOND);
  }

  /** Records one of an identity, now or at the end of the second. */
  async add(owner: string, fact: Fact): Promise<void> {
    if (this.#rates.take(owner)) return void await this.#record(fact, null);
    const before = this.#excess.get(owner);
    if (before !== undefined) return void before.count++;
    if (this.#excess.size === 0) this.#cancel = this.#clock.setTimer(() => void this.flush(), 1_000);
    this.#excess.set(owner, { fact, count: 1 });
  }

  /** Records what was only counted so far. */
  async flush(): Promise<void> {
    this.#cancel();
    const excess = [...this.#excess.values()];
    this.#excess.clear();
    await Promise.all(excess.map(({ fact, count }) => this.#record(fact, count)));
  }
}
