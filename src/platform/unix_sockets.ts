/** Sockets in the file system: where they lie, who is there, and reaching them. */
import { lstat, mkdtemp, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Clock, inTime, unlessAborted } from "../base/mod.ts";
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

/** Connects, or rejects with `tooLate()` after a time, or with the signal's reason; a connection that is made later all the same is closed. */
export async function connectInTime(
  path: string,
  limitMs: number,
  tooLate: () => unknown,
  clock: Pick<Clock, "setTimer">,
  signal?: AbortSignal,
): Promise<ByteConnection> {
  const connecting = platform.connectUnix(path);
  try {
    return await inTime(signal === undefined ? connecting : unlessAborted(connecting, signal), limitMs, tooLate, clock);
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

/** The own user id, which Deno tells only with a permission of its own: else whose a new folder is tells it too. */
export async function ownUidIn(folder: string): Promise<number> {
  const told = platform.ownUid();
  if (told !== null) return told;
  const made = await mkdtemp(join(folder, ".reeve-"));
  try {
    return (await lstat(made)).uid;
  } finally {
    await rmdir(made);
  }
}
