/** Lines at the end of a file that only its owner can read: they count when they are on the disk. */
import { constants } from "node:fs";
import { chmod, lstat, open, stat } from "node:fs/promises";
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
  const { O_WRONLY, O_CREAT, O_TRUNC, O_APPEND, O_NOFOLLOW = 0 } = constants;
  // A link may still come after the look at what is there.
  const flags = O_WRONLY | O_CREAT | O_NOFOLLOW | (isNew ? O_TRUNC : O_APPEND);
  await refuseWhatIsNoFile(path);
  const file = await open(path, flags, 0o600);
  try {
    // A line that a crash cut off must not swallow the next one.
    const lead = !isNew && await endsTorn(path) ? "\n" : "";
    await file.writeFile(lead + text);
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

/** What others may read is closed to them; a link, a folder or a device was not made by us. */
async function refuseWhatIsNoFile(path: string): Promise<void> {
  try {
    const found = await lstat(path);
    if (!found.isFile()) throw new Error(`"${path}" is no file`);
    if ((found.mode & 0o077) !== 0) await chmod(path, 0o600);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

async function endsTorn(path: string): Promise<boolean> {
  const size = await sizeOf(path);
  if (size === 0) return false;
  const file = await open(path, "r");
  try {
    const { buffer } = await file.read(new Uint8Array(1), 0, 1, size - 1);
    return buffer[0] !== 10;
  } finally {
    await file.close();
  }
}
