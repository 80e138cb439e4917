/** The copies of templates: their names are the template's with a number, which no declared child can have. */

/** Numbers the copies of every template under every supervisor. */
export class Instances {
  readonly #copies = new Map<string, { next: number; readonly live: Set<number> }>();

  /** The name of a new copy. */
  next(supervisor: string, template: string): string {
    const key = `${supervisor} ${template}`;
    const copies = this.#copies.get(key) ?? { next: 1, live: new Set<number>() };
    this.#copies.set(key, copies);
    const number = copies.next++;
    copies.live.add(number);
    return `${template}:${number}`;
  }

  /** The names of the copies that there are, the oldest first. */
  list(supervisor: string, template: string): string[] {
    return [...this.#copies.get(`${supervisor} ${template}`)?.live ?? []].map((number) => `${template}:${number}`);
  }

  /** A child is gone; it may have been a copy. */
  forget(path: string): void {
    const slash = path.lastIndexOf("/");
    const [template = "", number] = path.slice(slash + 1).split(":");
    if (number === undefined) return;
    this.#copies.get(`${slash === 0 ? "/" : path.slice(0, slash)} ${template}`)?.live.delete(Number(number));
  }
}
