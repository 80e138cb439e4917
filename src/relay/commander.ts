/** Carries commands of clients out, each once, and records who asked for what. */
import { cleanText, type Clock, thrownMessage } from "../base/mod.ts";
import { DashboardError, type Message } from "../client/mod.ts";
import { foreignOption, isDangerous, isMethod, type Method, needsConfirmation } from "../protocol/mod.ts";
import { Answers } from "./answers.ts";
import { boundedError, failureOf } from "./failure.ts";
import { NO_LOG, type RelayLog } from "./log.ts";
import { type ClientCommand, isOwnCommand } from "./messages.ts";
import { Rates } from "./rate.ts";
import { Refusals } from "./refusals.ts";
import type { Identity, Role } from "./session.ts";
import type { TargetLink } from "./target_link.ts";
import { concerning, type RelayError, restoredNanos, toWire, type WireMessage } from "./wire.ts";

/** What became of a command. */
export type CommandAnswer = RelayError | {
  readonly result: WireMessage;
  /** Whether the target has changed, so that its state is of interest. */
  readonly isDone: boolean;
};

/** What a command needs of its target. */
export type CommandTarget = Pick<TargetLink, "row" | "targetId" | "request" | "timeoutOf">;

/** Takes records of who asked for what. */
export interface RelayAudit {
  /** Records something; resolves with why that could not be done, `null` where it was. */
  record(fact: AuditedCommand): Promise<string | null>;
}

/** A record of a command. */
export interface AuditedCommand {
  readonly clientIdentity: string;
  readonly principal: string;
  /** How the client is known. */
  readonly source: string;
  readonly correlationId: string | null;
  readonly targetId: string;
  readonly commandId: string;
  readonly command: string;
  readonly childPath: string | null;
  readonly reason: string;
  readonly result: "accepted" | "completed" | "failed" | "rejected" | "unknown";
  /** Why, where it was not done. */
  readonly detail: string | null;
  /** How many commands it stands for; `null` where it is one. */
  readonly count: number | null;
}

/** How commands are carried out. */
export interface CommanderOptions {
  /** Whether a command that cannot be recorded is refused. @default {true} */
  readonly isRequired?: boolean;
  /** Commands of one identity in a second, in all of its sessions. @default {20} */
  readonly commandsPerSecond?: number | undefined;
  readonly log?: RelayLog;
  /** Told of each answer. */
  readonly answered?: (answer: CommandAnswer, tookMs: number) => void;
}

/** The commands of one relay. */
export class Commander {
  readonly #clock: Clock;
  readonly #audit: RelayAudit;
  readonly #options: CommanderOptions;
  readonly #rates: Rates;
  readonly #commandsPerSecond: number;
  readonly #answers: Answers;
  readonly #refusals: Refusals<Refused>;

  constructor(clock: Clock, audit: RelayAudit, options: CommanderOptions = {}) {
    this.#clock = clock;
    this.#audit = audit;
    this.#options = options;
    this.#commandsPerSecond = options.commandsPerSecond ?? 20;
    this.#rates = new Rates(clock, this.#commandsPerSecond);
    this.#answers = new Answers(clock);
    this.#refusals = new Refusals(clock, ({ command, identity, code }, count) => this.#record(command, identity, "rejected", code, count));
  }

  /** Records a command that came no further than to the session. */
  async refused(command: ClientCommand, identity: Identity, { code }: RelayError): Promise<void> {
    await this.#refusals.add(identity.clientIdentity, { command, identity, code });
  }

  /** Carries a command out; one with an id that went out before gets the answer of the first. */
  carryOut(command: ClientCommand, link: CommandTarget | undefined, identity: Identity): Promise<CommandAnswer> {
    const { clientIdentity: owner } = identity;
    const id = JSON.stringify([command.targetId, command.commandId]);
    const before = this.#answers.find(owner, id);
    if (before !== undefined) return before;
    const begunAtMs = this.#clock.now();
    const answer = this.#answer(command, link, identity, id);
    void answer.then((found) => this.#options.answered?.(found, this.#clock.now() - begunAtMs));
    return answer;
  }

  /** Records what was only counted so far. */
  close(): Promise<void> {
    return this.#refusals.flush();
  }

  async #answer(command: ClientCommand, link: CommandTarget | undefined, identity: Identity, id: string): Promise<CommandAnswer> {
    const target = this.#admit(command, link, identity);
    if ("code" in target) {
      await this.refused(command, identity, target);
      return target;
    }
    const outcome = this.#carryOut(command, target, identity);
    this.#answers.keep(identity.clientIdentity, id, outcome);
    return (await outcome).answer;
  }

