/** Whether a socket may be spoken to: what is asked of it must reach its owner and nobody else. */
import type { Stats } from "node:fs";
import { lstat, readlink } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { LONGEST_UNIX_PATH, ownUidIn, pathBytes } from "../platform/mod.ts";

const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;

/** More links than this lead round in a circle. */
const MOST_LINKS = 40;

/**
 * Says why a path is not to be trusted; `null` when it is. Rejects when it cannot be looked at.
 *
 * Nobody but the user and root can put something else in the place of what was looked at, so that it is still there when it is connected to.
 */
export async function distrust(path: string): Promise<string | null> {
  if (path.startsWith("\0") || path.startsWith("@")) return "it is an abstract address, which anybody may take";
  if (path.includes("\0")) return "it has a NUL in it";
  if (!isAbsolute(path)) return "it must be absolute";
  const bytes = pathBytes(path);
  if (bytes > LONGEST_UNIX_PATH) return `it has ${bytes} bytes, must have at most ${LONGEST_UNIX_PATH}`;
  const found = await lstat(path);
  if (found.isSymbolicLink()) return "it is a symbolic link";
  if (!found.isSocket()) return "it is no socket";
  const isOurs = ownersOf(dirname(path));
  if (!await isOurs(found)) return "it belongs to somebody else";
  return await distrustFolders(dirname(path), isOurs);
}

type IsOurs = (found: Stats) => Promise<boolean>;

/** Every folder on the way, and where links on it lead. */
async function distrustFolders(folder: string, isOurs: IsOurs): Promise<string | null> {
  let at = "/";
  let ahead = namesOf(folder);
  let links = 0;
  let why = distrustFolder(at, await lstat(at));
  while (why === null && ahead.length > 0) {
    const [name = "", ...rest] = ahead;
    const next = join(at, name);
    const found = await lstat(next);
    if (!await isOurs(found)) return `"${next}" belongs to somebody else`;
    if (found.isSymbolicLink()) {
      if (++links > MOST_LINKS) return `"${next}" leads round in a circle`;
      const target = await readlink(next);
      if (isAbsolute(target)) at = "/";
      ahead = [...namesOf(target), ...rest];
    } else {
      why = distrustFolder(next, found);
      at = next;
      ahead = rest;
    }
  }
  return why;
}

function namesOf(path: string): string[] {
  return path.split("/").filter((name) => name !== "");
}

/** In a sticky folder everybody has what is theirs; many systems give each user a group of their own, which has the user's number. */
function distrustFolder(folder: string, { uid, gid, mode }: Stats): string | null {
  if ((mode & STICKY) !== 0) return null;
  if ((mode & OTHERS_WRITE) !== 0) return `anybody may write in "${folder}"`;
  if ((mode & GROUP_WRITES) !== 0 && gid !== uid) return `a group may write in "${folder}"`;
  return null;
}

/** Root may do everything anyway; who the user is is asked only where it matters, and once. */
function ownersOf(folder: string): IsOurs {
  let own: Promise<number> | null = null;
  return async ({ uid }) => uid === 0 || uid === await (own ??= ownUidIn(folder));
}
