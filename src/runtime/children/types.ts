/** The one interface behind which tasks, workers, processes and nested supervisors run. */
import type { Exit } from "../../event/mod.ts";
import type { ChildEnd, ChildRequestKind, Clock, CommandPermissions, Redactor, TaskContext } from "../../base/mod.ts";
import type { LineSink } from "../../observe/mod.ts";
import type { HeldSockets } from "../held_sockets.ts";
import type { Opened } from "../ledger.ts";

/**
 * What an adapter is given for one attempt. Its methods post messages to the tree and return at once; calls after the exit was reported are ignored.
 */
export interface AttemptContext extends Pick<TaskContext, "path" | "name" | "generation" | "attempt" | "args" | "environment"> {
  /** What its processes and their descendants have in their environment (`REEVE_MARK`), and nobody else. */
  readonly mark: string;
  /** Its timers are on the account of the attempt, as what was `opened` is. */
  readonly clock: Clock;
  /** The sockets that outlive attempts. */
  readonly sockets: HeldSockets;
  /** Starts a process that is to be entered as opened within the same turn: it is written down before, since the program may be killed between. */
  launch<T extends { readonly pid?: number }>(spawn: () => T): T;
  /** Enters what the attempt opened; the returned function strikes it out. */
  readonly opened: Opened;
  /** Knows what must not be told: who cuts output must not cut within it. */
  readonly redactor: Redactor;
  /** The file of the output; who can wait reads on when it is not full. `null` where there is none. */
  readonly sink: LineSink | null;
  /** What the child may ask of its tree. */
  readonly permissions: CommandPermissions;
  /**
   * The attempt began: the function was called, the process spawned, the worker said hello.
   *
   * Lines of output that came before, and may be what says that it is ready, are told again.
   */
  running(earlyLines?: readonly string[]): void;
  /** The child itself says whether it is ready. */
  ready(isReady: boolean): void;
  /** The child was alive at this time of the tree's monotonic clock. */
  heartbeat(atMs: number): void;
  /** A line of output; bounded and made harmless by the receiver. */
  output(stream: "stdout" | "stderr" | "log", line: string): void;
  /** The child asks its tree for something, for a reason that may be anything. Throws where it may not. */
  request(kind: ChildRequestKind, reason: unknown): void;
  /** Tells how another child ends, until the signal aborts. */
  watch(child: string, signal: AbortSignal): AsyncIterableIterator<ChildEnd>;
  /** The attempt ended; nothing of it is left. Exactly one report counts. A `killed` exit is one that was forced by `kill()`. */
  exited(exit: Exit): void;
  /** Forcing did not end the attempt: it may still be doing things. A later `exited` still counts as a late exit. */
  abandoned(): void;
}

/** A live attempt. */
export interface RunningChild {
  /** Process id, where there is one. */
  readonly pid?: number;
  /** Asks the attempt to stop; harmless when repeated. */
  cancel(): void;
  /** Forces the attempt to stop: leads to `exited` or `abandoned`, soon. */
  kill(): void;
}

/** Starts attempts of one child. A throw counts as a failed start. */
export interface ChildAdapter {
  start(context: AttemptContext): RunningChild;
}
