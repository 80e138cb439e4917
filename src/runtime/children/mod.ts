/** Chooses the adapter for a child. */
import type { ChildPolicy, ChildSpec, TaskFunction } from "../../spec/mod.ts";
import { processAdapter } from "./process.ts";
import { taskAdapter } from "./task.ts";
import type { ChildAdapter } from "./types.ts";
import { workerAdapter } from "./worker.ts";

export { readEnvFile } from "./env_file.ts";
export { findCommand } from "./find_command.ts";
export { MemoryWatch } from "./memory_watch.ts";
export { parentDeath } from "./parent_death.ts";
export type { AttemptContext, ChildAdapter, RunningChild } from "./types.ts";

/** The functions of children that are modules, loaded before anything starts. */
export type LoadedTasks = ReadonlyMap<ChildSpec, TaskFunction>;

/** Returns what starts attempts of this child. */
export function adapterFor(child: ChildSpec, policy: ChildPolicy, tasks: LoadedTasks): ChildAdapter {
  const { run } = child;
  switch (run.kind) {
    case "task":
      return taskAdapter(run.task);
    case "module":
      return taskAdapter(tasks.get(child)!);
    case "worker":
      return workerAdapter(run.url);
    case "process":
      return processAdapter(
        { ...run, successExitCodes: child.successExitCodes, hooks: child.hooks, resourceLimits: child.resourceLimits },
        policy.stop,
      );
    case "factory":
    case "supervisor":
      throw new TypeError(`Child "${child.name}" has no adapter of its own`);
  }
}
