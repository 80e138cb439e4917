/** Signals of the operating system: the first one asks, the second one forces. */
import process from "node:process";
import type { Tree } from "./tree.ts";

/** Options of {@linkcode handleSignals}. */
export interface SignalOptions {
  /** Which signals stop the tree. @default {["SIGINT", "SIGTERM"]} */
  readonly signals?: readonly ("SIGINT" | "SIGTERM" | "SIGHUP" | "SIGQUIT")[];
}

/**
 * Stops the tree when the program gets SIGINT or SIGTERM, by force when it gets a second one.
 *
 * Listening ends when the tree has finished, or when the returned handle is disposed of.
 *
 * @example
 * ```ts
 * import { child, handleSignals, supervise } from "@reeve/supervisor";
 *
 * await using tree = await supervise({ children: [child.task("idle", ({ signal }) => new Promise((resolve) => signal.onabort = resolve))] });
 * using signals = handleSignals(tree);
 * ```
 */
export function handleSignals(tree: Tree, { signals = ["SIGINT", "SIGTERM"] }: SignalOptions = {}): Disposable {
  let count = 0;
  const onSignal = (signal: string): void => {
    count++;
    tree.shutdown({ by: "signal", reason: signal, force: count > 1 });
  };
  for (const signal of signals) process.on(signal, onSignal);
  const dispose = (): void => {
    for (const signal of signals) process.removeListener(signal, onSignal);
  };
  tree.finished.then(dispose);
  return { [Symbol.dispose]: dispose };
}
