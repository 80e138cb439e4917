/** Sockets in the file system: where they lie, who is there, and reaching them. */
import { lstat, mkdtemp, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Clock, codeOf, inTime, unlessAborted } from "../base/mod.ts";
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
  let isOver = false;
  const connecting = connectWhenThereIsRoom(path, clock, () => isOver);
  try {
    return await inTime(signal === undefined ? connecting : unlessAborted(connecting, signal), limitMs, tooLate, clock);
  } catch (error) {
    isOver = true;
    connecting.then((late) => late.close(), () => {});
    throw error;
  }
}

/** How long, in milliseconds, to wait where too many wait to be accepted: Node does not wait for them. */
const CROWDED_MS = 10;

async function connectWhenThereIsRoom(path: string, clock: Pick<Clock, "setTimer">, isOver: () => boolean): Promise<ByteConnection> {
  while (true) {
    try {
      return await platform.connectUnix(path);
    } catch (error) {
      if (codeOf(error) !== "EAGAIN" || isOver()) throw error;
    }
    await new Promise<void>((resolve) => clock.setTimer(resolve, CROWDED_MS));
  }
}

/** Whether somebody listens on a socket; only a refused connection shows that nobody does, or that the socket has gone. */
export async function isAnswered(path: string): Promise<boolean> {
  try {
    (await platform.connectUnix(path)).close();
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === "ECONNREFUSED" || code === "ENOENT") return false;
    if (code === "EAGAIN") return true;
    throw error;
  }
}

/** What a folder told; where the runtime does not tell the own user id, it cannot be changed either. */
let measuredUid: number | null = null;

/** The own user id, which Deno tells only with a permission of its own: else whose a new folder is tells it too. */
export async function ownUidIn(folder: string): Promise<number> {
  const known = platform.ownUid() ?? measuredUid;
  if (known !== null) return known;
  const made = await mkdtemp(join(folder, ".reeve-"));
  try {
    return measuredUid = (await lstat(made)).uid;
  } finally {
    await rmdir(made);
  }
}
