/** The file of the audit: lines that only its owner can read, a new file when it is large; it is seen when somebody else changes its end. */
import { Buffer } from "node:buffer";
import { type FileHandle, lstat } from "node:fs/promises";
import { codeOf } from "../base/mod.ts";
import type { AuditOptions } from "../spec/mod.ts";
import { NEWLINE } from "./append_file.ts";
import { AUDIT_VERSION, type AuditSink, NO_HASH, readAuditLine } from "./audit_chain.ts";
import { openForReading } from "./older_files.ts";
import { RotatingFile } from "./rotating_file.ts";

/** How much of the end is looked at for the last whole line, and how much for whether it is still the same one: its hash and the newline. */
const MOST_OF_END = 1024 * 1024;
const SHORT_END = `,"hash":"${NO_HASH}"}\n`.length;

/** How a file ends; a file that is not there is empty. */
interface End {
  /** Which file it is, 0 where that is not known. */
  readonly inode: bigint;
  readonly size: number;
  /** The last bytes. */
  readonly tail: Uint8Array;
}

/** How the file must end. */
interface Left extends End {
  /** Its size if it began anew with what was appended last. */
  readonly sizeIfNew: number;
}

/** Where lines of the audit are kept. */
export class AuditFile implements AuditSink {
  readonly #path: string;
  readonly #keep: number;
  readonly #open: () => RotatingFile;
  #file: RotatingFile | null = null;
  /** The file for reading its end, which is looked at before each appending. */
  #reader: { readonly handle: FileHandle; readonly inode: bigint } | null = null;
  /** How the last lines that were appended must stand there; `null` when that is not known. */
  #left: Left | null = null;

  constructor({ filePath: path = "", maxBytes = 64 * 1024 * 1024, keep = 5, fsync = "interval" }: AuditOptions) {
    this.#path = path;
    this.#keep = keep;
    this.#open = () => new RotatingFile({ path, maxBytes, keep, fsync, compress: false });
  }

  async append(text: string): Promise<void> {
    const before = this.#left;
    this.#left = null;
    this.#file ??= this.#open();
    await this.#file.append(text);
    if (text === "" || before === null) {
      const end = await endOf(this.#path, SHORT_END);
      this.#left = { ...end, sizeIfNew: end.size };
      return;
    }
    const bytes = Buffer.byteLength(text);
    const lead = before.size === 0 || before.tail.at(-1) === NEWLINE ? 0 : 1;
    this.#left = {
      inode: before.inode,
      size: before.size + lead + bytes,
      sizeIfNew: bytes,
      // The end of a line has only characters of one byte.
      tail: new TextEncoder().encode(text.slice(-SHORT_END)),
    };
  }

  async lastHash(): Promise<string> {
    // Between two files there may be no other yet, or an empty one.
    for (const path of [this.#path, `${this.#path}.1`]) {
      const hash = await lastHashIn(path);
      if (hash !== null) return hash;
    }
    return NO_HASH;
  }

  async changed(): Promise<string | null> {
    const left = this.#left;
    if (left !== null && await this.#isLeftAlone(left)) return null;
    const end = await endOf(this.#path, SHORT_END);
    const difference = left === null ? null : await differenceOf(left, end, this.#keep === 0 ? null : `${this.#path}.1`);
    this.#left = { ...end, sizeIfNew: end.size };
    await this.#closeReader();
    // Without it the next look costs more, and sees as much.
    const handle = await openForReading(this.#path).catch(() => null);
    this.#reader = handle === null ? null : { handle, inode: end.inode };
    return difference;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await this.#closeReader();
    await file?.close();
  }

  /** Sees the most frequent case at little cost: the same file, as long as it must be, with the same end. */
  async #isLeftAlone({ inode, size, tail }: Left): Promise<boolean> {
    const reader = this.#reader;
    if (reader === null || reader.inode !== inode) return false;
    const [found, { buffer, bytesRead }] = await Promise.all([
      lstat(this.#path, { bigint: true }).catch(() => null),
      reader.handle.read(new Uint8Array(tail.length), 0, tail.length, size - tail.length),
    ]);
    return found?.ino === inode && Number(found.size) === size && bytesRead === tail.length && isSame(buffer, tail);
  }

  async #closeReader(): Promise<void> {
    const reader = this.#reader;
    this.#reader = null;
    await reader?.handle.close();
  }
}

/** What is not as it was left, `null` where all is. */
async function differenceOf(left: Left, end: End, pathOfOld: string | null): Promise<string | null> {
  if (end.size === 0 && left.size > 0) return "it is gone, or empty";
  const isKnown = left.inode !== 0n && end.inode !== 0n;
  const isOther = isKnown && left.inode !== end.inode;
  if (isOther && pathOfOld !== null && (await endOf(pathOfOld, 0)).inode !== left.inode) return "another file is in its place";
  const sizes = isKnown ? [isOther ? left.sizeIfNew : left.size] : [left.size, left.sizeIfNew];
  if (!sizes.includes(end.size)) return `it has ${end.size} bytes, must have ${[...new Set(sizes)].join(" or ")}`;
  return isSame(end.tail, left.tail) ? null : "its last line is not the one that was written";
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

/** The hash of the last whole line, `null` where there is no whole line. */
async function lastHashIn(path: string): Promise<string | null> {
  const { size, tail } = await endOf(path, MOST_OF_END);
  for (let end = tail.length; end > 0;) {
    const start = tail.lastIndexOf(NEWLINE, end - 1) + 1;
    // What the look begins in the middle of is no line.
    const line = start === 0 && size > tail.length ? null : readAuditLine(tail.subarray(start, end));
    switch (line?.kind) {
      case "newer":
        throw new Error(`"${path}" was written by a newer version (${line.version}), must be at most ${AUDIT_VERSION}`);
      case "chained":
        return line.hash;
      case "unchained":
        return NO_HASH;
    }
    end = start - 1;
  }
  return null;
}

/** Which file it is, its size, and its last bytes; rejects for what is no file. */
async function endOf(path: string, most: number): Promise<End> {
  let file: FileHandle;
  try {
    file = await openForReading(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return { inode: 0n, size: 0, tail: new Uint8Array() };
    throw error;
  }
  try {
    const found = await file.stat({ bigint: true });
    if (!found.isFile()) throw new Error(`"${path}" is no file`);
    const size = Number(found.size);
    const length = Math.min(most, size);
    const { buffer, bytesRead } = await file.read(new Uint8Array(length), 0, length, size - length);
    return { inode: found.ino, size, tail: buffer.subarray(0, bytesRead) };
  } finally {
    await file.close();
  }
}
