/** What a user declares: the types of a supervision tree. Every option is the camelCase of the file's key. */
import type { CommandPermissions, TaskFunction } from "../base/mod.ts";
import type { DecideFunction } from "./decide_types.ts";
import type { GroupDependencyOptions, GroupOptions, GroupStrategyOptions, SidecarOptions, StrategyOverrideOptions } from "./group_types.ts";
import type { RollingOptions } from "./instance_types.ts";
import type { BackpressureOptions, LogOptions, ObservabilityOptions } from "./observability_types.ts";
import type { PolicyOptions } from "./policy_types.ts";
import type {
  HookOptions,
  ListenOptions,
  ResourceLimits,
  ScheduleOptions,
  SignalStep,
  StateFileOptions,
  WatchOptions,
} from "./process_types.ts";
import type { AuditOptions } from "./socket_types.ts";

export type { CommandPermissions, TaskContext, TaskFunction } from "../base/mod.ts";
export type * from "./decide_types.ts";
export type * from "./group_types.ts";
export type * from "./instance_types.ts";
export type * from "./observability_types.ts";
export type * from "./policy_types.ts";
export type * from "./process_types.ts";

/** What happens after a child ended: always again, only after a failure, or never. */
export type RestartPolicy = "permanent" | "transient" | "temporary";

/** The part a child plays; it selects defaults for restart, backoff and limits. */
export type TaskRole = "service" | "worker" | "job" | "sidecar" | "supervisor";

/** How much a child matters to its supervisor. */
export type Severity = "optional" | "standard" | "critical";

/** Which siblings a failure touches. */
export type Strategy = "one_for_one" | "one_for_all" | "rest_for_one";

/** What happens when a restart limit is exceeded. */
export type LimitAction = "slow_down" | "give_up" | "escalate";

/** When a supervisor ends by itself: never, or when any or all of its significant children have ended by themselves. */
export type AutoShutdown = "never" | "any_significant" | "all_significant";

/** What the escalation of a child leads to: its supervisor fails, the whole tree ends, or the children that its strategy ties together are quarantined. */
export type EscalationPolicy = "escalate_to_parent" | "shutdown_tree" | "quarantine_scope";

/** How delays are spread: not at all, downwards by the ratio, from the previous delay, or reproducibly. */
export type JitterMode = "none" | "full" | "decorrelated" | "deterministic";

/** Delays between restarts; each grows by `factor` from `initialMs` up to `maxMs`. */
export interface BackoffOptions {
  /** First delay in milliseconds. @default {50} */
  readonly initialMs?: number;
  /** Longest delay in milliseconds. @default {5000} */
  readonly maxMs?: number;
  /** Growth per consecutive failure, at least 1. @default {2} */
  readonly factor?: number;
  /** How delays are spread. @default {"full"} */
  readonly jitter?: JitterMode;
  /** Share of the delay that is random, 0 to 1. @default {0.2} */
  readonly ratio?: number;
  /** Healthy time in milliseconds after which the next delay is the first one again. @default {30000} */
  readonly resetAfterMs?: number;
}

/** How many failures in a window are too many, and what then. */
export interface LimitOptions {
  /** Failures allowed in the window; the next one exceeds the limit. */
  readonly maxRestarts?: number;
  /** Length of the window in milliseconds. @default {60000} */
  readonly windowMs?: number;
  /** Instead of a window: the time in milliseconds in which the count of failures falls by half. @default {none} */
  readonly halfLifeMs?: number;
  /** `slow_down` waits the longest backoff each time, `give_up` leaves the child down, `escalate` fails the supervisor. */
  readonly onExceeded?: LimitAction;
}

/** How a child is stopped. */
export interface StopOptions {
  /** Ask and force after the budget, force at once, or ask and wait for ever. @default {"graceful"} */
  readonly mode?: "graceful" | "kill" | "wait";
  /** Signal that asks a process to stop. @default {"SIGTERM"} */
  readonly signal?: string;
  /** Signals that follow when a process is still there, before it is forced. @default {[]} */
  readonly thenSignals?: readonly SignalStep[];
  /** Time in milliseconds for which a child that was ready goes on, no longer ready, before it is asked: others see it and go elsewhere. @default {0} */
  readonly drainDelayMs?: number;
  /** Time in milliseconds between asking and forcing; `null` never forces. @default {5000} */
  readonly timeoutMs?: number | null;
  /** Time in milliseconds to wait after forcing. @default {1000} */
  readonly killWaitMs?: number;
  /** Whether signals go to the whole process group. @default {true} */
  readonly killTree?: boolean;
}

