/** What a target says, as the client gives it: names in camelCase, nanoseconds as whole numbers of any size. */

import type { ChildDescription, ChildUsage, TreeDescription } from "./status_types.ts";

/** A time in nanoseconds since the Unix epoch. */
export type Nanos = bigint;

/** What a target says of itself to a relay. */
export interface TargetRegistration {
  /** What the target is called. */
  readonly targetId: string;
  /** What people read. */
  readonly displayName: string;
  /** Where its socket is. */
  readonly ipcPath: string;
  /** How long a registration counts; 0 without one. */
  readonly leaseSeconds: number;
  /** Commands of the reference that it takes. */
  readonly supportedCommands: readonly { readonly name: string; readonly idempotent: boolean; readonly timeoutSeconds: number }[];
}

/** The answer to `hello`. */
export interface Hello {
  /** Name and version of the language. */
  readonly protocolVersion: string;
  /** What the target says of itself to a relay. */
  readonly registration: TargetRegistration;
  /** The program behind the socket; only Reeve tells it. */
  readonly server?: {
    readonly name: string;
    readonly version: string;
    readonly runtime: string;
    readonly pid: number;
    /** Tells the numbers of one run of the tree from those of another. */
    readonly runId: string;
    /** Tells one store of answers to commands from another; missing where none are kept. */
    readonly answersId?: string;
    /** How long, in seconds, an answer is kept at least. */
    readonly answersKeptSeconds?: number;
  };
  /** What it does beyond the reference. */
  readonly capabilities?: readonly string[];
  /** Methods of its own, with what they may do. */
  readonly extensions?: Readonly<Record<string, "read" | "write" | "destructive">>;
}

/** One child as people look at it. */
export interface RuntimeState {
  /** Path of the child. */
  readonly childPath: string;
  /** Where it is in its life, or how operators hold it. */
  readonly lifecycleState: string;
  /** What is known of its health. */
  readonly health: string;
  /** Whether it is ready. */
  readonly readiness: string;
  /** Which incarnation. */
  readonly generation: number;
  /** Attempts so far, 0 when none is alive. */
  readonly childStartCount: number;
  /** Failures that count against its limit. */
  readonly restartCount: number;
  /** How it failed last. */
  readonly lastFailure: string | null;
  /** What was decided then. */
  readonly lastPolicyDecision: string | null;
  /** How far a shutdown of the tree is. */
  readonly shutdownState: string;
}

/** Heartbeat and readiness of a child. */
export interface Liveness {
  /** When it said last that it is alive; missing when it did not. */
  readonly lastHeartbeatAtUnixNanos?: Nanos;
  /** Whether that is too long ago. */
  readonly heartbeatStale: boolean;
  /** Whether it is ready. */
  readonly readiness: string;
}

/** The limit of a child and what is used of it. */
export interface RestartLimit {
  /** Length of the window in milliseconds. */
  readonly windowMillis: number;
  /** Failures allowed in it. */
  readonly limit: number;
  /** Failures in it. */
  readonly used: number;
  /** Failures that are left. */
  readonly remaining: number;
  /** Whether there were too many. */
  readonly exhausted: boolean;
  /** When that was counted. */
  readonly updatedAtUnixNanos: Nanos;
}

/** Everything that the target keeps of one child. */
export interface ChildRuntimeRecord {
  /** Last segment of its path. */
  readonly childId: string;
  /** Path of the child. */
  readonly childPath: string;
  /** Which incarnation. */
  readonly generation: number | null;
  /** Which attempt. */
  readonly attempt: number | null;
  /** State of the live attempt. */
  readonly status: string | null;
  /** What operators want of it. */
  readonly operation: string;
  /** The same as the reference calls it. */
  readonly managedChildState: string;
  /** Heartbeat and readiness. */
  readonly liveness: Liveness;
  /** Its limit. */
  readonly restartLimit: RestartLimit;
  /** Where a stop stands. */
  readonly stopState: string;
  /** What went wrong with a command that is done. */
  readonly failure: { readonly phase: string; readonly reason: string; readonly recoverable: boolean } | null;
  /** Where a restart by command stands. */
  readonly generationFencePhase: string;
  /** A restart that waits for the old attempt. */
  readonly pendingRestart: { readonly oldGeneration: number; readonly oldAttempt: number; readonly targetGeneration: number } | null;
}

