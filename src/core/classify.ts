/** Which class an exit belongs to. */
import type { Exit, ExitClass } from "../event/mod.ts";

/** Classifies an exit; `stopWanted` says that somebody asked the child to stop for good. */
export function classifyExit(exit: Exit, stopWanted: boolean): ExitClass {
  switch (exit.kind) {
    case "succeeded":
      return "success";
    case "cancelled":
    case "killed":
      return stopWanted ? "manual_stop" : "external_cancel";
    case "timed_out":
      return "timeout";
    case "panicked":
      return "panic";
    case "failed":
      return exit.failure.kind === "timeout"
        ? "timeout"
        : exit.failure.kind === "cancelled"
        ? (stopWanted ? "manual_stop" : "external_cancel")
        : "nonzero_exit";
  }
}

/** Whether a class counts as a failure, against the limit and for `transient`. */
export function isFailure(exitClass: ExitClass): boolean {
  return exitClass === "timeout" || exitClass === "panic" || exitClass === "nonzero_exit";
}
