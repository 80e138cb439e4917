/** What counts for a child in the end: child over policy over role over default, and where each value came from. */
import { DEFAULTS, FALLBACK_ROLE, ROLE_PACKS } from "./defaults.ts";
import type {
  ChildSpec,
  JitterMode,
  LimitAction,
  RestartPolicy,
  RunSpec,
  Severity,
  SignalStep,
  StrategyOptions,
  TaskRole,
  TreeSpec,
} from "./types.ts";

/** The kind of a running child. */
export type ChildKind = "task" | "worker" | "process" | "supervisor";

/** Effective delays between restarts. */
export interface BackoffPolicy {
  /** First delay in milliseconds. */
  readonly initialMs: number;
  /** Longest delay in milliseconds. */
  readonly maxMs: number;
  /** Growth per consecutive failure. */
  readonly factor: number;
  /** How delays are spread. */
  readonly jitter: JitterMode;
  /** Share of the delay that is random. */
  readonly ratio: number;
  /** Healthy time in milliseconds after which the next delay is the first one again. */
  readonly resetAfterMs: number;
}

/** Effective limit on failures. */
export interface LimitPolicy {
  /** Failures allowed in the window; the next one exceeds the limit. */
  readonly maxRestarts: number;
  /** Length of the window in milliseconds; `null` counts the failures since the child was last healthy. */
  readonly windowMs: number | null;
  /** Time in milliseconds in which the count falls by half, instead of a window; `null` where there is a window. */
  readonly halfLifeMs: number | null;
  /** How many failures are remembered at most. */
  readonly maxCount: number;
  /** What happens when the limit is exceeded. */
  readonly onExceeded: LimitAction;
}

/** Effective way to stop. */
export interface StopPolicy {
  /** Ask and force, force at once, or ask and wait. */
  readonly mode: "graceful" | "kill" | "wait";
  /** Signal that asks a process to stop. */
  readonly signal: string;
  /** Signals that follow, in order. */
  readonly thenSignals: readonly SignalStep[];
  /** Time in milliseconds between the end of readiness and asking. */
  readonly drainMs: number;
  /** Time in milliseconds between asking and forcing; `null` never forces. */
  readonly timeoutMs: number | null;
  /** Time in milliseconds to wait after forcing. */
  readonly killWaitMs: number;
  /** Whether signals go to the whole process group. */
  readonly killTree: boolean;
  /** Whether a straggler is forced at all, or only waited for during `killWaitMs`. */
  readonly force: boolean;
}

/** Effective health watch. */
export interface HealthPolicy {
  /** How health is known. */
  readonly mode: "heartbeat" | "http" | "tcp" | "exec";
  /** Time in milliseconds between two checks. */
  readonly intervalMs: number;
  /** Time in milliseconds one probe may take. */
  readonly timeoutMs: number;
  /** Age in milliseconds at which a heartbeat is stale. */
  readonly staleAfterMs: number;
  /** Failed checks after the first before the child is unhealthy. */
  readonly maxRetries: number;
  /** Stop and restart the child, or only say so. */
  readonly onUnhealthy: "restart" | "event";
}

/** All that decisions about a child rest on: plain data, shared between children that have the same. */
export interface ChildPolicy {
  /** What happens after an exit. */
  readonly restartPolicy: RestartPolicy;
  /** The role, or `null` when none was declared. */
  readonly taskRole: TaskRole | null;
  /** How much the child matters. */
  readonly severity: Severity;
  /** Delays between restarts. */
  readonly backoff: BackoffPolicy;
  /** Limit on failures. */
  readonly limit: LimitPolicy;
  /** How the child is stopped. */
  readonly stop: StopPolicy;
  /** Time in milliseconds from start to ready; `null` waits for ever. */
  readonly startMs: number | null;
  /** Time in milliseconds an attempt may run; `null` is unlimited. */
  readonly runMs: number | null;
  /** Time in milliseconds to wait for dependencies; `null` waits for ever. */
  readonly waitMs: number | null;
  /** Whether the child is ready as soon as it runs. */
  readonly readyWhenRunning: boolean;
  /** Whether the child is ready when it has succeeded. */
  readonly readyWhenDone: boolean;
  /** Exit codes and categories of failures after which the child stays down. */
  readonly neverRestartOn: readonly (number | string)[];
  /** How health is watched; `null` when it is not. */
  readonly health: HealthPolicy | null;
  /** Where all this came from, as its failures tell it. */
  readonly effective: EffectivePolicy;
}

