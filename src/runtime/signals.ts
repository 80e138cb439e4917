/** Signals of the operating system: what each of them does to the tree. */
import process from "node:process";
import type { Tree } from "./tree.ts";

/** A signal that can be heard. */
export type HandledSignal = "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGQUIT" | "SIGUSR2";

/** Stop in order (and by force when it comes a second time), stop by force at once, read the declaration anew, or nothing at all. */
export type SignalAction = "graceful" | "force" | "reload" | "ignore";

/** Options of {@linkcode handleSignals}. */
export interface SignalOptions {
  /** What signals do; those that are not named keep their usual meaning. @default {{ SIGINT: "graceful", SIGTERM: "graceful" }} */
  readonly actions?: Readonly<Partial<Record<HandledSignal, SignalAction>>>;
  /** Reads the declaration anew and applies it; what it throws is its own matter. @default {nothing happens} */
  readonly onReload?: () => unknown;
}

/** Signals this close together are one: Ctrl-C reaches the whole process group, and what started the program passes it on once more. */
const SAME_SIGNAL_MS = 300;

const USUAL: Readonly<Partial<Record<HandledSignal, SignalAction>>> = { SIGINT: "graceful", SIGTERM: "graceful" };

/**
 * Stops the tree when the program gets SIGINT or SIGTERM, by force when it gets a second one, at least 300 ms later; `actions` gives signals another meaning.
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
export function handleSignals(tree: Tree, { actions = USUAL, onReload = () => {} }: SignalOptions = {}): Disposable {
  let heardAtMs = -Infinity;
  const stop = (signal: string, force: boolean): void => {
    const now = performance.now();
    if (now - heardAtMs < SAME_SIGNAL_MS) return;
    tree.shutdown({ by: "signal", reason: signal, force: force || heardAtMs !== -Infinity });
    heardAtMs = now;
  };
  const onSignal = (signal: string): void => {
    switch (actionOf(actions, signal)) {
      case "graceful":
        return stop(signal, false);
      case "force":
        return stop(signal, true);
      case "reload":
        void Promise.resolve().then(onReload).catch(() => {});
        return;
      case "ignore":
        return;
    }
  };
  const signals = Object.keys(actions);
  for (const signal of signals) process.on(signal, onSignal);
  const dispose = (): void => {
    for (const signal of signals) process.removeListener(signal, onSignal);
  };
  tree.finished.then(dispose);
  return { [Symbol.dispose]: dispose };
}

function actionOf(actions: Readonly<Record<string, SignalAction | undefined>>, signal: string): SignalAction {
  return actions[signal] ?? "ignore";
}
