/** The way to start a tree. */
import { SpecError } from "../base/mod.ts";
import type { TreeSpec } from "../spec/mod.ts";
import { systemClock } from "./clock.ts";
import { openObservers } from "./observers.ts";
import { preflight } from "./preflight.ts";
import { openState } from "./restored.ts";
import { RunningTree } from "./running_tree.ts";
import type { SuperviseOptions, Tree } from "./tree.ts";

/**
 * Starts a supervision tree.
 *
 * Resolves once the declaration is valid and the first children were started; a failing child never rejects it. Rejects with `SpecError`,
 * which lists all violations, with `audit_not_opened` and `journal_not_opened` when these are wanted in a file and cannot be written, and with
 * `state_not_opened` when `state` cannot be used; nothing is started then. It waits up to ten seconds for the end of processes that a killed run left behind.
 *
 * @example
 * ```ts
 * import { child, supervise } from "@reeve/supervisor";
 *
 * await using tree = await supervise({
 *   name: "shop",
 *   children: [
 *     child.task("clock", async ({ signal, log }) => {
 *       while (!signal.aborted) {
 *         log(new Date().toISOString());
 *         await new Promise((resolve) => setTimeout(resolve, 100));
 *       }
 *     }),
 *   ],
 * });
 * await tree.ready();
 * console.log(tree.child("/clock").phase);
 * ```
 */
export async function supervise(spec: TreeSpec, options: SuperviseOptions = {}): Promise<Tree> {
  const { problems, expanded, tasks } = await preflight(spec);
  if (problems.some((problem) => problem.severity === "error")) throw new SpecError(problems);
  // Checking ten thousand children takes tens of milliseconds, and so does planning them: the program gets a turn in between.
  await new Promise<void>((resolve) => (options.clock ?? systemClock()).macrotask(resolve));
  const state = await openState(spec);
  try {
    const running = new RunningTree(expanded, options, tasks, { ...await openObservers(spec), state });
    await running.begin();
    return running;
  } catch (error) {
    await state?.abandon();
    throw error;
  }
}
