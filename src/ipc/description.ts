/** Everything that is known of a child, for `reeve.describe`, and of a tree with all its children, for `reeve.status`. */
import process from "node:process";
import { VERSION } from "../base/mod.ts";
import { describeExit } from "../event/mod.ts";
import { platform } from "../platform/mod.ts";
import { type ChildSnapshot, type ChildUsage, flatten, insidesOf, type Tree, type TreeMoment, type Usage } from "../runtime/mod.ts";
import type { ChildSpec } from "../spec/mod.ts";
import { limitOf, livenessOf, managedState } from "./rows.ts";
import type { WireTime } from "./wire_time.ts";

/** Describes a tree, and then each of its children, parents before those below them; what they take only where it was measured. */
export function describeStatus(tree: Tree, time: WireTime, usage: Usage | null): object {
  const snapshot = tree.snapshot();
  return {
    tree: describeTree(tree, snapshot, time, usage),
    children: describeChildren(tree, flatten(snapshot.children), time, usage),
  };
}

/** Describes a tree without its children. */
export function describeTree(tree: Tree, { phase, ready, seq, atMs }: TreeMoment, time: WireTime, usage: Usage | null = null): object {
  const { startedAtMs, configVersion } = insidesOf(tree);
  const { failures, restarts } = tree.summary();
  const { loopLagMs, loopLagMaxMs, mailboxDepth, heapUsedBytes, residentBytes } = tree.health();
  return {
    name: tree.name,
    phase,
    ready,
    sequence: seq,
    at_unix_nanos: time.at(atMs),
    started_at_unix_nanos: time.at(startedAtMs),
    config_version: configVersion(),
    version: VERSION,
    runtime: `${platform.name} ${platform.version}`,
    pid: process.pid,
    failures_total: failures,
    restarts_total: restarts,
    loop_lag_ms: loopLagMs,
    loop_lag_max_ms: loopLagMaxMs,
    mailbox_depth: mailboxDepth,
    heap_used_bytes: heapUsedBytes,
    resident_bytes: residentBytes,
    unmeasured: usage?.reason ?? null,
  };
}

/** Describes children; one that comes or goes just now is told in the next picture. */
export function describeChildren(tree: Tree, children: readonly ChildSnapshot[], time: WireTime, usage: Usage | null = null): object[] {
  const { specOf } = insidesOf(tree);
  return children.flatMap((child) => {
    const spec = specOf(child.path);
    return spec === undefined ? [] : [describeChild(child, spec, time, usage?.children.get(child.path))];
  });
}

/** What a child takes, as the wire has it. */
export function wireUsage({ cpuPercent, memoryBytes, processes }: ChildUsage): object {
  return { cpu_percent: cpuPercent, memory_bytes: memoryBytes, processes };
}

/** Describes a child; what it was given as environment and arguments is not told. */
export function describeChild(child: ChildSnapshot, spec: ChildSpec, time: WireTime, usage?: ChildUsage): object {
  const { lastExit, lastDecision, fuse } = child;
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
    usage: usage === undefined ? null : wireUsage(usage),
  };
}
