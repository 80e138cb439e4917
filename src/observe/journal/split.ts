/** The lines of a file that is read block by block. */
import { Buffer } from "node:buffer";
import { NEWLINE } from "../append_file.ts";
import { LONGEST_LINE } from "./line.ts";

/** A line, without its end. */
export interface Line {
  /** Its number, counted from 1. */
  readonly number: number;
  /** What is in it; `null` where it is too long, or no UTF-8. */
  readonly text: string | null;
  /** Whether its end is there. */
  readonly isWhole: boolean;
}

/** Splits blocks into lines, many at a time; what is longer than {@linkcode LONGEST_LINE} is never held in memory. */
export async function* linesOf(blocks: AsyncIterable<Uint8Array>): AsyncGenerator<readonly Line[]> {
  let number = 0;
  /** The beginning of a line whose end has not come yet; `null` when it is too long already. */
  let begun: Uint8Array | null = new Uint8Array();
  for await (const block of blocks) {
    const end = block.lastIndexOf(NEWLINE);
    if (end >= 0) {
      const texts = textsIn(begun === null ? block.subarray(0, end) : Buffer.concat([begun, block.subarray(0, end)]));
      if (begun === null) texts[0] = null;
      begun = new Uint8Array();
      yield texts.map((text) => ({ number: ++number, text, isWhole: true }));
    }
    const rest: Uint8Array = block.subarray(end + 1);
    if (begun !== null) begun = begun.length + rest.length > LONGEST_LINE ? null : Buffer.concat([begun, rest]);
  }
  if (begun === null) yield [{ number: ++number, text: null, isWhole: false }];
  else if (begun.length > 0) yield [{ number: ++number, text: decoded(begun), isWhole: false }];
}

function textsIn(bytes: Uint8Array): (string | null)[] {
  const text = decoded(bytes);
  if (text !== null) return text.split("\n").map(unlessTooLong);
  const texts: (string | null)[] = [];
  for (let from = 0; from <= bytes.length;) {
    const newline = bytes.indexOf(NEWLINE, from);
    const end = newline < 0 ? bytes.length : newline;
    texts.push(unlessTooLong(decoded(bytes.subarray(from, end))));
    from = end + 1;
  }
  return texts;
}

function unlessTooLong(text: string | null): string | null {
  return text !== null && text.length > LONGEST_LINE ? null : text;
}

function decoded(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
