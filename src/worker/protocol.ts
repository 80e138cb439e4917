/** The messages between a supervisor and its workers, each with the version of this handshake. */
import type { ChildEnd, ChildErrorKind, ChildRequestKind, CommandPermissions } from "../base/mod.ts";

/** Version of the messages; a worker of another version is refused by name. */
export const WORKER_PROTOCOL = 1;

/** What a worker is started with. */
export interface WorkerStart {
  /** Version of the messages. */
  readonly reeve: number;
  /** What the message is. */
  readonly type: "start";
  /** Path of the child. */
  readonly path: string;
  /** Name of the child. */
  readonly name: string;
  /** Which incarnation this is, counted from 0. */
  readonly generation: number;
  /** Which attempt this is, counted from 1. */
  readonly attempt: number;
  /** The child's `args`. */
  readonly args: unknown;
  /** The child's `environment`, as pairs of name and value. */
  readonly environment: readonly (readonly [string, string])[];
  /** What the child may ask of its tree. */
  readonly permissions: CommandPermissions;
}

/** What a supervisor tells a worker. */
export type ToWorker =
  | WorkerStart
  | { readonly reeve: number; readonly type: "stop" }
  /** The next end of a child that it watches, `null` when there is no more. */
  | { readonly reeve: number; readonly type: "watched"; readonly watch: number; readonly end: ChildEnd | null };

/** How the function of a worker ended. */
export type WorkerExit =
  | { readonly kind: "succeeded" | "cancelled" }
  | { readonly kind: "panicked"; readonly category: string; readonly message: string; readonly means?: ChildErrorKind };

/** What a worker tells its supervisor. */
export type FromWorker =
  & { readonly reeve: number }
  & (
    | { readonly type: "hello" | "stopping" }
    | { readonly type: "ready"; readonly ready: boolean }
    | { readonly type: "heartbeat"; readonly epochMs: number }
    | { readonly type: "log"; readonly line: string }
    | { readonly type: "request"; readonly request: ChildRequestKind; readonly reason?: string }
    /** The worker wants the next end of that child. */
    | { readonly type: "watch"; readonly watch: number; readonly child: string }
    | { readonly type: "watch_over"; readonly watch: number }
    | { readonly type: "exit"; readonly exit: WorkerExit }
  );

/** A message that looks like one of ours; its version may be another, and nothing else of it is known. */
export type ReeveMessage = { readonly reeve: unknown; readonly type: unknown } & Readonly<Record<string, unknown>>;

/** Recognizes messages of ours. */
export function isReeveMessage(value: unknown): value is ReeveMessage {
  return typeof value === "object" && value !== null && "reeve" in value && "type" in value;
}
