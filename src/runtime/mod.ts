/** Makes trees run. */
export { type HealthOptions, type HealthServer, serveHealth } from "./health_server.ts";
export * from "./report.ts";
export * from "./signals.ts";
export * from "./supervise.ts";
export * from "./tree.ts";
export { flatten } from "./snapshot.ts";
export type { ChildSnapshot, FuseSnapshot, GroupSnapshot, TreeChange, TreeMoment, TreeSnapshot } from "./snapshot.ts";
export { Interpreter, type InterpreterOptions } from "./interpreter.ts";
export type { Leftover, OpenKind } from "./ledger.ts";
export { reconcile, type Reconciliation } from "./reconcile.ts";
export { type AdditionLog, type AdditionRecord, fileAdditionLog, type FileAdditionLogOptions } from "./addition_log.ts";
export { checkFiles } from "./preflight.ts";
export { systemClock } from "./clock.ts";
export { type Insides, insidesOf } from "./insides.ts";
export { type CommandResult, Planner, planTree, type TreePlan } from "../core/mod.ts";
export type { AttemptContext, ChildAdapter, RunningChild } from "./children/mod.ts";
