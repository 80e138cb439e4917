/** Whether nobody but the user and root can put something else in the place of what lies in a folder. */
import type { Stats } from "node:fs";
import { lstat, readlink } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { ownUidIn } from "./unix_sockets.ts";

const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;

/** More links than this lead round in a circle. */
const MOST_LINKS = 40;

/** Whether something belongs to the user, or to root, who may do everything anyway. */
export type IsOurs = (found: Stats) => Promise<boolean>;

/** Who the user is is asked only where it matters. */
export function ownersOf(folder: string): IsOurs {
  return async ({ uid }) => uid === 0 || uid === await ownUidIn(folder);
}

/**
 * Says why a folder is not to be trusted; `null` when it is. Rejects when it cannot be looked at.
 *
 * Every folder on the way is looked at, and where links on it lead.
 */
export async function distrustFolders(folder: string, isOurs: IsOurs): Promise<string | null> {
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
