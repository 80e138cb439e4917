/** C7: who asked for what. The intent of a command is recorded before it is carried out, what became of it afterwards; what is refused is recorded at a bounded rate. */
import { cleanText } from "../../base/mod.ts";
import type { AuditFact, AuditTrail } from "../../observe/mod.ts";
import { type Method, METHODS, type WireError, wireError } from "../../protocol/mod.ts";
import type { Peer } from "./peer_identity.ts";
import { PerPeer } from "./per_peer.ts";
import { Bucket } from "./rate_limit.ts";

/** What a command says of itself. */
export interface CommandFacts {
  readonly commandId: string;
  readonly requestedBy: string;
  readonly reason: string;
  readonly targetPath: string | null;
}

/** What was asked, and by whom; what could not be read is `null`. */
export interface Asked {
  readonly peer: Peer | null;
  readonly method: Method | null;
  readonly requestId: string | null;
}

/** Refusals of one user that are recorded in a second, and at once. */
const REFUSALS_PER_SECOND = 10;
const REFUSALS_AT_ONCE = 100;

/** Longest text of a client that is kept. */
const LONGEST = 1_024;

/** Where in the way of a request it is refused, by the stage of the error. */
const CONTROL_POINTS: ReadonlyMap<string, string> = new Map([
  ["peer_credentials", "C2"],
  ["authorization", "C3"],
  ["replay_protection", "C4"],
  ["size_limit", "C5"],
  ["rate_limit", "C6"],
  ["audit", "C7"],
  ["allowlist", "C9"],
  ["protocol_parse", "parse"],
  ["ipc_read", "parse"],
  ["ipc_connect", "parse"],
]);

const MESSAGES = {
  audit_write_failed: "the intent cannot be written into the audit, so that the command is not carried out",
  audit_queue_full: "too many records wait to be written into the audit, so that the command is not carried out",
} as const;

/** Who was refused before anything was known of them. */
const UNKNOWN = "unknown";

/** How much of one user may still be recorded, and how much was not. */
interface Refusals {
  readonly bucket: Bucket;
  suppressed: number;
}

/** Records what happens on the socket. */
export class RequestAudit {
  readonly #trail: AuditTrail | null;
  readonly #highRisk: ReadonlySet<string>;
  readonly #now: () => number;
  /** What one user does hides nothing of the others. */
  readonly #refusals = new PerPeer<Refusals>((nowMs) => ({
    bucket: new Bucket(REFUSALS_PER_SECOND, REFUSALS_AT_ONCE, nowMs),
    suppressed: 0,
  }));

  /** Without a trail nothing is recorded, and nothing refused. */
  constructor(trail: AuditTrail | null, highRiskCommands: readonly string[], now: () => number) {
    this.#trail = trail;
    this.#highRisk = new Set(highRiskCommands);
    this.#now = now;
  }

  /** Something was read. */
  read(asked: Asked): void {
    this.#trail?.note(factOf(asked, "read"));
  }

  /** Something was refused before it was carried out; what is too much is counted in the next record. */
  refused(asked: Asked, error: WireError): void {
    if (this.#trail === null) return;
    const nowMs = this.#now();
    const refusals = this.#refusals.of(asked.peer?.key ?? UNKNOWN, nowMs);
    if (refusals.bucket.waitMs(nowMs) > 0) {
      refusals.suppressed++;
      return;
    }
    refusals.bucket.take();
    const kind = asked.method !== null && METHODS[asked.method] !== "read" ? "outcome" : "read";
    this.#trail.note({ ...factOf(asked, kind), ...denial(error), suppressed: refusals.suppressed === 0 ? undefined : refusals.suppressed });
    refusals.suppressed = 0;
  }

  /** A command is about to be carried out; resolves with why it may not be. A tree can always be shut down. */
  async intent(asked: Asked, facts: CommandFacts): Promise<WireError | null> {
    if (this.#trail === null) return null;
    const fact = { ...factOf(asked, "intent"), ...boundedFacts(facts) };
    const { method } = asked;
    if (method === null || method === "command.shutdown_tree" || !this.#highRisk.has(method)) {
      this.#trail.note(fact);
      return null;
    }
    const why = await this.#trail.intend(fact);
    return why === null ? null : wireError(why, MESSAGES[why], null, true);
  }

  /** A command was carried out, or was refused while it was. */
  outcome(asked: Asked, facts: CommandFacts, error: WireError | null): void {
    this.#trail?.note({ ...factOf(asked, "outcome"), ...boundedFacts(facts), ...error === null ? {} : denial(error) });
  }
}

/** What is told of a request that was allowed. */
function factOf({ peer, method, requestId }: Asked, kind: AuditFact["kind"]): AuditFact {
  return {
    kind,
    method,
    origin: "socket",
    initiatorHash: peer === null ? UNKNOWN : peer.hash,
    correlationId: requestId === null ? null : bounded(requestId),
    allowed: true,
  };
}

function boundedFacts({ commandId, requestedBy, reason, targetPath }: CommandFacts): CommandFacts {
  return {
    commandId: bounded(commandId),
    requestedBy: bounded(requestedBy),
    reason: bounded(reason),
    targetPath: targetPath === null ? null : bounded(targetPath),
  };
}

/** Nearly a whole line may be one text of a client; a part that is merely cut off would hold on to all of it, one that is cleaned is a copy. */
function bounded(text: string): string {
  return text.length <= LONGEST ? text : cleanText(text, LONGEST);
}

function denial({ code, stage }: WireError): Pick<AuditFact, "allowed" | "denialCode" | "denialControlPoint"> {
  return { allowed: false, denialCode: code, denialControlPoint: CONTROL_POINTS.get(stage) ?? "dispatch" };
}
