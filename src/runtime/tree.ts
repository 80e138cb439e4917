/** What a user holds of a running tree. */
import type { Clock, Random } from "../base/mod.ts";
import type { GapMarker, SupervisorEvent } from "../event/mod.ts";
import type { AuditRecord, LogRecord, ReadOptions, RunSummary } from "../observe/mod.ts";
import type { ChildPhase, CommandResult } from "../core/mod.ts";
import type { ChildSpec, TreeSpec } from "../spec/mod.ts";
import type { AdditionLog } from "./addition_log.ts";
import type { SupervisorHealth } from "./loop_watch.ts";
import type { ApplyOptions, ReloadResult, RollingRestartRequest, RollingRestartResult } from "./reload.ts";
import type { Report } from "./report.ts";
import type { ChildSnapshot, TreeChange, TreeSnapshot } from "./snapshot.ts";

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
  /** Where additions at run time are written down. @default {nowhere} */
  readonly additionLog?: AdditionLog;
  /** Version of the configuration, as metrics, logs and the socket tell it. @default {"1"} */
  readonly configVersion?: string;
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
 * `too_many_commands` when more than `observability.commandQueueCapacity` wait, and with `audit_write_failed` or `audit_queue_full` when it may not be done
 * without its record.
 */
export interface Child extends ChildSnapshot {
  /** What it was declared with; a copy of a template has its own name and arguments. */
  readonly spec: ChildSpec;
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
  /** Stops the child and takes it out of its supervisor; its name is free when it is gone. Refused while siblings depend on it. */
  remove(request?: ChildRequest): Promise<CommandResult>;
  /** Ends a quarantine as `resume` does; refused for a child that is paused. */
  release(request?: ChildRequest): Promise<CommandResult>;
}

/** Where a child is added, by whom and why. */
export interface AddRequest extends ChildRequest {
  /** Path of the supervisor that gets it. @default {"/"} */
  readonly to?: string;
  /** Whether to wait until the child is ready, and to remove it again when it fails before. @default {false} */
  readonly untilReady?: boolean;
}

/** Where a copy of a template is started, by whom and why. */
export interface TemplateRequest extends AddRequest {
  /** JSON value handed to the copy. @default {that of the template} */
  readonly args?: unknown;
}

/** What scaling did. */
export interface ScaleResult {
  /** Paths of the copies that were added. */
  readonly added: readonly string[];
  /** Paths of the copies that were removed. */
  readonly removed: readonly string[];
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
  /** How many children there are in each phase, those of nested supervisors among them. */
  counts(): Partial<Record<ChildPhase, number>>;
  /** What the run was like up to now: how often something failed and was restarted, counted from the first event on, and what happened last. */
  summary(): RunSummary;
  /** How the supervisor itself is: how late its timers are, how much waits to be done, how much memory the program has. */
  health(): SupervisorHealth;
  /** Who asked for what, and what became of it: the last records, oldest first. */
  readonly auditRecords: readonly AuditRecord[];
  /** SHA-256 of who is there and how each was declared, in hexadecimal; it changes with every addition and removal, and with nothing else. */
  topologyHash(): string;
  /** One child, to look at and to command; throws `child_not_found`. */
  child(path: string): Child;
  /**
   * Adds a child to a running supervisor and starts it; resolves with its handle.
   *
   * Rejects with `SpecError` for a declaration with violations, `child_not_found` or `not_a_supervisor` for the place, `child_name_conflict`,
   * `child_limit_exceeded`, `dynamic_children_disabled`, `dependency_not_found`, `command_refused` while the supervisor stops, `addition_undone` when it
   * was to get ready and did not, `addition_not_recorded` when `additionLog` failed. A child whose restart policy is `temporary` is removed by itself when it is done.
   */
  add(spec: ChildSpec, request?: AddRequest): Promise<Child>;
  /** Adds a copy of a template of the tree, named after it with a number; rejects as `add` does, and with `template_not_found`. */
  startTemplate(template: string, request?: TemplateRequest): Promise<Child>;
  /**
   * Adds copies of a template, or of a child with `instances`, or removes the newest, until there are so many under a supervisor.
   *
   * What changes the number of one template's copies goes one after another; a child with `instances` keeps at least one, and the next declaration given to
   * `apply` decides anew. Rejects as `startTemplate` does; what was added or removed before stays so,
   * and the message tells how many that are.
   */
  scale(template: string, count: number, request?: AddRequest): Promise<ScaleResult>;
  /**
   * Starts all copies of a child with `instances` or `rolling` anew, so that never fewer are ready than declared: extra copies come first, then the others are
   * replaced, as many at a time, then the extra ones go.
   *
   * Where one does not get ready, the rest goes on as it is, and the result says so. Rejects with `child_not_found`, `command_refused` for a child without copies,
   * `reload_refused` while something like it is under way, and `tree_finished`.
   */
  rollingRestart(path: string, request?: RollingRestartRequest): Promise<RollingRestartResult>;
  /**
   * Makes a new declaration count: changed children are started anew one by one, as they were before where that fails; what can count at once does; unchanged
   * ones are not touched. Children that were added at run time stay.
   *
   * Rejects with `SpecError`, with `reload_refused` when something cannot be done while the tree runs (then nothing is done), and with `tree_finished`.
   */
  apply(next: TreeSpec, options?: ApplyOptions): Promise<ReloadResult>;
  /** What happens, in order, as long as the tree lives; a slow reader gets a gap marker instead of what it missed. */
  events(options?: ReadOptions<SupervisorEvent>): AsyncIterableIterator<SupervisorEvent | GapMarker>;
  /** A snapshot, and all events after it: no gap, no double. */
  observe(
    options?: Pick<ReadOptions<SupervisorEvent>, "signal">,
  ): { snapshot: TreeSnapshot; events: AsyncIterableIterator<SupervisorEvent | GapMarker> };
  /** How the tree is, and then what changed, as long as it lives: each child once, however often it changed, so that it costs what changes. */
  watch(options?: Pick<ReadOptions<SupervisorEvent>, "signal">): AsyncIterableIterator<TreeChange>;
  /** What the children print and log. */
  logs(options?: ReadOptions<LogRecord>): AsyncIterableIterator<LogRecord | GapMarker>;
  /**
   * Stops the tree in reverse order of its dependencies; repeated calls join the first, `force` makes it immediate.
   *
   * Rejects with `invalid_request` when `by` or `reason` is blank. After the end it looks again at what was left: a child that ended late is told as late then, while `finished` keeps what was true at the end.
   */
  shutdown(request?: ShutdownRequest): Promise<Report>;
  /** The same as `shutdown()`, without a report. */
  close(): Promise<void>;
}
