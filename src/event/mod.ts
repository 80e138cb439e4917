/** What a tree tells: events, exits, and one sentence for each. */
export * from "./chain.ts";
export * from "./describe.ts";
export * from "./event.ts";
export * from "./exit.ts";
export * from "./severity.ts";
