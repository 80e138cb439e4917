/** The socket of a run whose file asks for none: in a folder of the user, under a name that no other run has. */
import { lstat, mkdir, readdir, unlink } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join } from "node:path";
import process from "node:process";
import { isAnswered, LONGEST_UNIX_PATH, ownUidIn, pathBytes, privateFolder } from "../platform/mod.ts";

/** How many sockets of earlier runs are looked at. */
const MOST_LOOKED_AT = 256;

/** The variables that tell where the folders of the user are. */
export type UserFolders = Readonly<Partial<Record<"XDG_RUNTIME_DIR" | "HOME", string>>>;

/** Where a run of this name listens; makes the folder, and clears away what killed runs left in it. */
export async function ownSocketPath(name: string, folders: UserFolders = ofThisProgram()): Promise<string> {
  const { folder, uid } = await ownFolder(folders);
  await clearAway(folder, uid);
  return join(folder, socketName(name, folder, process.pid));
}

/** The folder in which runs have their sockets, and our user id; makes it, and rejects where it is not ours alone. */
export async function ownFolder(folders: UserFolders = ofThisProgram()): Promise<{ readonly folder: string; readonly uid: number }> {
  const folder = folderOf(folders);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return { folder, uid: await checkFolder(folder) };
}

/** Where runs of this name listen now. Changes nothing. */
export async function ownSocketsOf(name: string, folders: UserFolders = ofThisProgram()): Promise<string[]> {
  const folder = folderOf(folders);
  return await answeredIn(folder, (file, pid) => file === socketName(name, folder, pid));
}

/** Where runs of any name listen now. Changes nothing. */
export async function ownSocketsOfAll(folders: UserFolders = ofThisProgram()): Promise<string[]> {
  return await answeredIn(folderOf(folders), () => true);
}

/** Where the run listens now that came after the one of such a socket; `null` where it is none, or there is not just one. Changes nothing. */
export async function successorOf(path: string, folders: UserFolders = ofThisProgram()): Promise<string | null> {
  const folder = folderOf(folders);
  const [, name] = /^(.*)-\d+\.sock$/.exec(basename(path)) ?? [];
  if (name === undefined || dirname(path) !== folder) return null;
  const [found = null, ...others] = await answeredIn(folder, (file, pid) => file === `${name}-${pid}.sock`);
  return others.length === 0 ? found : null;
}

async function answeredIn(folder: string, isWanted: (file: string, pid: string) => boolean): Promise<string[]> {
  const files = (await readdir(folder).catch(() => [])).filter((file) => {
    const [, pid] = /-(\d+)\.sock$/.exec(file) ?? [];
    return pid !== undefined && isWanted(file, pid);
  }).sort();
  const paths = files.slice(0, MOST_LOOKED_AT).map((file) => join(folder, file));
  const areAnswered = await Promise.all(paths.map((path) => isAnswered(path).catch(() => false)));
  return paths.filter((_, index) => areAnswered[index]);
}

/** Where that folder is. */
export function folderOf({ XDG_RUNTIME_DIR = "", HOME = homedir() }: UserFolders = ofThisProgram()): string {
  return isAbsolute(XDG_RUNTIME_DIR) ? join(XDG_RUNTIME_DIR, "reeve") : join(HOME, ".cache", "reeve");
}

/** One by one: for each there is a permission in Deno. */
function ofThisProgram(): UserFolders {
  const { XDG_RUNTIME_DIR, HOME } = process.env;
  return { XDG_RUNTIME_DIR, HOME };
}

/** The name of the tree as far as there is room for it, and the number of the process. */
function socketName(name: string, folder: string, pid: number | string): string {
  const end = `-${pid}.sock`;
  const room = LONGEST_UNIX_PATH - pathBytes(join(privateFolder(join(folder, end)), "s"));
  return `${name.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, Math.max(1, room))}${end}`;
}

/** The folder is the lock: it must be ours, and nobody else may enter. Returns our user id. */
async function checkFolder(folder: string): Promise<number> {
  const found = await lstat(folder);
  if (!found.isDirectory()) throw new Error(`"${folder}" is no folder`);
  if ((found.mode & 0o077) !== 0) throw new Error(`"${folder}" is open to others, must have mode 0700`);
  const uid = await ownUidIn(folder);
  if (uid !== found.uid) throw new Error(`"${folder}" belongs to somebody else`);
  return uid;
}

async function clearAway(folder: string, uid: number): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sock")).slice(0, MOST_LOOKED_AT);
  await Promise.all(names.map(async (name) => {
    const path = join(folder, name);
    try {
      const found = await lstat(path);
      if (found.isSocket() && found.uid === uid && !await isAnswered(path)) await unlink(path);
    } catch {
      // It went by itself, or may not be touched: either way it is not in the way.
    }
  }));
}
