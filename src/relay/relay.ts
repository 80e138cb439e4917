/** A relay for many targets and many operators: TLS, identities, registrations with leases. */
import type { IncomingMessage } from "node:http";
import { ReeveError, thrownMessage } from "../base/mod.ts";
import type { RelaySettings } from "../config/mod.ts";
import { type HttpAnswer, type HttpRoute, type HttpServer, jsonAnswer, serveHttp } from "../observe/mod.ts";
import { systemClock } from "../platform/mod.ts";
import { assemble, type Parts } from "./assemble.ts";
import { endAll } from "./end_all.ts";
import { Identifier, isTurnedAway } from "./identity.ts";
import { lineLog, NO_LOG, type RelayLog } from "./log.ts";
import { SESSION_PATH } from "./local.ts";
import { Login, LOGIN_PATH, LOGOUT_PATH } from "./login.ts";
import { PAGE } from "./page.ts";
import { openRegistrationSocket, type RegistrationSocket } from "./registration_socket.ts";
import { Registry } from "./registry.ts";
import { Search } from "./search.ts";
import type { Answer, Asset } from "./server.ts";
import type { Identity } from "./session.ts";
import { readTls, type TlsMaterial } from "./tls.ts";
import { type TokenCheck, Tokens } from "./tokens.ts";

/** What can be said to a relay beside its settings. */
export interface RelayOptions {
  /** Files of the page, by path. @default {those of the package} */
  readonly assets?: ReadonlyMap<string, Asset>;
  /** Takes lines of the log. @default {nothing is logged} */
  readonly log?: (line: string) => void;
}

/** A relay that runs; its connections keep the program alive. */
export interface Relay extends AsyncDisposable {
  /** The port where operators connect. */
  readonly port: number;
  /** The port of the numbers; `null` where there is none. */
  readonly metricsPort: number | null;
  /** How many sessions there are. */
  readonly sessions: number;
  /** How targets are connected, by name. */
  readonly targets: ReadonlyMap<string, string>;
  /** Reads certificates and files of tokens again, and ends sessions whose token was replaced; rejects where they cannot be used, and goes on with what it has. */
  reloadCertificates(): Promise<void>;
  /** Ends all sessions, takes the socket of registrations away and closes the audit; harmless when repeated. */
  close(): Promise<void>;
}

/**
 * Starts a relay; rejects with `relay_not_started`.
 *
 * @example
 * ```ts ignore
 * import { relaySettings } from "@reeve/supervisor/config";
 * import { startRelay } from "@reeve/supervisor/relay";
 *
 * await using relay = await startRelay(relaySettings({
 *   tls: { certificate_path: "relay.pem", private_key_path: "relay.key", client_ca_path: "ca.pem" },
 *   registration: { listen_path: "/run/reeve/relay.sock", allowed_ipc_path_prefixes: ["/run/reeve"] },
 * }));
 * console.log(relay.port);
 * ```
 */
export async function startRelay(settings: RelaySettings, { assets = PAGE, log: write }: RelayOptions = {}): Promise<Relay> {
  const clock = systemClock();
  const log = write === undefined ? NO_LOG : lineLog(settings.logFormat, write, () => clock.wallNow());
  const { material, tokens } = await readFiles(settings);
  const login = new Login(tokens, clock);
  const identifier = new Identifier({ ...settings, hasAuthority: material.ca !== undefined, tokens, login });
  const { listen, limits } = settings;
  const parts = await assemble({
    clock,
    log,
    audit: {
      file: settings.audit.path === null ? null : { ...settings.audit, path: settings.audit.path },
      isRequired: settings.audit.isRequired,
    },
    commandsPerSecond: limits.commandsPerSecond,
    limits: {
      messagesPerSecond: limits.messagesPerSecond,
      helloMs: 1_000 * limits.helloSeconds,
      idleMs: limits.idleSeconds === null ? null : 1_000 * limits.idleSeconds,
      frameBytes: limits.frameBytes,
      waitingBytes: limits.waitingBytes,
    },
    door: {
      host: listen.host,
      port: listen.port,
      hosts: listen.hosts,
      origins: listen.origins,
      paths: [listen.path, SESSION_PATH],
      identify: (request) => identifier.identify(request),
      answer: (request, path) => answerOwn(request, path, identifier, login, tokens),
      assets,
      maxSessions: limits.sessions,
      maxSessionsOfOne: limits.sessionsPerIdentity,
      tls: { material, needsCertificate: !tokens.isUsed },
      posts: new Set([LOGIN_PATH, LOGOUT_PATH]),
    },
  });
  const running = new RunningRelay(settings, parts, log, { tokens, login });
  try {
    await running.begin();
  } catch (error) {
    await running.close().catch(() => {});
    throw error;
  }
  return running;
}

/** Reads everything that a relay reads at its start; rejects with `relay_not_started`. */
export async function readFiles(settings: RelaySettings): Promise<{ readonly material: TlsMaterial; readonly tokens: Tokens }> {
  return { material: await readTls(tlsOf(settings)), tokens: await Tokens.read(settings) };
}

/** A proxy has looked at certificates already. */
function tlsOf({ tls, trustedProxy }: RelaySettings): RelaySettings["tls"] {
  return trustedProxy === null ? tls : { ...tls, clientCaPath: null };
}

/** A browser that nobody knows is shown where it can say its token. */
async function answerOwn(
  request: IncomingMessage,
  path: string,
  identifier: Identifier,
  login: Login,
  tokens: TokenCheck,
): Promise<Answer | null> {
  if (path === LOGIN_PATH) return await login.answer(request);
  if (path === LOGOUT_PATH) return login.leave(request);
  if (path !== "/" || !tokens.isUsed) return null;
  const identity = await identifier.identify(request);
  return isTurnedAway(identity) && identity.status === 401 ? { status: 303, headers: { location: LOGIN_PATH }, text: "" } : null;
}

