/** What can be seen of a tree. */
export * from "./bus.ts";
export * from "./log.ts";
