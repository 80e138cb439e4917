/** Says why a process could not be started. */
import { stat } from "node:fs/promises";
import { cleanText, codeOf, thrownMessage } from "../../base/mod.ts";
import type { Failure } from "../../event/mod.ts";
import { platform } from "../../platform/mod.ts";
import type { ProcessOptions } from "../../spec/mod.ts";
import type { EnvFileProblem } from "./env_file.ts";
import { findCommand } from "./find_command.ts";

/** Finds the reason behind an error of spawning, which often names the wrong thing: a missing directory looks like a missing command. */
export async function startFailure(
  error: unknown,
  { command, cwd, shell, uid, gid }: ProcessOptions,
  environment: ReadonlyMap<string, string>,
): Promise<Failure> {
  const reason = permissionReason(command, error) ??
    await directoryReason(command, cwd) ??
    userReason(command, uid, gid, error) ??
    (shell === true ? undefined : await commandReason(command, cwd, environment, error)) ??
    `Cannot run "${command}": ${thrownMessage(error)}`;
  return { kind: "error", category: "start_failed", message: cleanText(reason, 1024) };
}

function permissionReason(command: string, error: unknown): string | undefined {
  const hint = platform.permissionHint(error);
  return hint === undefined ? undefined : `Cannot run "${command}": the runtime does not permit it. ${hint}`;
}

/** Says that the file with the variables of a process cannot be used. */
export function envFileFailure({ reason, hint }: EnvFileProblem): Failure {
  return { kind: "error", category: "start_failed", message: cleanText(hint === undefined ? reason : `${reason}. ${hint}`, 1024) };
}

/** The system only says that something was not permitted. */
function userReason(command: string, uid: number | undefined, gid: number | undefined, error: unknown): string | undefined {
  if (uid === undefined || codeOf(error) !== "EPERM") return undefined;
  return `Cannot run "${command}" as user ${uid} with group ${gid}: not permitted. Run the supervisor as root, or leave uid and gid out`;
}

async function directoryReason(command: string, cwd: string | undefined): Promise<string | undefined> {
  if (cwd === undefined) return undefined;
  try {
    return (await stat(cwd)).isDirectory() ? undefined : `Cannot run "${command}" in "${cwd}": it is not a directory`;
  } catch (error) {
    return codeOf(error) === "ENOENT" ? `Cannot run "${command}" in "${cwd}": the directory does not exist` : undefined;
  }
}

async function commandReason(
  command: string,
  cwd: string | undefined,
  environment: ReadonlyMap<string, string>,
  error: unknown,
): Promise<string | undefined> {
  const found = await findCommand(command, cwd, environment);
  if ("reason" in found) return found.hint === undefined ? found.reason : `${found.reason}. ${found.hint}`;
  return codeOf(error) === "ENOENT" ? `Cannot run "${command}": the interpreter that its first line names does not exist` : undefined;
}
