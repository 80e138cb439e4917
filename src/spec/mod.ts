/** What a user declares: types, builders, defaults, validation. */
export * from "./child.ts";
export * from "./defaults.ts";
export * from "./diff.ts";
export * from "./graph.ts";
export * from "./groups.ts";
export * from "./guards.ts";
export * from "./instances.ts";
export * from "./resolve.ts";
export { SIGNALS } from "./signals.ts";
export type * from "./socket_types.ts";
export * from "./spec_hash.ts";
export * from "./types.ts";
export * from "./validate.ts";
