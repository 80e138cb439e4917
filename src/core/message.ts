/** What goes into a step and what comes out: plain data. */
import type { Exit, ShutdownCause, SupervisorEvent } from "../event/mod.ts";

/** What a node is told; `node` and `child` are numbers of the plan. */
export type Message =
  | { readonly type: "begin"; readonly node: number; readonly stamp: number }
  | { readonly type: "stop"; readonly node: number; readonly stamp: number; readonly cause: ShutdownCause; readonly forced: boolean }
  | AttemptMessage
  | TimerMessage;

/** What an attempt reports; a stamp that is not the live one changes nothing. */
export type AttemptMessage =
  & { readonly node: number; readonly child: number; readonly stamp: number }
  & (
    | { readonly type: "running" }
    | { readonly type: "ready"; readonly ready: boolean }
    | { readonly type: "health"; readonly failed: number; readonly reason: string }
    | { readonly type: "exited"; readonly exit: Exit }
    | { readonly type: "abandoned" }
  );

/** A timer that fired. */
export interface TimerMessage {
  readonly type: "timer";
  readonly node: number;
  /** -1 for the timer of the node itself. */
  readonly child: number;
  readonly timer: number;
  readonly dueMs: number;
  /** Last heartbeat of the live attempt, 0 when there was none. */
  readonly heartbeatAtMs: number;
}

/** What the interpreter must do; `start`, `cancel`, `kill` and `setTimer` come back as messages. */
export type Effect =
  | {
    readonly type: "start";
    readonly node: number;
    readonly child: number;
    readonly stamp: number;
    readonly generation: number;
    readonly attempt: number;
  }
  | { readonly type: "cancel"; readonly node: number; readonly child: number; readonly stamp: number }
  | { readonly type: "kill"; readonly node: number; readonly child: number; readonly stamp: number }
  | { readonly type: "setTimer"; readonly node: number; readonly child: number; readonly timer: number; readonly dueMs: number }
  | { readonly type: "clearTimer"; readonly timer: number }
  | { readonly type: "emit"; readonly event: SupervisorEvent }
  | { readonly type: "tellParent"; readonly node: number; readonly stamp: number; readonly report: ParentReport }
  | { readonly type: "finished"; readonly cause: ShutdownCause; readonly exitCode: number };

/** What a nested supervisor reports as a child. */
export type ParentReport =
  | { readonly type: "running" | "ready" | "abandoned" }
  | { readonly type: "exited"; readonly exit: Exit };