/** Which policy counts for a child, and whose word it is. */
export interface EffectivePolicy {
  /** The role that was declared, `null` when none was. */
  readonly taskRole: TaskRole | null;
  /** The role whose defaults fill what was left open. */
  readonly policyPack: TaskRole;
  /** Whether the declaration says something itself, or the defaults of its role count, or those of no role. */
  readonly source: "user_override" | "role_default" | "fallback_default";
  /** Whether no role was declared. */
  readonly usedFallback: boolean;
  /** Keys that the declaration says itself, in the form of the file. */
  readonly overriddenFields: readonly string[];
  /** How much the child matters. */
  readonly severity: Severity;
}

/** Where an effective value came from. */
export type ValueSource = "child" | "strategy" | "policy" | "shutdown" | "severity_defaults" | "role" | "default";

/** One effective value with its source. */
export interface ExplainedValue {
  /** Key in the form of the file, such as `backoff.initial_ms`. */
  readonly key: string;
  /** The value that counts. */
  readonly value: string | number | boolean | null;
  /** Where it came from. */
  readonly source: ValueSource;
}

/** The parts of a tree that children inherit from. */
export type InheritedDefaults = Pick<TreeSpec, "policy" | "shutdown" | "severityDefaults">;
type Recorder = (row: ExplainedValue) => void;
type Candidate<T> = readonly [ValueSource, T | undefined];

/** The kind behind a way to run. */
export function childKind(run: RunSpec): ChildKind {
  return run.kind === "module" || run.kind === "factory" ? "task" : run.kind;
}

/** What the place of a child brings along, beside the defaults of the tree. */
export interface ChildSurroundings {
  /** The default of its `limit` by its strategy. */
  readonly restartLimit?: StrategyOptions["restartLimit"];
  /** Whether its restarts may have to wait for their turn, so that it must get ready or fail in time. */
  readonly gated?: boolean;
}

/** Returns a function that resolves children of one tree; children that declare the same share one policy. */
export function policyResolver(defaults: InheritedDefaults): (child: ChildSpec, surroundings?: ChildSurroundings) => ChildPolicy {
  const known = new Map<string, ChildPolicy>();
  return (child, surroundings = {}) => {
    const key = policyKey(child, surroundings);
    let policy = known.get(key);
    if (policy === undefined) {
      policy = resolve(child, surroundings, defaults, () => {});
      known.set(key, policy);
    }
    return policy;
  };
}

/** Lists every effective value of a child with its source. */
export function explainChild(child: ChildSpec, defaults: InheritedDefaults, surroundings: ChildSurroundings = {}): ExplainedValue[] {
  const rows: ExplainedValue[] = [];
  resolve(child, surroundings, defaults, (row) => rows.push(row));
  return rows;
}

/** The options that make up a policy. */
const DECLARED = [
  "taskRole",
  "restartPolicy",
  "severity",
  "criticality",
  "backoff",
  "limit",
  "stop",
  "timeouts",
  "waitTimeoutMs",
  "readiness",
  "healthCheck",
  "neverRestartOn",
] as const satisfies readonly (keyof ChildSpec)[];

function policyKey(child: ChildSpec, { restartLimit, gated = false }: ChildSurroundings): string {
  const declared = [...DECLARED.map((key) => child[key]), restartLimit ?? undefined];
  const kind = `${childKind(child.run)}${gated ? " gated" : ""}${child.schedule === undefined ? "" : " scheduled"}`;
  return declared.every((value) => value === undefined) ? kind : `${kind} ${JSON.stringify(declared)}`;
}

