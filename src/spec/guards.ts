/** What guards restarts beside the limit of each child: fuses, budgets and gates; each is `null` where it was not asked for. */
import { DEFAULTS } from "./defaults.ts";
import type { LoopGuardOptions, PolicyOptions, RestartBudgetOptions } from "./types.ts";

/** So many in a window are allowed; the next one is one too many. */
export interface RatePolicy {
  /** How many are allowed. */
  readonly max: number;
  /** Length of the window in milliseconds. */
  readonly windowMs: number;
}

/** Restarts that several children share. */
export interface BudgetPolicy {
  /** Restarts that may come at once. */
  readonly maxBurst: number;
  /** Restarts regained per second. */
  readonly recoveryRatePerSec: number;
}

/** Why the fuse of a child opens. */
export type ChildFuseReason = "hot_loop_detected" | "cold_start_budget_exhausted" | "meltdown_child_fuse";

/** What opens the fuse of a child. */
export interface ChildGuard extends RatePolicy {
  /** What it is called. */
  readonly reason: ChildFuseReason;
  /** Whether the window is that after the start of the supervisor. */
  readonly fromStart: boolean;
}

/** The guards of every supervisor of a tree. */
export interface GuardPolicy {
  /** What opens the fuse of a child, the strictest first. */
  readonly child: readonly ChildGuard[];
  /** What opens the fuse of a group. */
  readonly group: RatePolicy | null;
  /** Restarts after which a supervisor escalates. */
  readonly supervisor: RatePolicy | null;
  /** Failures after which a supervisor escalates. */
  readonly failures: RatePolicy | null;
  /** Restarts that the children of a supervisor share. */
  readonly budget: BudgetPolicy | null;
  /** How many children of a supervisor may be on their way to ready after a restart. */
  readonly concurrency: number | null;
  /** How long a fuse is open, and then on trial, in milliseconds. */
  readonly resetAfterMs: number;
}

/** The guards that a policy asks for. */
export function resolveGuards(policy: PolicyOptions = {}): GuardPolicy {
  const { meltdown = {}, coldStart, hotLoop, supervisorFailureLimit: failures, restartBudget, supervisionPipeline } = policy;
  const { childMaxRestarts, groupMaxFailures, supervisorMaxFailures } = meltdown;
  const child: ChildGuard[] = [];
  const guard = (reason: ChildFuseReason, { maxRestarts: max, windowSecs }: Required<LoopGuardOptions>, fromStart: boolean): void => {
    child.push({ reason, max, windowMs: windowSecs * 1_000, fromStart });
  };
  if (hotLoop !== undefined && hotLoop !== null) guard("hot_loop_detected", { ...DEFAULTS.hotLoop, ...hotLoop }, false);
  if (coldStart !== undefined && coldStart !== null) guard("cold_start_budget_exhausted", { ...DEFAULTS.coldStart, ...coldStart }, true);
  if (childMaxRestarts !== undefined) {
    const windowSecs = meltdown.childWindowSecs ?? DEFAULTS.childFuseWindowSecs;
    guard("meltdown_child_fuse", { maxRestarts: childMaxRestarts, windowSecs }, false);
  }
  return {
    child,
    group: rate(groupMaxFailures, (meltdown.groupWindowSecs ?? DEFAULTS.groupFuseWindowSecs) * 1_000),
    supervisor: rate(supervisorMaxFailures, (meltdown.supervisorWindowSecs ?? DEFAULTS.supervisorFuseWindowSecs) * 1_000),
    failures: rate(failures, policy.supervisorFailureWindowMs ?? DEFAULTS.limitWindowMs),
    budget: restartBudget === undefined ? null : resolveBudget(restartBudget),
    concurrency: supervisionPipeline?.concurrentRestartLimit ?? null,
    resetAfterMs: (meltdown.resetAfterSecs ?? DEFAULTS.fuseResetAfterSecs) * 1_000,
  };
}

/** The numbers of a budget. */
export function resolveBudget({ maxBurst = DEFAULTS.budgetMaxBurst, recoveryRatePerSec, windowSecs }: RestartBudgetOptions): BudgetPolicy {
  const fromWindow = windowSecs === undefined ? DEFAULTS.budgetRecoveryRatePerSec : maxBurst / windowSecs;
  return { maxBurst, recoveryRatePerSec: recoveryRatePerSec ?? fromWindow };
}

function rate(max: number | undefined, windowMs: number): RatePolicy | null {
  return max === undefined ? null : { max, windowMs };
}
