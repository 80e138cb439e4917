/** C9: what a child that is added over the socket may run. What the program registered under a name, and tasks of its own, need not be on the list. */
import { fileURLToPath } from "node:url";
import { type WireError, wireError } from "../../protocol/mod.ts";
import type { ChildSpec } from "../../spec/mod.ts";
import type { SecuritySettings } from "./settings.ts";

/** What runs a command line. */
const SHELL = "/bin/sh";

/** Variables that make a program, or what a script starts by name, run something else: those of the linker, of shells, and of what runs scripts. */
const LOADERS =
  /^(LD_|DYLD_|BASH_FUNC_|(PATH|IFS|ENV|BASH_ENV|SHELLOPTS|PS4|GCONV_PATH|NODE_OPTIONS|NODE_PATH|PYTHON(PATH|HOME|STARTUP|USERBASE)|PERL5?(OPT|LIB|DB)|RUBY(OPT|LIB)|(JDK)?_?JAVA_(TOOL_)?OPTIONS|CLASSPATH|LUA_INIT|PHPRC)$)/;

/** Refuses a declaration that would run what is not on the list. */
export function refuseProgram({ enabled, allowedPaths }: SecuritySettings["allowlist"], spec: ChildSpec): WireError | null {
  if (!enabled) return null;
  const loader = loaderIn(spec);
  if (loader !== undefined) {
    return wireError("allowlist_denied", `the variable ${loader} may not be set: it makes a program run something else`);
  }
  for (const program of programsOf(spec)) {
    if (allowedPaths.includes(program)) continue;
    return allowedPaths.length === 0
      ? wireError("allowlist_empty", `"${program}" may not run: allowlist.allowed_paths is empty`)
      : wireError("allowlist_denied", `"${program}" may not run: it is not in allowlist.allowed_paths`);
  }
  return null;
}

/** Everything that a child, its probes and its own children run. */
function* programsOf({ run, readiness, healthCheck }: ChildSpec): Iterable<string> {
  if (run.kind === "process") yield run.shell === true ? SHELL : run.command;
  if (run.kind === "module" || run.kind === "worker") yield pathOf(run.url);
  if (run.kind === "supervisor") { for (const child of run.children) yield* programsOf(child); }
  if (readiness?.mode === "exec") yield readiness.command;
  if (healthCheck?.mode === "exec") yield healthCheck.command;
}

function loaderIn({ run, environment = [] }: ChildSpec): string | undefined {
  const own = environment.find(({ name }) => LOADERS.test(name))?.name;
  if (own !== undefined || run.kind !== "supervisor") return own;
  return run.children.map(loaderIn).find((name) => name !== undefined);
}

/** A path as it is without detours; what is no file keeps its name, which is on no list. */
function pathOf(url: string): string {
  try {
    return fileURLToPath(url);
  } catch {
    return url;
  }
}