function resolve(child: ChildSpec, surroundings: ChildSurroundings, defaults: InheritedDefaults, tell: Recorder): ChildPolicy {
  const overriddenFields: string[] = [];
  const record: Recorder = (row) => {
    if (row.source === "child" && row.key !== "task_role") overriddenFields.push(row.key);
    tell(row);
  };
  const kind = childKind(child.run);
  const role = child.taskRole ?? (kind === "supervisor" ? "supervisor" : null);
  const pack = ROLE_PACKS[role ?? FALLBACK_ROLE];
  const isScheduled = child.schedule !== undefined;
  function pick<T extends string | number | boolean | null>(
    key: string,
    ...candidates: readonly [...Candidate<T>[], readonly [ValueSource, T]]
  ): T {
    for (const [source, value] of candidates) {
      if (value !== undefined) {
        record({ key, value, source });
        return value;
      }
    }
    throw new Error(`No value for "${key}"`);
  }
  const { neverRestartOn = [] } = child;
  if (child.neverRestartOn !== undefined) record({ key: "never_restart_on", value: neverRestartOn.join(", "), source: "child" });
  const readiness = pick<string>("readiness.mode", ["child", child.readiness?.mode], [
    "default",
    kind === "supervisor" ? "all" : isScheduled ? "completed" : "immediate",
  ]);
  record({ key: "task_role", value: role, source: child.taskRole === undefined ? "default" : "child" });
  const policy: Omit<ChildPolicy, "effective"> = {
    taskRole: role,
    restartPolicy: pick<RestartPolicy>("restart_policy", ["child", child.restartPolicy], [
      "default",
      isScheduled ? "transient" : undefined,
    ], [
      "role",
      role === null ? undefined : pack.restartPolicy,
    ], ["default", readiness === "completed" ? "transient" : DEFAULTS.restartPolicy]),
    severity: pick<Severity>("severity", ["child", child.severity ?? child.criticality], [
      "severity_defaults",
      role === null ? undefined : defaults.severityDefaults?.[role],
    ], ["role", pack.severity]),
    backoff: resolveBackoff(child, defaults, pick),
    limit: resolveLimit(child, surroundings, defaults, role, pick),
    stop: resolveStop(child, defaults, kind, pick, record),
    startMs: pick<number | null>("timeouts.start_ms", ["child", child.timeouts?.startMs], [
      "default",
      surroundings.gated === true && kind !== "supervisor" ? DEFAULTS.gatedStartMs : null,
    ]),
    runMs: pick<number | null>("timeouts.run_ms", ["child", child.timeouts?.runMs], ["default", null]),
    waitMs: pick<number | null>("wait_timeout_ms", ["child", child.waitTimeoutMs], ["default", null]),
    readyWhenRunning: readiness === "immediate",
    readyWhenDone: readiness === "completed",
    neverRestartOn,
    health: resolveHealth(child, defaults, pick),
  };
  const source = overriddenFields.length > 0 ? "user_override" : role === null ? "fallback_default" : "role_default";
  const { severity } = policy;
  const effective = {
    taskRole: role,
    policyPack: role ?? FALLBACK_ROLE,
    source,
    usedFallback: role === null,
    overriddenFields,
    severity,
  } as const;
  return { ...policy, effective };
}

type Picker = <T extends string | number | boolean | null>(
  key: string,
  ...candidates: readonly [...Candidate<T>[], readonly [ValueSource, T]]
) => T;

function resolveBackoff(child: ChildSpec, { policy }: InheritedDefaults, pick: Picker): BackoffPolicy {
  const initialMs = pick<number>("backoff.initial_ms", ["child", child.backoff?.initialMs], ["policy", policy?.initialBackoffMs], [
    "default",
    DEFAULTS.backoffInitialMs,
  ]);
  const inherited = policy?.maxBackoffMs === undefined
    ? ["default", Math.max(initialMs, DEFAULTS.backoffMaxMs)] as const
    : ["policy", Math.max(initialMs, policy.maxBackoffMs)] as const;
  return {
    initialMs,
    maxMs: pick<number>("backoff.max_ms", ["child", child.backoff?.maxMs], inherited),
    factor: pick<number>("backoff.factor", ["child", child.backoff?.factor], ["default", DEFAULTS.backoffFactor]),
    jitter: pick<JitterMode>("backoff.jitter", ["child", child.backoff?.jitter], ["default", "full"]),
    ratio: pick<number>("backoff.ratio", ["child", child.backoff?.ratio], ["policy", policy?.jitterRatio], [
      "default",
      DEFAULTS.backoffRatio,
    ]),
    resetAfterMs: pick<number>("backoff.reset_after_ms", ["child", child.backoff?.resetAfterMs], ["default", DEFAULTS.backoffResetAfterMs]),
  };
}

