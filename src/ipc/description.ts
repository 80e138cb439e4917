/** Everything that is known of one child, for `reeve.describe`. */
import { describeExit } from "../event/mod.ts";
import type { Child } from "../runtime/mod.ts";
import { limitOf, livenessOf, managedState } from "./rows.ts";
import type { WireTime } from "./wire_time.ts";

/** Describes a child; what it was given as environment and arguments is not told. */
export function describeChild(child: Child, time: WireTime): object {
  const { spec, lastExit, lastDecision, fuse } = child;
  return {
    child_path: child.path,
    kind: child.kind,
    task_role: child.taskRole,
    severity: child.severity,
    phase: child.phase,
    operation: child.operation,
    managed_child_state: managedState(child),
    since_unix_nanos: time.at(child.sinceMs),
    pid: child.pid,
    generation: child.generation,
    attempt: child.attempt,
    restarts_total: child.restartsTotal,
    failures_total: child.failuresTotal,
    consecutive_restarts: child.consecutiveRestarts,
    restart_limit: limitOf(child, time),
    liveness: livenessOf(child, time),
    health: child.health,
    group: child.group,
    fuse: { state: fuse.state, reason: fuse.reason, until_unix_nanos: time.atOrNull(fuse.untilMs) },
    lints: child.lints,
    stop_cause: child.stopCause,
    waiting_for: child.waitingFor,
    next_start_unix_nanos: time.atOrNull(child.retryAtMs ?? child.nextRunAtMs),
    last_exit: lastExit === null ? null : describeExit(lastExit),
    last_output: lastExit !== null && "failure" in lastExit ? lastExit.failure.lastLines ?? [] : [],
    last_decision: lastDecision === null
      ? null
      : { action: lastDecision.action, reason: lastDecision.reason, delay_ms: lastDecision.delayMs },
    dependencies: spec.dependencies ?? [],
    wants: spec.wants ?? [],
    binds_to: spec.bindsTo ?? [],
    tags: spec.tags ?? [],
    children: child.children.map(({ path }) => path),
  };
}
