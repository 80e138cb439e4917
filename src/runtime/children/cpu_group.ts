/**
 * Limits the share of a processor by a cgroup (version 2).
 *
 * Only groups that were given to this program are touched: it must run in one that is called `reeve`, beside which it makes those of its children. That is
 * what systemd arranges with `Delegate=cpu` and `DelegateSubgroup=reeve`; a supervisor that made groups elsewhere would be in the way of systemd.
 */
import { mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { setTimeout } from "node:timers";
import { thrownMessage } from "../../base/mod.ts";

/** Name of the group of the program itself. */
const OWN_NAME = "reeve";

/** Length in microseconds of the period of which a child gets its share. */
const PERIOD_US = 100_000;

/** How often, in milliseconds, and how many times a group is tried to be removed: it counts as used until the system has cleared its processes away. */
const REMOVE_MS = 50;
const MOST_TRIES = 40;

/** The folder in which groups of children can be made, or why there is none. */
export type CpuGroups = { readonly folder: string } | { readonly reason: string };

/** A group of one attempt. */
export interface CpuGroup {
  /** Its folder; whoever writes its own number into `cgroup.procs` there is in it. */
  readonly folder: string;
  /** Removes it as soon as nobody is in it; harmless when repeated. */
  remove(): void;
}

/** Finds out where groups can be made, by making one. */
export function findCpuGroups(root = "/"): CpuGroups {
  try {
    const folder = delegatedFolder(root);
    if (folder === null) return { reason: "the program does not run in a cgroup (version 2) of its own" };
    if (!words(join(folder, "cgroup.controllers")).includes("cpu")) return { reason: "its cgroup was not given the controller cpu" };
    const control = join(folder, "cgroup.subtree_control");
    if (!words(control).includes("cpu")) writeFileSync(control, "+cpu");
    const group = makeCpuGroup(folder, `check-${process.pid}`, 100);
    group.remove();
    return { folder };
  } catch (error) {
    return { reason: `no cgroup can be made: ${thrownMessage(error, 256)}` };
  }
}

/** Makes a group that gets so many percent of one processor. Throws where it cannot. */
export function makeCpuGroup(parent: string, name: string, percent: number): CpuGroup {
  const folder = join(parent, `reeve-${name}`);
  mkdirSync(folder);
  let isRemoved = false;
  const group = {
    folder,
    remove(): void {
      if (!isRemoved) removeFolder(folder, 0);
      isRemoved = true;
    },
  };
  try {
    // A file of the system is never made by writing to it.
    statSync(join(folder, "cpu.max"));
    writeFileSync(join(folder, "cpu.max"), `${Math.round(percent * PERIOD_US / 100)} ${PERIOD_US}`);
  } catch (error) {
    group.remove();
    throw error;
  }
  return group;
}

/** The folder above the group of the program, where that has the name by which it was given. */
function delegatedFolder(root: string): string | null {
  const own = /^0::(\/.*)$/m.exec(readFileSync(join(root, "proc/self/cgroup"), "utf8"))?.[1];
  const mount = /^\S+ (\S+) cgroup2 /m.exec(readFileSync(join(root, "proc/self/mounts"), "utf8"))?.[1];
  if (own === undefined || mount === undefined || basename(own) !== OWN_NAME) return null;
  return join(root, mount, dirname(own));
}

function words(file: string): string[] {
  return readFileSync(file, "utf8").trim().split(/\s+/);
}

function removeFolder(folder: string, tries: number): void {
  try {
    rmdirSync(folder);
  } catch {
    if (tries < MOST_TRIES) setTimeout(() => removeFolder(folder, tries + 1), REMOVE_MS).unref();
  }
}
