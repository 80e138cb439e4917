/** Finds line and column of a pointer, when something was refused and not before. */
import { toPath } from "./pointer.ts";

/** A place in a text. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Returns what finds positions in a text; finds nothing where the parser that knows them cannot be loaded. */
export async function positionsIn(text: string): Promise<(pointer: string) => Position | undefined> {
  try {
    // Reads an environment variable when it is loaded, so that in Deno it needs --allow-env.
    const { isCollection, isPair, isScalar, LineCounter, parseDocument } = await import("yaml");
    const counter = new LineCounter();
    const document = parseDocument(text, { lineCounter: counter, schema: "core", uniqueKeys: false, logLevel: "silent" });
    const at = (offset: number): Position => {
      const { line, col } = counter.linePos(offset);
      return { line, column: col };
    };
    return (pointer) => {
      const [broken] = document.errors;
      if (pointer === "" && broken !== undefined) return at(broken.pos[0]);
      let node: unknown = document.contents;
      let offset = 0;
      for (const segment of toPath(pointer)) {
        if (!isCollection(node)) break;
        const item: unknown = node.items.find((entry, index) => isPair(entry) ? isScalar(entry.key) && String(entry.key.value) === String(segment) : index === segment);
        if (isPair(item)) {
          if (isScalar(item.key) && item.key.range) offset = item.key.range[0];
          node = item.value;
        } else {
          node = item;
        }
        if (isScalar(node) && node.range) offset = isPair(item) ? offset : node.range[0];
        else if (isCollection(node) && node.range && !isPair(item)) offset = node.range[0];
        if (item === undefined) break;
      }
      return at(offset);
    };
  } catch {
    return () => undefined;
  }
}
