/** The order in which a reader meets the problems of a declaration. */
import type { Problem } from "../base/mod.ts";

/** Sorts problems by where their pointers lead: entries by index, options as they were written, missing ones last. */
export function byPosition(problems: readonly Problem[], root: unknown): Problem[] {
  const known = new Map<object, ReadonlyMap<string, number>>();
  const placed = problems.map((problem) => ({ problem, position: positionOf(problem.pointer, root, known) }));
  return placed.sort((a, b) => compare(a.position, b.position)).map(({ problem }) => problem);
}

function positionOf(pointer: string, root: unknown, known: Map<object, ReadonlyMap<string, number>>): number[] {
  const position: number[] = [];
  let current = root;
  for (const escaped of pointer.split("/").slice(1)) {
    if (typeof current !== "object" || current === null) break;
    const key = escaped.replaceAll("~1", "/").replaceAll("~0", "~");
    if (Array.isArray(current)) {
      position.push(Number(key));
      current = current[Number(key)];
      continue;
    }
    const keys = known.get(current) ?? new Map(Object.keys(current).map((name, index) => [name, index]));
    known.set(current, keys);
    position.push(keys.get(key) ?? keys.size);
    current = Reflect.get(current, key);
  }
  return position;
}

function compare(a: readonly number[], b: readonly number[]): number {
  const shared = Math.min(a.length, b.length);
  for (let index = 0; index < shared; index++) {
    if (a[index] !== b[index]) return a[index]! - b[index]!;
  }
  return a.length - b.length;
}
