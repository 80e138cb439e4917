/** What a user holds of a running tree. */
import type { Clock, Random } from "../base/mod.ts";
import type { GapMarker, SupervisorEvent } from "../event/mod.ts";
import type { LogRecord, ReadOptions } from "../observe/mod.ts";
import type { CommandResult } from "../core/mod.ts";
import type { Report } from "./report.ts";
import type { ChildSnapshot, TreeSnapshot } from "./snapshot.ts";

/** Options of {@linkcode supervise}. */
export interface SuperviseOptions {
  /** Shuts the tree down when it aborts. */
  readonly signal?: AbortSignal;
  /** Whether the tree keeps the program alive until it has finished. @default {true} */
  readonly keepAlive?: boolean;
  /** Where time comes from. @default {the real clock} */
  readonly clock?: Clock;
  /** Where random numbers come from. @default {Math.random} */
  readonly random?: Random;
}

/** Who asks for a shutdown, and how. */
export interface ShutdownRequest {
  /** Why. @default {"close"} */
  readonly reason?: string;
  /** Who asks. @default {"program"} */
  readonly by?: string;
  /** Whether everything is forced at once. @default {false} */
  readonly force?: boolean;
}

/** Who asks something of a child, and why; neither may be blank. */
export interface ChildRequest {
  /** Why. @default {"requested"} */
  readonly reason?: string;
  /** Who asks. @default {"program"} */
  readonly by?: string;
}

/**
 * One child: how it was when it was asked for, and what can be asked of it.
 *
 * Every command is answered as soon as it was taken, not when its effect is complete; repeating what is so already changes nothing. Each rejects with
 * `tree_finished`, with `command_refused` when it does not fit the state of the child, with `invalid_request` when `by` or `reason` is blank, and with
 * `too_many_commands` when more than 1 024 wait.
 */
export interface Child extends ChildSnapshot {
  /** Stops the live attempt and starts a new incarnation when it is gone; starts at once where none is alive. */
  restart(request?: ChildRequest): Promise<CommandResult>;
  /** Starts a child that is down or waits for its next attempt. */
  start(request?: ChildRequest): Promise<CommandResult>;
  /** Stops the child; it stays down until somebody starts it. */
  terminate(request?: ChildRequest): Promise<CommandResult>;
  /** Stops the child and keeps every automatism from starting it. */
  pause(request?: ChildRequest): Promise<CommandResult>;
  /** Lets policy decide again, and starts the child if it would run. */
  resume(request?: ChildRequest): Promise<CommandResult>;
  /** The same as `pause`, for a child that is suspected. */
  quarantine(request?: ChildRequest): Promise<CommandResult>;
  /** Closes the open fuses of the child and of its group, forgets what had opened them, and starts whom they kept down. */
  resetFuse(request?: ChildRequest): Promise<CommandResult>;
  /** Ends a quarantine as `resume` does; refused for a child that is paused. */
  release(request?: ChildRequest): Promise<CommandResult>;
}

/** Options of {@linkcode Tree.ready}. */
export interface ReadyOptions {
  /** Stops waiting when it aborts. */
  readonly signal?: AbortSignal;
  /** Longest time to wait, in milliseconds. @default {for ever} */
  readonly timeoutMs?: number;
}

/** A running supervision tree. */
export interface Tree extends AsyncDisposable {
  /** Name of the tree. */
  readonly name: string;
  /** Resolves when the tree has finished, for whatever reason; never rejects. */
  readonly finished: Promise<Report>;
  /** Resolves once every child that must be ready has been. Rejects with `tree_not_ready` after the time limit, `tree_finished` when the tree ended before. */
  ready(options?: ReadyOptions): Promise<void>;
  /** How the tree is right now. */
  snapshot(): TreeSnapshot;
  /** One child, to look at and to command; throws `child_not_found`. */
  child(path: string): Child;
  /** What happens, in order, as long as the tree lives; a slow reader gets a gap marker instead of what it missed. */
  events(options?: ReadOptions<SupervisorEvent>): AsyncIterableIterator<SupervisorEvent | GapMarker>;
  /** A snapshot, and all events after it: no gap, no double. */
  observe(
    options?: Pick<ReadOptions<SupervisorEvent>, "signal">,
  ): { snapshot: TreeSnapshot; events: AsyncIterableIterator<SupervisorEvent | GapMarker> };
  /** What the children print and log. */
  logs(options?: ReadOptions<LogRecord>): AsyncIterableIterator<LogRecord | GapMarker>;
  /** Stops the tree in reverse order of its dependencies; repeated calls join the first, `force` makes it immediate. */
  shutdown(request?: ShutdownRequest): Promise<Report>;
  /** The same as `shutdown()`, without a report. */
  close(): Promise<void>;
}
