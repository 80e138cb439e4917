/** A socket in its place: it appears there with its final mode, and goes only if it is still ours. */
import { chmod, link, lstat, mkdir, rename, unlink } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { type ErrorCode, ReeveError, thrownMessage } from "../base/mod.ts";
import { platform } from "./deno.ts";
import { BOUND_NAME, clearLitter, lockPlace, unlessCode } from "./place_lock.ts";
import { distrustFolders, ownersOf } from "./trusted_folders.ts";
import type { UnixListener } from "./types.ts";
import { isAnswered, LONGEST_UNIX_PATH, ownUidIn, pathBytes, privateFolder } from "./unix_sockets.ts";

/** Whether a path must be free, or may be taken by a socket behind which nobody listens any more. */
export type BindMode = "create_new" | "replace_stale";

/** Where to listen, and how. */
export interface PlaceOptions {
  readonly path: string;
  readonly mode: number;
  readonly bindMode: BindMode;
  /** Code of the error when it cannot be bound. @default {"dashboard_not_started"} */
  readonly code?: ErrorCode;
}

/** A listener in its place. */
export interface PlacedListener {
  readonly listener: UnixListener;
  /** User id of the socket's owner, which is the own one. */
  readonly ownerUid: number;
  /** Whether the socket is still where it was put. */
  isInPlace(): Promise<boolean>;
  /** Listens no more, and takes the socket away if it is still ours. */
  close(): Promise<void>;
}

/** Binds in a private folder beside the path and moves the socket there; rejects with `code`. */
export async function bindInPlace(
  { path, mode, bindMode, code = "dashboard_not_started" }: PlaceOptions,
): Promise<PlacedListener> {
  const folder = privateFolder(path);
  const hidden = join(folder, BOUND_NAME);
  checkPath(path, hidden, code);
  try {
    // With any umask nobody else may write in folders that are made here.
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    const why = await distrustFolders(dirname(path), ownersOf(dirname(path)));
    if (why !== null) throw refused(`${why}, so that the socket could be replaced; choose a folder in which only you and root may write`);
    const ownerUid = await ownUidIn(dirname(path));
    const lock = await lockPlace(folder, ownerUid);
    try {
      await clearLitter(folder, ownerUid);
      const taken = await whatIsThere(path, bindMode, ownerUid);
      const listener = await platform.listenUnix(hidden, { peers: true });
      try {
        await chmod(hidden, mode);
        const identity = await identityOf(hidden);
        if (!await lock.isHeld()) throw refused("another program has taken over the place where it is bound");
        await moveTo(hidden, path, taken);
        // Who was suspended all that time has moved what the next one bound.
        if (await identityOf(path) !== identity) throw refused("another program has put its socket there");
        return placed(listener, { path, folder, identity, ownerUid });
      } catch (error) {
        await listener.close();
        if (await lock.isHeld().catch(() => false)) await unlink(hidden).catch(() => {});
        throw error;
      }
    } finally {
      await lock.release();
    }
  } catch (error) {
    throw notStarted(path, error, code);
  }
}

interface Place {
  readonly path: string;
  readonly folder: string;
  readonly identity: string | null;
  readonly ownerUid: number;
}

function placed(listener: UnixListener, { path, folder, identity, ownerUid }: Place): PlacedListener {
  return {
    listener,
    ownerUid,
    isInPlace: async () => await identityOf(path) === identity,
    async close(): Promise<void> {
      // Nobody binds meanwhile: with a listener whatever is where it was bound is removed, and what was ours a moment ago may be somebody else's.
      const lock = await lockPlace(folder, ownerUid).catch(() => null);
      try {
        await listener.close();
        const now = await identityOf(path);
        if (now !== null && now === identity && await lock?.isHeld()) await unlink(path).catch(() => {});
      } finally {
        await lock?.release();
      }
    },
  };
}

/** `create_new` never replaces anything, whoever comes in between; what is replaced must still be what was looked at. */
async function moveTo(hidden: string, path: string, taken: string | null): Promise<void> {
  if (taken !== null && await identityOf(path) === taken) return await rename(hidden, path);
  await link(hidden, path);
  await unlink(hidden).catch(unlessMissing);
}

/** The socket that may be replaced, `null` when the path is free. */
async function whatIsThere(path: string, bindMode: BindMode, ownUid: number): Promise<string | null> {
  const found = await lstat(path).catch(unlessMissing);
  if (found === null) return null;
  if (bindMode === "create_new") throw refused("something is there already; remove it, or set bindMode to replace_stale");
  if (found.isSymbolicLink()) throw refused("it is a symbolic link");
  if (!found.isSocket()) throw refused("what is there is no socket");
  if (found.uid !== ownUid) throw refused("the socket there belongs to somebody else");
  if (await isAnswered(path)) throw refused("somebody listens there already");
  return `${found.dev}:${found.ino}`;
}

/** Tells one file from any other that may be there later. */
async function identityOf(path: string): Promise<string | null> {
  const found = await lstat(path).catch(unlessMissing);
  return found === null ? null : `${found.dev}:${found.ino}`;
}

function unlessMissing(error: unknown): null {
  return unlessCode(error, "ENOENT");
}

function checkPath(path: string, longest: string, code: ErrorCode): void {
  if (!isAbsolute(path)) throw notStarted(path, refused("it must be absolute"), code);
  const bytes = pathBytes(longest);
  if (bytes > LONGEST_UNIX_PATH) {
    throw notStarted(
      path,
      refused(`"${longest}", where it is bound first, has ${bytes} bytes, must have at most ${LONGEST_UNIX_PATH}`),
      code,
    );
  }
}

function refused(why: string): Error {
  return new Error(why);
}

function notStarted(path: string, error: unknown, code: ErrorCode): ReeveError {
  return new ReeveError(code, `Cannot listen on "${path}": ${thrownMessage(error)}`, {
    path,
    cause: error,
    hint: platform.permissionHint(error),
  });
}
