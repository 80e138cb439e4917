/** What a file that began anew left: `PATH.1` is the youngest of the older files, `PATH.2` the next, each perhaps compressed (`PATH.1.gz`). */
import { constants } from "node:fs";
import { type FileHandle, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { setImmediate } from "node:timers";
import { createGzip } from "node:zlib";
import { OWNER_ONLY, writeBytes } from "./append_file.ts";

/** One of the older files; where both forms are there, the plain one counts: a crash came before it was removed, or before the other was whole. */
export interface OlderFile {
  /** Its number: the higher, the older. */
  readonly number: number;
  readonly isPlain: boolean;
  readonly isCompressed: boolean;
}

/** What a compressed file is called at the end. */
export const COMPRESSED = ".gz";

/** How many bytes are read at a time. */
const BLOCK_BYTES = 64 * 1024;

/** The older files of a path, the youngest first. */
export async function olderFiles(path: string): Promise<OlderFile[]> {
  const beginning = `${basename(path)}.`;
  const found = new Map<number, OlderFile>();
  for (const name of await readdir(dirname(path))) {
    if (!name.startsWith(beginning)) continue;
    const [, digits, ending] = OLDER.exec(name.slice(beginning.length)) ?? [];
    if (digits === undefined) continue;
    const number = Number(digits);
    const { isPlain = false, isCompressed = false } = found.get(number) ?? {};
    found.set(number, { number, isPlain: isPlain || ending === undefined, isCompressed: isCompressed || ending !== undefined });
  }
  return [...found.values()].sort((a, b) => a.number - b.number);
}

/** More digits are not a number of ours but perhaps a date. */
const OLDER = /^([1-9]\d{0,4})(\.gz)?$/;

/**
 * Makes room: `PATH` becomes `PATH.1`, what is there becomes older up to the first number that is free, and who would be beyond `keep` goes.
 *
 * A crash after any step leaves every file in one place; done again it goes on.
 */
export async function shiftFiles(path: string, keep: number): Promise<void> {
  const found = await olderFiles(path);
  const numbers = new Set(found.map(({ number }) => number));
  let free = 1;
  while (numbers.has(free)) free++;
  const last = free > keep ? keep : free;
  for (const { number } of found.filter((file) => file.number > keep || file.number === last).reverse()) {
    await rm(`${path}.${number}`, { force: true });
    await rm(`${path}.${number}${COMPRESSED}`, { force: true });
  }
  for (const { number, isPlain, isCompressed } of found.filter((file) => file.number < last).reverse()) {
    const ending = isPlain ? "" : COMPRESSED;
    // Left behind, it would be another file if a crash came before the next one moves here.
    if (isPlain && isCompressed) await rm(`${path}.${number}${COMPRESSED}`, { force: true });
    await rename(`${path}.${number}${ending}`, `${path}.${number + 1}${ending}`);
  }
  if (keep === 0) await rm(path, { force: true });
  else await rename(path, `${path}.1`);
}

/** Compresses every older file that is not; one that cannot be stays as it is, and is tried again the next time. */
export async function compressOlder(path: string): Promise<void> {
  for (const { number, isPlain } of await olderFiles(path)) {
    if (isPlain) await compress(`${path}.${number}`, `${path}${COMPRESSED}.tmp`).catch(() => {});
  }
}

/** The compressed file takes its name when all of it is on the disk, and the plain one goes after that. */
async function compress(path: string, temporary: string): Promise<void> {
  // What a crash left.
  await rm(temporary, { force: true });
  const source = await openForReading(path);
  try {
    const target = await open(temporary, "wx", OWNER_ONLY);
    try {
      await pipeline(unhurried(blocksOf(source)), createGzip(), async (blocks: AsyncIterable<Uint8Array>) => {
        for await (const block of blocks) await writeBytes(target, block);
      });
      await target.sync();
    } finally {
      await target.close();
    }
    await rename(temporary, `${path}${COMPRESSED}`);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await source.close();
  }
  await rm(path);
}

/** Lets others have their turn after each block: where the runtime compresses in this thread, it would hold up the program. */
async function* unhurried(blocks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const block of blocks) {
    yield block;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Opens a file to read it; a link is not followed, and a pipe not waited for. */
export async function openForReading(path: string): Promise<FileHandle> {
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  return await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
}

/** What is in a file, block by block. */
export async function* blocksOf(file: FileHandle): AsyncGenerator<Uint8Array> {
  while (true) {
    const block = new Uint8Array(BLOCK_BYTES);
    const { bytesRead } = await file.read(block, 0, block.length, null);
    if (bytesRead === 0) return;
    yield block.subarray(0, bytesRead);
  }
}

/** Forces the names in the folder of a file to the disk, where the system can do that. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), "r").catch(() => null);
  await folder?.sync().catch(() => {});
  await folder?.close();
}
