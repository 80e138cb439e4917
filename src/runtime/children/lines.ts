/** Cuts bytes of output into lines. */

/** Longest line in bytes; a longer one is cut into several. */
const LONGEST_LINE = 64 * 1024;
const NEWLINE = 10;

/**
 * Returns a function that takes chunks of bytes and calls back per line; without a chunk it gives out what is left.
 *
 * Where a line is too long, `unfinished` says how many characters at the end of the first part must not be torn from what follows.
 */
export function lineSplitter(
  onLine: (line: string) => void,
  unfinished: (text: string) => number = () => 0,
): (chunk?: Uint8Array) => void {
  const decoder = new TextDecoder();
  let rest: Uint8Array[] = [];
  let restLength = 0;
  let heldBack = "";

  const take = (last: Uint8Array): Uint8Array => {
    let bytes = last;
    if (restLength > 0) {
      bytes = joined(rest, last, restLength + last.length);
      rest = [];
      restLength = 0;
    }
    return bytes;
  };

  const emit = (last: Uint8Array): void => {
    const bytes = take(last);
    const end = bytes.length > 0 && bytes[bytes.length - 1] === 13 ? bytes.length - 1 : bytes.length;
    const text = heldBack + decoder.decode(bytes.subarray(0, end));
    heldBack = "";
    onLine(text);
  };

  const emitPart = (last: Uint8Array): void => {
    const text = heldBack + decoder.decode(take(last));
    const end = text.length - unfinished(text);
    heldBack = text.slice(end);
    if (end > 0) onLine(text.slice(0, end));
  };

  return (chunk) => {
    if (chunk === undefined) {
      if (restLength > 0 || heldBack !== "") emit(new Uint8Array(0));
      return;
    }
    let start = 0;
    while (start < chunk.length) {
      const newline = chunk.indexOf(NEWLINE, start);
      const end = newline === -1 ? chunk.length : newline;
      if (restLength + end - start > LONGEST_LINE) {
        const cut = characterStart(chunk, start, start + LONGEST_LINE - restLength);
        emitPart(chunk.subarray(start, cut));
        start = cut;
      } else if (newline === -1) {
        // Copied: a runtime may use the buffer again.
        rest.push(chunk.slice(start));
        restLength += chunk.length - start;
        return;
      } else {
        emit(chunk.subarray(start, newline));
        start = newline + 1;
      }
    }
  };
}

/** Calls back per line of a text that is already one; a break at its end starts no further line. */
export function splitText(text: string, onLine: (line: string) => void): void {
  if (!text.includes("\n")) return onLine(text);
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  for (const line of lines) onLine(line);
}

/** Moves a cut to the front of the UTF-8 character it falls into, where that is possible. */
function characterStart(bytes: Uint8Array, start: number, cut: number): number {
  let moved = cut;
  while (moved > start && cut - moved < 3 && (bytes[moved]! & 0xc0) === 0x80) moved--;
  return moved > start ? moved : cut;
}

function joined(parts: readonly Uint8Array[], last: Uint8Array, length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of [...parts, last]) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
