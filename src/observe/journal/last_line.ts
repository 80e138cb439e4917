/** The last line of a journal that is whole: it tells which version wrote the file. */
import { openForReading } from "../older_files.ts";
import { NEWLINE } from "../append_file.ts";
import { LONGEST_LINE, parseLine } from "./line.ts";

/** How much of the end is read first, and how much where that is not enough: a line, and one that a crash cut off. */
const LOOKS = [64 * 1024, 2 * LONGEST_LINE + 2];

/** The version that wrote a file last where it is newer than this one, else `null`. */
export async function newerVersionIn(path: string): Promise<number | null> {
  const file = await openForReading(path);
  try {
    const { size } = await file.stat();
    for (const most of LOOKS) {
      const bytes = new Uint8Array(Math.min(size, most));
      const { bytesRead } = await file.read(bytes, 0, bytes.length, size - bytes.length);
      const line = lastLineIn(bytes.subarray(0, bytesRead), bytes.length === size);
      if (line === null) continue;
      const found = parseLine(line);
      return found.kind === "newer" ? found.version : null;
    }
    return null;
  } finally {
    await file.close();
  }
}

/** The last line that has its end; `null` where its beginning is not there. */
function lastLineIn(bytes: Uint8Array, isWholeFile: boolean): string | null {
  const end = bytes.lastIndexOf(NEWLINE);
  const before = end <= 0 ? -1 : bytes.lastIndexOf(NEWLINE, end - 1);
  if (end < 0 || before < 0 && !isWholeFile) return null;
  return new TextDecoder().decode(bytes.subarray(before + 1, end));
}
