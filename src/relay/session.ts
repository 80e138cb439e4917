/** One client: from its first word to its last. */
import { Buffer } from "node:buffer";
import type { Clock } from "../base/mod.ts";
import { isMethod, METHODS } from "../protocol/mod.ts";
import type { AuditTrail, ToldRecord } from "./audit.ts";
import type { Commander } from "./commander.ts";
import { failureOf } from "./failure.ts";
import type { Hub, HubListener } from "./hub.ts";
import {
  type ClientCommand,
  type ClientHello,
  type ClientRequest,
  type Filter,
  includes,
  isRelayError,
  isWanted,
  readMessage,
} from "./messages.ts";
import { Backlog } from "./backlog.ts";
import { Rate } from "./rate.ts";
import { type Cursor, Resumption } from "./resumption.ts";
import { SESSION_LIMITS, type SessionLimits } from "./session_limits.ts";
import { concerning, errorMessage, type Frame, frameOf, type RelayError, type WireMessage } from "./wire.ts";

/** What somebody may do. */
export type Role = "read" | "control" | "dangerous";

/** Who is at the other end. */
export interface Identity {
  /** As it is told to the client: how it is known, and as whom. */
  readonly clientIdentity: string;
  /** Who asks, for targets and the audit. */
  readonly principal: string;
  readonly role: Role;
  /** How it is known: `mtls`, `trusted_proxy`, `token`, `oidc`, `loopback`. */
  readonly source: string;
  /** When the identity ends, in milliseconds since the Unix epoch; `null` where it does not. */
  readonly expiresAtMs: number | null;
  /** The login whose cookie it came with, where it came with one. */
  readonly loginId?: string;
}

/** The way to a client. */
export interface SessionTransport {
  /** Sends a frame; answers go before what targets say, where that waits. */
  send(frame: Frame, isAnswer: boolean): void;
  /** Bytes that wait because the client does not read. */
  readonly waitingBytes: number;
  /** Ends the connection properly. */
  close(code: number, reason: string): void;
}

/** What a session works with. */
export interface SessionOptions {
  readonly identity: Identity;
  readonly transport: SessionTransport;
  readonly hub: Hub;
  readonly commander: Commander;
  readonly trail: Pick<AuditTrail, "recent">;
  readonly clock: Clock;
  readonly limits?: Partial<SessionLimits>;
  /** Told of what should not happen. */
  readonly failed?: (error: unknown) => void;
}

/** Codes with which a connection is closed. */
export const CLOSE = { normal: 1000, goingAway: 1001, policy: 1008, tooBig: 1009, broken: 1011, tryLater: 1013 } as const;

/** A client that goes on although it is told to slow down, so many times faster than it may, is let go. */
const PATIENCE = 5;

/** Commands and questions of one client that are under way at a time. */
const MOST_UNDER_WAY = 64;
const TOO_MANY = `${MOST_UNDER_WAY} at a time are enough`;

/** Messages that a client may miss: it is told how many, and a state says how things are. */
const MAY_BE_MISSED: ReadonlySet<string> = new Set(["event", "log", "usage"]);

/** What targets say stays in its order; all else is for this client, and waits for none of it. */
const IN_TURN: ReadonlySet<string> = new Set([...MAY_BE_MISSED, "state", "state_delta", "dropped_count", "restarted"]);

