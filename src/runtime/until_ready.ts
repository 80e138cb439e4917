/** Waits until a tree is ready, its end comes, or nobody wants to wait any longer. */
import { type Clock, ReeveError } from "../base/mod.ts";
import type { SupervisorEvent } from "../event/mod.ts";
import type { Bus } from "../observe/mod.ts";
import type { ReadyOptions } from "./tree.ts";

/** What is waited for. */
export interface Readying {
  readonly name: string;
  readonly clock: Clock;
  readonly events: Bus<SupervisorEvent>;
  isReady(): boolean;
  /** Names what is not ready. */
  whatIsMissing(): string;
}

/** Implements `Tree.ready`. */
export async function untilReady(tree: Readying, { signal, timeoutMs }: ReadyOptions): Promise<void> {
  if (tree.isReady()) return;
  const stop = new AbortController();
  const onAbort = (): void => stop.abort();
  let timedOut = false;
  const cancelTimer = timeoutMs === undefined ? () => {} : tree.clock.setTimer(() => {
    timedOut = true;
    stop.abort();
  }, timeoutMs);
  signal?.addEventListener("abort", onAbort);
  try {
    signal?.throwIfAborted();
    const events = tree.events.read({
      since: "now",
      filter: (event) => event.type === "supervisor_ready" && event.path === "/",
      signal: stop.signal,
      capacity: Infinity,
    });
    const { done } = await events.next();
    await events.return?.();
    if (done !== true || tree.isReady()) return;
    signal?.throwIfAborted();
    if (timedOut) {
      throw new ReeveError("tree_not_ready", `Tree "${tree.name}" was not ready within ${timeoutMs} ms: ${tree.whatIsMissing()}`);
    }
    throw new ReeveError("tree_finished", `Tree "${tree.name}" finished before it was ready`);
  } finally {
    cancelTimer();
    signal?.removeEventListener("abort", onAbort);
  }
}
