/** The door of a relay: the page over HTTP, sessions over WebSocket; who has no business here is turned away before anything else. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Server as TlsServer } from "node:https";
import type { TlsMaterial } from "./tls.ts";
// @ts-types="@types/ws"
import type { WebSocket, WebSocketServer } from "ws";
import { Buffer } from "node:buffer";
import { clearInterval, clearTimeout, setInterval, setTimeout } from "node:timers";
import { cleanText, ReeveError, thrownMessage } from "../base/mod.ts";
import { platform } from "../platform/mod.ts";
import { Counts } from "./counts.ts";
import { isSentTwice } from "./identity.ts";
import { Outbox, Outgoing } from "./outbox.ts";
import { Pulse } from "./pulse.ts";
import { Strangers } from "./strangers.ts";
import { CLOSE, type Identity, type Session, type SessionTransport } from "./session.ts";

/** A file of the page. */
export interface Asset {
  /** What kind of text it is. */
  readonly contentType: string;
  /** What is in it. */
  readonly text: string;
}

/** What is refused before anything is said. */
export interface Refusal {
  readonly status: 401 | 403 | 404 | 503;
  readonly reason: string;
}

/** What is answered over plain HTTP: a file, a word, or a way to go. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** What the door works with. */
export interface DoorOptions {
  readonly host: string;
  /** 0 is any free port. */
  readonly port: number;
  /** Names under which the relay may be asked, as `Host` says them; the port is added where it is missing. */
  readonly hosts: readonly string[];
  /** Pages that may open sessions, beside those of the relay itself. */
  readonly origins: readonly string[];
  /** Paths of sessions. */
  readonly paths: readonly string[];
  /** Who asks for a session or a file of the page. */
  readonly identify: (request: IncomingMessage) => Identity | Refusal | Promise<Identity | Refusal>;
  /** Answers what is no file of the page; `null` where there is nothing. */
  readonly answer: (request: IncomingMessage, path: string) => Answer | null | Promise<Answer | null>;
  readonly assets: ReadonlyMap<string, Asset>;
  readonly open: (identity: Identity, transport: SessionTransport) => Session;
  /** Most sessions at a time. */
  readonly maxSessions: number;
  /** Most sessions of one identity. @default {that of all} */
  readonly maxSessionsOfOne?: number;
  /** Longest frame of a client in bytes. @default {65536} */
  readonly maxFrameBytes?: number | undefined;
  /** A client for which more bytes wait is not listened to until it has read. @default {4194304} */
  readonly maxWaitingBytes?: number | undefined;
  /** Certificates; without them it speaks plain HTTP. */
  readonly tls?: DoorTls;
  /** Paths that take more than `GET`. @default {none} */
  readonly posts?: ReadonlySet<string>;
  /** Told when a session is over, and with which code. */
  readonly closed?: (session: Session, code: number) => void;
  /** Told when somebody was turned away. */
  readonly turnedAway?: (status: number, reason: string, address: string) => void;
}

/** How the door speaks TLS. */
export interface DoorTls {
  readonly material: TlsMaterial;
  /** Whether nobody gets in without a certificate, so that TLS itself refuses them. */
  readonly needsCertificate: boolean;
}

/** Longest time in milliseconds for a handshake, and for a request. */
const PATIENCE_MS = 10_000;

/** Time in milliseconds in which a client must close what was closed. */
const CLOSING_MS = 2_000;

/** Connections beside those of sessions: pages, and those that are not let in yet. */
const MORE_CONNECTIONS = 256;

/** Connections of one address that are not let in yet. */
const MOST_STRANGERS = 128;

/** Time in milliseconds in which somebody who was turned away must have heard it. */
const LEAVING_MS = 1_000;

/** A frame that is so many times too long is not read to its end, and nobody is told why. */
const FAR_TOO_LONG = 16;

/** A ping every so often, in milliseconds; who does not answer is gone. */
const PING_MS = 20_000;

