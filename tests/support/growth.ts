/** Whether something takes as long as what it is given is, and not as its square: on a machine that has other work too. */
import { fail } from "@std/assert";

/** Of two times that are compared, neither is taken for less milliseconds than this. */
const LEAST_MS = 1;

/** The best of all rounds counts: what else the machine does only ever adds. The first ones are slow by themselves, and after these many it is a square. */
const [FIRST_ROUNDS, ROUNDS] = [3, 20];

/**
 * Rejects where something of a length takes more than `times * times / 3` as long as something that is `times` shorter: its square would.
 * Both are measured in turn, so that both have the same machine.
 */
export async function assertGrowsByLength(short: () => unknown, long: () => unknown, times: number): Promise<void> {
  let [shortMs, longMs] = [Infinity, Infinity];
  for (let round = 1; round <= ROUNDS; round++) {
    shortMs = Math.min(shortMs, await msOf(short));
    longMs = Math.min(longMs, await msOf(long));
    if (round >= FIRST_ROUNDS && longMs < times * times / 3 * Math.max(LEAST_MS, shortMs)) return;
  }
  fail(`${shortMs} ms, then ${longMs} ms for ${times} times as much`);
}

async function msOf(run: () => unknown): Promise<number> {
  const startMs = performance.now();
  await run();
  return performance.now() - startMs;
}
