/** What can be seen of a tree. */
export * from "./append_file.ts";
export * from "./audit.ts";
export * from "./bus.ts";
export * from "./lag.ts";
export * from "./log.ts";
export * from "./run_summary.ts";
export * from "./telemetry/mod.ts";
