/** A tree whose time only the test lets pass. */
import { supervise, type Tree, type TreeSpec } from "../../mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";

/** Starts a tree, and lets it get so far as it does at once. */
export async function running(spec: TreeSpec): Promise<{ readonly tree: Tree; readonly clock: VirtualClock }> {
  const clock = new VirtualClock({ startMs: 1_000 });
  const tree = await supervise(spec, { clock, keepAlive: false });
  await clock.advance(10);
  return { tree, clock };
}

/** Lets time pass, step by step, until something is done that waits for what it brings. */
export async function done<T>(clock: VirtualClock, work: Promise<T>, stepMs: number): Promise<T> {
  let isOver = false;
  const end = (): void => void (isOver = true);
  work.then(end, end);
  for (let turn = 0; turn < 1_000 && !isOver; turn++) await clock.advance(stepMs);
  return await work;
}

/** Closes the tree, and lets time pass for that. */
export async function end(tree: Tree, clock: VirtualClock): Promise<void> {
  const ending = tree.close();
  await clock.advance(60_000);
  await ending;
}
