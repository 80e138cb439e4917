/** The way to serve a tree on a socket. */
import { ReeveError } from "../base/mod.ts";
import { bindInPlace, type BindMode, type ByteConnection, type PlacedListener, platform } from "../platform/mod.ts";
import { wireError } from "../protocol/mod.ts";
import { insidesOf, systemClock, type Tree } from "../runtime/mod.ts";
import type { ChildSpec, RegistrationOptions, SecurityConfig } from "../spec/mod.ts";
import type { NewDeclaration } from "./commands.ts";
import { Connection, type ConnectionLimits, refuseConnection } from "./connection.ts";
import { refuseProgram } from "./security/allowlist.ts";
import { asksTheKernel } from "./security/peer_identity.ts";
import { Pipeline } from "./security/pipeline.ts";
import { answersKeptSeconds, securitySettings } from "./security/settings.ts";
import { Registrar, registrationPayload } from "./registration.ts";
import { Service } from "./service.ts";
import { WireTime } from "./wire_time.ts";

/** Options of {@linkcode serveDashboard}. */
export interface DashboardOptions {
  /** What the target is called on the wire. */
  readonly targetId: string;
  /** Absolute path of the socket; at most 107 bytes with the folder in which it is made. */
  readonly path: string;
  /** What people read. @default {the target id} */
  readonly displayName?: string;
  /** Who may connect, as an octal number; others than the owner only where the kernel tells who they are. @default {"0600"} */
  readonly permissions?: string;
  /** Whether the path must be free, or may be taken by a socket behind which nobody listens. @default {"create_new"} */
  readonly bindMode?: BindMode;
  /** Makes a declaration out of the text of `command.add_child`; without it nothing is added over the socket. */
  readonly parseChild?: (manifest: string) => ChildSpec | Promise<ChildSpec>;
  /** Reads the declaration of the tree anew for `reeve.reload`; without it nothing is reloaded over the socket. */
  readonly reload?: () => Promise<NewDeclaration>;
  /** Makes the text that Prometheus reads, for `reeve.metrics`; without it that is refused. */
  readonly metrics?: () => Promise<string>;
  /** What is looked at before a request is answered. @default {everything} */
  readonly securityConfig?: SecurityConfig;
  /** At which relay the target registers. @default {none} */
  readonly registration?: RegistrationOptions;
  /** Most connections at a time; more are refused with one line. @default {64} */
  readonly maxConnections?: number;
  /** Longest time in milliseconds in which a client must take what is written. @default {10000} */
  readonly writeTimeoutMs?: number;
  /** Longest time in milliseconds without a request, where nothing is subscribed. @default {unlimited} */
  readonly idleTimeoutMs?: number;
}

/** A running dashboard; it does not keep the program alive. */
export interface Dashboard extends AsyncDisposable {
  /** Where it listens. */
  readonly path: string;
  /** How many clients are connected. */
  readonly connections: number;
  /** Takes the socket away, and ends all connections when their last answers have gone out (within a second); harmless when repeated. */
  close(): Promise<void>;
}

/** Longest line in bytes; a longer one ends its connection. */
const MAX_FRAME_BYTES = 1_048_576;

/** Delays in milliseconds after an error of accepting, the last one again and again. */
const ACCEPT_DELAYS_MS = [10, 100, 1_000];

/** Clients that are being refused at a time; more are cut off without a word. */
const MOST_REFUSALS = 64;

/**
 * Serves a tree on a Unix socket in the language `dashboard-ipc.v1`.
 *
 * The socket appears with its mode and goes with `close()`. Rejects with `dashboard_not_started` when it cannot be put in its place, an option does not fit,
 * or a rule wants to know who connects where the kernel cannot be asked.
 *
 * @example
 * ```ts ignore
 * import { child, supervise } from "@reeve/supervisor";
 * import { serveDashboard } from "@reeve/supervisor/ipc";
 *
 * await using tree = await supervise({ children: [child.process("web", { command: "node", args: ["server.js"] })] });
 * await using dashboard = await serveDashboard(tree, { targetId: "shop-1", path: "/run/shop/reeve.sock" });
 * await tree.finished;
 * ```
 */
