/** Signals of the operating system: the first one asks, the second one forces. */
import process from "node:process";
import type { Tree } from "./tree.ts";

/** Options of {@linkcode handleSignals}. */
export interface SignalOptions {
  /** Which signals stop the tree. @default {["SIGINT", "SIGTERM"]} */
  readonly signals?: readonly ("SIGINT" | "SIGTERM" | "SIGHUP" | "SIGQUIT")[];
}

/** Signals this close together are one: Ctrl-C reaches the whole process group, and what started the program passes it on once more. */
const SAME_SIGNAL_MS = 300;

/**
 * Stops the tree when the program gets SIGINT or SIGTERM, by force when it gets a second one, at least 300 ms later.
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
  let heardAtMs = -Infinity;
  const onSignal = (signal: string): void => {
    const now = performance.now();
    if (now - heardAtMs < SAME_SIGNAL_MS) return;
    tree.shutdown({ by: "signal", reason: signal, force: heardAtMs !== -Infinity });
    heardAtMs = now;
  };
  for (const signal of signals) process.on(signal, onSignal);
  const dispose = (): void => {
    for (const signal of signals) process.removeListener(signal, onSignal);
  };
  tree.finished.then(dispose);
  return { [Symbol.dispose]: dispose };
}
