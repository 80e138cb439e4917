/** What the machine and the runtime have. */
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { VERSION } from "../../base/mod.ts";
import { platform } from "../../platform/mod.ts";
import { findCpuGroups } from "../../runtime/mod.ts";
import { everyChild, limitsCpu } from "../install/flags.ts";
import { ask } from "./ask.ts";
import { type Check, fine, type Patient, unknown, warning, wrong } from "./types.ts";

/** Runtime and version. */
export const runtime: Check = () => {
  const name = `reeve ${VERSION} in ${
    platform.name === "deno" ? "Deno" : "Node"
  } ${platform.version} on ${process.platform} ${process.arch}${platform.isOneFile ? ", as one file" : ""}`;
  return platform.tooOld === undefined ? fine("runtime", name) : wrong("runtime", name, platform.tooOld);
};

/** Descriptors of the program for each process, and for itself. */
const PER_PROCESS = 3;
const OWN = 64;

/** How many files may be open, against what the file starts. */
export const openFiles: Check = async (patient) => {
  const text = (await ask("/bin/sh", "-c", "ulimit -n"))?.trim();
  if (text === undefined) return unknown("open files", "the limit cannot be read", "Allow /bin/sh to be run");
  const count = processesOf(patient);
  const needed = OWN + PER_PROCESS * count;
  const found = `${text} may be open, ${count === 0 ? "no processes are declared" : `${count} processes need about ${needed}`}`;
  const limit = text === "unlimited" ? Infinity : Number(text);
  if (limit >= needed && limit >= LEAST_FILES) return fine("open files", found);
  const fix = `Raise it: ulimit -n ${Math.max(4_096, 2 * needed)}, or LimitNOFILE= in the unit`;
  return limit < needed ? wrong("open files", found, fix) : warning("open files", found, fix);
};

const LEAST_FILES = 256;

function processesOf({ file }: Patient): number {
  const children = file === null ? [] : everyChild(file.loaded.spec.children);
  return children.reduce((sum, { run, instances = 1 }) => run.kind === "process" ? sum + instances : sum, 0);
}

/** How it is seen what processes take, and what they leave behind. */
export const processTable: Check = async () => {
  if (platform.readsProc()) return fine("processes", "/proc can be read");
  if (await ask("ps", "-o", "pid=", "-p", `${process.pid}`) !== null) {
    return fine("processes", "ps can be run; what a process leaves outside of its group and then ends by itself only /proc tells");
  }
  const fix = platform.name === "deno" ? "Add --allow-run=ps --allow-env, or --allow-all for /proc" : "Install ps (procps)";
  return warning("processes", "neither /proc nor ps can be used: nobody sees what processes take, and what they leave behind", fix);
};

/** What limits the open files of a child. */
export const prlimit: Check = async ({ file }) => {
  const users = everyChild(file?.loaded.spec.children ?? []).filter(({ resourceLimits }) =>
    typeof resourceLimits?.maxFileDescriptors === "number"
  );
  if (await ask("prlimit", "--version") !== null) return fine("prlimit", "it can be run");
  if (file !== null && users.length === 0) return fine("prlimit", "it cannot be run, and no child needs it");
  const fix = platform.mayRun("prlimit") ? "Install util-linux; only Linux has it" : "Add --allow-run=prlimit --allow-env";
  const [first] = users;
  return first === undefined
    ? warning("prlimit", "it cannot be run: max_file_descriptors has no effect", fix)
    : wrong("prlimit", `it cannot be run, and "${first.name}" has max_file_descriptors`, fix);
};

/** What limits the share of a processor. */
export const cgroup: Check = ({ file }) => {
  const isNeeded = limitsCpu(file?.loaded.spec.children ?? []);
  // Making one is the only way to find out.
  if (!isNeeded) return fine("cgroup", "no child has max_cpu_percent");
  const groups = findCpuGroups();
  if (!("reason" in groups)) return fine("cgroup", `groups can be made in ${groups.folder}`);
  return wrong("cgroup", `max_cpu_percent has no effect: ${groups.reason}`, "Run it as a unit with Delegate=cpu: reeve install writes one");
};

