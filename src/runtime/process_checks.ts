/** What a declaration asks of this machine for its processes: limits that can be kept, and an end with the program. */
import type { Problem } from "../base/mod.ts";
import type { ChildSpec } from "../spec/mod.ts";
import { parentDeathRefusal } from "./children/parent_death.ts";
import { limitChecker } from "./children/resource_limits.ts";

/** Returns what lists the problems of one child; made anew for each check of a tree, since it remembers what it found out. */
export function processChecker(): (child: ChildSpec, pointer: string) => Promise<Problem[]> {
  const checkLimits = limitChecker();
  return async ({ run, environment, resourceLimits }, pointer) => {
    if (run.kind !== "process") return [];
    const problems: Problem[] = [];
    const { uid, gid, stopOnParentDeath } = run;
    const path = environment?.find(({ name }) => name === "PATH")?.value;
    const limit = resourceLimits === undefined ? null : await checkLimits(resourceLimits, { uid, gid, path });
    if (limit !== null) {
      const { key, ...refusal } = limit;
      problems.push({ severity: "error", pointer: `${pointer}/resourceLimits/${key}`, ...refusal });
    }
    // By default it is done where it can be, and told where not.
    const unwatched = stopOnParentDeath === true ? parentDeathRefusal() : null;
    if (unwatched !== null) problems.push({ severity: "error", pointer: `${pointer}/run/stopOnParentDeath`, ...unwatched });
    return problems;
  };
}
