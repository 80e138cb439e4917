/** What follows from an exit: the one place where a restart is decided. */
import type { Random } from "../base/mod.ts";
import type { Decision, ExitClass, Failure } from "../event/mod.ts";
import type { ChildPolicy, LimitAction, Verdict } from "../spec/mod.ts";
import { backoffDelay, type BackoffInput } from "./backoff.ts";
import { isFailure } from "./classify.ts";

/** What is known about the child when it exits. */
export interface DecisionInput extends BackoffInput {
  readonly exitClass: ExitClass;
  /** What went wrong, `null` when nothing did. */
  readonly failure: Failure | null;
  readonly now: number;
  /** Failures in the window, this one included. */
  readonly failures: number;
  /** What the child's own function says, `null` when there is none, or none of its business. */
  readonly verdict: Verdict | null;
}

const STOP = { action: "stop", delayMs: 0, retryAtMs: null } as const;
/** Somebody wants the child to be down. */
export const HELD: Decision = { ...STOP, reason: "external_cancel_or_manual_stop" };
const SUCCEEDED: Decision = { ...STOP, reason: "role_success_stop" };
/** The child is never started again by itself. */
export const TEMPORARY: Decision = { ...STOP, reason: "restart_policy_temporary" };

/** What exceeding the limit means, by mode; slowing down is a restart and not in here. */
const EXHAUSTED: Readonly<Record<Exclude<LimitAction, "slow_down">, Decision>> = {
  give_up: { ...STOP, action: "give_up", reason: "restart_limit_exhausted" },
  escalate: { ...STOP, action: "escalate", reason: "restart_limit_exhausted" },
};

const NEVER_AGAIN: Decision = { ...STOP, action: "give_up", reason: "never_restart_on" };
const OPTIONAL: Decision = { ...STOP, action: "give_up", reason: "optional_child_never_escalates" };

/** What a failure leads to that the child itself calls fatal. */
const FATAL: Readonly<Record<"fatal_config" | "fatal_bug", Decision>> = {
  fatal_config: { ...STOP, action: "shutdown_tree", reason: "fatal_config" },
  fatal_bug: { ...STOP, action: "escalate", reason: "fatal_bug" },
};

const DECIDED_DOWN: Decision = { ...STOP, action: "give_up", reason: "decided_by_function" };
const DECIDED_TO_ESCALATE: Decision = { ...STOP, action: "escalate", reason: "decided_by_function" };

/** Decides; pure. */
export function decide(policy: ChildPolicy, input: DecisionInput, random: Random): Decision {
  const { exitClass } = input;
  if (exitClass === "manual_stop" || exitClass === "external_cancel") return HELD;
  if (!isFailure(exitClass)) {
    return policy.restartPolicy === "permanent"
      ? restart("role_success_restart", backoffDelay(policy.backoff, input, random), input.now)
      : SUCCEEDED;
  }
  if (input.verdict === "stop") return DECIDED_DOWN;
  if (input.verdict === "escalate") return policy.severity === "optional" ? OPTIONAL : DECIDED_TO_ESCALATE;
  const kind = input.verdict === "restart" ? undefined : input.failure?.kind;
  if (kind === "fatal_config" || kind === "fatal_bug") {
    return policy.severity === "optional" ? { ...FATAL[kind], action: "give_up" } : FATAL[kind];
  }
  if (policy.restartPolicy === "temporary") return TEMPORARY;
  if (input.verdict !== "restart" && isExcluded(policy, input.failure)) return NEVER_AGAIN;
  const { maxRestarts, onExceeded } = policy.limit;
  if (input.failures <= maxRestarts) return restart("within_restart_budget", backoffDelay(policy.backoff, input, random), input.now);
  if (onExceeded === "escalate" && policy.severity === "optional") return OPTIONAL;
  if (onExceeded !== "slow_down") return EXHAUSTED[onExceeded];
  const longest = backoffDelay({ ...policy.backoff, initialMs: policy.backoff.maxMs }, input, random);
  return restart("restart_limit_slow_down", longest, input.now);
}

/** Whether the user ruled a restart out after such a failure. */
function isExcluded({ neverRestartOn }: ChildPolicy, failure: Failure | null): boolean {
  if (failure === null || neverRestartOn.length === 0) return false;
  return neverRestartOn.includes(failure.category) || (failure.exitCode !== undefined && neverRestartOn.includes(failure.exitCode));
}

function restart(reason: Decision["reason"], delayMs: number, now: number): Decision {
  return { action: "restart", reason, delayMs, retryAtMs: now + delayMs };
}
