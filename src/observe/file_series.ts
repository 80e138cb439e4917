/** A file and the older ones beside it, in their order, while somebody else may make older ones of them. */
import type { FileHandle } from "node:fs/promises";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { codeOf, type ErrorCode, ReeveError, thrownMessage } from "../base/mod.ts";
import { platform } from "../platform/mod.ts";
import { blocksOf, COMPRESSED, olderFiles, openForReading } from "./older_files.ts";

/** So many files are open at once at most, the youngest; older ones are found again by what they are. */
const MOST_OPEN = 64;

/** So many numbers in a row may be free while files move on: one, in truth. */
const MOST_FREE = 2;

/** One of the files. */
export interface SeriesFile {
  /** Its name when it was found. */
  readonly name: string;
  /** What is in it, block by block; `null` where it is gone. Closes it at the end. */
  read(): Promise<AsyncIterable<Uint8Array> | null>;
  /** Closes it, whether it was read or not. */
  close(): Promise<void>;
}

/** A file that is open. */
interface Found {
  readonly name: string;
  readonly handle: FileHandle;
  readonly isCompressed: boolean;
  /** What tells it from every other. */
  readonly id: string;
}

/** What {@linkcode openSeries} throws where there is no such file, or it may not be read. */
export interface SeriesRefusal {
  readonly code: ErrorCode;
  /** What is in the files, in words. */
  readonly what: string;
}

/** The files of a path, the oldest first, at least one; each must be closed. */
export async function openSeries(path: string, { code, what }: SeriesRefusal): Promise<SeriesFile[]> {
  let reason = "it is not there";
  let cause: unknown;
  try {
    const files = await filesOf(path);
    if (files.length > 0) return files;
  } catch (error) {
    cause = error;
    if (codeOf(error) !== "ENOENT") reason = thrownMessage(error);
  }
  throw new ReeveError(code, `Cannot read ${what} "${path}": ${reason}`, { path, hint: platform.permissionHint(cause), cause });
}

/**
 * All files, the oldest first.
 *
 * Files only move on to higher numbers: who looks from the youngest to the oldest meets each, some of them twice.
 */
async function filesOf(path: string): Promise<SeriesFile[]> {
  const files: SeriesFile[] = [];
  const seen = new Set<string>();
  const listed = (await olderFiles(path)).map(({ number }) => number);
  try {
    for (let [number, missing] = [0, 0]; missing <= MOST_FREE || number <= (listed.at(-1) ?? 0); number++) {
      // Beyond what is free there may be more, which does not move.
      if (missing > MOST_FREE) number = listed.find((other) => other >= number) ?? number;
      const found = await openNumber(path, number);
      missing = found === null ? missing + 1 : 0;
      if (found === null) continue;
      if (seen.has(found.id)) {
        await found.handle.close();
        continue;
      }
      seen.add(found.id);
      files.push(files.length < MOST_OPEN ? heldFile(found) : await leftFile(path, number, found));
    }
    return files.reverse();
  } catch (error) {
    for (const file of files) await file.close();
    throw error;
  }
}

/** Opens the file of a number, where there is one; the plain form counts. */
async function openNumber(path: string, number: number): Promise<Found | null> {
  const plain = number === 0 ? path : `${path}.${number}`;
  for (const [name, isCompressed] of [[plain, false], [`${plain}${COMPRESSED}`, true]] as const) {
    if (number === 0 && isCompressed) continue;
    const handle = await openIfThere(name);
    if (handle === null) continue;
    const found = await handle.stat({ bigint: true });
    if (found.isFile()) return { name, handle, isCompressed, id: `${found.dev}:${found.ino}` };
    await handle.close();
  }
  return null;
}

async function openIfThere(name: string): Promise<FileHandle | null> {
  try {
    return await openForReading(name);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

function heldFile({ name, handle, isCompressed }: Found): SeriesFile {
  return { name, read: () => Promise.resolve(contentOf(handle, isCompressed)), close: () => handle.close() };
}

/** Closes a file, which is found again when it is its turn. */
async function leftFile(path: string, number: number, { name, handle, id }: Found): Promise<SeriesFile> {
  await handle.close();
  let again: Found | null = null;
  return {
    name,
    async read(): Promise<AsyncIterable<Uint8Array> | null> {
      again = await findAgain(path, number, id);
      return again === null ? null : contentOf(again.handle, again.isCompressed);
    },
    close: async () => await again?.handle.close(),
  };
}

async function findAgain(path: string, number: number, id: string): Promise<Found | null> {
  for (let [at, missing] = [number, 0]; missing <= MOST_FREE; at++) {
    const found = await openNumber(path, at);
    if (found?.id === id) return found;
    missing = found === null ? missing + 1 : 0;
    await found?.handle.close();
  }
  return null;
}

function contentOf(handle: FileHandle, isCompressed: boolean): AsyncIterable<Uint8Array> {
  if (!isCompressed) return blocksOf(handle);
  // What goes wrong shows where it is read.
  return pipeline(blocksOf(handle), createGunzip(), () => {});
}
