/** The file of what outlives a program: it is replaced as a whole, and is the old one or the new one whenever somebody looks. */
import { createHash } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { lstat, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf, thrownMessage } from "../base/mod.ts";
import { OWNER_ONLY } from "../observe/mod.ts";
import { platform } from "../platform/mod.ts";
import { isSavedState, type SavedState } from "./saved_state.ts";

/** Version of the file; newer ones are refused by name. */
const VERSION = 1;

/** Largest file that is read, in bytes: what is longer was not written by us. */
const LARGEST = 64 * 1024 * 1024;

/** Others may write it. */
const OTHERS_WRITE = 0o022;

/** Makes the folder of a file where it is not there, for its owner only. */
export async function makeFolderOf(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
}

/** What the file says, `null` where there is none; rejects where that cannot be relied on. */
export async function readState(path: string): Promise<SavedState | null> {
  const found = await lstatOf(path);
  if (found === null) return null;
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  refuseStrange(found);
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    refuseStrange(await file.stat());
    return stateIn(await readFile(file, "utf8"));
  } finally {
    await file.close();
  }
}

/** Rejects where something that no program of ours has written is in the place of a file. */
export async function refuseStranger(path: string): Promise<void> {
  const found = await lstatOf(path);
  if (found === null) return;
  try {
    refuseStrange(found);
  } catch (error) {
    throw new Error(`"${path}": ${thrownMessage(error)}`);
  }
}

/** Replaces the file: what was written before is there until all of this is on the disk. One program at a time. */
export async function writeState(path: string, state: SavedState): Promise<void> {
  const next = `${path}.next`;
  // One that was killed may have left a half of it there.
  await rm(next, { force: true });
  const { O_WRONLY, O_CREAT, O_EXCL } = constants;
  try {
    const file = await open(next, O_WRONLY | O_CREAT | O_EXCL, OWNER_ONLY);
    try {
      await file.writeFile(textOf(state));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(next, path);
  } catch (error) {
    // On a disk that is full, a half of it takes the room of others.
    await rm(next, { force: true }).catch(() => {});
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Two lines: what the file is, and what it holds. */
export function textOf(state: SavedState): string {
  const content = JSON.stringify(state);
  return `${JSON.stringify({ format: FORMAT, version: VERSION, sha256: hashOf(content) })}\n${content}\n`;
}

const FORMAT = "reeve-state";

/** What a text says; throws where it is damaged, or too new. */
export function stateIn(text: string): SavedState {
  const [head = "", content = ""] = text.split("\n", 2);
  const { format, version, sha256 } = { format: undefined, version: undefined, sha256: undefined, ...parsed(head) };
  if (format !== FORMAT || typeof version !== "number") {
    throw new Error("it is damaged, or no file of a state: its first line says nothing of one");
  }
  if (version > VERSION) throw new Error(`it was written by a newer version (${version}), must be at most ${VERSION}`);
  if (sha256 !== hashOf(content)) throw new Error("it is damaged: its content does not have the checksum that its first line says");
  const state = parsed(content);
  if (!isSavedState(state)) throw new Error("it is damaged: its content is no state");
  return state;
}

function parsed(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

async function lstatOf(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

function refuseStrange(found: Stats): void {
  if (!found.isFile()) throw new Error(`it is ${found.isSymbolicLink() ? "a link" : "no file"}`);
  if (found.size > LARGEST) throw new Error(`it has ${found.size} bytes, must have at most ${LARGEST}`);
  if (platform.ownUid() === null) return;
  if ((found.mode & OTHERS_WRITE) !== 0) throw new Error("others may write it: chmod 600");
  if (found.uid !== platform.ownUid() && found.uid !== 0) throw new Error("it belongs to somebody else");
}

/** The new name must be on the disk as well; where folders cannot be forced to it, the system does that in its own time. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, constants.O_RDONLY);
    await handle.sync().finally(() => handle.close());
  } catch (error) {
    if (!["EISDIR", "EPERM", "EINVAL", "EACCES", "ENOTSUP"].includes(codeOf(error) ?? "")) throw error;
  }
}
