/** Lines at the end of a file that only its owner can read: they count when they are on the disk. */
import { constants } from "node:fs";
import { type FileHandle, lstat, open, stat } from "node:fs/promises";
import { codeOf } from "../base/mod.ts";

/** How lines are appended. */
export interface AppendOptions {
  /** Whether the file begins anew. @default {false} */
  readonly isNew?: boolean;
  /** Whether to wait until the lines are on the disk, so that they survive a crash of the machine. @default {true} */
  readonly isSynced?: boolean;
}

/** Appends whole lines; rejects when they may not be there. */
export async function appendLines(path: string, text: string, { isNew = false, isSynced = true }: AppendOptions = {}): Promise<void> {
  const file = await openForAppending(path, isNew);
  try {
    // A line that a crash cut off must not swallow the next one.
    const lead = !isNew && await endsTorn(file, (await file.stat()).size) ? "\n" : "";
    await writeBytes(file, new TextEncoder().encode(lead + text));
    if (isSynced) await file.datasync();
  } finally {
    await file.close();
  }
}

/** Size of a file in bytes, 0 when it is not there. */
export async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return 0;
    throw error;
  }
}

/** Opens a file that is made where it is not there, and closes it to others; a link, a folder or a device was not made by us. */
export async function openForAppending(path: string, isNew = false): Promise<FileHandle> {
  // A link may still come after the look at what is there, or a pipe that nobody reads, for which opening would wait.
  const { O_RDWR, O_CREAT, O_TRUNC, O_APPEND, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  await refuseWhatIsNoFile(path);
  const file = await open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | (isNew ? O_TRUNC : O_APPEND), OWNER_ONLY);
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new Error(`"${path}" is no file`);
    if (isOpenToOthers(found.mode)) await file.chmod(OWNER_ONLY);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The mode of a file that only its owner can read and write. */
export const OWNER_ONLY = 0o600;

/** Whether a mode lets somebody else than the owner do anything. */
export function isOpenToOthers(mode: number): boolean {
  return (mode & 0o077) !== 0;
}

/** Whether a file of so many bytes ends within a line. */
export async function endsTorn(file: FileHandle, size: number): Promise<boolean> {
  if (size === 0) return false;
  const { bytesRead, buffer } = await file.read(new Uint8Array(1), 0, 1, size - 1);
  return bytesRead === 1 && buffer[0] !== NEWLINE;
}

/** The byte that ends a line. */
export const NEWLINE = 10;

/** Writes all bytes where the file stands. */
export async function writeBytes(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let from = 0; from < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, from, bytes.length - from, null);
    if (bytesWritten === 0) throw new Error("the system takes no more bytes");
    from += bytesWritten;
  }
}

async function refuseWhatIsNoFile(path: string): Promise<void> {
  try {
    if (!(await lstat(path)).isFile()) throw new Error(`"${path}" is no file`);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}