/** One event. */
export interface EventRecord {
  /** What the target is called. */
  readonly targetId: string;
  /** Counts from 1. */
  readonly sequence: number;
  /** The same from an exit to the ready that follows it. */
  readonly correlationId: string;
  /** What happened, in PascalCase. */
  readonly eventType: string;
  /** How grave it is. */
  readonly severity: string;
  /** Path of the child or supervisor. */
  readonly targetPath: string;
  /** Last segment of its path. */
  readonly childId: string | null;
  /** When it happened. */
  readonly occurredAtUnixNanos: Nanos;
  /** Version of the configuration. */
  readonly configVersion: string;
  /** What else is told. */
  readonly payload: { readonly eventType: string; readonly policy: Readonly<Record<string, unknown>> | null };
}

/** An event with what it means. */
export interface DescribedEvent {
  /** The event. */
  readonly event: EventRecord;
  /** One sentence. */
  readonly description: string;
  /** How long it is until its child starts again, in milliseconds, where that was decided. */
  readonly restartDelayMs?: number;
}

/** One line of output. */
export interface TargetLogRecord {
  /** What the target is called. */
  readonly targetId: string;
  /** Counts from 1. */
  readonly sequence: number | null;
  /** The same from an exit to the ready that follows it. */
  readonly correlationId: string | null;
  /** How grave it is. */
  readonly severity: string;
  /** What is said. */
  readonly message: string;
  /** As the target wrote them. */
  readonly fields: Readonly<Record<string, string>>;
  /** When it happened. */
  readonly occurredAtUnixNanos: Nanos;
}

/** Who is in a tree, and who depends on whom. */
export interface Topology {
  /** The root supervisor. */
  readonly root: TopologyNode;
  /** All of them, the root first. */
  readonly nodes: readonly TopologyNode[];
  /** Who belongs to whom, and who depends on whom. */
  readonly edges: readonly {
    readonly edgeId: string;
    readonly sourcePath: string;
    readonly targetPath: string;
    readonly kind: string;
    readonly order: number;
  }[];
  /** Paths in the order in which they were declared. */
  readonly declarationOrder: readonly string[];
}

/** One supervisor or child of a topology. */
export interface TopologyNode {
  /** The same as the path. */
  readonly nodeId: string;
  /** Last segment of its path. */
  readonly childId: string | null;
  /** Path. */
  readonly path: string;
  /** Name. */
  readonly name: string;
  /** Supervisor or child. */
  readonly kind: string;
  /** Labels. */
  readonly tags: readonly string[];
  /** How much it matters. */
  readonly criticality: string;
  /** A word about its state. */
  readonly stateSummary: string;
  /** What else is told, as the target wrote it. */
  readonly diagnostics: Readonly<Record<string, string>>;
}

/** How a tree is. */
export interface DashboardState {
  /** The target and its registration. */
  readonly target: {
    readonly targetId: string;
    readonly displayName: string;
    readonly registrationState: string;
    readonly connectionState: string;
  };
  /** Who is there. */
  readonly topology: Topology;
  /** A row for each child. */
  readonly runtimeState: readonly RuntimeState[];
  /** A record for each child. */
  readonly childRuntimeRecords: readonly ChildRuntimeRecord[];
  /** The last events, oldest first. */
  readonly recentEvents: readonly EventRecord[];
  /** The last lines, oldest first. */
  readonly recentLogs: readonly TargetLogRecord[];
  /** How many events there were before them. */
  readonly droppedEventCount: number;
  /** How many lines there were before them. */
  readonly droppedLogCount: number;
  /** Version of the configuration. */
  readonly configVersion: string;
  /** When the state was made. */
  readonly generatedAtUnixNanos: Nanos;
  /** Number of the last event that is in it. */
  readonly stateGeneration: number;
}

