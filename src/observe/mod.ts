/** What can be seen of a tree. */
export * from "./append_file.ts";
export * from "./audit.ts";
export { isHash } from "./audit_chain.ts";
export * from "./audit_read.ts";
export * from "./audit_verify.ts";
export * from "./bus.ts";
export * from "./diagnostics.ts";
export * from "./http_server.ts";
export * from "./journal/mod.ts";
export * from "./lag.ts";
export * from "./log.ts";
export * from "./log_file.ts";
export * from "./rotating_file.ts";
export * from "./run_summary.ts";
export * from "./telemetry/mod.ts";
