/** Groups of siblings, strategies that are not the same for all of them, and sidecars. */
import type { RestartBudgetOptions } from "./policy_types.ts";
import type { EscalationPolicy, LimitOptions, Strategy } from "./types.ts";

/** What the open fuse of a group means for a group that depends on it: nothing, a word in the events, or an open fuse as well. */
export type Propagation = "none" | "escalate_only" | "full";

/** Children that share budgets and fuses; a child names its group, or the group names its children. */
export interface GroupOptions {
  /** Name of the group, unique in its supervisor. */
  readonly name: string;
  /** Names of its children. @default {[]} */
  readonly children?: readonly string[];
  /** Restarts that its children share, instead of those of the supervisor. @default {none} */
  readonly budget?: RestartBudgetOptions | null;
  /** How many of its children may be on their way to ready after a restart. @default {no limit} */
  readonly concurrentRestartLimit?: number;
}

/** What a failure leads to, where it is not the same for all children of a supervisor. */
export interface StrategyOptions {
  /** Which siblings a failure touches. */
  readonly strategy: Strategy;
  /** Default of `limit` of these children. */
  readonly restartLimit?: Pick<LimitOptions, "maxRestarts" | "windowMs"> | null;
  /** What an escalation leads to. @default {that of the supervisor} */
  readonly escalationPolicy?: EscalationPolicy | null;
}

/** The strategy of a group; it touches members of the group only. */
export interface GroupStrategyOptions extends StrategyOptions {
  /** Name of the group. */
  readonly group: string;
}

/** The strategy of one child; it may touch all siblings, and goes before that of its group. */
export interface StrategyOverrideOptions extends StrategyOptions {
  /** Name of the child. */
  readonly childId: string;
}

/** One group depends on another. */
export interface GroupDependencyOptions {
  /** The group that depends. */
  readonly fromGroup: string;
  /** The group it depends on. */
  readonly toGroup: string;
  /** What passes from the second to the first when its fuse opens; it goes no further by itself. */
  readonly propagation: Propagation;
}

/** What a sidecar belongs to. */
export interface SidecarOptions {
  /** The sibling that it accompanies. */
  readonly primaryChildId: string;
  /** Whether an operator who puts the primary down, or back up, does the same to the sidecar. @default {false} */
  readonly linkedLifecycle?: boolean;
}
