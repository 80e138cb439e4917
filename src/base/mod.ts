/** What every folder may use: errors, time, random numbers, text. */
export * from "./abort.ts";
export * from "./child_error.ts";
export * from "./clean.ts";
export * from "./clock.ts";
export * from "./errors.ts";
export * from "./finalizers.ts";
export * from "./in_time.ts";
export * from "./json.ts";
export * from "./methods.ts";
export * from "./names.ts";
export * from "./nearest.ts";
export * from "./random.ts";
export * from "./requests.ts";
export * from "./ring_buffer.ts";
export * from "./sub_tasks.ts";
export * from "./task.ts";
export * from "./version.ts";