/** Time limits of an attempt. */
export interface TimeoutOptions {
  /** Time in milliseconds from start to ready; `null` waits for ever. @default {null} */
  readonly startMs?: number | null;
  /** Time in milliseconds an attempt may run; `null` is unlimited. @default {null} */
  readonly runMs?: number | null;
}

/** How often and how long a probe asks. */
export interface ProbeOptions {
  /** Seconds between two probes; until the first success they come faster. @default {5} */
  readonly checkIntervalSecs?: number;
  /** Seconds one probe may take. @default {3} */
  readonly timeoutSecs?: number;
}

/** Asks over HTTP; any status from 200 to 399 is a yes. */
export interface HttpProbe {
  /** Host to ask. @default {"127.0.0.1"} */
  readonly host?: string;
  /** Port to ask. */
  readonly port: number;
  /** What is added to the port from one copy of the child to the next. @default {0} */
  readonly portStep?: number;
  /** Path to ask for. @default {"/"} */
  readonly path?: string;
  /** `http` or `https`. @default {"http"} */
  readonly scheme?: "http" | "https";
}

/** Connects over TCP; an accepted connection is a yes. */
export interface TcpProbe {
  /** Host to connect to. @default {"127.0.0.1"} */
  readonly host?: string;
  /** Port to connect to. */
  readonly port: number;
  /** What is added to the port from one copy of the child to the next. @default {0} */
  readonly portStep?: number;
}

/** Runs a command; exit code 0 is a yes. */
export interface ExecProbe {
  /** Command to run, looked up in `PATH`. */
  readonly command: string;
  /** Arguments. @default {[]} */
  readonly args?: readonly string[];
}

/** When a child counts as ready, which is what its dependants wait for. */
export type ReadinessOptions =
  | ({
    /** Ready when it runs, when it says so, or when it has succeeded, for those that run once before others start. */
    readonly mode?: "immediate" | "explicit" | "completed";
  } & ProbeOptions)
  | ({ readonly mode: "http" } & HttpProbe & ProbeOptions)
  | ({ readonly mode: "tcp" } & TcpProbe & ProbeOptions)
  | ({ readonly mode: "exec" } & ExecProbe & ProbeOptions)
  | ({
    readonly mode: "log_line";
    /** Regular expression that a line of the child's output or log must match. */
    readonly pattern: string;
  } & ProbeOptions)
  | ({
    /** Of a supervisor: ready when all its non-optional children have been ready, when started, or when one child has been ready. */
    readonly mode: "all" | "started";
  } & ProbeOptions)
  | ({
    readonly mode: "child";
    /** The child of the supervisor that makes it ready. */
    readonly child: string;
  } & ProbeOptions);

/** How a running child's health is watched, and what happens when it fails. */
export type HealthCheckOptions =
  & {
    /** Seconds between two checks, or two expected heartbeats. @default {10} */
    readonly checkIntervalSecs?: number;
    /** Seconds one probe may take. @default {5} */
    readonly timeoutSecs?: number;
    /** Failed checks after the first before the child is unhealthy. @default {3} */
    readonly maxRetries?: number;
    /** Age in milliseconds at which a heartbeat is stale. @default {3 × interval} */
    readonly staleAfterMs?: number;
    /** Stop and restart the child by its policy, or only say so. @default {"restart"} */
    readonly onUnhealthy?: "restart" | "event";
  }
  & (
    | { readonly mode?: "heartbeat" }
    | ({ readonly mode: "http" } & HttpProbe)
    | ({ readonly mode: "tcp" } & TcpProbe)
    | ({ readonly mode: "exec" } & ExecProbe)
  );

/** One environment variable of a child. */
export interface EnvironmentVariable {
  /** Name of the variable. */
  readonly name: string;
  /** Its value; never shown in state, events or errors. */
  readonly value: string;
  /** Whether the value is replaced wherever a child prints or says it. @default {false} */
  readonly secret?: boolean;
}

