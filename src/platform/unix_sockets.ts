/** Sockets in the file system: where they lie, who is there, and reaching them. */
import { lstat, mkdtemp, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Clock, inTime } from "../base/mod.ts";
import { platform } from "./deno.ts";
import type { ByteConnection } from "./types.ts";

/** Longest path of a socket in bytes: the system has room for 108, one of which ends it. */
export const LONGEST_UNIX_PATH = 107;

/** Bytes of a path, as the system counts them. */
export function pathBytes(path: string): number {
  return new TextEncoder().encode(path).length;
}

/** The private folder beside the path of a socket in which it is bound first, under the name `s`. */
export function privateFolder(path: string): string {
  return join(dirname(path), `.${basename(path)}.d`);
}

/** Connects, or rejects with `tooLate()` after a time; a connection that is made later all the same is closed. */
export async function connectInTime(
  path: string,
  limitMs: number,
  tooLate: () => unknown,
  clock: Pick<Clock, "setTimer">,
): Promise<ByteConnection> {
  const connecting = platform.connectUnix(path);
  try {
    return await inTime(connecting, limitMs, tooLate, clock);
  } catch (error) {
    connecting.then((late) => late.close(), () => {});
    throw error;
  }
}

/** Whether somebody listens on a socket; only a refused connection shows that nobody does, or that the socket has gone. */
export async function isAnswered(path: string): Promise<boolean> {
  try {
    (await platform.connectUnix(path)).close();
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ECONNREFUSED" || error.code === "ENOENT")) return false;
    throw error;
  }
}

/** Whose a new file is tells the own user id, for which there is a permission of its own in Deno. */
export async function ownUidIn(folder: string): Promise<number> {
  const made = await mkdtemp(join(folder, ".reeve-"));
  try {
    return (await lstat(made)).uid;
  } finally {
    await rmdir(made);
  }
}
