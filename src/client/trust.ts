/** Whether a socket may be spoken to: what is asked of it must reach its owner and nobody else. */
import { lstat } from "node:fs/promises";
import { dirname, isAbsolute } from "node:path";
import { distrustFolders, type IsOurs, LONGEST_UNIX_PATH, ownersOf, pathBytes } from "../platform/mod.ts";

/**
 * Says why a path is not to be trusted; `null` when it is. Rejects when it cannot be looked at.
 *
 * It belongs to `ownerUid`, where that is given. Nobody but the user, root and `ownerUid` can put something else in the place of what was
 * looked at, so that it is still there when it is connected to.
 */
export async function distrust(path: string, ownerUid?: number): Promise<string | null> {
  if (path.startsWith("\0") || path.startsWith("@")) return "it is an abstract address, which anybody may take";
  if (path.includes("\0")) return "it has a NUL in it";
  if (!isAbsolute(path)) return "it must be absolute";
  const bytes = pathBytes(path);
  if (bytes > LONGEST_UNIX_PATH) return `it has ${bytes} bytes, must have at most ${LONGEST_UNIX_PATH}`;
  const found = await lstat(path);
  if (found.isSymbolicLink()) return "it is a symbolic link";
  if (!found.isSocket()) return "it is no socket";
  const isOwn = ownersOf(dirname(path));
  const isOurs: IsOurs = async (found) => found.uid === ownerUid || await isOwn(found);
  if (ownerUid === undefined ? !await isOwn(found) : found.uid !== ownerUid) return "it belongs to somebody else";
  return await distrustFolders(dirname(path), isOurs);
}