/** Says what a browser may do with the page: nothing but what comes from here. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const SECURITY: Readonly<Record<string, string>> = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};

/** The open door. */
export interface Door {
  readonly port: number;
  /** The sessions. */
  readonly sessions: ReadonlySet<Session>;
  /** Uses other certificates from now on. */
  renew(material: TlsMaterial): void;
  /** Ends all sessions and listens no more. */
  close(): Promise<void>;
}

/** Opens the door; rejects with `relay_not_started`. */
export async function openDoor(options: DoorOptions): Promise<Door> {
  const { host, port } = options;
  const hint = platform.listenHint(host, port);
  if (hint !== undefined) throw notStarted(options, "it is not permitted", hint);
  const server = await serverOf(options.tls);
  const door = new OpenDoor(server, await webSockets(options), options);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(notStarted(options, thrownMessage(error), undefined, error)));
    server.listen(port, host, resolve);
  });
  server.removeAllListeners("error");
  server.on("error", () => {});
  return door;
}

const HTTP = { requestTimeout: PATIENCE_MS, headersTimeout: PATIENCE_MS, maxHeaderSize: 16_384 };

async function serverOf(tls: DoorTls | undefined): Promise<Server | TlsServer> {
  if (tls === undefined) return (await import("node:http")).createServer(HTTP);
  const { createServer } = await import("node:https");
  return createServer({ ...HTTP, ...tlsOptions(tls), handshakeTimeout: PATIENCE_MS, minVersion: "TLSv1.2" });
}

/** What is not far too long is read, so that its client can be told. */
async function webSockets({ maxFrameBytes = 64 * 1024 }: DoorOptions): Promise<WebSocketServer> {
  const { WebSocketServer } = await import("./web_sockets.ts");
  return new WebSocketServer({ noServer: true, maxPayload: FAR_TOO_LONG * maxFrameBytes, perMessageDeflate: false, clientTracking: true });
}

function tlsOptions({ material, needsCertificate }: DoorTls): TlsMaterial & { requestCert: boolean; rejectUnauthorized: boolean } {
  return { ...material, requestCert: material.ca !== undefined, rejectUnauthorized: material.ca !== undefined && needsCertificate };
}

function notStarted({ host, port }: DoorOptions, why: string, hint?: string, cause?: unknown): ReeveError {
  return new ReeveError("relay_not_started", `Cannot listen on ${cleanText(host, 128)}:${port}: ${why}`, { cause, hint });
}

class OpenDoor implements Door {
  readonly sessions = new Set<Session>();
  readonly #server: Server | TlsServer;
  readonly #options: DoorOptions;
  readonly #sockets: WebSocketServer;
  /** Sessions by identity. */
  readonly #counts = new Counts();
  readonly #pinging: ReturnType<typeof setInterval>;
  readonly #outgoing = new Outgoing();
  readonly #pulses = new Map<WebSocket, Pulse>();
  /** Everybody who is connected, in whatever way. */
  readonly #connections = new Set<Duplex>();
  readonly #strangers = new Strangers(MOST_STRANGERS);
  #isClosing = false;
  readonly #patience = new WeakMap<Socket, ReturnType<typeof setTimeout>>();

