/**
 * A supervisor for TypeScript: it keeps async tasks, workers, processes and nested supervisors alive, starts them in dependency order, restarts
 * them by policy, stops them without losing work, and says what it did and why.
 *
 * @example
 * ```ts
 * import { child, describe, supervise } from "@reeve/supervisor";
 *
 * await using tree = await supervise({
 *   name: "shop",
 *   children: [
 *     child.task("ingest", async ({ signal, ready, log }) => {
 *       ready();
 *       while (!signal.aborted) {
 *         log("working");
 *         await new Promise((resolve) => setTimeout(resolve, 50));
 *       }
 *     }, { readiness: { mode: "explicit" } }),
 *     child.task("report", ({ log }) => log("everything is there"), { dependencies: ["ingest"], restartPolicy: "transient" }),
 *   ],
 * });
 * for await (const event of tree.events()) {
 *   if (event.type === "gap") continue;
 *   console.log(event.path, describe(event));
 *   if (event.type === "child_succeeded") break;
 * }
 * ```
 *
 * @module
 */
export {
  type ChildEnd,
  ChildError,
  type ChildErrorKind,
  type Clock,
  ERROR_CODES,
  type ErrorCode,
  type Problem,
  type Random,
  ReeveError,
  type ReeveErrorOptions,
  SpecError,
  type SpecErrorOptions,
} from "./src/base/mod.ts";
export * from "./src/event/mod.ts";
export {
  type AuditFailureStrategy,
  type AuditOptions,
  type AutoShutdown,
  type BackoffOptions,
  type BackpressureOptions,
  child,
  type ChildBuilders,
  type ChildFuseReason,
  type ChildKind,
  type ChildOptions,
  type ChildSpec,
  type CommandPermissions,
  type DecideFunction,
  type DecisionHistory,
  type DecisionRequest,
  type DynamicSupervisorOptions,
  type EffectivePolicy,
  type EnvironmentVariable,
  type EscalationPolicy,
  type ExecProbe,
  type FailureWindowOptions,
  type FsyncPolicy,
  type GroupDependencyOptions,
  type GroupOptions,
  type GroupStrategyOptions,
  type HealthCheckOptions,
  type HttpProbe,
  type JitterMode,
  type JournalOptions,
  type LimitAction,
  type LimitOptions,
  type LogOptions,
  type LoopGuardOptions,
  type MeltdownOptions,
  type ObservabilityOptions,
  type PipelineOptions,
  type PolicyOptions,
  type ProbeOptions,
  type ProcessChildOptions,
  type ProcessOptions,
  type Propagation,
  type ReadinessOptions,
  type RestartBudgetOptions,
  type RestartPolicy,
  type RunSpec,
  type Severity,
  type ShutdownOptions,
  type SidecarOptions,
  type StopOptions,
  type Strategy,
  type StrategyOptions,
  type StrategyOverrideOptions,
  type SupervisorChildOptions,
  type SupervisorOptions,
  type TaskContext,
  type TaskFunction,
  type TaskRole,
  type TcpProbe,
  type TimeoutOptions,
  type TreeSpec,
  type ValidateOptions,
  validateTree,
  type Verdict,
} from "./src/spec/mod.ts";
export {
  type AdditionLog,
  type AdditionRecord,
  type AddRequest,
  type Child,
  type ChildReport,
  type ChildRequest,
  type ChildSnapshot,
  fileAdditionLog,
  type FileAdditionLogOptions,
  type FuseSnapshot,
  type GroupSnapshot,
  handleSignals,
  type HealthOptions,
  type HealthServer,
  type Leftover,
  notifySystemd,
  type OpenKind,
  type ReadyOptions,
  type Reconciliation,
  type Report,
  type ScaleResult,
  serveHealth,
  type ShutdownRequest,
  type SignalOptions,
  startWatchdog,
  supervise,
  type SuperviseOptions,
  type SupervisorHealth,
  type SystemdNotifier,
  type SystemdOptions,
  type TemplateRequest,
  type Tree,
  type TreeChange,
  type TreeMoment,
  type TreeSnapshot,
  type Unwritten,
  type Watchdog,
  type WatchdogOptions,
} from "./src/runtime/mod.ts";
export {
  type AuditFact,
  type AuditFinding,
  type AuditRecord,
  type AuditVerification,
  type DamagedLine,
  type FailureEvent,
  type JournalEntry,
  type JournalEvent,
  type JournalGap,
  type LogRecord,
  readJournal,
  type ReadOptions,
  type RunSummary,
  type Since,
  verifyAudit,
  type VerifyAuditOptions,
  type WantedEvents,
} from "./src/observe/mod.ts";
export type {
  ChildPhase,
  CommandRefusal,
  CommandResult,
  FuseState,
  Health,
  NodePhase,
  Operation,
  RestartDecision,
} from "./src/core/mod.ts";
