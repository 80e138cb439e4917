/** Finds line and column of a pointer, when something was refused and not before. */
import { type Event, EVENT_ID, getScalarValue, parseEvents, SCALAR_STYLE, type ScalarEvent, YAMLException } from "js-yaml";
import { toPath } from "./pointer.ts";

/** A place in a text. */
export interface Position {
  /** Line, counted from 1. */
  readonly line: number;
  /** Column, counted from 1. */
  readonly column: number;
}

/** Finds the place of a pointer, or of what is nearest around it. */
export type Finder = (pointer: string) => Position | undefined;

/** Returns what finds positions in a text; finds nothing in a text that is not YAML. */
export function positionsIn(text: string): Finder {
  const root = placesIn(text);
  if (root === undefined) return () => undefined;
  const lineStarts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) lineStarts.push(at + 1);

  return (pointer) => {
    let place = root;
    for (const segment of toPath(pointer)) {
      const next = place.inside?.get(String(segment));
      if (next === undefined) break;
      place = next;
    }
    const line = countUpTo(lineStarts, place.offset);
    return { line, column: place.offset - (lineStarts[line - 1] ?? 0) + 1 };
  };
}

/** Where a value begins: at its key in a map, at itself in a list. */
interface Place {
  readonly offset: number;
  /** The values inside, by key or index; none in a scalar. */
  readonly inside?: Map<string, Place>;
}

/** A map or a list that is being read. */
interface Open {
  readonly inside: Map<string, Place>;
  readonly isMap: boolean;
  /** The key whose value comes next. */
  key?: { readonly name: string; readonly offset: number };
}

/** Reads the places of all values of a text. */
function placesIn(text: string): Place | undefined {
  let events: Event[];
  try {
    events = parseEvents(text, {});
  } catch (error) {
    if (error instanceof YAMLException) return undefined;
    throw error;
  }
  let root: Place | undefined;
  const open: Open[] = [];

  /** Puts a value where it belongs; a scalar in the place of a key becomes the key. */
  function put(offset: number, key: string | undefined, inside?: Map<string, Place>): void {
    const parent = open.at(-1);
    if (parent === undefined) root ??= { offset, inside };
    else if (!parent.isMap) parent.inside.set(String(parent.inside.size), { offset, inside });
    else if (parent.key === undefined) parent.key = { name: key ?? "", offset };
    else {
      parent.inside.set(parent.key.name, { offset: parent.key.offset, inside });
      parent.key = undefined;
    }
  }

  for (const event of events) {
    switch (event.type) {
      case EVENT_ID.MAPPING:
      case EVENT_ID.SEQUENCE: {
        const inside = new Map<string, Place>();
        put(event.start, undefined, inside);
        open.push({ inside, isMap: event.type === EVENT_ID.MAPPING });
        break;
      }
      case EVENT_ID.SCALAR:
        put(startOf(event), getScalarValue(text, event));
        break;
      case EVENT_ID.ALIAS:
        put(event.anchorStart - 1, undefined);
        break;
      case EVENT_ID.POP:
        open.pop();
        break;
    }
  }
  return root;
}

function startOf({ style, valueStart }: ScalarEvent): number {
  const isQuoted = style === SCALAR_STYLE.SINGLE_QUOTED || style === SCALAR_STYLE.DOUBLE_QUOTED;
  return isQuoted ? valueStart - 1 : valueStart;
}

/** How many of the ascending numbers are not above a value. */
function countUpTo(numbers: readonly number[], value: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? Infinity) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