export async function serveDashboard(tree: Tree, options: DashboardOptions): Promise<Dashboard> {
  const { targetId, path, displayName = targetId, bindMode = "create_new", parseChild } = options;
  if (targetId.trim() === "") throw new ReeveError("dashboard_not_started", "Cannot serve the dashboard: targetId is blank", { path });
  const mode = modeOf(options);
  const limits = limitsOf(options);
  const settings = securitySettings(options.securityConfig);
  const registration = options.registration?.enabled === false ? undefined : options.registration;
  const clock = systemClock();
  const payload = registrationPayload({ targetId, displayName, ipcPath: path, leaseSeconds: registration?.leaseSeconds ?? 0 });
  const registrar = registration === undefined ? null : new Registrar({
    registration,
    payload,
    clock,
    random: Math.random,
    onChange: (from, to, reason) => insidesOf(tree).tell({ type: "registration_changed", from, to, reason }),
  });
  const insides = insidesOf(tree);
  const { trail, runId } = insides;
  const placed = await bindInPlace({ path, mode, bindMode });
  const { ownerUid, listener } = placed;
  const wish = listener.tellsPeers ? null : asksTheKernel(settings, mode, ownerUid);
  if (wish !== null) {
    await placed.close();
    const hint = platform.peerCredentialsHint;
    throw new ReeveError("dashboard_not_started", `Cannot serve the dashboard: ${wish} needs to know who connects`, { path, hint });
  }
  const over = new AbortController();
  const service = new Service({
    tree,
    clock,
    targetId,
    displayName,
    get configVersion(): string {
      return insides.configVersion();
    },
    parseChild,
    reload: options.reload,
    metrics: options.metrics,
    refuseChild: (spec) => refuseProgram(settings.allowlist, spec),
    time: new WireTime(insides.calendar),
    runId,
    answersKeptSeconds: answersKeptSeconds(settings),
    registration: payload,
    auditRecords: (after, most) => trail?.recordsAfter(after, most) ?? [],
    registrationState: () => registrar?.state ?? "registered",
  });
  const pipeline = new Pipeline({ service, settings, ownerUid, trail, now: () => clock.now() });
  const doorkeeper = new Doorkeeper({
    placed,
    pipeline,
    limits,
    maxConnections: options.maxConnections ?? 64,
    targetId,
    over: over.signal,
  });
  doorkeeper.acceptAll();
  registrar?.begin();

  let closing: Promise<void> | null = null;
  const close = (): Promise<void> =>
    closing ??= (async () => {
      over.abort();
      registrar?.end();
      await placed.close();
      await doorkeeper.end();
      await trail?.close();
    })();
  return {
    path,
    get connections(): number {
      return doorkeeper.connections;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface DoorkeeperOptions {
  readonly placed: PlacedListener;
  readonly pipeline: Pipeline;
  readonly limits: ConnectionLimits;
  readonly maxConnections: number;
  readonly targetId: string;
  readonly over: AbortSignal;
}

/** Lets clients in, as many as there may be. */
class Doorkeeper {
  readonly #options: DoorkeeperOptions;
  readonly #connections = new Set<Connection>();
  readonly #refusing = new Set<ByteConnection>();

  constructor(options: DoorkeeperOptions) {
    this.#options = options;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Goes on until the listener says that nobody comes any more: some may have come before it was closed. */
  async acceptAll(): Promise<void> {
    let failures = 0;
    while (true) {
      try {
        const bytes = await this.#options.placed.listener.accept();
        if (bytes === null) return;
        this.#welcome(bytes);
        failures = 0;
      } catch {
        // The system is short of something: it may have it again later.
        const delayMs = ACCEPT_DELAYS_MS[Math.min(failures++, ACCEPT_DELAYS_MS.length - 1)]!;
        await new Promise<void>((resolve) => this.#options.limits.clock.setTimer(resolve, delayMs));
      }
    }
  }

  /** Ends all connections. */
  async end(): Promise<void> {
    for (const refused of this.#refusing) refused.close();
    await Promise.all([...this.#connections].map((connection) => connection.end()));
  }

  #welcome(bytes: ByteConnection): void {
    const { placed, pipeline, limits, maxConnections, targetId } = this.#options;
    // It came while the last ones were ended.
    if (this.#options.over.aborted) return bytes.close();
    const over = new AbortController();
    const client = this.#connections.size >= maxConnections
      ? wireError("too_many_connections", `there are ${maxConnections} connections already`, targetId, true)
      : pipeline.admit({ credentials: bytes.peer, isTold: placed.listener.tellsPeers }, over.signal);
    if ("code" in client) {
      if (this.#refusing.size >= MOST_REFUSALS) return bytes.close();
      this.#refusing.add(bytes);
      refuseConnection(bytes, client, limits.clock).finally(() => this.#refusing.delete(bytes));
      return;
    }
    const connection = new Connection(bytes, pipeline, client, limits, over);
    this.#connections.add(connection);
    connection.run().finally(() => this.#connections.delete(connection));
  }
}

/** Readable and writable by the owner at least, and never by everybody. */
function modeOf({ permissions = "0600", path }: DashboardOptions): number {
  const mode = /^0?[0-7]{3}$/.test(permissions) ? Number.parseInt(permissions, 8) : NaN;
  if ((mode & 0o600) === 0o600 && (mode & 0o007) === 0) return mode;
  throw new ReeveError("dashboard_not_started", `Cannot serve the dashboard: permissions is "${permissions}"`, {
    path,
    hint: 'Write an octal number such as "0600", or "0660" for a group; the owner must have both, and others nothing',
  });
}

/** What bounds a connection; a limit that is no number would bound nothing. */
function limitsOf({ maxConnections, writeTimeoutMs, idleTimeoutMs, path }: DashboardOptions): ConnectionLimits {
  for (const [name, value] of Object.entries({ maxConnections, writeTimeoutMs, idleTimeoutMs })) {
    if (value === undefined || value > 0) continue;
    throw new ReeveError("dashboard_not_started", `Cannot serve the dashboard: ${name} is ${value}, must be more than 0`, { path });
  }
  return {
    clock: systemClock(),
    maxFrameBytes: MAX_FRAME_BYTES,
    writeTimeoutMs: writeTimeoutMs ?? 10_000,
    idleTimeoutMs: idleTimeoutMs ?? null,
  };
}
