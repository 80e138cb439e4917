/** Which permissions of Deno are there, and what the others are for. */
import { type PermissionKind, platform } from "../../platform/mod.ts";
import { denoFlags } from "../install/flags.ts";
import { type Check, type Finding, fine, warning, wrong } from "./types.ts";

const PURPOSES: readonly (readonly [PermissionKind, string])[] = [
  ["read", "files, modules, and the folders of sockets"],
  ["write", "sockets, journal, audit, state and logs"],
  ["run", "processes, exec probes, systemd-notify and ps"],
  ["env", "placeholders, and the environment of processes"],
  ["net", "http and tcp probes, sockets, health and metrics over HTTP"],
  ["ffi", "who connects to a socket"],
  ["sys", "user ids of processes, and how much room disks have"],
];

/** What is not there as a whole; with a file, whether what it needs is there. */
export const permissions: Check = ({ file }) => {
  const check = "permissions";
  const missing = PURPOSES.filter(([kind]) => !platform.permits(kind));
  if (missing.length === 0) return fine(check, platform.name === "deno" ? "all are given" : "Node keeps nothing back");
  const listed = missing.map(([kind, purpose]) => `${flagOf(kind)} (${purpose})`).join(", ");
  if (file === null) {
    return warning(check, `not given, or not as a whole: ${listed}`, "Add those whose purpose you need; with FILE it is said which");
  }
  const needed = neededBy(denoFlags({ loaded: file.loaded, variables: [], secretFolders: [] }));
  const refused = needed.filter(([kind, what]) => !platform.permits(kind, what));
  if (refused.length === 0) return fine(check, `all that the file needs are given; not as a whole: ${listed}`);
  return refused.map(([kind, what]): Finding => {
    const flag = `${flagOf(kind)}${what === undefined ? "" : `=${what}`}`;
    const purpose = PURPOSES.find(([other]) => other === kind)?.[1] ?? "";
    const isVital = kind !== "env" || what === undefined;
    const found = `${flag} is not given: ${purpose}`;
    const fix = platform.name === "deno" ? `Add ${flag}` : "Allow it: see --permission of Node";
    return isVital ? wrong(check, found, fix) : warning(check, found, fix);
  });
};

function flagOf(kind: PermissionKind): string {
  return `--allow-${kind}`;
}

/** What flags such as `--allow-net=a,b` give, one by one. */
function neededBy(flags: readonly string[]): (readonly [PermissionKind, string | undefined])[] {
  if (flags.includes("--allow-all")) return PURPOSES.map(([kind]) => [kind, undefined] as const);
  return flags.flatMap((flag) => {
    const [, name, list] = /^--allow-(\w+)(?:=(.*))?$/.exec(flag) ?? [];
    const kind = PURPOSES.find(([other]) => other === name)?.[0];
    return kind === undefined ? [] : (list?.split(",") ?? [undefined]).map((what) => [kind, what] as const);
  });
}
