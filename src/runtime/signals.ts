/** Signals of the operating system: what each of them does to the tree. */
import { constants } from "node:os";
import process from "node:process";
import type { ShutdownRequest, Tree } from "./tree.ts";

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
 * Given the promise of {@linkcode supervise}, it keeps what comes while the tree starts until it is there; whoever stops it a second time meanwhile
 * ends the program. Listening ends when the tree has finished or was not started, or when the returned handle is disposed of.
 *
 * @example
 * ```ts
 * import { child, handleSignals, supervise } from "@reeve/supervisor";
 *
 * await using tree = await supervise({ children: [child.task("idle", ({ signal }) => new Promise((resolve) => signal.onabort = resolve))] });
 * using signals = handleSignals(tree);
 * ```
 */
export function handleSignals(tree: Tree | Promise<Tree>, { actions = USUAL, onReload = () => {} }: SignalOptions = {}): Disposable {
  let running = tree instanceof Promise ? null : tree;
  let early: ShutdownRequest | null = null;
  let heardAtMs = -Infinity;
  const stop = (signal: HandledSignal, force: boolean): void => {
    const now = performance.now();
    if (now - heardAtMs < SAME_SIGNAL_MS) return;
    const isAgain = heardAtMs !== -Infinity;
    heardAtMs = now;
    const wish = { by: "signal", reason: signal, force: force || isAgain };
    if (running !== null) running.shutdown(wish);
    else if (isAgain) process.exit(128 + constants.signals[signal]);
    else early = wish;
  };
  const onSignal = (signal: HandledSignal): void => {
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
  const begin = (begun: Tree): void => {
    running = begun;
    begun.finished.then(dispose);
    if (early !== null) begun.shutdown(early);
  };
  if (tree instanceof Promise) tree.then(begin, dispose);
  else begin(tree);
  return { [Symbol.dispose]: dispose };
}

function actionOf(actions: Readonly<Record<string, SignalAction | undefined>>, signal: string): SignalAction {
  return actions[signal] ?? "ignore";
}
