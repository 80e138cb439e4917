/** Folders and files: the sockets, what a file writes, and what earlier runs left. */
import { constants } from "node:fs";
import { access, lstat, readdir, statfs } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { codeOf, thrownMessage } from "../../base/mod.ts";
import { distrustFolders, isAnswered, LONGEST_UNIX_PATH, ownersOf, pathBytes, platform, privateFolder } from "../../platform/mod.ts";
import { ownerOf } from "../detach/pid_file.ts";
import { everyChild } from "../install/flags.ts";
import { folderOf } from "../own_socket.ts";
import { bytes } from "../render/words.ts";
import { ask } from "./ask.ts";
import { type Check, type Finding, fine, type Patient, unknown, warning, wrong } from "./types.ts";

/** Whether the socket of the run can be where it is to be, and nobody else gets at it. */
export const socketFolder: Check = async ({ file }) => {
  const check = "socket";
  const path = file?.loaded.dashboard?.path;
  try {
    return path === undefined ? await ownFolderFinding(check) : await dashboardFinding(check, path);
  } catch (error) {
    return unknown(check, thrownMessage(error), platform.permissionHint(error));
  }
};

async function ownFolderFinding(check: string): Promise<Finding> {
  const folder = folderOf();
  const least = pathBytes(join(privateFolder(join(folder, "x-1234567.sock")), "s"));
  if (least > LONGEST_UNIX_PATH) {
    return wrong(check, `"${folder}" is too long a name for sockets`, "Set XDG_RUNTIME_DIR to a shorter one, or dashboard.path");
  }
  const found = await lstat(folder).catch((error: unknown) => {
    if (codeOf(error) !== "ENOENT") throw error;
    return null;
  });
  if (found === null) {
    const parent = await existing(folder);
    return await isWritable(parent)
      ? fine(check, `"${folder}" is made by the first run`)
      : wrong(check, `nobody may write in "${parent}"`, "Set XDG_RUNTIME_DIR");
  }
  if (!found.isDirectory()) return wrong(check, `"${folder}" is no folder`, "Move it away");
  if ((found.mode & 0o077) !== 0) return wrong(check, `"${folder}" is open to others`, `chmod 700 ${folder}`);
  if (platform.ownUid() !== null && found.uid !== platform.ownUid()) {
    return wrong(check, `"${folder}" belongs to somebody else`, "Set XDG_RUNTIME_DIR");
  }
  return fine(check, `"${folder}" is yours alone`);
}

async function dashboardFinding(check: string, path: string): Promise<Finding> {
  const length = pathBytes(join(privateFolder(path), "s"));
  if (length > LONGEST_UNIX_PATH) {
    return wrong(check, `"${path}" is ${length - LONGEST_UNIX_PATH} bytes too long`, "Choose a shorter dashboard.path");
  }
  const folder = dirname(path);
  const distrust = await distrustFolders(folder, ownersOf(folder)).catch((error: unknown) => {
    if (codeOf(error) !== "ENOENT") throw error;
    return `"${folder}" is not there`;
  });
  return distrust === null
    ? fine(check, `"${path}" is in folders that nobody else may change`)
    : wrong(check, distrust, "Choose another dashboard.path");
}

/** So little room is told, and so little is none, in bytes. */
const LITTLE_ROOM = 256 * 1024 * 1024;
const NO_ROOM = 16 * 1024 * 1024;

/** Whether there is room for what the file has written, and it may be written. */
export const paths: Check = async (patient) => {
  const wanted = pathsOf(patient);
  if (wanted.length === 0) return patient.file === null ? [] : fine("paths", "the file writes no journal, audit, state or logs");
  return await Promise.all(wanted.map(([what, path]) => pathFinding(what, path)));
};

function pathsOf({ file }: Patient): (readonly [string, string])[] {
  if (file === null) return [];
  const { spec } = file.loaded;
  const logs = everyChild(spec.children).map(({ name, logs }) => [`log of ${name}`, logs?.file] as const);
  const all = [
    ["journal", spec.observability?.journal?.path],
    ["audit", spec.audit?.filePath],
    ["state", spec.state?.path],
    ...logs,
  ] as const;
  return all.flatMap(([what, path]) => path === undefined ? [] : [[what, path] as const]);
}

async function pathFinding(what: string, path: string): Promise<Finding> {
  try {
    const found = await lstat(path).catch(() => null);
    if (found !== null && !found.isFile()) return wrong(what, `"${path}" is no file`, "Move it away, or choose another path");
    const place = found === null ? await existing(dirname(path)) : path;
    if (!await isWritable(place) || !await isWritable(await existing(dirname(path)))) {
      return wrong(what, `nobody lets this program write "${place}"`, `chown or chmod it, or choose another path`);
    }
    const room = await roomIn(await existing(dirname(path)));
    if (room === null) return fine(what, `"${path}" can be written; how much room there is cannot be read`);
    const free = `"${path}" can be written, ${bytes(room)} are free`;
    const fix = "Make room, or choose a path on another disk";
    return room < NO_ROOM ? wrong(what, free, fix) : room < LITTLE_ROOM ? warning(what, free, fix) : fine(what, free);
  } catch (error) {
    return unknown(what, thrownMessage(error), platform.permissionHint(error));
  }
}

/** The folder, or the nearest one above it that is there. */
async function existing(folder: string): Promise<string> {
  const isThere = await lstat(folder).then(() => true, (error: unknown) => codeOf(error) !== "ENOENT");
  return isThere || dirname(folder) === folder ? folder : await existing(dirname(folder));
}

/** Deno ends a program that may not ask who it is. */
async function isWritable(path: string): Promise<boolean> {
  if (!platform.permits("sys", "uid")) {
    throw new Error(`it cannot be looked at whether "${path}" may be written. Add --allow-sys=uid to the command`);
  }
  return await access(path, constants.W_OK).then(() => true, () => false);
}

async function roomIn(folder: string): Promise<number | null> {
  if (platform.permits("sys")) {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  }
  const rows = (await ask("df", "-Pk", folder))?.trim().split("\n").at(-1)?.split(/\s+/);
  const free = Number(rows?.at(-3));
  return Number.isFinite(free) ? free * 1024 : null;
}

/** So many entries are looked at. */
const MOST = 256;

/** What killed runs left in the folder of sockets. */
export const leftBehind: Check = async () => {
  const check = "left behind";
  const folder = folderOf();
  const names = (await readdir(folder).catch(() => [])).slice(0, MOST);
  const found = await Promise.all(names.map(async (name): Promise<Finding | null> => {
    const path = join(folder, name);
    if (name.endsWith(".sock") && !await isAnswered(path).catch(() => true)) {
      return warning(check, `nobody listens on ${basename(path)}`, "The next reeve run clears it away");
    }
    if (name.endsWith(".pid") && await ownerOf(path) === null) {
      return warning(
        check,
        `the process of ${basename(path)} is gone, and did not clear up`,
        `The next reeve run --detach replaces it; rm ${path}`,
      );
    }
    return null;
  }));
  const left = found.filter((finding) => finding !== null);
  return left.length > 0 ? left : fine(check, "no sockets and pid files of runs that are gone");
};
