/** The numbers that count where a user is silent. */
import type { LimitAction, RestartPolicy, Severity, TaskRole } from "./types.ts";

/** What a role brings along. */
export interface RolePack {
  /** What happens after an exit. */
  readonly restartPolicy: RestartPolicy;
  /** Failures allowed per minute. */
  readonly maxRestarts: number;
  /** What happens beyond that. */
  readonly onExceeded: LimitAction;
  /** How much the child matters. */
  readonly severity: Severity;
}

/** Defaults by role. */
export const ROLE_PACKS: Readonly<Record<TaskRole, RolePack>> = {
  service: { restartPolicy: "permanent", maxRestarts: 10, onExceeded: "slow_down", severity: "critical" },
  worker: { restartPolicy: "transient", maxRestarts: 3, onExceeded: "slow_down", severity: "standard" },
  job: { restartPolicy: "transient", maxRestarts: 1, onExceeded: "give_up", severity: "optional" },
  sidecar: { restartPolicy: "permanent", maxRestarts: 5, onExceeded: "slow_down", severity: "standard" },
  supervisor: { restartPolicy: "permanent", maxRestarts: 3, onExceeded: "escalate", severity: "critical" },
};

/** Role whose numbers count for a child without one. */
export const FALLBACK_ROLE: TaskRole = "worker";

/** Defaults that do not depend on the role. */
export const DEFAULTS = {
  treeName: "reeve",
  strategy: "one_for_one",
  autoShutdown: "never",
  escalationPolicy: "escalate_to_parent",
  restartPolicy: "permanent",
  backoffInitialMs: 50,
  backoffMaxMs: 5_000,
  backoffFactor: 2,
  backoffRatio: 0.2,
  backoffResetAfterMs: 30_000,
  limitWindowMs: 60_000,
  limitHalfLifeMs: 30_000,
  failureWindowThreshold: 5,
  budgetMaxBurst: 10,
  budgetRecoveryRatePerSec: 0.5,
  childFuseWindowSecs: 10,
  groupFuseWindowSecs: 30,
  supervisorFuseWindowSecs: 60,
  fuseResetAfterSecs: 120,
  coldStart: { maxRestarts: 5, windowSecs: 60 },
  hotLoop: { maxRestarts: 3, windowSecs: 10 },
  gatedStartMs: 30_000,
  stopTimeoutMs: 5_000,
  killWaitMs: 1_000,
  stopSignal: "SIGTERM",
  readinessIntervalSecs: 5,
  readinessTimeoutSecs: 3,
  healthIntervalSecs: 10,
  healthTimeoutSecs: 5,
  healthMaxRetries: 3,
  tailLines: 50,
  maxSurge: 1,
  eventJournalCapacity: 4_096,
  commandQueueCapacity: 1_024,
  auditChannelCapacity: 1_024,
  warnThresholdPct: 80,
  criticalThresholdPct: 95,
  backpressureWindowSecs: 30,
  sampleRatio: 0.5,
  escalationExitCode: 70,
} as const;
