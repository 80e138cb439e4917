/** `reeve install FILE`: a unit of systemd that runs the tree of a file. */
import { execFile } from "node:child_process";
import { chmod, lstat, mkdir, readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, isAbsolute, join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { cleanText, codeOf, thrownMessage, VERSION } from "../../base/mod.ts";
import { ConfigError, type LoadedConfig, loadFile, readForeignDocument } from "../../config/mod.ts";
import { platform } from "../../platform/mod.ts";
import { DEFAULTS, type TreeSpec } from "../../spec/mod.ts";
import { exitCodeOf, printRefusal } from "../file_problems.ts";
import { stopBudgetMs } from "../install/budget.ts";
import { denoFlags, everyChild, limitsCpu } from "../install/flags.ts";
import { MARK, unitText } from "../install/unit.ts";
import { type CommandIo, EXIT } from "../io.ts";

/** Arguments of {@linkcode install}. */
export interface InstallArgs {
  /** The file of the tree. */
  readonly file: string;
  /** Whether it is a unit of the user, instead of one of the system. */
  readonly user: boolean;
  /** Name of the unit; that of the tree where absent. */
  readonly name?: string | undefined;
  /** Whether the unit is only printed. */
  readonly print: boolean;
  /** Whether it is started with the machine from now on. */
  readonly enable: boolean;
  /** Whether a file may be replaced that was not made here. @default {false} */
  readonly force?: boolean | undefined;
}

/** What surrounds the command; for tests. */
export interface InstallSurroundings {
  /** The operating system. */
  readonly system: string;
  /** Which runtime runs the command. */
  readonly runtime: "deno" | "node";
  /** Whole path of the runtime. */
  readonly runtimePath: string;
  /** What the runtime runs: a file, or a URL; nothing where both are one file. */
  readonly entry: string;
  /** `PATH` as it is now. */
  readonly path: string;
  /** Folder for units of the system. */
  readonly systemFolder: string;
  /** Folder for units of the user. */
  readonly userFolder: string;
  /** Runs systemctl; rejects with what it says. */
  readonly systemctl: (args: readonly string[]) => Promise<void>;
}

/** Variables that every unit has. */
const OF_SYSTEMD: readonly string[] = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "XDG_RUNTIME_DIR"];

/** Thrown where no unit can be made. */
class NotInstalled extends Error {
  override readonly name = "NotInstalled";
}

/** Writes or prints the unit; returns 0, 1 when the file has violations, 2 when the unit cannot be written. */
export async function install(args: InstallArgs, io: CommandIo, surroundings: InstallSurroundings = ownSurroundings()): Promise<number> {
  const { file, user, print, enable } = args;
  try {
    const loaded = await loadFile(file);
    const name = nameOf(args.name ?? (loaded.spec.name ?? DEFAULTS.treeName).trim().replace(/[^A-Za-z0-9_.-]+/g, "-"));
    const text = await unitOf({ ...args, file: resolve(file) }, name, loaded, surroundings);
    if (print) {
      io.stdout(text);
      return EXIT.clean;
    }
    if (surroundings.system !== "linux") throw new NotInstalled("systemd is for Linux; --print shows the unit");
    const folder = user ? surroundings.userFolder : surroundings.systemFolder;
    const path = join(folder, `${name}.service`);
    await write(path, text, args.force === true);
    remark(loaded.spec, text, surroundings, io);
    const { variables } = await namedIn(loaded.files);
    const given = variables.filter((variable) => !OF_SYSTEMD.includes(variable) && process.env[variable] !== undefined);
    if (given.length > 0) io.stderr(`reeve: a unit has no variables of yours: give it ${given.join(", ")} by Environment= in a drop-in\n`);
    io.stdout(`${cleanText(path)} is written.\n`);
    if (enable) {
      await surroundings.systemctl([...user ? ["--user"] : [], "daemon-reload"]);
      await surroundings.systemctl([...user ? ["--user"] : [], "enable", `${name}.service`]);
    }
    io.stdout(nextSteps(name, { user, enable }));
    return EXIT.clean;
  } catch (error) {
    if (error instanceof ConfigError) {
      printRefusal(error, file, io);
      return exitCodeOf(error);
    }
    const hint = platform.permissionHint(error);
    if (!(error instanceof NotInstalled) && codeOf(error) === undefined && hint === undefined) throw error;
    const further = hint ?? (codeOf(error) === "EACCES" ? "Only root may write there; --user makes a unit of your own" : undefined);
    io.stderr(cleanText(`reeve: Cannot install "${file}": ${thrownMessage(error)}${further === undefined ? "" : `. ${further}`}`));
    io.stderr("\n");
    return EXIT.unusable;
  }
}