/** What became of a command. */
export interface CommandOutcome {
  /** The client's number for it. */
  readonly commandId: string;
  /** What the target is called. */
  readonly targetId: string;
  /** Whether it was done. */
  readonly accepted: boolean;
  /** State of the live attempt. */
  readonly status: string;
  /** Why it was not. */
  readonly error: { readonly code: string; readonly stage: string; readonly message: string; readonly retryable: boolean } | null;
  /** What changed, by `type`. */
  readonly stateDelta: Readonly<Record<string, unknown>> | null;
  /** When it was done. */
  readonly completedAtUnixNanos: Nanos;
}

/** What comes to a reader of events. */
export type EventPush =
  | {
    readonly type: "event";
    readonly event: EventRecord;
    /** What it means in one sentence, where that was asked for. */
    readonly description?: string;
    /** How long it is until its child starts again, in milliseconds, where that was decided. */
    readonly restartDelayMs?: number;
  }
  | {
    readonly type: "usage";
    /** What the processes of children take. */
    readonly children: readonly (ChildUsage & { readonly childPath: string })[];
    /** Why that is not known; `null` where it is. */
    readonly unmeasured: string | null;
  }
  | {
    readonly type: "state_delta";
    readonly delta: {
      readonly sequence: number;
      /** Whether every child is in it. */
      readonly whole: boolean;
      /** None where they are not wanted. */
      readonly runtimeState: readonly RuntimeState[];
      /** None where they are not wanted. */
      readonly childRuntimeRecords: readonly ChildRuntimeRecord[];
      readonly removed: readonly string[];
      /** Everything that is known of the children that changed, where that was asked for. */
      readonly children?: readonly ChildDescription[];
      /** Everything that is known of the tree, where that was asked for and it is otherwise than it was. */
      readonly tree?: TreeDescription;
    };
  }
  | CaughtUp
  | Interruption;

/** What was remembered has come, where that was asked for: what comes next happens now. */
export interface CaughtUp {
  /** Tells it from what comes beside it. */
  readonly type: "caught_up";
}

/** What comes to a reader of lines. */
export type LogPush = { readonly type: "log"; readonly log: TargetLogRecord } | CaughtUp | Interruption;

/** A push for whoever passes it on: an `event`, `log`, `state_delta` or `usage` with no more than its own part looked at. */
export interface RawPush {
  /** Tells it from what comes beside it. */
  readonly type: "raw";
  /** What came, with names as they are on the wire; times are texts. */
  readonly message: Readonly<Record<string, unknown>>;
  /** The line that it was. */
  readonly line: string;
}

/** A hole in a stream: something was dropped, or another run of the tree began, whose numbers begin anew. */
export type Interruption =
  | { readonly type: "gap"; readonly message: string }
  | {
    readonly type: "restarted";
    readonly message: string;
    /** The run that began, where it says that. */
    readonly run?: string;
  };

/** One record of the audit: who asked for what, or what was done without being asked. */
export interface TargetAuditRecord {
  /** Tells the numbers of one run of the program from those of another. */
  readonly run: string;
  /** Counts from 1 in each run. */
  readonly sequence: number;
  /** When it was recorded, in ISO 8601. */
  readonly timestamp: string;
  /** `intent`, `outcome`, `read`, or `auto`. */
  readonly kind: string;
  /** `socket`, `program`, `child`, or `runtime`. */
  readonly origin: string;
  /** What was asked. */
  readonly method: string | null;
  /** Stands for who asked. */
  readonly initiatorHash: string;
  /** Ties the records of one request together. */
  readonly correlationId: string | null;
  /** Whether it was done, or may be. */
  readonly allowed: boolean;
  /** Why not. */
  readonly denialCode: string | null;
  /** Where it was refused. */
  readonly denialControlPoint: string | null;
  /** The client's number for a command. */
  readonly commandId?: string | null;
  /** Who says to have asked. */
  readonly requestedBy?: string | null;
  /** Why. */
  readonly reason?: string | null;
  /** Path of the child. */
  readonly targetPath?: string | null;
  /** How many of its kind were left out before it. */
  readonly suppressed?: number;
  /** How many of any kind before it were not recorded. */
  readonly lost?: number;
}