/** Options of every child. */
export interface ChildOptions {
  /** Names of siblings that must be ready before this child starts. @default {[]} */
  readonly dependencies?: readonly string[];
  /** Names of siblings that start before this child, which does not need them: it also starts when they are down for good. @default {[]} */
  readonly wants?: readonly string[];
  /** Names of siblings without which this child cannot be: it waits for them, stops when they go down, and starts when they are back. @default {[]} */
  readonly bindsTo?: readonly string[];
  /** Time in milliseconds to wait for dependencies before that counts as a failure; `null` waits for ever. @default {null} */
  readonly waitTimeoutMs?: number | null;
  /** What happens after an exit. @default {by role, else "permanent"} */
  readonly restartPolicy?: RestartPolicy;
  /** Decides about failures in the place of the restart policy; only in programs. @default {none} */
  readonly decide?: DecideFunction;
  /** Exit codes and categories of failures after which the child stays down. @default {[]} */
  readonly neverRestartOn?: readonly (number | string)[];
  /** Whether its end by itself may end the supervisor, see `autoShutdown`; not for permanent children. @default {false} */
  readonly significant?: boolean;
  /** Selects defaults. @default {none, which has the numbers of "worker"} */
  readonly taskRole?: TaskRole;
  /** How much the child matters. @default {by role} */
  readonly severity?: Severity;
  /** Older name of `severity`. */
  readonly criticality?: "critical" | "optional";
  /** Delays between restarts. */
  readonly backoff?: BackoffOptions;
  /** Limit on failures. */
  readonly limit?: LimitOptions;
  /** How the child is stopped. */
  readonly stop?: StopOptions;
  /** Time limits of an attempt. */
  readonly timeouts?: TimeoutOptions;
  /** Exit codes of a process that count as success. @default {[0]} */
  readonly successExitCodes?: readonly number[];
  /** When the child counts as ready. @default {{ mode: "immediate" }} */
  readonly readiness?: ReadinessOptions;
  /** How its health is watched. @default {not at all} */
  readonly healthCheck?: HealthCheckOptions;
  /** JSON value handed to the child. @default {null} */
  readonly args?: unknown;
  /** Environment variables of the child. @default {[]} */
  readonly environment?: readonly EnvironmentVariable[];
  /** Low-cardinality labels; one that is the name of a group strategy makes the child a member of that group. @default {[]} */
  readonly tags?: readonly string[];
  /** The group of the supervisor that the child belongs to. @default {none} */
  readonly group?: string;
  /** What a sidecar belongs to; only for role `sidecar`. */
  readonly sidecarConfig?: SidecarOptions;
  /** What a task or worker may ask of the tree. @default {nothing} */
  readonly commandPermissions?: CommandPermissions;
  /** Output settings. */
  readonly logs?: LogOptions;
  /** Programs that run around the attempts of a process. @default {none} */
  readonly hooks?: HookOptions;
  /** What a process may use. @default {unlimited} */
  readonly resourceLimits?: ResourceLimits;
  /** Restarts the child when files change. @default {never} */
  readonly watch?: WatchOptions;
  /** Starts the child at times instead of at once. @default {at once} */
  readonly schedule?: ScheduleOptions;
  /**
   * How many copies run, each with a number from 1 on: the child is a supervisor of its copies then, `web` with `web:1`, `web:2`, … `{instance}` in the texts of
   * the declaration is the number, and so is the variable `REEVE_INSTANCE`. @default {1}
   */
  readonly instances?: number;
  /** How copies are replaced; with it a single one has its set too, so that it can be replaced without a gap. @default {one extra copy} */
  readonly rolling?: RollingOptions;
}

/** A process to run. */
export interface ProcessOptions {
  /** Command, looked up in `PATH` unless it contains a slash; relative to `cwd` then. */
  readonly command: string;
  /** Arguments. @default {[]} */
  readonly args?: readonly string[];
  /** Working directory. @default {that of the supervisor} */
  readonly cwd?: string;
  /** Whether the command is a line for `sh -c`. @default {false} */
  readonly shell?: boolean;
  /** File with lines `NAME=value`, read before each start; `environment` wins. @default {none} */
  readonly envFile?: string;
  /** User id under which it runs; needs `gid`, and root. @default {that of the supervisor} */
  readonly uid?: number;
  /** Group id under which it runs; needs `uid`. @default {that of the supervisor} */
  readonly gid?: number;
  /** Whether it is ended when the supervisor dies without having stopped it. @default {true} */
  readonly stopOnParentDeath?: boolean;
  /** Sockets that it gets listening, from descriptor 3 on, with `LISTEN_FDS`, `LISTEN_FDNAMES` and `LISTEN_PID` as systemd gives them. @default {[]} */
  readonly listen?: readonly ListenOptions[];
}

