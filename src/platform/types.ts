/** What differs between the runtimes. */

/** The runtime this program runs in. */
export interface Platform {
  /** Its name. */
  readonly name: "deno" | "node";
  /** Its version. */
  readonly version: string;
  /** Why this version is too old to be relied on; `undefined` when it is not. */
  readonly tooOld: string | undefined;
  /** Whether terminating a worker stops a thread that is busy; in Deno such a thread runs on. */
  readonly terminateStopsBusyThreads: boolean;
  /** What to do about an error that was caused by a missing permission; `undefined` for other errors. */
  permissionHint(error: unknown): string | undefined;
  /** What to do about the error of a module that this runtime could not load, where its message alone would mislead. */
  loadHint(error: unknown): string | undefined;
  /**
   * Keeps the exit of a process by a signal that the runtime does not know from ending the program, until the returned function is called.
   *
   * Deno reports such an exit as an unhandled rejection.
   */
  guardUnknownSignals(): () => void;
}
