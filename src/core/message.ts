/** What goes into a step and what comes out: plain data. */
import type { EventFacts, Exit, ShutdownCause, StartCause, SupervisorEvent } from "../event/mod.ts";
import type { Verdict } from "../spec/mod.ts";
import type { NewChild, PlanRevision } from "./plan.ts";
import type { ChildPhase, Operation } from "./state.ts";

/** What a node is told; `node` and `child` are numbers of the plan. */
export type Message =
  | { readonly type: "begin"; readonly node: number; readonly stamp: number }
  | { readonly type: "stop"; readonly node: number; readonly stamp: number; readonly cause: ShutdownCause; readonly forced: boolean }
  | CommandMessage
  | AddMessage
  | ReviseMessage
  | TellMessage
  | DueMessage
  | AttemptMessage
  | TimerMessage;

/** A child to be added to a node; the answer carries its number. */
export interface AddMessage {
  readonly type: "add";
  readonly node: number;
  readonly id: number;
  readonly child: NewChild;
  readonly by: string;
  readonly reason: string;
  readonly transactionId: string;
  readonly specHash: string;
  /** Whether it is there as those from the start are, and not for once. @default {false} */
  readonly isDeclared?: boolean;
}

/** A child is declared otherwise; what ties it to its siblings is the same. */
export interface ReviseMessage {
  readonly type: "revise";
  readonly node: number;
  readonly child: number;
  /** Path of the child, which may be another one by now. */
  readonly path: string;
  readonly revision: PlanRevision;
}

/** Something that only the runtime knows, to be told in order with everything else. */
export interface TellMessage {
  readonly type: "tell";
  readonly node: number;
  readonly path: string;
  readonly facts: EventFacts;
}

/** It is time for a scheduled child, or it was. */
export interface DueMessage {
  readonly type: "due";
  readonly node: number;
  readonly child: number;
  /** Path of the child, which may be another one by now. */
  readonly path: string;
  /** Whether it is to start now. */
  readonly starts: boolean;
  /** How many times passed before, for which it does not start any more. */
  readonly missed: number;
}

/** Why a child was not added. */
export type AddRefusal =
  | { readonly code: "supervisor_not_running" | "dynamic_children_disabled" | "child_name_conflict" }
  | { readonly code: "child_limit_exceeded"; readonly limit: number }
  | { readonly code: "dependency_not_found"; readonly name: string };

/** What an operator can ask of a child. */
export type ChildCommand = "restart" | "start" | "terminate" | "pause" | "resume" | "quarantine" | "release" | "reset_fuse" | "remove";

/** A command to one child; the answer carries its number. */
export interface CommandMessage {
  readonly type: "command";
  readonly node: number;
  readonly child: number;
  readonly id: number;
  /** Path of the child, which may be another one by now. */
  readonly path: string;
  readonly command: ChildCommand;
  readonly by: string;
  readonly reason: string;
  /** What a restart is told as. @default {"command"} */
  readonly cause?: StartCause;
  /** Whether the attempt of the child itself asks for the restart. @default {false} */
  readonly isOwn?: boolean;
}

/** Why a command was refused. */
export type CommandRefusal = "supervisor_not_running" | "child_held" | "child_paused" | "child_removed" | "child_needed";

/** When the attempt begins that a command asked for. */
export type RestartDecision = "started_immediately" | "queued_after_stop" | "already_pending";

/** The answer to a command: what it led to at once. */
export interface CommandResult {
  /** `idempotent` when what was asked for was so already. */
  readonly outcome: "accepted" | "idempotent" | "refused";
  /** Why it was refused, `null` when it was not. */
  readonly refusal: CommandRefusal | null;
  /** When the attempt begins that was asked for, `null` when none was. */
  readonly decision: RestartDecision | null;
  /** What operators wanted of the child before. */
  readonly operationBefore: Operation;
  /** What they want now. */
  readonly operationAfter: Operation;
  /** Where the child is in its life now. */
  readonly phase: ChildPhase;
  /** Its incarnation now. */
  readonly generation: number;
  /** Its attempts so far. */
  readonly attempt: number;
  /** Whether this command asked a live attempt to stop. */
  readonly cancelDelivered: boolean;
}

/** A limit of the child that its attempt did not keep. */
export interface Exceeded {
  /** The category of the failure that this is. */
  readonly category: string;
  readonly message: string;
}

/** What an attempt reports; a stamp that is not the live one changes nothing. */
export type AttemptMessage =
  & { readonly node: number; readonly child: number; readonly stamp: number }
  & (
    | { readonly type: "running" }
    | { readonly type: "ready"; readonly ready: boolean }
    | { readonly type: "health"; readonly failed: number; readonly reason: string }
    | ({ readonly type: "exceeded" } & Exceeded)
    | { readonly type: "exited"; readonly exit: Exit; readonly verdict?: Verdict }
    | { readonly type: "abandoned" }
  );

/** A timer that fired. */
export interface TimerMessage {
  readonly type: "timer";
  readonly node: number;
  /** -1 for the timer of the node itself, less for those of its groups. */
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
  | { readonly type: "added"; readonly id: number; readonly node: number; readonly child: number }
  | { readonly type: "refused"; readonly id: number; readonly refusal: AddRefusal }
  | { readonly type: "removed"; readonly node: number; readonly child: number }
  | { readonly type: "reply"; readonly id: number; readonly result: CommandResult }
  | { readonly type: "tellParent"; readonly node: number; readonly stamp: number; readonly report: ParentReport }
  | { readonly type: "shutdownTree"; readonly cause: ShutdownCause }
  | { readonly type: "finished"; readonly cause: ShutdownCause; readonly exitCode: number };

/** What a nested supervisor reports as a child. */
export type ParentReport =
  | { readonly type: "running" | "ready" | "abandoned" }
  | { readonly type: "exited"; readonly exit: Exit };
