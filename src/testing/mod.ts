/**
 * What trees are tested with: a clock that a test moves, random numbers from a seed, and the simulation that tests the package itself.
 *
 * @example
 * ```ts
 * import { child, supervise } from "@reeve/supervisor";
 * import { VirtualClock } from "@reeve/supervisor/testing";
 *
 * const clock = new VirtualClock();
 * await using tree = await supervise({ children: [child.task("once", () => {}, { restartPolicy: "transient" })] }, { clock });
 * await clock.advance(1000);
 * console.log(tree.child("/once").phase);
 * ```
 *
 * @module
 */
export { seededRandom } from "../base/mod.ts";
export { simulate, type SimulationOptions, type SimulationResult } from "./simulation.ts";
export { VirtualClock, type VirtualClockOptions } from "./virtual_clock.ts";
