/** Tasks that many tests need. */
import type { TaskContext } from "../../mod.ts";

/** Runs until it is asked to stop. */
export function untilAborted({ signal }: Pick<TaskContext, "signal">): Promise<void> {
  return new Promise((resolve) => signal.aborted ? resolve() : signal.addEventListener("abort", () => resolve()));
}

/** Never ends, whatever it is told. */
export function deaf(): Promise<void> {
  return new Promise(() => {});
}
