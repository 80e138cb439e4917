/** What a supervised function gets, in a task and in a worker alike. */

/** An async function that is supervised, in this program or in a worker. */
export type TaskFunction = (context: TaskContext) => unknown;

/** How another child ended. */
export interface ChildEnd {
  /** Path of that child. */
  readonly path: string;
  /** Which incarnation it was. */
  readonly generation: number;
  /** Which attempt of it, counted from 1; 0 where that is not known. */
  readonly attempt: number;
  /** How it ended; `missed` when the watcher was too slow to be told, `not_found` when there is no such child. */
  readonly kind: "succeeded" | "failed" | "stopped" | "abandoned" | "removed" | "missed" | "not_found";
  /** What happened, in one line. */
  readonly message: string;
  /** Whether its restart policy starts it again; one that stops with its supervisor may come back with that. */
  readonly returns: boolean;
}

/** What a task gets: its identity, its cancellation, and ways to report. Destructuring works. */
export interface TaskContext {
  /** Path of the child, such as `/shop/ingest`. */
  readonly path: string;
  /** Name of the child. */
  readonly name: string;
  /** Which incarnation this is, counted from 0; grows with operator and configuration changes. */
  readonly generation: number;
  /** Which attempt this is, counted from 1; never resets. */
  readonly attempt: number;
  /** The child's `args`. */
  readonly args: unknown;
  /** The child's `environment`. */
  readonly environment: ReadonlyMap<string, string>;
  /** Aborts when the child is asked to stop. */
  readonly signal: AbortSignal;
  /** Says that the child is ready; with `false`, that it no longer is. */
  readonly ready: (isReady?: boolean) => void;
  /** Says that the child is alive now. */
  readonly heartbeat: () => void;
  /** Writes a line to the child's log. */
  readonly log: (message: string) => void;
  /**
   * Calls a function when the attempt's own is over, whatever ended it: the newest first, one after the other, within 5 s in all.
   *
   * The attempt ends when they are done, so that no other begins before; an error of theirs makes it a failure.
   */
  readonly defer: (finalizer: () => unknown) => void;
  /** Disposes of a resource as `defer` would, and returns it. */
  readonly use: <T extends Disposable | AsyncDisposable>(resource: T) => T;
  /**
   * Runs a function beside the attempt's own, and never longer: its signal aborts when the attempt is asked to stop or its function is over.
   *
   * The attempt ends when all of them have ended, before anything is put away. What one throws fails the attempt and aborts its signal, unless that
   * came from being stopped; catch inside to live with it. Returns the result, which nobody has to await. Throws once the attempt is over.
   *
   * @example
   * ```ts
   * import { child } from "@reeve/supervisor";
   *
   * child.task("ingest", async ({ spawn }) => {
   *   const page = (number: number) => (signal: AbortSignal) => fetch(`http://127.0.0.1:8000/${number}`, { signal });
   *   const [first, second] = await Promise.all([spawn(page(1)), spawn(page(2))]);
   *   console.log(first.status, second.status);
   * });
   * ```
   */
  readonly spawn: <T>(task: (signal: AbortSignal) => T | PromiseLike<T>) => Promise<T>;
  /**
   * Asks for a restart of the child, as `tree.child(path).restart()` would.
   *
   * Throws a `ReeveError` with code `not_permitted` unless the child has `commandPermissions: { allowRestart: true }`. The reason is at most 1024
   * characters long; `requested` where there is none.
   */
  readonly requestRestart: (reason?: string) => void;
  /**
   * Asks for a shutdown of the whole tree, as `tree.shutdown()` would.
   *
   * Throws a `ReeveError` with code `not_permitted` unless the child has `commandPermissions: { allowShutdown: true }`. The reason is at most 1024
   * characters long; `requested` where there is none.
   */
  readonly requestShutdown: (reason?: string) => void;
  /**
   * Tells how another child ends, each time it does: a sibling by its name, any child by its path.
   *
   * One that is down already is told of at once. The stream ends when that child is removed, and when the attempt is asked to stop or its function is
   * over. Who only wants to stop and wait with another child needs no watch: that is `bindsTo`.
   *
   * @example
   * ```ts
   * import { child } from "@reeve/supervisor";
   *
   * child.task("cache", async ({ watch, log }) => {
   *   for await (const { kind, message, returns } of watch("database")) {
   *     log(`the database has ${kind}: ${message}`);
   *     if (!returns) break;
   *   }
   * });
   * ```
   */
  readonly watch: (child: string) => AsyncIterableIterator<ChildEnd>;
  /** Cancels this attempt itself; the child then counts as cancelled and is not restarted. */
  readonly cancel: (reason?: string) => void;
}
