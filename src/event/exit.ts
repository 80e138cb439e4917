/** How an attempt ended, as plain data. */
import type { ChildErrorKind } from "../base/mod.ts";

/** Why an attempt failed; `message` is for people, decisions use `kind` and `category`. */
export interface Failure {
  /** What sort of failure it was. */
  readonly kind: "error" | "panic" | "timeout" | "unhealthy" | "cancelled" | ChildErrorKind;
  /** Low-cardinality label, such as `start_failed` or `TypeError`. */
  readonly category: string;
  /** One line for people, at most 1 KiB, control characters made visible. */
  readonly message: string;
  /** Exit code of a process or worker. */
  readonly exitCode?: number;
  /** Signal that ended a process. */
  readonly signal?: string;
  /** Last lines of output, oldest first. */
  readonly lastLines?: readonly string[];
}

/** How an attempt ended. */
export type Exit =
  | { readonly kind: "succeeded"; readonly exitCode?: number }
  | { readonly kind: "cancelled" }
  | { readonly kind: "killed" }
  | { readonly kind: "failed" | "panicked" | "timed_out"; readonly failure: Failure };

/** The class of an exit, on which the restart decision rests. */
export type ExitClass = "success" | "manual_stop" | "external_cancel" | "timeout" | "panic" | "nonzero_exit";

/** Whether an attempt failed, whoever wanted its end. */
export function isFailedExit(exit: Exit): boolean {
  return "failure" in exit && exit.failure.kind !== "cancelled";
}
