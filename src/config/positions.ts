/** Finds line and column of a pointer, when something was refused and not before. */
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

/** Returns what finds positions in a text; finds nothing where the parser that knows them cannot be loaded. */
export async function positionsIn(text: string): Promise<Finder> {
  try {
    // Reads an environment variable when it is loaded, so that in Deno it needs --allow-env.
    const { isMap, isScalar, isSeq, LineCounter, parseDocument } = await import("yaml");
    const counter = new LineCounter();
    const document = parseDocument(text, { lineCounter: counter, schema: "core", uniqueKeys: false, logLevel: "silent" });
    const indexes = new Map<object, Map<string, Entry>>();

    const entryOf = (node: unknown, segment: string | number): Entry | undefined => {
      if (isSeq(node)) {
        const value: unknown = node.items[Number(segment)];
        return value === undefined ? undefined : { offset: offsetOf(value), value };
      }
      if (!isMap(node)) return undefined;
      // One index for each map, or else many problems in one large map would take quadratic time.
      let index = indexes.get(node);
      if (index === undefined) {
        index = new Map();
        for (const { key, value } of node.items) {
          if (isScalar(key)) index.set(String(key.value), { offset: key.range?.[0], value });
        }
        indexes.set(node, index);
      }
      return index.get(String(segment));
    };

    return (pointer) => {
      let node: unknown = document.contents;
      let offset = offsetOf(node) ?? 0;
      for (const segment of toPath(pointer)) {
        const entry = entryOf(node, segment);
        if (entry === undefined) break;
        offset = entry.offset ?? offset;
        node = entry.value;
      }
      const { line, col } = counter.linePos(offset);
      return { line, column: col };
    };
  } catch {
    return () => undefined;
  }
}

interface Entry {
  readonly offset: number | undefined;
  readonly value: unknown;
}

function offsetOf(node: unknown): number | undefined {
  if (typeof node !== "object" || node === null || !("range" in node) || !Array.isArray(node.range)) return undefined;
  const start: unknown = node.range[0];
  return typeof start === "number" ? start : undefined;
}