function nextSteps(name: string, { user, enable }: { readonly user: boolean; readonly enable: boolean }): string {
  const systemctl = user ? "systemctl --user" : "systemctl";
  const steps = [
    ...enable ? [] : [`${systemctl} daemon-reload`],
    enable ? `${systemctl} start ${name}` : `${systemctl} enable --now ${name}`,
    `${systemctl} status ${name}`,
    `journalctl ${user ? "--user " : ""}-u ${name} -f`,
    ...user ? ["loginctl enable-linger   # so that it runs without you being logged in"] : [],
  ];
  return `Next:\n${steps.map((step) => `  ${step}\n`).join("")}`;
}

/** Whoever installs should know what is going to be different from running it by hand. */
function remark(spec: TreeSpec, text: string, { runtimePath, entry }: InstallSurroundings, io: CommandIo): void {
  if (/[\\/]_npx[\\/]/.test(`${runtimePath} ${entry}`)) {
    io.stderr(
      "reeve: the unit runs a program out of the cache of npx, which may be emptied: install it, and run reeve install by that one\n",
    );
  }
  if (!/^User=root$/m.test(text)) return;
  const why = needsRoot(spec) ? "since a child has a uid of its own" : "since root owns the file; another owner of the file changes that";
  io.stderr(`reeve: the unit runs as root, ${why}\n`);
}

/** What systemd takes as a name, without the parts that mean something else in it. */
function nameOf(text: string): string {
  const name = text.replace(/\.service$/, "");
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$/.test(name)) return name;
  const reason = `"${name}" is no name of a unit, must be letters, digits, "_", "." and "-"; --name gives another one`;
  throw new NotInstalled(reason);
}

async function unitOf(
  { file, user }: InstallArgs,
  name: string,
  loaded: LoadedConfig,
  surroundings: InstallSurroundings,
): Promise<string> {
  const { spec } = loaded;
  const { uid, gid } = await stat(file);
  const command = await commandOf(file, loaded, surroundings);
  const folder = dirname(file);
  const strange = [...command, folder].find((word) => /[\p{Cc}\u2028\u2029]/u.test(word));
  if (strange !== undefined) throw new NotInstalled(`"${strange}" has a character that a unit cannot have`);
  return unitText({
    description: `${spec.name ?? name}, kept alive by Reeve`,
    command,
    folder,
    name,
    stopMs: stopBudgetMs(spec),
    user,
    ids: uid === 0 || needsRoot(spec) ? null : { uid, gid },
    path: await pathFor(spec, surroundings),
    reloadSignal: signalFor("reload", loaded),
    stopSignal: signalFor("graceful", loaded) ?? "SIGTERM",
    limitsCpu: limitsCpu(spec.children),
  });
}

/** The signal that does something according to the file; SIGTERM where it is one of several. */
function signalFor(action: "reload" | "graceful", { signals }: LoadedConfig): string | null {
  const names = Object.entries(signals).filter(([, does]) => does === action).map(([name]) => name);
  return names.includes("SIGTERM") ? "SIGTERM" : names[0] ?? null;
}

async function commandOf(file: string, loaded: LoadedConfig, surroundings: InstallSurroundings): Promise<string[]> {
  const { runtime, runtimePath, entry } = surroundings;
  if (entry === "") return [runtimePath, "run", file];
  // What npm puts into a folder of programs is a link to the file.
  const whole = isAbsolute(entry) ? await realpath(entry) : entry;
  if (runtime === "node") return [runtimePath, whole, "run", file];
  const flags = denoFlags({ loaded, ...await namedIn(loaded.files) });
  // The socket of a run has the number of its process in its name, so that no flag can name it beforehand.
  const socket = loaded.dashboard === null && !loaded.dashboardOff ? ["--no-socket"] : [];
  return [runtimePath, "run", ...flags, whole, "run", file, ...socket];
}