  /** The target, where the command may go out to it. */
  #admit(command: ClientCommand, link: CommandTarget | undefined, identity: Identity): CommandTarget | RelayError {
    const { clientIdentity: owner } = identity;
    const tooMany = (why: string): RelayError => concerning(command, "rate_limit_exceeded", "session", why, true);
    if (!this.#rates.take(owner)) return tooMany(`${this.#commandsPerSecond} commands in a second are enough`);
    if (link === undefined) return concerning(command, "target_not_bound", "session", "there is no such target");
    return refuse(command, link, identity) ?? (this.#answers.hasRoom(owner) ? link : tooMany("too many commands are under way"));
  }

  /** What came of it; it is final where it went out, unless the target itself says that it may be asked again. */
  async #carryOut(
    command: ClientCommand,
    link: CommandTarget,
    identity: Identity,
  ): Promise<{ readonly answer: CommandAnswer; readonly isFinal: boolean }> {
    const unwritten = await this.#record(command, identity, "accepted", null);
    if (unwritten !== null && this.#options.isRequired !== false) {
      const answer = concerning(command, "audit_write_failed", "command_validate", "it cannot be recorded, and is not done", true);
      return { answer, isFinal: false };
    }
    try {
      const method = methodOf(command.command);
      const { result } = await link.request(method, this.#paramsOf(command, link, identity, method), link.timeoutOf(command.command));
      const outcome = outcomeOf(result);
      if (outcome === null) {
        const error = concerning(command, "ipc_command_result_missing", "ipc_response", "the target gave no result");
        return { answer: this.#failed(command, identity, error), isFinal: true };
      }
      // Nobody waits for the record of what was done: it stands after that of the intent, and changes nothing any more.
      void this.#record(command, identity, auditedResult(outcome), outcome.detail);
      const isDone = outcome.isAccepted && outcome.status === "completed";
      return { answer: { result: this.#resultOf(command, identity, outcome), isDone }, isFinal: true };
    } catch (error) {
      const { code, stage, message, retryable } = failureOf(error, true);
      if (!(error instanceof DashboardError)) {
        const { log = NO_LOG } = this.#options;
        log.warn("command_not_answered", { target: command.targetId, command: command.command, reason: thrownMessage(error, 512) });
      }
      return { answer: this.#failed(command, identity, concerning(command, code, stage, message, retryable)), isFinal: !retryable };
    }
  }

  #failed(command: ClientCommand, identity: Identity, error: RelayError): RelayError {
    void this.#record(command, identity, error.code === "outcome_unknown" ? "unknown" : "failed", error.code);
    return error;
  }

  #paramsOf(
    { commandId, correlationId, command, target, reason, confirmed, more }: ClientCommand,
    link: CommandTarget,
    { principal }: Identity,
    method: Method,
  ): object {
    return {
      command_id: commandId,
      correlation_id: correlationId,
      target_id: link.targetId,
      ...method.startsWith("command.") ? { command } : {},
      target,
      reason,
      requested_by: principal,
      confirmed,
      requested_at_unix_nanos: BigInt(Math.round(this.#clock.wallNow())) * 1_000_000n,
      ...more,
    };
  }

  #resultOf(
    { commandId, correlationId, targetId }: ClientCommand,
    { principal }: Identity,
    { isAccepted, status, error, stateDelta, completedAt }: Outcome,
  ): WireMessage {
    return {
      type: "command_result",
      target_id: targetId,
      result: {
        command_id: commandId,
        correlation_id: correlationId,
        target_id: targetId,
        accepted: isAccepted,
        status,
        requested_by: principal,
        ...Object(toWire({ completedAtUnixNanos: completedAt ?? BigInt(Math.round(this.#clock.wallNow())) * 1_000_000n })),
        ...error === null ? {} : { error },
        ...stateDelta === null ? {} : { state_delta: restoredNanos(stateDelta) },
      },
    };
  }

  #record(
    command: ClientCommand,
    { clientIdentity, principal, source }: Identity,
    result: AuditedCommand["result"],
    detail: string | null,
    count: number | null = null,
  ): Promise<string | null> {
    const { targetId, commandId, correlationId, command: name, target, reason } = command;
    return this.#audit.record({
      clientIdentity,
      principal,
      source,
      correlationId,
      targetId,
      commandId,
      command: name,
      childPath: target.child_path,
      reason,
      result,
      detail,
      count,
    });
  }
}

interface Refused {
  readonly command: ClientCommand;
  readonly identity: Identity;
  readonly code: string;
}

interface Outcome {
  readonly isAccepted: boolean;
  readonly status: string;
  readonly error: object | null;
  readonly stateDelta: object | null;
  /** When the target was done, in nanoseconds since the Unix epoch, where it said so. */
  readonly completedAt: bigint | null;
  readonly detail: string;
}

/** What a target refused is no failure. */
function auditedResult({ status, isAccepted }: Outcome): AuditedCommand["result"] {
  if (status === "completed" || status === "accepted") return isAccepted ? status : "rejected";
  return status === "rejected" ? "rejected" : "failed";
}

function outcomeOf(result: unknown): Outcome | null {
  if (typeof result !== "object" || result === null) return null;
  const { accepted, status, error = null, state_delta: stateDelta = null, completed_at_unix_nanos: at }: Message = { ...result };
  const word = typeof status === "string" ? cleanText(status, 128) : "failed";
  const code: unknown = typeof error === "object" && error !== null ? Reflect.get(error, "code") : null;
  return {
    isAccepted: accepted === true,
    status: word,
    error: typeof error === "object" && error !== null ? boundedError(error) : null,
    stateDelta: typeof stateDelta === "object" ? stateDelta : null,
    completedAt: (typeof at === "string" && /^\d{1,19}$/.test(at)) || Number.isSafeInteger(at) ? BigInt(String(at)) : null,
    detail: typeof code === "string" ? cleanText(code, 128) : word,
  };
}

const RANK: Readonly<Record<Role, number>> = { read: 0, control: 1, dangerous: 2 };

/** Whether somebody may do this at all. */
export function mayDo(role: Role, command: string): boolean {
  return RANK[role] >= (isDangerous(command) ? RANK.dangerous : RANK.control);
}

function refuse(command: ClientCommand, link: CommandTarget, { role }: Identity): RelayError | null {
  const { row } = link;
  const no = (code: string, message: string, stage = "command_validate"): RelayError => concerning(command, code, stage, message);
  if (row.registrationState !== "active") {
    return concerning(command, "target_unavailable", "registry", "the lease of the target is over", true);
  }
  const isKnown = isOwnCommand(command.command)
    ? Object.hasOwn(row.extensions, `reeve.${command.command}`)
    : row.supportedCommands.some(({ name }) => name === command.command);
  if (!isKnown) return no("unsupported_command", `the target does not take ${command.command}`);
  if (command.commandId.trim() === "") return no("invalid_message_schema", "command_id is blank");
  if (command.claimsRequester) return no("requested_by_override", "who asks is said by the relay alone");
  if (command.reason.trim() === "") return no("empty_reason", "a reason is needed");
  if (!mayDo(role, command.command)) return no("not_permitted", `the role "${role}" may not do that`, "authorize");
  const foreign = foreignOption(command.command, Object.keys(command.more));
  if (foreign !== undefined) return no("invalid_message_schema", `${command.command} has no ${foreign}`);
  if (!command.confirmed && needsConfirmation(command.command, command.more["dry_run"])) {
    return no("confirmation_required", "a dangerous command must be confirmed");
  }
  // What does not answer would do it late, or not at all, and nobody would know.
  if (row.connectionState !== "connected") {
    return concerning(command, "ipc_connect_failed", "ipc_connect", "the target cannot be reached now", true);
  }
  return null;
}

function methodOf(command: string): Method {
  const name = `${isOwnCommand(command) ? "reeve" : "command"}.${command}`;
  if (!isMethod(name)) throw new TypeError(`there is no method ${name}`);
  return name;
}