/** How a child runs. */
export type RunSpec =
  | { readonly kind: "task"; readonly task: TaskFunction }
  | {
    readonly kind: "module";
    /** `file:` URL of the module. */
    readonly url: string;
    /** Name of the exported function. @default {"default"} */
    readonly export?: string;
  }
  | {
    readonly kind: "factory";
    /** Name under which the function must be registered. */
    readonly name: string;
  }
  | {
    readonly kind: "worker";
    /** `file:` URL of a module that calls `serveWorker`. */
    readonly url: string;
  }
  | ({ readonly kind: "process" } & ProcessOptions)
  | ({ readonly kind: "supervisor" } & SupervisorOptions);

/** One child of a supervisor. */
export interface ChildSpec extends ChildOptions {
  /** Name, unique among siblings; letters, digits, `_` and `-`, not starting with a digit or `-`. */
  readonly name: string;
  /** How the child runs. */
  readonly run: RunSpec;
}

/** Defaults for stopping. */
export interface ShutdownOptions {
  /** Default of `stop.timeoutMs`. @default {5000} */
  readonly gracefulTimeoutMs?: number;
  /** Default of `stop.killWaitMs`. @default {1000} */
  readonly abortWaitMs?: number;
  /** Whether stragglers are forced. @default {true} */
  readonly abortAfterTimeout?: boolean;
  /** Time in milliseconds after which everything is forced; `null` is unlimited. @default {null} */
  readonly totalTimeoutMs?: number | null;
}

/** A supervisor and its children. */
export interface SupervisorOptions {
  /** Which siblings a failure touches. @default {"one_for_one"} */
  readonly strategy?: Strategy;
  /** When the supervisor ends by itself, which counts as success. @default {"never"} */
  readonly autoShutdown?: AutoShutdown;
  /** What the escalation of a child leads to. @default {"escalate_to_parent"} */
  readonly escalationPolicy?: EscalationPolicy;
  /** Whether children can be added while it runs, and how many there may be. @default {{ enabled: true, childLimit: null }} */
  readonly dynamicSupervisor?: DynamicSupervisorOptions;
  /** Groups of its children. @default {[]} */
  readonly groups?: readonly GroupOptions[];
  /** Strategies for the members of groups. @default {[]} */
  readonly groupStrategies?: readonly GroupStrategyOptions[];
  /** What the fuse of one group means for another. @default {[]} */
  readonly groupDependencies?: readonly GroupDependencyOptions[];
  /** Strategies for single children. @default {[]} */
  readonly childStrategyOverrides?: readonly StrategyOverrideOptions[];
  /** The children; their order matters where dependencies leave it open. */
  readonly children: readonly ChildSpec[];
}

/** What may be added to a supervisor while it runs. */
export interface DynamicSupervisorOptions {
  /** Whether children can be added at all. @default {true} */
  readonly enabled?: boolean;
  /** How many children there may be in all, those that are declared among them; `null` is no limit. @default {null} */
  readonly childLimit?: number | null;
}

/** A whole supervision tree. */
export interface TreeSpec extends SupervisorOptions {
  /** Children that are not started with the tree, but copied on demand. @default {[]} */
  readonly templates?: readonly ChildSpec[];
  /** Name of the tree, shown to people. @default {"reeve"} */
  readonly name?: string;
  /** Defaults for all children. */
  readonly policy?: PolicyOptions;
  /** Severity by role where a child does not say. */
  readonly severityDefaults?: Readonly<Partial<Record<TaskRole, Severity>>>;
  /** Defaults for stopping. */
  readonly shutdown?: ShutdownOptions;
  /** What the tree remembers and measures. */
  readonly observability?: ObservabilityOptions;
  /** What happens to slow readers. */
  readonly backpressure?: BackpressureOptions;
  /** Where it is recorded who asked for what. @default {in memory} */
  readonly audit?: AuditOptions;
  /** Where it is kept what must outlive the program. @default {nowhere} */
  readonly state?: StateFileOptions;
}
