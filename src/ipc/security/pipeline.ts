/** The way of a request: what is looked at before it is answered, in this order. */
import { toJson } from "../../base/mod.ts";
import type { AuditTrail } from "../../observe/mod.ts";
import type { Frame } from "../../platform/mod.ts";
import { METHODS, NO_REQUEST_ID, parseRequest, readableId, type WireError, type WireRequest } from "../../protocol/mod.ts";
import type { Answer, Service } from "../service.ts";
import type { Pieces } from "../state_view.ts";
import type { Pushes } from "../subscriptions.ts";
import { type Asked, RequestAudit } from "./audit.ts";
import { refuseCommand } from "./authorization.ts";
import { fingerprint, shortened } from "./fingerprint.ts";
import { AnswerStore } from "./idempotency.ts";
import { type Introduction, type Peer, PeerIdentity } from "./peer_identity.ts";
import { type Bucket, RateLimiter } from "./rate_limit.ts";
import { replayed, ReplayWindow } from "./replay.ts";
import type { SecuritySettings } from "./settings.ts";
import { refuseSize } from "./size_limit.ts";

/** One client, as long as it is connected. */
export interface Client {
  readonly peer: Peer;
  readonly bucket: Bucket;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
  /** How many subscriptions it has. */
  streams: number;
}

/** What goes back: a line, and what is pushed after it. */
export interface Reply {
  readonly line: string | Pieces;
  readonly streams?: readonly Pushes[];
}

/** What the pipeline is made of. */
export interface PipelineOptions {
  readonly service: Pick<Service, "read" | "command">;
  readonly settings: SecuritySettings;
  /** User id of the socket's owner. */
  readonly ownerUid: number;
  readonly trail: AuditTrail | null;
  /** Milliseconds that never go back. */
  readonly now: () => number;
}

/** Looks at everything that comes over the socket; what one client does costs the others nothing. */
export class Pipeline {
  readonly #service: PipelineOptions["service"];
  readonly #settings: SecuritySettings;
  readonly #ownerUid: number;
  readonly #now: () => number;
  readonly #identity: PeerIdentity;
  readonly #limiter: RateLimiter;
  readonly #replay: ReplayWindow;
  readonly #answers: AnswerStore;
  readonly #audit: RequestAudit;

  constructor({ service, settings, ownerUid, trail, now }: PipelineOptions) {
    this.#service = service;
    this.#settings = settings;
    this.#ownerUid = ownerUid;
    this.#now = now;
    this.#identity = new PeerIdentity(settings.peerIdentity, ownerUid);
    this.#limiter = new RateLimiter(settings.rateLimit);
    this.#replay = new ReplayWindow(settings.replayProtection);
    this.#answers = new AnswerStore(settings.idempotency);
    this.#audit = new RequestAudit(trail, settings.authorization.highRiskCommands, now);
  }

  /** C2, once for every connection: a client, or why there is none. */
  admit(introduction: Introduction, signal: AbortSignal): Client | WireError {
    const peer = this.#identity.identify(introduction);
    if ("code" in peer) {
      this.#audit.refused({ peer: null, method: null, requestId: null }, peer);
      return peer;
    }
    return { peer, bucket: this.#limiter.newBucket(this.#now()), signal, streams: 0 };
  }

  /** A line that came whole, just now. */
  answer({ text, bytes }: Frame, client: Client, nowMs: number): Reply | Promise<Reply> {
    const { peer, bucket } = client;
    const refusal = this.#limiter.refuse(bucket, peer.key, nowMs) ?? // C6
      refuseSize(this.#settings.requestSizeLimit, bytes); // C5
    if (refusal !== null) return { line: this.#refuse({ peer, method: null, requestId: readableId(text) }, refusal) };
    const request = parseRequest(text);
    if ("error" in request) return { line: this.#refuse({ peer, method: null, requestId: request.requestId }, request.error) };

    const { requestId, method, params } = request;
    const asked: Asked = { peer, method, requestId };
    const isRead = METHODS[method] === "read";
    const id = shortened(requestId);
    const content = fingerprint(method, params);
    const seen = this.#replay.see(peer.key, id, content, isRead, nowMs); // C4
    if (typeof seen === "object") return { line: this.#refuse(asked, seen) };
    if (seen === "other") return { line: this.#refuse(asked, replayed("with another request")) };
    if (isRead) return this.#read(request, asked, client);

    const denied = refuseCommand(this.#settings.authorization, peer, this.#ownerUid); // C3
    if (denied !== null) return { line: this.#refuse(asked, denied) };
    const key = `${peer.key} ${id}`;
    const stored = this.#answers.find(key, content, nowMs); // C8
    if (stored !== undefined) return typeof stored === "string" ? { line: stored } : stored.then((line) => ({ line }));
    if (seen === "same") return { line: this.#refuse(asked, replayed("and its answer is not kept any more")) };
    const answer = this.#command(request, asked);
    this.#answers.keep(key, content, answer, this.#now);
    return answer.then((line) => ({ line }));
  }

  /** The connection itself is at fault. */
  fault(error: WireError, client: Client): string {
    return this.#refuse({ peer: client.peer, method: null, requestId: null }, error);
  }

  #read(request: WireRequest, asked: Asked, client: Client): Reply | Promise<Reply> {
    const answer = this.#service.read(request, client);
    return answer instanceof Promise
      ? answer.then((later) => this.#readReply(request, asked, later))
      : this.#readReply(request, asked, answer);
  }

  #readReply(request: WireRequest, asked: Asked, answer: Answer): Reply {
    if ("error" in answer) return { line: this.#refuse(asked, answer.error) };
    this.#audit.read(asked);
    return "pieces" in answer
      ? { line: [headOf(request.requestId), ...answer.pieces, "}\n"] }
      : { line: lineOf(request.requestId, answer), streams: answer.streams };
  }

  async #command(request: WireRequest, asked: Asked): Promise<string> {
    const command = this.#service.command(request);
    if ("code" in command) return this.#refuse(asked, command);
    const { facts } = command;
    const unwritten = await this.#audit.intent(asked, facts); // C7
    if (unwritten !== null) return this.#refuse(asked, unwritten);
    const { result, error } = await command.run();
    this.#audit.outcome(asked, facts, error);
    return lineOf(request.requestId, { result });
  }

  #refuse(asked: Asked, error: WireError): string {
    this.#audit.refused(asked, error);
    return lineOf(asked.requestId ?? NO_REQUEST_ID, { error });
  }
}

/** An answer as it goes out. */
function lineOf(requestId: string, answer: { readonly result: object } | { readonly error: WireError }): string {
  return "error" in answer
    ? `{"request_id":${JSON.stringify(requestId)},"ok":false,"error":${toJson(answer.error)}}\n`
    : `${headOf(requestId)}${toJson(answer.result)}}\n`;
}

function headOf(requestId: string): string {
  return `{"request_id":${JSON.stringify(requestId)},"ok":true,"result":`;
}

/** The one line for somebody who is not served at all. */
export function refusalLine(error: WireError): string {
  return lineOf(NO_REQUEST_ID, { error });
}