/** What the texts of the files name that is not in what they become. */
async function namedIn(files: readonly string[]): Promise<{ readonly variables: string[]; readonly secretFolders: string[] }> {
  const variables = new Set<string>();
  const secretFolders = new Set<string>();
  for (const file of files) {
    const text = await readFile(file, "utf8");
    for (const [, name = ""] of text.matchAll(/(?<!\$)\$\{([A-Za-z_][A-Za-z0-9_]*)/g)) variables.add(name);
    // Keys of secrets can be names of variables.
    for (const [, key = ""] of text.matchAll(/\bkey["']?\s*:\s*["']?([A-Za-z_][A-Za-z0-9_]*)/g)) variables.add(key);
    const document = readForeignDocument(text);
    const store = "raw" in document ? document.raw["secret_store"] : undefined;
    if (typeof store !== "object" || store === null || !("path" in store) || typeof store.path !== "string") continue;
    secretFolders.add(resolve(dirname(file), store.path));
  }
  return { variables: [...variables], secretFolders: [...secretFolders] };
}

/** Where systemd looks for commands by itself. */
const USUAL_PATH = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** The usual `PATH` with the folders before it in which commands of the file are found now; `null` where nothing must be added. */
async function pathFor(spec: TreeSpec, { path }: InstallSurroundings): Promise<string | null> {
  const now = path.split(delimiter).filter((folder) => isAbsolute(folder));
  const added = new Set<string>();
  for (const command of new Set(commandsOf(spec))) {
    if (await folderWith(command, USUAL_PATH) !== undefined) continue;
    const folder = await folderWith(command, now);
    if (folder !== undefined) added.add(folder);
  }
  return added.size === 0 ? null : [...added, ...USUAL_PATH].join(delimiter);
}

async function folderWith(command: string, folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    const isThere = await stat(join(folder, command)).then((found) => found.isFile() && (found.mode & 0o111) !== 0, () => false);
    if (isThere) return folder;
  }
  return undefined;
}

/** Commands that are looked up in `PATH`. */
function commandsOf(spec: TreeSpec): string[] {
  const all = everyChild(spec.children).flatMap(({ run, readiness, healthCheck, hooks = {} }) => [
    ...run.kind === "process" && run.shell !== true ? [run.command] : [],
    ...[readiness, healthCheck].flatMap((probe) => probe?.mode === "exec" ? [probe.command] : []),
    ...[hooks.beforeStart, hooks.afterStart, hooks.beforeStop, hooks.afterExit].flatMap((hook) => hook === undefined ? [] : [hook.command]),
  ]);
  return all.filter((command) => !command.includes("/"));
}

function needsRoot(spec: TreeSpec): boolean {
  return everyChild(spec.children).some(({ run }) => run.kind === "process" && run.uid !== undefined);
}

/** Puts the unit in its place at once; what somebody else wrote stays. */
async function write(path: string, text: string, force: boolean): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  if (!force && !await isOurs(path)) {
    throw new NotInstalled(`"${path}" is there and was not made by reeve install; --force replaces it, --name gives another name`);
  }
  const beside = `${path}.${process.pid}.new`;
  try {
    await writeFile(beside, text, { flag: "wx", mode: 0o644 });
    // Whatever the umask says: everybody may know how a service is run.
    await chmod(beside, 0o644);
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

/** Whether the place is free, or has a unit that was made here. */
async function isOurs(path: string): Promise<boolean> {
  try {
    if (!(await lstat(path)).isFile()) return false;
    return (await readFile(path, "utf8")).startsWith(`${MARK}\n`);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return true;
    throw error;
  }
}

function ownSurroundings(): InstallSurroundings {
  const { PATH = "", HOME = homedir(), XDG_CONFIG_HOME = "" } = process.env;
  const config = isAbsolute(XDG_CONFIG_HOME) ? XDG_CONFIG_HOME : join(HOME, ".config");
  return {
    system: process.platform,
    runtime: platform.name,
    runtimePath: process.execPath,
    entry: platform.isOneFile ? "" : entryOf(process.argv[1] ?? ""),
    path: PATH,
    systemFolder: "/etc/systemd/system",
    userFolder: join(config, "systemd", "user"),
    systemctl: (args) =>
      new Promise((done, failed) => {
        execFile("systemctl", [...args], (error, _, stderr) => {
          if (error === null) done();
          else failed(new NotInstalled(`systemctl ${args.join(" ")} says: ${stderr.trim() === "" ? error.message : stderr.trim()}`));
        });
      }),
  };
}

/** What came from a registry is named by its version, and not by where it lay. */
function entryOf(main: string): string {
  if (main.startsWith("file:")) return fileURLToPath(main);
  return /^https?:/.test(main) ? `jsr:@reeve/supervisor@${VERSION}/cli` : main;
}
