/** How many there are of each name. */

/** Counts by name; a name of which there is none left takes no room. */
export class Counts {
  readonly #counts = new Map<string, number>();

  /** How many there are. */
  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** There is one more. */
  add(name: string): void {
    this.#counts.set(name, this.of(name) + 1);
  }

  /** There is one less. */
  remove(name: string): void {
    const left = this.of(name) - 1;
    if (left > 0) this.#counts.set(name, left);
    else this.#counts.delete(name);
  }
}
