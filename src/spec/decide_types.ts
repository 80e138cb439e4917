/** A child's own say in what follows from its failures. */

/** What a child's own function makes of a failure: `policy` leaves it to the restart policy, which `restart` does not override when it is temporary. */
export type Verdict = "policy" | "restart" | "stop" | "escalate";

/** A failure as the function of a child gets to see it. */
export interface DecisionRequest {
  /** Path of the child. */
  readonly path: string;
  /** What sort of failure it was. */
  readonly kind: string;
  /** Low-cardinality label, such as `start_failed` or `TypeError`. */
  readonly category: string;
  /** One line for people. */
  readonly message: string;
  /** Exit code of a process or worker. */
  readonly exitCode?: number;
  /** Signal that ended a process. */
  readonly signal?: string;
}

/** What went before a failure. */
export interface DecisionHistory {
  /** Attempts so far, this one included. */
  readonly attempt: number;
  /** Restarts so far. */
  readonly restartsTotal: number;
  /** Failures before this one. */
  readonly failuresTotal: number;
  /** Restarts since the child was last healthy for long. */
  readonly consecutiveRestarts: number;
  /** How long the attempt ran, in milliseconds. */
  readonly uptimeMs: number;
}

/** Looks at a failure and says what follows; limits, fuses and budgets still count. What it throws is told in the child's log, and policy decides. */
export type DecideFunction = (failure: DecisionRequest, history: DecisionHistory) => Verdict;