function resolveLimit(
  child: ChildSpec,
  { restartLimit }: ChildSurroundings,
  { policy }: InheritedDefaults,
  role: TaskRole | null,
  pick: Picker,
): LimitPolicy {
  const pack = ROLE_PACKS[role ?? FALLBACK_ROLE];
  const own = role === null ? "default" : "role";
  const window = policy?.failureWindow;
  const inheritsWindow = child.limit?.windowMs === undefined && child.limit?.halfLifeMs === undefined &&
    restartLimit?.windowMs === undefined && policy?.childRestartWindowMs === undefined;
  const counted = inheritsWindow && window?.mode === "count_sliding";
  const decays = inheritsWindow && window?.mode === "decay";
  const maxRestarts = pick<number>(
    "limit.max_restarts",
    ["child", child.limit?.maxRestarts],
    ["strategy", restartLimit?.maxRestarts],
    ["policy", policy?.childRestartLimit],
    ["policy", window === undefined ? undefined : window.threshold ?? DEFAULTS.failureWindowThreshold],
    [own, pack.maxRestarts],
  );
  const halfLifeMs = pick<number | null>(
    "limit.half_life_ms",
    ["child", child.limit?.halfLifeMs],
    ["policy", decays ? secondsToMs(window.halfLifeSecs) ?? DEFAULTS.limitHalfLifeMs : undefined],
    ["default", null],
  );
  return {
    maxRestarts,
    windowMs: halfLifeMs !== null ? null : pick<number | null>(
      "limit.window_ms",
      ["child", child.limit?.windowMs],
      ["strategy", restartLimit?.windowMs],
      ["policy", policy?.childRestartWindowMs],
      ["policy", counted ? null : secondsToMs(window?.windowSecs)],
      ["default", DEFAULTS.limitWindowMs],
    ),
    halfLifeMs,
    maxCount: counted ? window.maxCount ?? maxRestarts + 1 : maxRestarts + 1,
    onExceeded: pick<LimitAction>("limit.on_exceeded", ["child", child.limit?.onExceeded], [own, pack.onExceeded]),
  };
}

function secondsToMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1_000;
}

function resolveStop(child: ChildSpec, { shutdown }: InheritedDefaults, kind: ChildKind, pick: Picker, record: Recorder): StopPolicy {
  const { thenSignals = [] } = child.stop ?? {};
  if (child.stop?.thenSignals !== undefined) {
    const value = thenSignals.map(({ signal, afterMs }) => `${signal} after ${afterMs} ms`).join(", ");
    record({ key: "stop.then_signals", value, source: "child" });
  }
  const mode = pick<StopPolicy["mode"]>("stop.mode", ["child", child.stop?.mode], ["default", "graceful"]);
  const patient = mode === "wait" || kind === "supervisor";
  return {
    mode,
    signal: pick<string>("stop.signal", ["child", child.stop?.signal], ["default", DEFAULTS.stopSignal]),
    thenSignals,
    drainMs: pick<number>("stop.drain_delay_ms", ["child", child.stop?.drainDelayMs], ["default", 0]),
    timeoutMs: pick<number | null>("stop.timeout_ms", ["child", child.stop?.timeoutMs], ["default", patient ? null : undefined], [
      "shutdown",
      shutdown?.gracefulTimeoutMs,
    ], ["default", DEFAULTS.stopTimeoutMs]),
    killWaitMs: pick<number>("stop.kill_wait_ms", ["child", child.stop?.killWaitMs], ["shutdown", shutdown?.abortWaitMs], [
      "default",
      DEFAULTS.killWaitMs,
    ]),
    killTree: pick<boolean>("stop.kill_tree", ["child", child.stop?.killTree], ["default", true]),
    force: pick<boolean>("shutdown.abort_after_timeout", ["shutdown", shutdown?.abortAfterTimeout], ["default", true]),
  };
}

function resolveHealth(child: ChildSpec, { policy }: InheritedDefaults, pick: Picker): HealthPolicy | null {
  const declared = child.healthCheck;
  if (declared === undefined) return null;
  const mode = pick<HealthPolicy["mode"]>("health_check.mode", ["child", declared.mode], ["default", "heartbeat"]);
  const beats = mode === "heartbeat";
  const intervalMs = 1000 * pick<number>("health_check.check_interval_secs", ["child", declared.checkIntervalSecs], [
    "policy",
    beats && policy?.heartbeatIntervalMs !== undefined ? policy.heartbeatIntervalMs / 1000 : undefined,
  ], ["default", DEFAULTS.healthIntervalSecs]);
  return {
    mode,
    intervalMs,
    timeoutMs: 1000 * pick<number>("health_check.timeout_secs", ["child", declared.timeoutSecs], ["default", DEFAULTS.healthTimeoutSecs]),
    staleAfterMs: pick<number>("health_check.stale_after_ms", ["child", declared.staleAfterMs], [
      "policy",
      beats && declared.checkIntervalSecs === undefined ? policy?.staleAfterMs : undefined,
    ], [
      "default",
      3 * intervalMs,
    ]),
    maxRetries: pick<number>("health_check.max_retries", ["child", declared.maxRetries], ["default", DEFAULTS.healthMaxRetries]),
    onUnhealthy: pick<"restart" | "event">("health_check.on_unhealthy", ["child", declared.onUnhealthy], ["default", "restart"]),
  };
}
