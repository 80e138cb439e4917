/** The decision core: deterministic, no I/O. */
export * from "./message.ts";
export * from "./node.ts";
export * from "./plan.ts";
export * from "./restore.ts";
export * from "./state.ts";
export { backoffDelay, type BackoffInput } from "./backoff.ts";
export { GONE } from "./command.ts";
export { neededBy } from "./dynamic.ts";
export { tokensAt } from "./bucket.ts";
export { type Health, healthOf } from "./health.ts";
export { lintsOf } from "./lint.ts";
export { type FuseState, fuseState } from "./fuse.ts";
export { clearWindow, countFailures, emptyWindow, type FailureWindow, recordFailure, shownCount } from "./window.ts";
export { classifyExit, isFailure } from "./classify.ts";
export { decide, type DecisionInput } from "./decide.ts";
