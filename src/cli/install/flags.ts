/** Which permissions of Deno a file needs, and no more. */
import { statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { LoadedConfig } from "../../config/mod.ts";
import { privateFolder } from "../../platform/mod.ts";
import type { ChildSpec } from "../../spec/mod.ts";

/** What is known of a file. */
export interface FlagSource {
  readonly loaded: LoadedConfig;
  /** Variables that the file names in placeholders and secrets. */
  readonly variables: readonly string[];
  /** Folders from which secrets come. */
  readonly secretFolders: readonly string[];
}

/** What the command asks the environment for, whatever runs. */
const OWN_VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "NODE_V8_COVERAGE", "XDG_RUNTIME_DIR", "HOME", "NO_COLOR", "TERM"];

/** The flags for `deno run`. */
export function denoFlags({ loaded, variables, secretFolders }: FlagSource): string[] {
  const { spec, dashboard, exporters, files } = loaded;
  // Deno opens the files of the kernel in which shares of a processor are set to nobody with less.
  if (limitsCpu(spec.children)) return ["--no-prompt", "--allow-all"];
  const reads = new Set([...files.map((file) => dirname(file)), ...secretFolders]);
  const writes = new Set<string>();
  const nets = new Set<string>();
  const note = (path: string | undefined): void => {
    if (path === undefined) return;
    reads.add(dirname(path));
    writes.add(dirname(path));
  };
  let runsProcesses = false;
  let asksWho = false;
  for (const child of everyChild([...spec.children, ...spec.templates ?? []])) {
    note(child.logs?.file);
    // A single file is watched by the folder around it.
    for (const path of child.watch?.paths ?? []) {
      reads.add(statSync(path, { throwIfNoEntry: false })?.isFile() === true ? dirname(path) : path);
    }
    for (const probe of [child.readiness, child.healthCheck]) {
      if (probe?.mode === "exec") runsProcesses = true;
      if (probe?.mode === "http" || probe?.mode === "tcp") nets.add(hostAndPort(probe.host ?? "127.0.0.1", probe.port));
    }
    const { run } = child;
    if (run.kind === "process") {
      runsProcesses = true;
      asksWho ||= run.uid !== undefined;
      if (run.cwd !== undefined) reads.add(run.cwd);
      if (run.envFile !== undefined) reads.add(dirname(run.envFile));
    } else if (run.kind === "module" || run.kind === "worker") reads.add(dirname(fileURLToPath(run.url)));
  }
  note(spec.observability?.journal?.path);
  note(spec.audit?.filePath);
  note(spec.state?.path);
  if (dashboard !== null) {
    note(dashboard.path);
    // Every folder above the socket is looked at, whether others may write there.
    reads.add("/");
    nets.add(`unix:${join(privateFolder(dashboard.path), "s")}`);
    if (dashboard.registration !== undefined) nets.add(`unix:${dashboard.registration.relayRegistrationPath}`);
  }
  const { prometheus, otlp } = exporters;
  if (prometheus !== undefined) nets.add(prometheus.listen);
  if (otlp !== undefined) nets.add(placeOfUrl(otlp.endpoint));
  const isOpen = runsProcesses || otlp !== undefined;
  return [
    "--no-prompt",
    reads.has("/") ? "--allow-read" : listed("--allow-read", outermost(reads)),
    ...writes.size === 0 ? [] : [listed("--allow-write", outermost(writes))],
    // Children inherit the environment as a whole, and what runs others can do what they can.
    isOpen ? "--allow-env" : listed("--allow-env", [...new Set([...OWN_VARIABLES, ...variables])]),
    runsProcesses ? "--allow-run" : "--allow-run=systemd-notify",
    ...nets.size === 0 ? [] : [listed("--allow-net", [...nets])],
    ...otlp !== undefined ? ["--allow-sys"] : asksWho ? ["--allow-sys=uid"] : [],
  ];
}

/** Whether a child has a share of a processor. */
export function limitsCpu(children: readonly ChildSpec[]): boolean {
  return everyChild(children).some(({ resourceLimits }) => typeof resourceLimits?.maxCpuPercent === "number");
}

/** A path with a comma would be two in a flag. */
function listed(flag: string, values: readonly string[]): string {
  return values.some((value) => value.includes(",")) ? flag : `${flag}=${values.join(",")}`;
}

/** Folders that are in none of the others. */
function outermost(folders: Iterable<string>): string[] {
  const all = [...new Set(folders)].sort();
  return all.filter((folder) => !all.some((other) => other !== folder && isBelow(folder, other)));
}

function isBelow(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== "" && way !== ".." && !way.startsWith("../");
}

/** All children of a tree, however deep. */
export function everyChild(children: readonly ChildSpec[]): ChildSpec[] {
  return children.flatMap((child) => child.run.kind === "supervisor" ? [child, ...everyChild(child.run.children)] : [child]);
}

function hostAndPort(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function placeOfUrl(text: string): string {
  if (!URL.canParse(text)) return text;
  const { hostname, port, protocol } = new URL(text);
  return `${hostname}:${port === "" ? (protocol === "https:" ? 443 : 80) : port}`;
}
