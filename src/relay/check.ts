/** Whether a relay could start: everything is opened that it would open. */
import { access, lstat } from "node:fs/promises";
import { dirname } from "node:path";
import { constants } from "node:fs";
import { codeOf, thrownMessage } from "../base/mod.ts";
import type { RelaySettings } from "../config/mod.ts";
import { readFiles } from "./relay.ts";

/** Lists what would keep a relay from starting; nothing is left behind. */
export async function checkRelay(settings: RelaySettings): Promise<readonly string[]> {
  const looks = [
    () => readFiles(settings),
    ...settings.registration === null ? [] : [() => checkPlace(settings.registration?.path ?? "")],
    ...settings.audit.path === null ? [] : [() => checkFile(settings.audit.path ?? "")],
  ];
  const found: string[] = [];
  for (const look of looks) await look().catch((error: unknown) => found.push(thrownMessage(error)));
  return found;
}

async function checkPlace(path: string): Promise<void> {
  const found = await lstat(path).catch(unlessMissing);
  if (found !== null && !found.isSocket()) {
    throw new Error(`registration_socket_remove_failed at registration_bind: "${path}" is no socket`);
  }
  await checkFolder(path, "registration_bind_failed at registration_bind");
}

async function checkFile(path: string): Promise<void> {
  const found = await lstat(path).catch(unlessMissing);
  if (found === null) return await checkFolder(path, "The audit cannot be written");
  if (!found.isFile()) throw new Error(`The audit cannot be written: "${path}" is no file`);
  await access(path, constants.R_OK | constants.W_OK).catch((error) => {
    throw new Error(`The audit cannot be written: ${thrownMessage(error)}`);
  });
}

/** The nearest folder that is there must take new files: those between are made. */
async function checkFolder(path: string, what: string): Promise<void> {
  for (let folder = dirname(path);; folder = dirname(folder)) {
    try {
      return await access(folder, constants.W_OK | constants.X_OK);
    } catch (error) {
      if (codeOf(error) !== "ENOENT" || folder === dirname(folder)) throw new Error(`${what}: ${thrownMessage(error)}`);
    }
  }
}

function unlessMissing(error: unknown): null {
  if (codeOf(error) === "ENOENT") return null;
  throw error;
}
