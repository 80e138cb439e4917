/** Limits on what a process may use: what can be limited here, and the command that does it. */
import { execFile } from "node:child_process";
import process from "node:process";
import { cleanText } from "../../base/mod.ts";
import { platform } from "../../platform/mod.ts";
import type { ResourceLimits } from "../../spec/mod.ts";
import { type CpuGroup, type CpuGroups, findCpuGroups, makeCpuGroup } from "./cpu_group.ts";
import { Processes, systemProcesses } from "./process_table.ts";

/** A limit that cannot be kept here. */
export interface LimitRefusal {
  readonly rule: "unsupported_limit";
  /** Which one. */
  readonly key: keyof ResourceLimits;
  readonly reason: string;
  readonly hint: string;
}

/** Who runs under the limits. */
export interface LimitedUser {
  readonly uid?: number;
  readonly gid?: number;
  /** The child's own `PATH`, by which its commands are found. @default {that of the program} */
  readonly path?: string;
}

/** What the system can do; tests put something else in its place. */
export interface LimitFacts {
  /** Why nobody can be run with so many open files, `null` where that works. */
  filesReason(count: number, user: LimitedUser): Promise<{ readonly reason: string; readonly hint: string } | null>;
  /** Why memory cannot be measured, `null` where it can. */
  memoryReason(): Promise<string | null>;
  /** Where the share of a processor can be limited. */
  cpuGroups(): CpuGroups;
}

/** A command that runs another one under limits. */
export interface WrappedCommand {
  readonly file: string;
  readonly argv: readonly string[];
  /** To be called when the process has ended, and everything it started. */
  release(): void;
}

/** Says which limit cannot be kept, or `null`. What it found out is remembered: make one for each check of a tree. */
export function limitChecker(
  facts: LimitFacts = systemFacts(),
): (limits: ResourceLimits, user?: LimitedUser) => Promise<LimitRefusal | null> {
  const files = new Map<string, ReturnType<LimitFacts["filesReason"]>>();
  let memory: Promise<string | null> | undefined;
  let cpu: CpuGroups | undefined;
  return async ({ maxFileDescriptors, maxMemoryMb, maxCpuPercent }, user = {}) => {
    const rule = "unsupported_limit";
    if (isSet(maxFileDescriptors)) {
      const key = JSON.stringify([maxFileDescriptors, user]);
      const asked = files.get(key) ?? facts.filesReason(maxFileDescriptors, user);
      files.set(key, asked);
      const found = await asked;
      if (found !== null) return { rule, key: "maxFileDescriptors", ...found };
    }
    if (isSet(maxMemoryMb)) {
      const reason = await (memory ??= facts.memoryReason());
      if (reason !== null) return { rule, key: "maxMemoryMb", reason: `Cannot measure memory: ${reason}`, hint: MEMORY_HINT };
    }
    if (!isSet(maxCpuPercent)) return null;
    cpu ??= facts.cpuGroups();
    const reason = "reason" in cpu ? cpu.reason : user.uid !== undefined ? "a process of another user cannot enter the group" : null;
    return reason === null
      ? null
      : { rule, key: "maxCpuPercent", reason: `Cannot limit the share of a processor: ${reason}`, hint: CPU_HINT };
  };
}

const MEMORY_HINT = "Leave maxMemoryMb out, or let the program read /proc or run ps";
const CPU_HINT =
  "Leave maxCpuPercent out, or run the program as a unit of systemd 254 or newer with Delegate=cpu and DelegateSubgroup=reeve, in Deno with --allow-all";

/**
 * Wraps a command so that it runs under the limits; what has none is left as it is. The process that is started becomes the command, so that its number
 * stays. Must be the outermost: the limits may need rights that the command has not. Throws where the group cannot be made.
 */
export function wrapCommand(
  limits: ResourceLimits,
  file: string,
  argv: readonly string[],
  groups: () => CpuGroups = cpuGroups,
): WrappedCommand {
  const { maxFileDescriptors, maxCpuPercent } = limits;
  const limited = isSet(maxFileDescriptors) ? ["prlimit", filesOption(maxFileDescriptors), "--", file, ...argv] : [file, ...argv];
  const group = isSet(maxCpuPercent) ? newGroup(groups(), maxCpuPercent) : null;
  const [first = file, ...rest] = group === null ? limited : ["/bin/sh", "-c", ENTER, group.folder, ...limited];
  return { file: first, argv: rest, release: () => group?.remove() };
}

/** Enters the group and becomes the command. */
const ENTER = 'echo $$ >"$0/cgroup.procs" && exec "$@"';

let found: CpuGroups | undefined;
let made = 0;

/** Where groups can be made does not change while a program runs. */
function cpuGroups(): CpuGroups {
  return found ??= findCpuGroups();
}

function newGroup(groups: CpuGroups, percent: number): CpuGroup {
  if ("reason" in groups) throw new Error(`Cannot limit the share of a processor: ${groups.reason}`);
  return makeCpuGroup(groups.folder, `${process.pid}-${++made}`, percent);
}

function isSet(limit: number | null | undefined): limit is number {
  return limit !== null && limit !== undefined;
}

function filesOption(count: number): string {
  return `--nofile=${count}:${count}`;
}

// --- what the system can do --------------------------------------------------------------------------------------------------------------

function systemFacts(): LimitFacts {
  return { filesReason, memoryReason, cpuGroups };
}

async function memoryReason(): Promise<string | null> {
  const look = await systemProcesses().look();
  return look instanceof Processes ? null : look.reason;
}

/** Longest time in milliseconds of the attempt. */
const TRY_MS = 5_000;

/** Runs a command that does nothing under that limit: who may raise it, and how far, only the system knows. */
function filesReason(count: number, { uid, gid, path }: LimitedUser): Promise<{ readonly reason: string; readonly hint: string } | null> {
  if (!platform.mayRun("prlimit")) {
    const hint = platform.name === "deno" ? "Add --allow-run=prlimit to the command" : "Allow child processes";
    return Promise.resolve({ reason: "Cannot limit open files: prlimit may not be run", hint });
  }
  const env = { PATH: path ?? process.env["PATH"], LC_ALL: "C" };
  const options = { env, timeout: TRY_MS, killSignal: "SIGKILL", uid, gid } as const;
  return new Promise((resolve) => {
    execFile("prlimit", [filesOption(count), "--", "true"], options, (error, _, stderr) => {
      if (error === null) resolve(null);
      else if (stderr === "") {
        resolve({ reason: "Cannot limit open files: there is no prlimit in PATH", hint: "Install util-linux; only Linux has it" });
      } else {
        const reason = `Cannot limit open files to ${count}: ${cleanText(stderr.trim(), 256)}`;
        resolve({ reason, hint: "Only root may allow more than this program itself may open" });
      }
    });
  });
}
