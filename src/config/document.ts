/** A YAML or JSON text of another program, read within the bounds of a file of ours. */
import { parseText } from "./parse.ts";
import { type Raw, toPointer } from "./pointer.ts";
import { positionsIn } from "./positions.ts";

/** A text that was read, or why it is refused. */
export type ForeignDocument =
  | {
    /** The values. */
    readonly raw: Readonly<Record<string, unknown>>;
    /** The line of a value, counted from 1; that of what is around it where it has none. */
    readonly lineOf: (path: readonly (string | number)[]) => number;
  }
  | {
    /** Why it is refused. */
    readonly reason: string;
    /** Where, if that is known. */
    readonly line?: number;
  };

/** Reads a text whose keys are those of another program; bombs, depth, reserved keys and several documents are refused. */
export function readForeignDocument(text: string): ForeignDocument {
  const parsed = parseText(text);
  if ("problem" in parsed) {
    const { reason, position } = parsed.problem;
    return position === undefined ? { reason } : { reason, line: position.line };
  }
  const raw: Raw = parsed.raw;
  const find = positionsIn(text);
  return { raw, lineOf: (path) => find(toPointer(path))?.line ?? 1 };
}
