/** Where somebody has put nodes of graphs, kept from one visit to the next. */
import { rawOf } from "./read.ts";

/** A place in the plane of a graph. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

/** Places by path, by target; the target that was changed last stands last. */
export type Places = ReadonlyMap<string, ReadonlyMap<string, Place>>;

/** Most targets, and most nodes of each, whose places are kept. */
export const [MOST_TARGETS, MOST_NODES] = [50, 1_000];

/** Longest name of either. */
const LONGEST_NAME = 512;

/** Nothing lies farther out. */
const FARTHEST = 100_000;

const NO_PLACES: ReadonlyMap<string, Place> = new Map();

/** The places of a target. */
export function placesOf(places: Places, target: string): ReadonlyMap<string, Place> {
  return places.get(target) ?? NO_PLACES;
}

/** Puts a node somewhere; what was put longest ago is forgotten where there is too much. */
export function put(places: Places, target: string, path: string, { x, y }: Place): Places {
  const of = new Map(placesOf(places, target));
  of.delete(path);
  of.set(path, { x: within(x), y: within(y) });
  return bounded(new Map([...places].filter(([other]) => other !== target)).set(target, newest(of, MOST_NODES)));
}

/** Forgets where the nodes of a target were put. */
export function forget(places: Places, target: string): Places {
  return new Map([...places].filter(([other]) => other !== target));
}

/** Reads what was kept; whatever else stands there is left out. */
export function readPlaces(text: string | null): Places {
  const found = new Map<string, ReadonlyMap<string, Place>>();
  for (const [target, nodes] of Object.entries(rawOf(parsed(text)))) {
    if (target.length > LONGEST_NAME) continue;
    const of = new Map<string, Place>();
    for (const [path, place] of Object.entries(rawOf(nodes))) {
      if (!path.startsWith("/") || path.length > LONGEST_NAME || !Array.isArray(place)) continue;
      const [x, y]: unknown[] = place;
      if (typeof x === "number" && typeof y === "number") of.set(path, { x: within(x), y: within(y) });
    }
    if (of.size > 0) found.set(target, newest(of, MOST_NODES));
  }
  return bounded(found);
}

/** Writes them, to be kept. */
export function writePlaces(places: Places): string {
  return JSON.stringify(
    Object.fromEntries([...places].map(([target, of]) => [target, Object.fromEntries([...of].map(([path, { x, y }]) => [path, [x, y]]))])),
  );
}

function parsed(text: string | null): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return null;
  }
}

function bounded(places: Places): Places {
  return newest(places, MOST_TARGETS);
}

function newest<T>(entries: ReadonlyMap<string, T>, most: number): ReadonlyMap<string, T> {
  return entries.size <= most ? entries : new Map([...entries].slice(-most));
}

function within(value: number): number {
  return Math.round(Math.min(FARTHEST, Math.max(-FARTHEST, Number.isFinite(value) ? value : 0)));
}
