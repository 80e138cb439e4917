/** The real clock, and turns of the program. */
import type { Clock } from "../base/mod.ts";

export { systemClock } from "../platform/mod.ts";

/** Resolves after so many turns of the program. */
export async function turnsOf(clock: Clock, count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => clock.macrotask(resolve));
}
