/** Looks a command up before anything starts. */
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import process from "node:process";
import { platform } from "../../platform/mod.ts";

/** Where a command is, or why it cannot be run. */
export type FoundCommand = { readonly path: string } | { readonly reason: string; readonly hint?: string };

/** Finds a command as the operating system would: in `PATH`, or relative to `cwd` when it contains a slash. */
export async function findCommand(command: string, cwd: string | undefined, environment: ReadonlyMap<string, string>): Promise<FoundCommand> {
  try {
    const candidates = command.includes("/") ? [resolve(cwd ?? ".", command)] : searchPath(environment).map((folder) => join(folder, command));
    let refused: string | undefined;
    for (const candidate of candidates) {
      const verdict = await executable(candidate);
      if (verdict === "yes") return { path: candidate };
      if (verdict === "no") refused ??= candidate;
    }
    if (refused !== undefined) return { reason: `Cannot run "${command}": "${refused}" is not executable`, hint: `Make it executable: chmod +x ${refused}` };
    const where = command.includes("/") ? `"${candidates[0]}" does not exist` : "it is not in PATH";
    return { reason: `Cannot run "${command}": ${where}` };
  } catch (error) {
    return { reason: `Cannot look for "${command}": ${error instanceof Error ? error.message : String(error)}`, hint: platform.permissionHint(error) };
  }
}

function searchPath(environment: ReadonlyMap<string, string>): string[] {
  const path = environment.get("PATH") ?? process.env["PATH"] ?? "";
  return path.split(delimiter).filter((folder) => folder !== "");
}

async function executable(path: string): Promise<"yes" | "no" | "absent"> {
  try {
    if (!(await stat(path)).isFile()) return "absent";
  } catch (error) {
    if (platform.permissionHint(error) !== undefined) throw error;
    return "absent";
  }
  try {
    await access(path, constants.X_OK);
    return "yes";
  } catch {
    return "no";
  }
}
