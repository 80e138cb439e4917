/** Builders of children. */
import type { ChildOptions, ChildSpec, ProcessOptions, SupervisorOptions, TaskFunction } from "./types.ts";

/** Options of a process child: how to run it, and those of every child. */
export type ProcessChildOptions = ProcessOptions & Omit<ChildOptions, "args">;

/** Options of a nested supervisor: its children, and those of every child. */
export type SupervisorChildOptions = SupervisorOptions & Omit<ChildOptions, "args">;

/** The four kinds of children. */
export interface ChildBuilders {
  /** An async function in this program; it cannot be forced to stop. */
  readonly task: (name: string, task: TaskFunction, options?: ChildOptions) => ChildSpec;
  /** A worker thread running a module (`file:` URL) that calls `serveWorker`. */
  readonly worker: (name: string, url: URL | string, options?: ChildOptions) => ChildSpec;
  /** A process of the operating system. */
  readonly process: (name: string, options: ProcessChildOptions) => ChildSpec;
  /** A supervisor with children of its own, which fails and restarts as one unit. */
  readonly supervisor: (name: string, options: SupervisorChildOptions) => ChildSpec;
}

/**
 * Builds children of a tree.
 *
 * @example
 * ```ts
 * import { child } from "@reeve/supervisor";
 *
 * const redis = child.process("redis", { command: "redis-server", readiness: { mode: "tcp", port: 6379 } });
 * const ingest = child.task("ingest", async ({ signal }) => {
 *   while (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 100));
 * }, { dependencies: ["redis"] });
 * console.log(redis.name, ingest.dependencies);
 * ```
 */
export const child: ChildBuilders = {
  task: (name, task, options = {}) => ({ ...options, name, run: { kind: "task", task } }),
  worker: (name, url, options = {}) => ({ ...options, name, run: { kind: "worker", url: String(url) } }),
  process: (name, { command, args, cwd, shell, envFile, uid, gid, stopOnParentDeath, listen, ...options }) => ({
    ...options,
    name,
    run: { kind: "process", command, args, cwd, shell, envFile, uid, gid, stopOnParentDeath, listen },
  }),
  supervisor: (name, { groups, groupStrategies, groupDependencies, childStrategyOverrides, ...others }) => {
    const { strategy, autoShutdown, escalationPolicy, dynamicSupervisor, children, ...options } = others;
    const ofGroups = { groups, groupStrategies, groupDependencies, childStrategyOverrides };
    return {
      ...options,
      name,
      run: { kind: "supervisor", strategy, autoShutdown, escalationPolicy, dynamicSupervisor, ...ofGroups, children },
    };
  },
};
