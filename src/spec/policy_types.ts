/** Defaults for all children of a tree, and what guards their restarts. */

/** Defaults for all children of a tree. */
export interface PolicyOptions {
  /** Default of `limit.maxRestarts`. */
  readonly childRestartLimit?: number;
  /** Default of `limit.windowMs`, in milliseconds. */
  readonly childRestartWindowMs?: number;
  /** Default of `backoff.initialMs`, in milliseconds. */
  readonly initialBackoffMs?: number;
  /** Default of `backoff.maxMs`, in milliseconds. */
  readonly maxBackoffMs?: number;
  /** Default of `backoff.ratio`, 0 to 1. */
  readonly jitterRatio?: number;
  /** Default of the interval of declared heartbeats, in milliseconds. */
  readonly heartbeatIntervalMs?: number;
  /** Default of `healthCheck.staleAfterMs`, in milliseconds. */
  readonly staleAfterMs?: number;
  /** Default of `limit` where `childRestartLimit` is not given. */
  readonly failureWindow?: FailureWindowOptions;
  /** Failures that the children of one supervisor may have in all; the next one escalates. @default {no limit} */
  readonly supervisorFailureLimit?: number;
  /** Length of the window of `supervisorFailureLimit` in milliseconds. @default {60000} */
  readonly supervisorFailureWindowMs?: number;
  /** Restarts that the children of one supervisor share. @default {no limit} */
  readonly restartBudget?: RestartBudgetOptions;
  /** Fuses; each is there when its number is. */
  readonly meltdown?: MeltdownOptions;
  /** Restarts of one child soon after its supervisor began; the next one opens its fuse. @default {no guard} */
  readonly coldStart?: LoopGuardOptions | null;
  /** Restarts of one child in rapid succession; the next one opens its fuse. @default {no guard} */
  readonly hotLoop?: LoopGuardOptions | null;
  /** How restarts go through. */
  readonly supervisionPipeline?: PipelineOptions;
  /** What happens when the root gives up. */
  readonly escalation?: {
    /** Exit code of the program after an escalation. @default {70} */
    readonly exitCode?: number;
  };
}

/** A bucket of restarts: each takes one, and what is not there is waited for, first come first served. */
export interface RestartBudgetOptions {
  /** Restarts that may come at once. @default {10} */
  readonly maxBurst?: number;
  /** Restarts regained per second. @default {maxBurst in windowSecs where that is given, else 0.5} */
  readonly recoveryRatePerSec?: number;
  /** Time in seconds in which an empty bucket fills where no rate is given. */
  readonly windowSecs?: number;
}

/** Fuses: each opens at one more than its number, stays open for `resetAfterSecs`, and opens again at once when its trial fails. */
export interface MeltdownOptions {
  /** Restarts that a child may have in its window; its fuse keeps it down. @default {no fuse} */
  readonly childMaxRestarts?: number;
  /** Length of that window in seconds. @default {10} */
  readonly childWindowSecs?: number;
  /** Restarts that a group may have in its window; its fuse keeps members down that would restart. @default {no fuse} */
  readonly groupMaxFailures?: number;
  /** Length of that window in seconds. @default {30} */
  readonly groupWindowSecs?: number;
  /** Restarts that the children of a supervisor may have in its window; its fuse escalates. @default {no fuse} */
  readonly supervisorMaxFailures?: number;
  /** Length of that window in seconds. @default {60} */
  readonly supervisorWindowSecs?: number;
  /** How long a fuse is open, and then on trial, in seconds. @default {120} */
  readonly resetAfterSecs?: number;
}

/** Restarts that are too many. */
export interface LoopGuardOptions {
  /** Length of the window in seconds. @default {60 after the start, 10 in a loop} */
  readonly windowSecs?: number;
  /** Restarts allowed in it; the next one is one too many. @default {5 after the start, 3 in a loop} */
  readonly maxRestarts?: number;
}

/** How restarts go through. */
export interface PipelineOptions {
  /** How many children of one supervisor may be on their way to ready after a restart; the others wait for their turn. @default {no limit} */
  readonly concurrentRestartLimit?: number;
}

/** How failures are counted by default. */
export interface FailureWindowOptions {
  /** By time, the failures since the child was last healthy, or a count that falls by half again and again. @default {"time_sliding"} */
  readonly mode?: "time_sliding" | "count_sliding" | "decay";
  /** Length of the window in seconds. @default {60} */
  readonly windowSecs?: number;
  /** Time in seconds in which the count falls by half in `decay`. @default {30} */
  readonly halfLifeSecs?: number;
  /** How many of the last failures are looked at in `count_sliding`. @default {one more than the threshold} */
  readonly maxCount?: number;
  /** Failures allowed; the next one exceeds the limit. @default {5} */
  readonly threshold?: number;
}
