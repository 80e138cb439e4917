/** Signals to processes and to whole process groups. */
import { constants } from "node:os";
import process from "node:process";
import { setTimeout } from "node:timers";
import { codeOf } from "../../base/mod.ts";

/** Groups need sessions, which Windows does not have. */
export const HAS_GROUPS = process.platform !== "win32";

/**
 * How often, in milliseconds, and how many times a killed group is looked at until it is gone.
 *
 * Members that are dead but not yet reaped by the system's first process count as there, for seconds in some containers: they harm nobody, so that the
 * wait is short.
 */
const LOOK_MS = 5;
const MOST_LOOKS = 20;

/** A process that was started here. */
export interface OwnProcess {
  readonly pid?: number;
  kill(signal: NodeJS.Signals): boolean;
}

/**
 * Signals the process group that the process leads, or only the process; harmless when they are gone.
 *
 * Where groups may not be signalled (Deno with `--allow-run` for some commands only) the process itself is.
 */
export function signalProcess(child: OwnProcess, signal: string, wholeGroup: boolean): void {
  if (child.pid === undefined || !isSignal(signal)) return;
  if (!(wholeGroup && HAS_GROUPS && sendSignal(-child.pid, signal))) child.kill(signal);
}

function isSignal(name: string): name is NodeJS.Signals {
  return Object.hasOwn(constants.signals, name);
}

/** Kills what is left of a group whose leader is gone, then calls back. */
export function sweepGroup(pid: number, onGone: () => void): void {
  let looks = 0;
  const look = (): void => {
    if (!HAS_GROUPS || looks++ >= MOST_LOOKS || !sendSignal(-pid, "SIGKILL")) return onGone();
    setTimeout(look, LOOK_MS).unref();
  };
  look();
}

/** Whether a process is there; a negative number asks for any member of a group. */
export function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Only this code means gone: a missing permission, to signal or to ask, tells nothing.
    return codeOf(error) !== "ESRCH";
  }
}

/** Whether anybody is left of the group that the process led, or leads. */
export function groupExists(pid: number): boolean {
  return exists(HAS_GROUPS ? -pid : pid);
}

/** Sends a signal; false when nobody was there to get it. */
function sendSignal(pid: number, signal: string): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
