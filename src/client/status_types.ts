/** What a target says of its tree when it is asked for its status, which only Reeve tells. */
import type { Liveness, Nanos, RestartLimit } from "./types.ts";

/** What the processes of a child take. */
export interface ChildUsage {
  /** Share of one processor in percent. */
  readonly cpuPercent: number;
  /** Memory in use, in bytes. */
  readonly memoryBytes: number;
  /** How many processes that are. */
  readonly processes: number;
}

/** Everything that is known of one child. */
export interface ChildDescription {
  /** Path of the child. */
  readonly childPath: string;
  /** How it runs: `task`, `worker`, `process`, `supervisor`. */
  readonly kind: string;
  /** Its role, when one was declared. */
  readonly taskRole: string | null;
  /** How much it matters. */
  readonly severity: string;
  /** Where it is in its life. */
  readonly phase: string;
  /** What operators want of it: `active`, `paused`, `quarantined`, `removed`. */
  readonly operation: string;
  /** The same as the reference calls it. */
  readonly managedChildState: string;
  /** Since when it is in its phase. */
  readonly sinceUnixNanos: Nanos;
  /** Process id, where there is one. */
  readonly pid: number | null;
  /** Which incarnation. */
  readonly generation: number;
  /** Attempts so far. */
  readonly attempt: number;
  /** Restarts so far. */
  readonly restartsTotal: number;
  /** Failures so far. */
  readonly failuresTotal: number;
  /** Restarts since it was last healthy for long. */
  readonly consecutiveRestarts: number;
  /** Its limit. */
  readonly restartLimit: RestartLimit;
  /** Heartbeat and readiness. */
  readonly liveness: Liveness;
  /** What is known of its health. */
  readonly health: string;
  /** Name of its group. */
  readonly group: string | null;
  /** Its fuse. */
  readonly fuse: { readonly state: string; readonly reason: string | null; readonly untilUnixNanos?: Nanos };
  /** What looks wrong with it although it breaks no limit. */
  readonly lints: readonly string[];
  /** Why its live attempt is being stopped. */
  readonly stopCause: string | null;
  /** Siblings it waits for. */
  readonly waitingFor: readonly string[];
  /** When it starts again, or for the next time; missing where nothing is planned. */
  readonly nextStartUnixNanos?: Nanos;
  /** How its last attempt ended, in words. */
  readonly lastExit: string | null;
  /** The last lines before its last failure. */
  readonly lastOutput: readonly string[];
  /** What was decided then. */
  readonly lastDecision: { readonly action: string; readonly reason: string; readonly delayMs: number } | null;
  /** Siblings that must be ready before it starts. */
  readonly dependencies: readonly string[];
  /** Siblings that start before it, which it does not need. */
  readonly wants: readonly string[];
  /** Siblings with which it goes down. */
  readonly bindsTo: readonly string[];
  /** Labels. */
  readonly tags: readonly string[];
  /** Paths of its children. */
  readonly children: readonly string[];
  /** What its processes take; `null` where that was not measured. */
  readonly usage: ChildUsage | null;
}

/** How a tree is as a whole. */
export interface TreeDescription {
  /** Name of the tree. */
  readonly name: string;
  /** Phase of the root supervisor: `idle`, `running`, `stopping`, `stopped`. */
  readonly phase: string;
  /** Whether every child that must be ready has been. */
  readonly ready: boolean;
  /** Number of the last event that is in it. */
  readonly sequence: number;
  /** When this was so. */
  readonly atUnixNanos: Nanos;
  /** When the tree was made. */
  readonly startedAtUnixNanos: Nanos;
  /** Version of the configuration. */
  readonly configVersion: string;
  /** Version of Reeve. */
  readonly version: string;
  /** The runtime and its version. */
  readonly runtime: string;
  /** Process id of the program. */
  readonly pid: number;
  /** Failures of all children so far. */
  readonly failuresTotal: number;
  /** Restarts of all children so far. */
  readonly restartsTotal: number;
  /** How late the loop of the program is, in milliseconds. */
  readonly loopLagMs: number;
  /** The longest such lag of the last minute, in milliseconds. */
  readonly loopLagMaxMs: number;
  /** How many messages wait to be handled. */
  readonly mailboxDepth: number;
  /** What the program's objects take, in bytes. */
  readonly heapUsedBytes: number;
  /** What the program takes of the machine's memory, in bytes. */
  readonly residentBytes: number;
  /** Why it is not known what processes take; `null` where it is, or was not asked. */
  readonly unmeasured: string | null;
}

/** A tree and all its children. */
export interface TreeStatus {
  /** What the target is called. */
  readonly targetId: string;
  /** The tree. */
  readonly tree: TreeDescription;
  /** Its children of every depth, each before those below it. */
  readonly children: readonly ChildDescription[];
}
