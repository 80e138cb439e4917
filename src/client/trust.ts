/** Whether a socket may be spoken to: what is asked of it must reach its owner and nobody else. */
import { lstat } from "node:fs/promises";
import { dirname, isAbsolute } from "node:path";
import process from "node:process";
import { LONGEST_UNIX_PATH, pathBytes } from "../platform/mod.ts";

const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;

/** Says why a path is not to be trusted; `null` when it is. Rejects when it cannot be looked at. */
export async function distrust(path: string): Promise<string | null> {
  if (path.startsWith("\0")) return "it is an abstract address, which anybody may take";
  if (!isAbsolute(path)) return "it must be absolute";
  const bytes = pathBytes(path);
  if (bytes > LONGEST_UNIX_PATH) return `it has ${bytes} bytes, must have at most ${LONGEST_UNIX_PATH}`;
  const found = await lstat(path);
  if (found.isSymbolicLink()) return "it is a symbolic link";
  if (!found.isSocket()) return "it is no socket";
  if (!isOurs(found.uid)) return "it belongs to somebody else";
  for (let folder = dirname(path);; folder = dirname(folder)) {
    const { uid, mode } = await lstat(folder);
    if (!isOurs(uid)) return `"${folder}" belongs to somebody else`;
    if ((mode & OTHERS_WRITE) !== 0 && (mode & STICKY) === 0) return `anybody may write in "${folder}"`;
    if (folder === dirname(folder)) return null;
  }
}

/** Root may do everything anyway. */
function isOurs(uid: number): boolean {
  return process.getuid === undefined || uid === process.getuid() || uid === 0;
}
