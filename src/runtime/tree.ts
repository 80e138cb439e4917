/** What a user holds of a running tree. */
import type { Clock, Random } from "../base/mod.ts";
import type { GapMarker, SupervisorEvent } from "../event/mod.ts";
import type { LogRecord, ReadOptions } from "../observe/mod.ts";
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
  /** How one child is right now; throws `child_not_found`. */
  child(path: string): ChildSnapshot;
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
