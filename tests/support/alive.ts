/** Stands in for the tree around an adapter. */
import { parentDeath } from "../../src/runtime/children/parent_death.ts";

/** Runs something while the program is kept alive, and the shell that outlives it, as a tree does: timers of an adapter do neither. */
export async function keptAlive(run: () => Promise<void>): Promise<void> {
  const keepAlive = setInterval(() => {}, 1_000);
  const release = parentDeath.hold();
  try {
    await run();
  } finally {
    await release();
    clearInterval(keepAlive);
  }
}
