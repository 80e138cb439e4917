/** Looks a command up before anything starts. */
import { stat } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import process from "node:process";
import { thrownMessage } from "../../base/mod.ts";
import { platform } from "../../platform/mod.ts";

/** Bits of a file's mode that let its owner, its group or others run it. */
const ANYBODY_MAY_RUN = 0o111;

/** Where a command is, or why it cannot be run. */
export type FoundCommand = { readonly path: string } | { readonly reason: string; readonly hint?: string };

/**
 * Finds a command as the operating system would: in `PATH`, or relative to `cwd` when it contains a slash.
 *
 * What may not be looked at counts as found: starting needs no permission to read, and says itself when something is missing.
 */
export async function findCommand(
  command: string,
  cwd: string | undefined,
  environment: ReadonlyMap<string, string>,
): Promise<FoundCommand> {
  // The rules of Windows are others: file extensions, drives, its own folders first.
  if (process.platform === "win32") return { path: command };
  try {
    const hasFolder = command.includes("/");
    const candidates = hasFolder ? [resolve(cwd ?? ".", command)] : searchPath(environment).map((folder) => join(folder, command));
    let refused: string | undefined;
    for (const candidate of candidates) {
      const verdict = await look(candidate);
      if (verdict === "executable" || verdict === "unknown") return { path: candidate };
      if (verdict === "refused") refused ??= candidate;
    }
    if (refused !== undefined) {
      return { reason: `Cannot run "${command}": "${refused}" is not executable`, hint: `Make it executable: chmod +x ${refused}` };
    }
    return { reason: `Cannot run "${command}": ${hasFolder ? `"${candidates[0]}" is not a file` : "it is not in PATH"}` };
  } catch (error) {
    const hint = platform.permissionHint(error);
    return { reason: `Cannot look for "${command}": ${thrownMessage(error)}`, ...(hint === undefined ? {} : { hint }) };
  }
}

function searchPath(environment: ReadonlyMap<string, string>): string[] {
  const path = environment.get("PATH") ?? process.env["PATH"] ?? "";
  return path.split(delimiter).filter((folder) => folder !== "");
}

async function look(path: string): Promise<"executable" | "refused" | "absent" | "unknown"> {
  try {
    const found = await stat(path);
    if (!found.isFile()) return "absent";
    // Whether this user may run it is left to the start: access() would need the permission to ask who this user is.
    return (found.mode & ANYBODY_MAY_RUN) === 0 ? "refused" : "executable";
  } catch (error) {
    return platform.permissionHint(error) === undefined ? "absent" : "unknown";
  }
}
