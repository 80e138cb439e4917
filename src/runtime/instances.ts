/** The copies of templates: their names are the template's with a number, which no declared child can have. */
import { lastName, parentPath } from "../base/mod.ts";

/** The name of a copy. */
export function copyName(template: string, number: number): string {
  return `${template}:${number}`;
}

/** The number in the name of a copy; 0 when it is none. */
export function numberOf(name: string): number {
  return copyOf(name).number ?? 0;
}

/** The copies of one template under one supervisor. */
export class Copies {
  readonly #template: string;
  readonly #live = new Set<number>();
  #last = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(template: string) {
    this.#template = template;
  }

  /** The name of a new copy; no name is given twice. */
  nextName(): string {
    return copyName(this.#template, ++this.#last);
  }

  /** The names of the copies that there are, the oldest first. */
  get names(): string[] {
    return [...this.#live].map((number) => copyName(this.#template, number));
  }

  /** Runs what changes their number after everything that was asked before, so that nobody counts while another adds. */
  inTurn<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(change);
    this.#turn = result.catch(() => {});
    return result;
  }

  /** A copy came. */
  added(number: number): void {
    this.#live.add(number);
  }

  /** A copy is gone. */
  removed(number: number): void {
    this.#live.delete(number);
  }
}

/** The copies of every template under every supervisor. */
export class Instances {
  readonly #supervisors = new Map<string, Map<string, Copies>>();

  /** The copies of a template under a supervisor. */
  of(supervisor: string, template: string): Copies {
    const templates = this.#supervisors.get(supervisor) ?? new Map<string, Copies>();
    this.#supervisors.set(supervisor, templates);
    const copies = templates.get(template) ?? new Copies(template);
    templates.set(template, copies);
    return copies;
  }

  /** A child came to a supervisor; it may be a copy. */
  added(supervisor: string, name: string): void {
    const { template, number } = copyOf(name);
    if (number !== null) this.of(supervisor, template).added(number);
  }

  /** A child is gone; it may have been a copy, or a supervisor with copies. */
  removed(path: string): void {
    const { template, number } = copyOf(lastName(path));
    if (number !== null) this.#supervisors.get(parentPath(path))?.get(template)?.removed(number);
    this.#supervisors.delete(path);
  }
}

function copyOf(name: string): { readonly template: string; readonly number: number | null } {
  const [template = "", number] = name.split(":");
  return { template, number: number === undefined ? null : Number(number) };
}
