/** The lock of a place: the private folder in which a socket is bound before it is moved there. */
import { lstat, mkdir, readdir, rename, rm, rmdir, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { codeOf } from "../base/mod.ts";

/** A lock that is held. */
export interface PlaceLock {
  /** Whether it still is: who takes longer than {@linkcode LEFT_BEHIND_MS} may lose it. */
  isHeld(): Promise<boolean>;
  /** Gives it up, where it is still held. */
  release(): Promise<void>;
}

/** What is bound in the folder. */
export const BOUND_NAME = "s";

/** Who has held a lock for so long, in milliseconds, was killed. */
const LEFT_BEHIND_MS = 2_000;

/** How long, in milliseconds, to wait for one after the other. */
const LONGEST_WAIT_MS = 3 * LEFT_BEHIND_MS;
const LOOK_MS = 20;

/**
 * Waits until a private folder is there that nobody else uses; rejects when others do for too long, or something that is not ours is in the way.
 *
 * The folder has one entry with a name that nobody else has, from the moment on in which it appears: who renames that entry has taken the
 * lock over, and of several who try one succeeds.
 */
export async function lockPlace(folder: string, ownUid: number): Promise<PlaceLock> {
  const name = `by-${crypto.randomUUID()}`;
  const begunAtMs = performance.now();
  let seen: string | null = null;
  let seenAtMs = begunAtMs;
  while (true) {
    const holder = await holderOf(folder, ownUid);
    const nowMs = performance.now();
    if (holder === null) {
      if (await appears(folder, name)) break;
    } else if (holder !== seen) {
      [seen, seenAtMs] = [holder, nowMs];
    } else if (nowMs - seenAtMs > LEFT_BEHIND_MS && await takeOver(folder, holder, name)) {
      break;
    }
    if (nowMs - begunAtMs > LONGEST_WAIT_MS) throw new Error("other programs are binding it");
    await setTimeout(LOOK_MS);
  }
  return {
    isHeld: async () => await holderOf(folder, ownUid) === name,
    async release(): Promise<void> {
      await rm(join(folder, name), { recursive: true, force: true }).then(() => rmdir(folder)).catch(() => {});
    },
  };
}

/** The entry of who holds the lock; `null` where nobody does. */
async function holderOf(folder: string, ownUid: number): Promise<string | null> {
  try {
    const found = await lstat(folder);
    if (!found.isDirectory() || found.uid !== ownUid) throw new Error(`"${folder}" is in the way, and is not ours`);
    const names = await readdir(folder);
    return names.find((name) => name !== BOUND_NAME) ?? names[0] ?? null;
  } catch (error) {
    return unlessCode(error, "ENOENT");
  }
}

/** Makes the folder with its entry elsewhere and moves it to its place, where nothing is but an empty one. */
async function appears(folder: string, name: string): Promise<boolean> {
  const made = `${folder}.${name}`;
  try {
    await mkdir(made, { mode: 0o700 });
    await mkdir(join(made, name));
    await rename(made, folder);
    return true;
  } catch (error) {
    await rm(made, { recursive: true, force: true }).catch(() => {});
    return unlessCode(error, "ENOTEMPTY", "EEXIST") ?? false;
  }
}

/** Takes away what programs left that were killed while they made the folder; what cannot be looked at is left. */
export async function clearLitter(folder: string, ownUid: number): Promise<void> {
  const beginning = `${basename(folder)}.by-`;
  for (const name of await readdir(dirname(folder)).catch(() => [])) {
    if (!name.startsWith(beginning)) continue;
    const path = join(dirname(folder), name);
    const found = await lstat(path).catch(() => null);
    if (found?.isDirectory() !== true || found.uid !== ownUid || Date.now() - found.mtimeMs < LEFT_BEHIND_MS) continue;
    await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}

/** What the one before bound goes as well. */
async function takeOver(folder: string, holder: string, name: string): Promise<boolean> {
  try {
    await rename(join(folder, holder), join(folder, name));
  } catch (error) {
    return unlessCode(error, "ENOENT") ?? false;
  }
  await unlink(join(folder, BOUND_NAME)).catch((error) => unlessCode(error, "ENOENT"));
  return true;
}

/** `null` for an error that has one of these codes; throws any other. */
export function unlessCode(error: unknown, ...codes: readonly string[]): null {
  if (codes.includes(codeOf(error) ?? "")) return null;
  throw error;
}