/** Whether systemd can be told how the tree is. */
export const systemdNotify: Check = async () => {
  const isAsked = platform.permits("env", "NOTIFY_SOCKET") && process.env["NOTIFY_SOCKET"] !== undefined;
  if (await ask("systemd-notify", "--version") !== null) {
    return fine("systemd", `systemd-notify can be run${isAsked ? ", and a unit waits for it" : ""}`);
  }
  const fix = platform.mayRun("systemd-notify") ? "Install systemd-notify" : "Add --allow-run=systemd-notify";
  if (isAsked) return wrong("systemd", "a unit waits to be told, and systemd-notify cannot be run", fix);
  return fine("systemd", "systemd-notify cannot be run; only a unit of systemd with Type=notify needs it");
};

/** Whether the kernel tells who connects. */
export const peerCredentials: Check = async () => {
  const check = "peers";
  let folder: string | undefined;
  try {
    folder = await mkdtemp(join(tmpdir(), "reeve-doctor-"));
    const path = join(folder, "s");
    if (!platform.permits("net", `unix:${path}`) && platform.name === "deno" && !platform.permits("net")) {
      return unknown(check, "no socket may be opened to try it", "Add --allow-net");
    }
    const listener = await platform.listenUnix(path, { peers: true });
    const { tellsPeers } = listener;
    await listener.close();
    if (tellsPeers) return fine(check, "the kernel tells who connects to a socket");
    const found = "nobody tells who connects to a socket: rules for users and groups cannot be kept, the folder of the socket is the lock";
    return warning(check, found, platform.peerCredentialsHint);
  } catch (error) {
    return unknown(check, `it cannot be tried: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
};

/** Two moments between which a zone with summer time differs from itself. */
const [WINTER, SUMMER] = [Date.UTC(2026, 0, 1), Date.UTC(2026, 6, 1)];

/** Whether schedules in a zone come at the right hour. */
export const timeZones: Check = () => {
  const check = "time zones";
  const hourIn = (at: number): string =>
    new Intl.DateTimeFormat("en", { timeZone: "Europe/Berlin", hour: "2-digit", hour12: false }).format(at);
  try {
    if (hourIn(WINTER) === hourIn(SUMMER)) throw new RangeError("summer time is not known");
  } catch (error) {
    return wrong(check, `zones are not known: ${error instanceof Error ? error.message : ""}`, "Use a runtime with the full data of ICU");
  }
  const own = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (own === undefined || own === "Etc/Unknown") return warning(check, "the zone of this machine is not known", "Set TZ, such as TZ=UTC");
  return fine(check, `zones are known; this machine is in ${own}`);
};

/** How long the clocks are compared, and by how much they may differ, in milliseconds. */
const COMPARED_MS = 300;
const DRIFT_MS = 100;
/** The clock of a machine without a battery begins in 1970. */
const EARLIEST = Date.UTC(2026, 0, 1);
const AHEAD_MS = 60_000;

/** How far the two clocks are apart, in milliseconds; of several looks the one that was disturbed least. */
function offsetNow(): number {
  let [best, offset] = [Infinity, 0];
  for (let look = 0; look < 20 && best > 1; look++) {
    const [before, wall, after] = [performance.now(), Date.now(), performance.now()];
    if (after - before < best) [best, offset] = [after - before, wall - before];
  }
  return offset;
}

/** Whether the clock on the wall goes as it should: schedules, ages of files and times in logs depend on it. */
export const clock: Check = async ({ file }) => {
  const check = "clock";
  const before = offsetNow();
  await new Promise((resolve) => setTimeout(resolve, COMPARED_MS));
  const jumped = Math.round(offsetNow() - before);
  const fix = "Let one service set the clock, slowly: chrony, or systemd-timesyncd";
  if (Date.now() < EARLIEST) return wrong(check, `it says ${new Date().toISOString()}`, fix);
  if (Math.abs(jumped) > DRIFT_MS) return warning(check, `it jumped by ${jumped} ms while it was looked at`, fix);
  const changed = file === null ? undefined : await stat(file.path).catch(() => undefined);
  if (changed !== undefined && changed.mtimeMs > Date.now() + AHEAD_MS) return warning(check, "the file was changed in the future", fix);
  return fine(check, "it goes evenly");
};

/** All of them, in the order in which they are told. */
export const MACHINE: readonly Check[] = [
  runtime,
  openFiles,
  processTable,
  prlimit,
  cgroup,
  peerCredentials,
  systemdNotify,
  timeZones,
  clock,
];
