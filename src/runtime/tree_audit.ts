/** Who asked a tree for what, and what became of it: recorded before and after; what a tree does to itself is recorded when it changes what is wanted. */
import { type ErrorCode, type Method, type ReadMethod, ReeveError, thrownMessage } from "../base/mod.ts";
import type { ChildCommand } from "../core/mod.ts";
import type { Request, SupervisorEvent } from "../event/mod.ts";
import type { AuditFact, AuditTrail } from "../observe/mod.ts";

/** What changes a tree, by the names that it has on the socket too. */
export type AuditedMethod = Exclude<Method, ReadMethod>;

const METHODS: Readonly<Record<ChildCommand, AuditedMethod>> = {
  restart: "command.restart_child",
  pause: "command.pause_child",
  resume: "command.resume_child",
  quarantine: "command.quarantine_child",
  remove: "command.remove_child",
  start: "reeve.start_child",
  terminate: "reeve.terminate_child",
  release: "reeve.release_child",
  reset_fuse: "reeve.reset_fuse",
};

/** What a tree is asked for, and by whom. */
export interface Asked extends Request {
  readonly method: AuditedMethod;
  /** Path of the child or supervisor. */
  readonly targetPath: string;
}

/** What a command to a child is called in the audit. */
export function methodOf(command: ChildCommand): AuditedMethod {
  return METHODS[command];
}

const MESSAGES = {
  audit_write_failed: "its intent cannot be written into the audit",
  audit_queue_full: "too many records wait to be written into the audit",
} as const satisfies Partial<Record<ErrorCode, string>>;

const recorded = new WeakSet<object>();

/** Marks a request that has its records already, because whoever took it knows more of who asked. */
export function recordedElsewhere<T extends object>(request: T): T {
  recorded.add(request);
  return request;
}

/** Whether a request has its records already. */
export function isRecordedElsewhere(request: object): boolean {
  return recorded.has(request);
}

/** The records of one tree. */
export class TreeAudit {
  readonly #trail: AuditTrail | null;
  /** In memory nothing can fail, and nothing is waited for. */
  readonly #isWritten: boolean;
  /** The first who asked for the end, unless that has its records elsewhere. */
  #shutdown: Request | null = null;
  #isShutdownAsked = false;

  constructor(trail: AuditTrail | null, isWritten: boolean) {
    this.#trail = trail;
    this.#isWritten = isWritten;
  }

  /** Records what is asked for, does it, and records what became of it; rejects with `audit_write_failed` or `audit_queue_full` when it may not be done without its record. */
  around<T>(asked: Asked, request: object, work: () => Promise<T>): Promise<T> {
    const trail = this.#trail;
    if (trail === null || recorded.has(request)) return work();
    const intent = factOf(asked, "intent");
    if (this.#isWritten) return intend(trail, intent, asked).then(() => withOutcome(trail, asked, work));
    trail.note(intent);
    return withOutcome(trail, asked, work);
  }

  /** A tree can always be ended: its intent is written as well as can be. */
  shutdown(who: Request, request: object): void {
    const isFirst = !this.#isShutdownAsked;
    this.#isShutdownAsked = true;
    if (recorded.has(request)) return;
    if (isFirst) this.#shutdown = who;
    this.#trail?.note(factOf({ ...who, method: "command.shutdown_tree", targetPath: "/" }, "intent"));
  }

  /** The tree has ended. */
  ended(): void {
    if (this.#shutdown === null) return;
    this.#trail?.note(factOf({ ...this.#shutdown, method: "command.shutdown_tree", targetPath: "/" }, "outcome"));
  }

  /** A child asked for something itself. */
  childAsked(path: string, command: ChildCommand, reason: string): void {
    this.#trail?.note({ ...factOf({ by: path, reason, method: methodOf(command), targetPath: path }, "auto"), origin: "child" });
  }

  /** Sees every event: those by which the tree itself changes what is wanted of a child have a record. */
  note(event: SupervisorEvent): void {
    switch (event.type) {
      case "child_failed":
        if (event.decision.action === "give_up") this.#auto("policy.give_up", event.path, event.decision.reason);
        return;
      case "supervisor_escalated":
        return this.#auto(`policy.${event.policy}`, event.path, event.reason);
      case "child_control_operation_changed":
        if (event.by === SUPERVISOR) this.#auto("command.quarantine_child", event.path, event.reason);
        return;
      case "shutdown_requested": {
        if (event.path !== "/" || this.#isShutdownAsked) return;
        this.#isShutdownAsked = true;
        const { kind, requestedBy, reason } = event.cause;
        if (kind === "shutdown") this.#auto("command.shutdown_tree", "/", reason, requestedBy, "child");
        else this.#auto("command.shutdown_tree", "/", `${kind}: ${reason}`);
      }
    }
  }

  #auto(method: string, targetPath: string, reason: string, requestedBy = "runtime", origin: "runtime" | "child" = "runtime"): void {
    this.#trail?.note({
      kind: "auto",
      method,
      initiatorHash: origin,
      origin,
      correlationId: null,
      allowed: true,
      requestedBy,
      reason,
      targetPath,
    });
  }
}

/** Who quarantines what belongs together. */
const SUPERVISOR = "supervisor";

/** Resolves when the intent is recorded as it must be. */
async function intend(trail: AuditTrail, intent: AuditFact, { method, targetPath }: Asked): Promise<void> {
  const why = await trail.intend(intent);
  if (why === null) return;
  throw new ReeveError(why, `Cannot do ${method} to "${targetPath}": ${MESSAGES[why]}`, {
    path: targetPath,
    hint: 'Make room for its file, or set audit.failureStrategy to "defer_bounded"',
  });
}

function withOutcome<T>(trail: AuditTrail, asked: Asked, work: () => Promise<T>): Promise<T> {
  const outcome = factOf(asked, "outcome");
  return work().then((result) => {
    trail.note(outcome);
    return result;
  }, (error: unknown) => {
    trail.note({ ...outcome, allowed: false, denialCode: codeOf(error), denialControlPoint: "dispatch" });
    throw error;
  });
}

function factOf({ method, by, reason, targetPath }: Asked, kind: AuditFact["kind"]): AuditFact {
  return {
    kind,
    method,
    origin: "program",
    initiatorHash: "program",
    correlationId: null,
    allowed: true,
    requestedBy: by,
    reason,
    targetPath,
  };
}

function codeOf(error: unknown): string {
  return error instanceof ReeveError ? error.code : thrownMessage(error).slice(0, 64);
}
