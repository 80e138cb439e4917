/** How a test finds modules and starts programs: Deno runs the sources, Node what was built from them. */
import { fileURLToPath } from "node:url";

const isBuilt = !import.meta.url.endsWith(".ts");
const SOURCES = new URL("../../", import.meta.url);

/** The folder with the examples: that of the project, or that of the package. */
export const ROOT: URL = isBuilt ? new URL("../", SOURCES) : SOURCES;

/** The URL of a module, named without its extension from the folder of the project. */
export function moduleUrl(name: string): string {
  return new URL(`${name}${isBuilt ? ".js" : ".ts"}`, SOURCES).href;
}

/** The arguments with which the runtime runs a program; the flags are for Deno. */
export function programArgs(file: string, flags: readonly string[] = []): string[] {
  if (isBuilt) return [file];
  // Without any flag about permissions, node:child_process of Deno would give all of them to a Deno that it starts.
  return ["run", "--no-prompt", "--deny-ffi", "--config", fileURLToPath(new URL("deno.json", ROOT)), ...flags, file];
}

/** The same arguments with nothing denied: Deno opens `/proc` to nobody else. */
export function denyingNothing(args: readonly string[]): string[] {
  return args.filter((flag) => !flag.startsWith("--deny"));
}

/** The arguments with which the runtime runs `reeve ARGS`. */
export function reeveArgs(args: readonly string[], flags: readonly string[] = ["-A"]): string[] {
  return [...programArgs(fileURLToPath(moduleUrl("src/cli/bin")), flags), ...args];
}