  constructor(server: Server | TlsServer, sockets: WebSocketServer, options: DoorOptions) {
    this.#sockets = sockets;
    this.#server = server;
    this.#options = options;
    server.maxConnections = options.maxSessions + MORE_CONNECTIONS;
    server.on("connection", (socket: Socket) => {
      this.#remember(socket);
      if (!this.#strangers.add(socket)) socket.destroy();
    });
    // Whoever fails at TLS is turned away there.
    server.on("tlsClientError", (error: Error, socket: Duplex) => {
      socket.destroy();
      options.turnedAway?.(0, thrownMessage(error, 128), "");
    });
    server.on("request", (request, response) => {
      // What is asked must be all there in time, too.
      this.#watch(request.socket);
      response.on("close", () => this.#watch(request.socket));
      void this.#request(request, response);
    });
    server.on(options.tls !== undefined ? "secureConnection" : "connection", (socket: Socket) => this.#watch(socket));
    server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    this.#pinging = setInterval(() => this.#ping(), PING_MS);
  }

  /** Whoever is connected must ask for something in time; the runtimes look at that late, or never. */
  #watch(socket: Socket): void {
    this.#calm(socket);
    if (socket.destroyed) return;
    const timer = setTimeout(() => socket.destroy(), PATIENCE_MS);
    timer.unref();
    this.#patience.set(socket, timer);
  }

  #remember(socket: Duplex): void {
    this.#connections.add(socket);
    socket.once("close", () => this.#connections.delete(socket));
  }

  #calm(socket: Socket): void {
    clearTimeout(this.#patience.get(socket));
  }

  get port(): number {
    const address: AddressInfo | string | null = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : this.#options.port;
  }

  renew(material: TlsMaterial): void {
    const { tls } = this.#options;
    if (tls === undefined || !("setSecureContext" in this.#server)) return;
    this.#server.setSecureContext(tlsOptions({ ...tls, material }));
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    clearInterval(this.#pinging);
    for (const session of [...this.sessions]) session.end(CLOSE.goingAway, "the relay ends");
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const patience = setTimeout(() => {
      this.#server.closeAllConnections();
      for (const socket of this.#connections) socket.destroy();
    }, 500);
    this.#server.closeIdleConnections();
    await closed;
    clearTimeout(patience);
    this.#sockets.close();
  }

  /** Whether the request names this relay: a page elsewhere that has a name made for our address does not. A name without a port stands for every port. */
  #isForUs(request: IncomingMessage): boolean {
    const asked = request.headers.host?.toLowerCase();
    if (asked === undefined || ["host", "origin"].some((header) => isSentTwice(request, header))) return false;
    const name = asked.replace(/:\d+$/, "");
    return this.#options.hosts.some((own) => own.toLowerCase() === asked || own.toLowerCase() === name);
  }

  /** Whether the page that asks may: one of the relay itself, or one that is allowed. A program says no origin. */
  #isAllowedOrigin({ headers: { origin, host } }: IncomingMessage): boolean {
    if (origin === undefined) return true;
    return this.#options.origins.includes(origin) || origin === `${this.#options.tls === undefined ? "http" : "https"}://${host}`;
  }

  async #request(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = await this.#answerOf(request).catch((): Answer => plain(400, "that cannot be read"));
    const { status } = answer;
    if (status === 401 || status === 403) this.#options.turnedAway?.(status, answer.text.trim(), request.socket.remoteAddress ?? "");
    response.writeHead(answer.status, { ...SECURITY, "content-length": String(Buffer.byteLength(answer.text)), ...answer.headers });
    response.end(request.method === "HEAD" ? "" : answer.text);
  }

  async #answerOf(request: IncomingMessage): Promise<Answer> {
    if (!this.#isForUs(request)) return plain(403, "this relay does not go by that name");
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    const isRead = request.method === "GET" || request.method === "HEAD";
    if (!isRead && !(request.method === "POST" && this.#options.posts?.has(path) === true)) {
      return { ...plain(405, "only GET and HEAD"), headers: { ...TEXT, allow: "GET, HEAD" } };
    }
    if (!isRead && !this.#isAllowedOrigin(request)) return plain(403, "pages from there may not ask");
    const own = await this.#options.answer(request, path);
    if (own !== null) return own;
    const identity = await this.#options.identify(request);
    if ("status" in identity) return plain(identity.status, identity.reason);
    const asset = this.#options.assets.get(path);
    return asset === undefined
      ? plain(404, "there is nothing here")
      : { status: 200, headers: { "content-type": asset.contentType }, text: asset.text };
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    this.#calm(request.socket);
    this.#remember(socket);
    socket.on("error", () => socket.destroy());
    void this.#admit(request).then((admitted) => {
      if (socket.destroyed) return;
      const identity = "status" in admitted ? admitted : this.#fullness(admitted) ?? admitted;
      if ("status" in identity) {
        this.#options.turnedAway?.(identity.status, identity.reason, request.socket.remoteAddress ?? "");
        return turnAway(socket, identity);
      }
      this.#strangers.letIn(request.socket);
      request.socket.setNoDelay(true);
      this.#sockets.handleUpgrade(request, socket, Buffer.from(head), (webSocket) => this.#welcome(webSocket, identity, socket));
    });
  }

  /** Who may open a session, or why not. */
  async #admit(request: IncomingMessage): Promise<Identity | Refusal> {
    const refusal = this.#refusalOf(request);
    if (refusal !== null) return refusal;
    try {
      return await this.#options.identify(request);
    } catch {
      return { status: 401, reason: "it cannot be told who you are" };
    }
  }

  /** Why there is no room for one more session; `null` where there is. */
  #fullness({ clientIdentity }: Identity): Refusal | null {
    const { maxSessions, maxSessionsOfOne = maxSessions } = this.#options;
    if (this.#isClosing) return { status: 503, reason: "the relay ends" };
    const isFull = this.sessions.size >= maxSessions || this.#counts.of(clientIdentity) >= maxSessionsOfOne;
    return isFull ? { status: 503, reason: "there are too many sessions" } : null;
  }

  #refusalOf(request: IncomingMessage): Refusal | null {
    if (!this.#isForUs(request)) return { status: 403, reason: "this relay does not go by that name" };
    if (!this.#isAllowedOrigin(request)) return { status: 403, reason: "pages from there may not ask" };
    const path = (request.url ?? "").split("?")[0] ?? "";
    return this.#options.paths.includes(path) ? null : { status: 404, reason: "sessions are elsewhere" };
  }

  #welcome(webSocket: WebSocket, identity: Identity, socket: Duplex): void {
    // Whole frames go to the socket beside those of `ws`, which writes its own, of pings and closing, whole as well.
    const outbox = new Outbox(socket, this.#outgoing);
    const session = this.#options.open(identity, {
      send: ({ bytes }, isAnswer) => {
        if (webSocket.readyState === webSocket.OPEN) outbox.send(bytes, isAnswer);
      },
      get waitingBytes(): number {
        return outbox.waitingBytes;
      },
      close: (code, reason) => {
        if (webSocket.readyState === webSocket.OPEN) outbox.end();
        webSocket.close(code, reason);
        setTimeout(() => webSocket.terminate(), CLOSING_MS).unref();
      },
    });
    this.sessions.add(session);
    const { clientIdentity } = identity;
    this.#counts.add(clientIdentity);
    const { maxWaitingBytes = 4 * 1024 * 1024 } = this.#options;
    this.#pulses.set(webSocket, new Pulse(webSocket, outbox));
    webSocket.on("message", (data) => {
      session.receive(String(data));
      // Whoever does not read the answers asks for no more of them.
      if (outbox.waitingBytes <= maxWaitingBytes) return;
      webSocket.pause();
      outbox.whenBelow(maxWaitingBytes / 2, () => webSocket.resume());
    });
    // The connection is closed with the code that fits; whoever does not close it too is cut off.
    webSocket.on("error", () => setTimeout(() => webSocket.terminate(), 1_000).unref());
    webSocket.on("close", (code) => {
      this.sessions.delete(session);
      this.#counts.remove(clientIdentity);
      this.#pulses.delete(webSocket);
      session.closed();
      this.#options.closed?.(session, code);
    });
  }

  #ping(): void {
    for (const pulse of this.#pulses.values()) pulse.feel();
  }
}

const TEXT = { "content-type": "text/plain; charset=utf-8" };

function plain(status: number, text: string): Answer {
  return { status, headers: TEXT, text: `${text}\n` };
}

const STATUS_WORDS: Readonly<Record<number, string>> = {
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  503: "Service Unavailable",
};

function turnAway(socket: Duplex, { status, reason }: Refusal): void {
  const body = `${reason}\n`;
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_WORDS[status]}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${
      Buffer.byteLength(body)
    }\r\n\r\n${body}`,
  );
  setTimeout(() => socket.destroy(), LEAVING_MS).unref();
}