/** Longest delay of a timer in milliseconds. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** A session with one client. */
export class Session implements HubListener {
  readonly sessionId = crypto.randomUUID();
  readonly #options: SessionOptions;
  readonly #missed = new Map<string, number>();
  #filter: Filter | null = null;
  #filterVersion = 0;
  #phase: "fresh" | "established" | "over" = "fresh";
  #unlisten: () => void = () => {};
  #cancelHello: () => void;
  #isListPlanned = false;
  readonly #limits: SessionLimits;
  readonly #messages: Rate;
  readonly #patience: Rate;
  #underWay = 0;
  readonly #backlog: Backlog;
  #cancelIdle: () => void = () => {};
  #cancelExpiry: () => void = () => {};
  /** What targets say while what was missed of them is sent, by target. */
  readonly #resuming = new Map<string, Resumption>();
  /** Up to where the client knew targets that have not been connected since. */
  #cursor = new Map<string, Cursor>();
  /** How many events and lines were not sent, because the client did not read. */
  dropped = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { clock } = options;
    this.#limits = { ...SESSION_LIMITS, ...options.limits };
    this.#messages = new Rate(clock, this.#limits.messagesPerSecond);
    this.#patience = new Rate(clock, PATIENCE * this.#limits.messagesPerSecond);
    this.#backlog = new Backlog(clock, this.#limits.waitingBytes);
    const { helloMs } = this.#limits;
    this.#cancelHello = clock.setTimer(() => this.#turnOut("hello_timeout", `there was no client_hello within ${helloMs} ms`), helloMs);
    this.#watchExpiry();
    this.#watchIdle();
    this.#send({
      type: "server_hello",
      session_id: this.sessionId,
      client_identity: options.identity.clientIdentity,
      log_event_filter_mode: "remote",
      log_event_filter_conditions: {},
      filter_config_version: 0,
      principal: options.identity.principal,
      role: options.identity.role,
    });
  }

  /** Whether the client has said hello. */
  get isEstablished(): boolean {
    return this.#phase === "established";
  }

  /** A frame came. */
  receive(text: string): void {
    if (this.#phase === "over") return;
    try {
      this.#receive(text);
    } catch (error) {
      this.failed(error);
    }
  }

  failed(error: unknown): void {
    this.#options.failed?.(error);
    this.#turnOut("internal_error", "something went wrong here", CLOSE.broken);
  }

  #receive(text: string): void {
    this.#watchIdle();
    // A text has no more bytes than three times its length.
    if (text.length * 3 > this.#limits.frameBytes && Buffer.byteLength(text) > this.#limits.frameBytes) {
      return this.#turnOut("frame_too_large", `a message has at most ${this.#limits.frameBytes} bytes`, CLOSE.tooBig);
    }
    if (!this.#messages.take()) {
      if (!this.#patience.take()) return this.#turnOut("rate_limit_exceeded", "far too many messages in a second");
      return this.#refuse({
        code: "rate_limit_exceeded",
        stage: "session",
        targetId: null,
        message: "too many messages in a second",
        retryable: true,
      });
    }
    const message = readMessage(text);
    if (isRelayError(message)) return this.#refuse(message);
    if (message.type === "client_hello") return this.#establish(message);
    if (this.#phase === "fresh") return this.#refuse(outOfOrder("the first message must be client_hello"));
    switch (message.type) {
      case "command":
        return this.#start(this.#counted(this.#command(message)));
      case "request":
        return this.#start(this.#counted(this.#request(message)));
      case "log_event_filter_conditions":
        this.#filter = Object.keys(message.filter).length === 0 ? null : message.filter;
        return this.#send({
          type: "filter_config",
          filter_config_version: ++this.#filterVersion,
          log_event_filter_conditions: message.filter,
        });
    }
  }

  /** A client may have so many of these. */
  async #counted(work: Promise<void>): Promise<void> {
    this.#underWay++;
    await work.finally(() => this.#underWay--);
  }

  /** What takes a while is under way. */
  #start(work: Promise<void>): void {
    void work.catch((error) => this.failed(error));
  }

  /** The connection is gone. */
  closed(): void {
    this.#phase = "over";
    this.#cancelHello();
    this.#cancelIdle();
    this.#cancelExpiry();
    this.#unlisten();
    this.#resuming.clear();
  }

  /** Ends the session. */
  end(code: number, reason: string): void {
    this.#end(code, reason);
  }

  /** What let it in is good no more. */
  revoke(why: string): void {
    this.#turnOut("identity_revoked", why);
  }

  /** Who is at the other end. */
  get identity(): Identity {
    return this.#options.identity;
  }

  said(targetId: string, message: WireMessage): void {
    if (this.#resuming.get(targetId)?.hold(message) !== true) this.#pass(targetId, message);
  }

  #pass(targetId: string, message: WireMessage): void {
    if (!this.isEstablished || !isWanted(this.#filter, targetId, message["event"] ?? message["log"])) return;
    if (this.#isGivenUp()) return;
    const { waitingBytes } = this.#options.transport;
    if (MAY_BE_MISSED.has(message.type) && waitingBytes > this.#limits.waitingBytes) {
      this.#missed.set(targetId, (this.#missed.get(targetId) ?? 0) + 1);
      this.dropped++;
      return;
    }
    for (const [other, count] of this.#missed) this.#send({ type: "dropped_count", target_id: other, dropped_event_count: count });
    this.#missed.clear();
    this.#send(message);
  }

  changed(targetId: string | null): void {
    const link = targetId === null ? undefined : this.#options.hub.find(targetId);
    if (link !== undefined) this.#send({ type: "connection_state", target_id: link.known.targetId, state: link.row.connectionState });
    if (targetId === null || link?.row.connectionState === "connected") this.#planList();
    // Its state is told to all.
    if (link?.row.connectionState === "connected") this.#begin(link.known.targetId, true);
  }

  /** Audits are for all who look. */
  audited(record: ToldRecord): void {
    if (this.isEstablished && includes(this.#filter?.target_ids, record.target_id)) this.#send({ type: "audit_event", ...record });
  }

  #establish({ cursor }: ClientHello): void {
    if (this.#phase === "established") return this.#refuse(outOfOrder("client_hello was said before"));
    this.#phase = "established";
    this.#cancelHello();
    const { hub, trail } = this.#options;
    this.#sendList();
    // One that goes on knows them.
    if (cursor.size === 0) trail.recent.forEach((record) => this.audited(record));
    this.#unlisten = hub.listen(this);
    this.#cursor = new Map(cursor);
    for (const { targetId, connectionState } of hub.rows) {
      if (connectionState === "connected") this.#begin(targetId, false);
    }
  }

  /** Targets come in crowds: one list tells of all that came in one turn. */
  #planList(): void {
    if (this.#isListPlanned) return;
    this.#isListPlanned = true;
    this.#options.clock.setTimer(() => {
      this.#isListPlanned = false;
      if (this.isEstablished) this.#sendList();
    }, 20);
  }

  #sendList(): void {
    this.#send(this.#options.hub.list);
  }

  /** A target is connected: where the client knows it up to a place, it goes on from there, once. */
  #begin(targetId: string, isStateTold: boolean): void {
    const from = this.#cursor.get(targetId);
    this.#cursor.delete(targetId);
    if (from !== undefined) this.#start(this.#resume(targetId, from, isStateTold));
    else if (!isStateTold) this.#start(this.#sendState(targetId));
  }

  /** The state of a target first, then what the client missed of what it said, then what it has said meanwhile. */
  async #resume(targetId: string, from: Cursor, isStateTold: boolean): Promise<void> {
    const link = this.#options.hub.find(targetId);
    const resumption = new Resumption(link, from, (message) => this.#pass(targetId, message));
    this.#resuming.set(targetId, resumption);
    if (isStateTold) await link?.state().catch(() => {});
    else await this.#sendState(targetId);
    const held = await resumption.run();
    this.#resuming.delete(targetId);
    for (const message of held) this.said(targetId, message);
  }

  async #sendState(targetId: string): Promise<void> {
    try {
      const state = await this.#options.hub.find(targetId)?.state();
      if (state !== undefined && this.isEstablished) this.#send(state);
    } catch {
      // The connection to it tells why.
    }
  }

  async #command(command: ClientCommand): Promise<void> {
    const { hub, commander, identity } = this.#options;
    if (this.#underWay >= MOST_UNDER_WAY) {
      const error = concerning(command, "rate_limit_exceeded", "session", TOO_MANY, true);
      await commander.refused(command, identity, error);
      return this.#refuse(error);
    }
    const outcome = await commander.carryOut(command, hub.find(command.targetId), identity);
    if (this.#phase !== "established") return;
    if ("code" in outcome) return this.#refuse(outcome);
    this.#send(outcome.result);
    if (outcome.isDone) await this.#sendState(command.targetId);
  }

  /** A question that changes nothing. */
  async #request({ requestId, targetId, method, params }: ClientRequest): Promise<void> {
    const answer = (members: object): void => {
      if (this.#phase === "established") this.#send({ type: "response", request_id: requestId, target_id: targetId, ...members });
    };
    const refused = (code: string, message: string, retryable: boolean): void => answer({ ok: false, error: { code, message, retryable } });
    const link = this.#options.hub.find(targetId);
    const isRead = isMethod(method) && METHODS[method] === "read" && !method.endsWith(".subscribe") && method !== "logs.tail";
    if (link === undefined) return refused("target_not_bound", "there is no such target", false);
    if (!isRead) return refused("unsupported_method", "it is no question that changes nothing", false);
    if (this.#underWay >= MOST_UNDER_WAY) return refused("rate_limit_exceeded", TOO_MANY, true);
    try {
      answer({ ok: true, result: await link.request(method, params) });
    } catch (error) {
      const { code, message, retryable } = failureOf(error, false);
      refused(code, message, retryable);
    }
  }

  #watchIdle(): void {
    const { idleMs } = this.#limits;
    if (idleMs === null) return;
    this.#cancelIdle();
    const end = (): void => this.#turnOut("idle_timeout", `there was no word for ${idleMs} ms`);
    this.#cancelIdle = this.#options.clock.setTimer(end, idleMs);
  }

  /** A session lasts no longer than what let it in. */
  #watchExpiry(): void {
    const { identity: { expiresAtMs }, clock } = this.#options;
    if (expiresAtMs === null) return;
    const leftMs = expiresAtMs - clock.wallNow();
    this.#cancelExpiry = clock.setTimer(() => {
      if (leftMs > LONGEST_DELAY_MS) this.#watchExpiry();
      else this.#turnOut("identity_expired", "the certificate or token is not good any more");
    }, Math.max(0, Math.min(leftMs, LONGEST_DELAY_MS)));
  }

  /** Says why, and ends the session. */
  #turnOut(code: string, message: string, close: number = CLOSE.policy): void {
    if (this.#phase === "over") return;
    this.#send(errorMessage({ code, stage: "session", targetId: null, message, retryable: close !== CLOSE.tooBig }));
    this.#end(close, code);
  }

  /** One that said something wrong before anything else is not heard any more. */
  #refuse(error: RelayError): void {
    this.#send(errorMessage(error));
    if (this.#phase === "fresh") this.#end(CLOSE.policy, error.code);
  }

  /** Whether too much waits for too long, so that it is waited for no longer. */
  #isGivenUp(): boolean {
    if (!this.#backlog.isHopeless(this.#options.transport.waitingBytes)) return false;
    this.#turnOut("client_too_slow", "too much waits to be read", CLOSE.tryLater);
    return true;
  }

  #send(message: WireMessage): void {
    if (this.#phase === "over" || (message.type !== "error" && this.#isGivenUp())) return;
    this.#options.transport.send(frameOf(message), !IN_TURN.has(message.type));
  }

  #end(code: number, reason: string): void {
    if (this.#phase === "over") return;
    this.closed();
    this.#options.transport.close(code, reason);
  }
}

function outOfOrder(message: string): RelayError {
  return { code: "protocol_error", stage: "session", targetId: null, message, retryable: false };
}