class RunningRelay implements Relay {
  readonly #settings: RelaySettings;
  readonly #parts: Parts;
  readonly #log: RelayLog;
  readonly #entries: { readonly tokens: Tokens; readonly login: Login };
  readonly #registry: Registry | null;
  readonly #search: Search | null;
  #socket: RegistrationSocket | null = null;
  #metrics: HttpServer | null = null;
  #closing: Promise<void> | null = null;
  #reloading: Promise<void> = Promise.resolve();
  /** Whether certificates or tokens could not be used when they were last read. */
  #isReloadFailed = false;

  constructor(settings: RelaySettings, parts: Parts, log: RelayLog, entries: { readonly tokens: Tokens; readonly login: Login }) {
    this.#entries = entries;
    this.#settings = settings;
    this.#parts = parts;
    this.#log = log;
    const { registration, targets } = settings;
    const clock = systemClock();
    // Whoever logs out means all windows of that browser.
    entries.login.tellTo((loginId) => this.#revoke((identity) => identity.loginId === loginId, "its login was ended"));
    this.#registry = registration === null ? null : new Registry({ clock, hub: parts.hub, policy: registration });
    this.#search = targets.length === 0 ? null : new Search(() => Promise.resolve(targets), parts.hub, clock);
  }

  get port(): number {
    return this.#parts.door.port;
  }

  get metricsPort(): number | null {
    return this.#metrics?.port ?? null;
  }

  get sessions(): number {
    return this.#parts.door.sessions.size;
  }

  get targets(): ReadonlyMap<string, string> {
    return new Map(this.#parts.hub.rows.map(({ targetId, connectionState }) => [targetId, connectionState]));
  }

  async begin(): Promise<void> {
    const { registration, metrics } = this.#settings;
    const registry = this.#registry;
    if (registration !== null && registry !== null) {
      this.#socket = await openRegistrationSocket({
        path: registration.path,
        mode: registration.mode,
        maxConnections: registration.maxConnections,
        maxLineBytes: registration.maxLineBytes,
        timeoutMs: 1_000 * registration.timeoutSeconds,
        clock: systemClock(),
        log: this.#log,
        take: (line, ownerUid) => registry.take(line, ownerUid),
        answered: (answer) => {
          const code = "code" in answer ? answer.code : answer.status;
          this.#parts.numbers.count(`registrations_total{code="${code}"}`);
          if ("code" in answer) this.#log.warn("registration_refused", { code, reason: answer.message });
        },
      });
    }
    if (metrics !== null) {
      this.#metrics = await serveHttp({
        ...metrics,
        code: "relay_not_started",
        names: ["localhost", "127.0.0.1", "[::1]", metrics.host],
        routes: new Map<string, HttpRoute>([
          ["/metrics", () => ({ status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8", text: this.#parts.metrics() })],
          ["/healthz", () => this.#health()],
        ]),
      });
    }
    void this.#search?.begin();
    this.#log.info("relay_started", { port: this.port, public_url: this.#settings.listen.publicUrl });
  }

  /** What does not work, although it runs. */
  async #health(): Promise<HttpAnswer> {
    const { hub, door, trail } = this.#parts;
    const problems = [
      ...await this.#socket?.isReachable() === false ? ["registration"] : [],
      ...trail.isFailing ? ["audit"] : [],
      ...this.#isReloadFailed ? ["reload"] : [],
    ];
    const numbers = { targets: hub.rows.length, sessions: door.sessions.size };
    return problems.length === 0
      ? jsonAnswer(200, { status: "ok", ...numbers })
      : jsonAnswer(503, { status: "failing", problems, ...numbers });
  }

  reloadCertificates(): Promise<void> {
    // Of two at once, the first one might read what is old and install it last.
    const reloaded = this.#reloading.then(() => this.#reload());
    this.#reloading = reloaded.catch(() => {});
    return reloaded;
  }

  async #reload(): Promise<void> {
    try {
      const { tokens, login } = this.#entries;
      const material = await readTls(tlsOf(this.#settings));
      const install = await tokens.readAgain();
      this.#parts.door.renew(material);
      const replaced = install();
      login.forget(replaced);
      this.#revoke(({ source, principal }) => source === "token" && replaced.has(principal), "the token was replaced");
      this.#isReloadFailed = false;
      this.#log.info("certificates_reloaded", { replaced_tokens: replaced.size });
    } catch (error) {
      this.#isReloadFailed = true;
      this.#log.warn("certificates_not_reloaded", { reason: thrownMessage(error, 512) });
      throw error instanceof ReeveError ? error : new ReeveError("relay_not_started", thrownMessage(error), { cause: error });
    }
  }

  #revoke(isMeant: (identity: Identity) => boolean, why: string): void {
    for (const session of [...this.#parts.door.sessions]) if (isMeant(session.identity)) session.revoke(why);
  }

  close(): Promise<void> {
    return this.#closing ??= this.#end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #end(): Promise<void> {
    try {
      await endAll(
        () => this.#search?.end(),
        () => this.#socket?.close(),
        () => this.#registry?.close(),
        () => this.#parts.close(),
        () => this.#metrics?.close(),
      );
    } catch (error) {
      this.#log.warn("relay_not_closed", { reason: thrownMessage(error, 512) });
      throw error;
    } finally {
      this.#log.info("relay_ended");
    }
  }
}
