/** What a run was like: counted from the events as they happen, so that nothing is missing because a journal is short. */
import { RingBuffer } from "../base/mod.ts";
import { type Decision, failedExitIn, type SupervisorEvent } from "../event/mod.ts";

/** A child's failure. */
export type FailureEvent = Extract<SupervisorEvent, { readonly type: "child_failed" }>;

/** A run up to now. */
export interface RunSummary {
  /** Failures of all children, those that are gone among them, and those that happened while a child was being stopped. */
  readonly failures: number;
  /** Restarts of all children. */
  readonly restarts: number;
  /** The last failures after which something had to be decided, oldest first. */
  readonly recentFailures: readonly FailureEvent[];
  /** The last events, oldest first. */
  readonly recentEvents: readonly SupervisorEvent[];
  /** What was decided after the last failure. */
  readonly lastDecision: Decision | null;
}

/** How many failures and events a summary has. */
const MOST_FAILURES = 16;
const MOST_EVENTS = 32;

/** Counts what a tree tells. */
export class RunRecorder {
  readonly #failures = new RingBuffer<FailureEvent>(MOST_FAILURES);
  readonly #events = new RingBuffer<SupervisorEvent>(MOST_EVENTS);
  #failureCount = 0;
  #restarts = 0;

  note(event: SupervisorEvent): void {
    this.#events.push(event);
    if (failedExitIn(event) !== null) this.#failureCount++;
    if (event.type === "child_failed") this.#failures.push(event);
    else if (event.type === "child_restarting") this.#restarts++;
  }

  get summary(): RunSummary {
    const recentFailures = this.#failures.toArray();
    return {
      failures: this.#failureCount,
      restarts: this.#restarts,
      recentFailures,
      recentEvents: this.#events.toArray(),
      lastDecision: recentFailures.at(-1)?.decision ?? null,
    };
  }
}
