/** A socket in its place: it appears there with its final mode, and goes only if it is still ours. */
import { chmod, link, lstat, mkdir, rename, rmdir, stat, unlink } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { ReeveError } from "../base/mod.ts";
import { isAnswered, LONGEST_UNIX_PATH, ownUidIn, pathBytes, platform, privateFolder, type UnixListener } from "../platform/mod.ts";

/** Whether a path must be free, or may be taken by a socket behind which nobody listens any more. */
export type BindMode = "create_new" | "replace_stale";

/** Where to listen, and how. */
export interface PlaceOptions {
  readonly path: string;
  readonly mode: number;
  readonly bindMode: BindMode;
}

/** A listener in its place. */
export interface PlacedListener {
  readonly listener: UnixListener;
  /** User id of the socket's owner, which is the own one. */
  readonly ownerUid: number;
  /** Listens no more, and takes the socket away if it is still ours. */
  close(): Promise<void>;
}

/** How long, in milliseconds, to wait for another program that is binding the same path; what takes longer was left behind. */
const LOCK_MS = 2_000;
const LOOK_MS = 20;

/** Binds in a private folder beside the path and moves the socket there; rejects with `dashboard_not_started`. */
export async function bindInPlace({ path, mode, bindMode }: PlaceOptions): Promise<PlacedListener> {
  const folder = privateFolder(path);
  const hidden = join(folder, "s");
  checkPath(path, hidden);
  try {
    // With any umask nobody else may write in folders that are made here.
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await lock(folder, path);
    try {
      // The folder was made just now: whose it is tells the own user id.
      const { uid: ownUid } = await lstat(folder);
      const taken = await whatIsThere(path, bindMode, ownUid);
      const listener = await platform.listenUnix(hidden, { peers: true });
      try {
        await chmod(hidden, mode);
        await moveTo(hidden, path, taken);
        return placed(listener, { path, folder, identity: await identityOf(path), ownerUid: ownUid });
      } catch (error) {
        await listener.close();
        await unlink(hidden).catch(() => {});
        throw error;
      }
    } finally {
      await rmdir(folder).catch(() => {});
    }
  } catch (error) {
    throw notStarted(path, error);
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
    async close(): Promise<void> {
      // Nobody binds meanwhile: with a listener whatever is where it was bound is removed, and what was ours a moment ago may be somebody else's.
      const isLocked = await lock(folder, path).then(() => true, () => false);
      try {
        await listener.close();
        const now = await identityOf(path);
        if (now !== null && now === identity) await unlink(path).catch(() => {});
      } finally {
        if (isLocked) await rmdir(folder).catch(() => {});
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

/** The private folder is the lock as well: of two programs that bind one path the second waits, and then finds it taken. */
async function lock(folder: string, path: string): Promise<void> {
  const giveUpAtMs = Date.now() + LOCK_MS;
  while (true) {
    try {
      return await mkdir(folder, { mode: 0o700 });
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
    if (Date.now() > giveUpAtMs) await clearAway(folder, path);
    else await setTimeout(LOOK_MS);
  }
}

/** A folder that a program left when it was killed: nobody else can have made it, or it is not ours to remove. */
async function clearAway(folder: string, path: string): Promise<void> {
  const found = await lstat(folder).catch(unlessMissing);
  if (found === null) return;
  if (!found.isDirectory() || found.uid !== await ownUidIn(dirname(folder))) throw refused(`"${folder}" is in the way, and is not ours`);
  if (Date.now() - found.mtimeMs < LOCK_MS) throw refused(`another program is binding "${path}"`);
  await unlink(join(folder, "s")).catch(() => {});
  await rmdir(folder);
}

/** Tells one file from any other that may be there later. */
async function identityOf(path: string): Promise<string | null> {
  const found = await stat(path).catch(unlessMissing);
  return found === null ? null : `${found.dev}:${found.ino}`;
}

function unlessMissing(error: unknown): null {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
  throw error;
}

function checkPath(path: string, longest: string): void {
  if (!isAbsolute(path)) throw notStarted(path, refused("it must be absolute"));
  const bytes = pathBytes(longest);
  if (bytes > LONGEST_UNIX_PATH) {
    throw notStarted(path, refused(`"${longest}", where it is bound first, has ${bytes} bytes, must have at most ${LONGEST_UNIX_PATH}`));
  }
}

function refused(why: string): Error {
  return new Error(why);
}

function notStarted(path: string, error: unknown): ReeveError {
  const why = error instanceof Error ? error.message : String(error);
  return new ReeveError("dashboard_not_started", `Cannot listen on "${path}": ${why}`, {
    path,
    cause: error,
    hint: platform.permissionHint(error),
  });
}
