/** What a target says, as the client gives it: names in camelCase, nanoseconds as whole numbers of any size. */

/** A time in nanoseconds since the Unix epoch. */
export type Nanos = bigint;

/** What a target says of itself to a relay. */
export interface TargetRegistration {
  readonly targetId: string;
  readonly displayName: string;
  readonly ipcPath: string;
  readonly leaseSeconds: number;
  readonly supportedCommands: readonly { readonly name: string; readonly idempotent: boolean; readonly timeoutSeconds: number }[];
}

/** The answer to `hello`. */
export interface Hello {
  readonly protocolVersion: string;
  readonly registration: TargetRegistration;
  /** The program behind the socket; only Reeve tells it. */
  readonly server?: {
    readonly name: string;
    readonly version: string;
    readonly runtime: string;
    readonly pid: number;
    readonly runId: string;
  };
  /** What it does beyond the reference. */
  readonly capabilities?: readonly string[];
  /** Methods of its own, with what they may do. */
  readonly extensions?: Readonly<Record<string, "read" | "write" | "destructive">>;
}

/** One child as people look at it. */
export interface RuntimeState {
  readonly childPath: string;
  readonly lifecycleState: string;
  readonly health: string;
  readonly readiness: string;
  readonly generation: number;
  readonly childStartCount: number;
  readonly restartCount: number;
  readonly lastFailure: string | null;
  readonly lastPolicyDecision: string | null;
  readonly shutdownState: string;
}

/** Heartbeat and readiness of a child. */
export interface Liveness {
  readonly lastHeartbeatAtUnixNanos?: Nanos | null;
  readonly heartbeatStale: boolean;
  readonly readiness: string;
}

/** The limit of a child and what is used of it. */
export interface RestartLimit {
  readonly windowMillis: number;
  readonly limit: number;
  readonly used: number;
  readonly remaining: number;
  readonly exhausted: boolean;
  readonly updatedAtUnixNanos: Nanos;
}

/** Everything that the target keeps of one child. */
export interface ChildRuntimeRecord {
  readonly childId: string;
  readonly childPath: string;
  readonly generation: number | null;
  readonly attempt: number | null;
  readonly status: string | null;
  readonly operation: string;
  readonly managedChildState: string;
  readonly liveness: Liveness;
  readonly restartLimit: RestartLimit;
  readonly stopState: string;
  readonly failure: { readonly phase: string; readonly reason: string; readonly recoverable: boolean } | null;
  readonly generationFencePhase: string;
  readonly pendingRestart: { readonly oldGeneration: number; readonly oldAttempt: number; readonly targetGeneration: number } | null;
}

/** One event. */
export interface EventRecord {
  readonly targetId: string;
  readonly sequence: number;
  readonly correlationId: string;
  readonly eventType: string;
  readonly severity: string;
  readonly targetPath: string;
  readonly childId: string | null;
  readonly occurredAtUnixNanos: Nanos;
  readonly configVersion: string;
  readonly payload: { readonly eventType: string; readonly policy: Readonly<Record<string, unknown>> | null };
}

/** One line of output. */
export interface TargetLogRecord {
  readonly targetId: string;
  readonly sequence: number | null;
  readonly correlationId: string | null;
  readonly severity: string;
  readonly message: string;
  /** As the target wrote them. */
  readonly fields: Readonly<Record<string, string>>;
  readonly occurredAtUnixNanos: Nanos;
}

/** Who is in a tree, and who depends on whom. */
export interface Topology {
  readonly root: TopologyNode;
  readonly nodes: readonly TopologyNode[];
  readonly edges: readonly {
    readonly edgeId: string;
    readonly sourcePath: string;
    readonly targetPath: string;
    readonly kind: string;
    readonly order: number;
  }[];
  readonly declarationOrder: readonly string[];
}

/** One supervisor or child of a topology. */
export interface TopologyNode {
  readonly nodeId: string;
  readonly childId: string | null;
  readonly path: string;
  readonly name: string;
  readonly kind: string;
  readonly tags: readonly string[];
  readonly criticality: string;
  readonly stateSummary: string;
  readonly diagnostics: Readonly<Record<string, string>>;
}

/** How a tree is. */
export interface DashboardState {
  readonly target: {
    readonly targetId: string;
    readonly displayName: string;
    readonly registrationState: string;
    readonly connectionState: string;
  };
  readonly topology: Topology;
  readonly runtimeState: readonly RuntimeState[];
  readonly childRuntimeRecords: readonly ChildRuntimeRecord[];
  readonly recentEvents: readonly EventRecord[];
  readonly recentLogs: readonly TargetLogRecord[];
  readonly droppedEventCount: number;
  readonly droppedLogCount: number;
  readonly configVersion: string;
  readonly generatedAtUnixNanos: Nanos;
  /** Number of the last event that is in it. */
  readonly stateGeneration: number;
}

/** What became of a command. */
export interface CommandOutcome {
  readonly commandId: string;
  readonly targetId: string;
  /** Whether it was done. */
  readonly accepted: boolean;
  readonly status: string;
  /** Why it was not. */
  readonly error: { readonly code: string; readonly stage: string; readonly message: string; readonly retryable: boolean } | null;
  /** What changed, by `type`. */
  readonly stateDelta: Readonly<Record<string, unknown>> | null;
  readonly completedAtUnixNanos: Nanos;
}

/** What comes to a reader of events. */
export type EventPush =
  | { readonly type: "event"; readonly event: EventRecord }
  | {
    readonly type: "state_delta";
    readonly delta: {
      readonly sequence: number;
      /** Whether every child is in it. */
      readonly whole: boolean;
      readonly runtimeState: readonly RuntimeState[];
      readonly childRuntimeRecords: readonly ChildRuntimeRecord[];
      readonly removed: readonly string[];
    };
  }
  | Interruption;

/** What comes to a reader of lines. */
export type LogPush = { readonly type: "log"; readonly log: TargetLogRecord } | Interruption;

/** A hole in a stream: something was dropped, or another run of the tree began, whose numbers begin anew. */
export type Interruption =
  | { readonly type: "gap"; readonly message: string }
  | { readonly type: "restarted"; readonly message: string };
