/** The way to serve a tree on a socket. */
import { ReeveError } from "../base/mod.ts";
import { wireError } from "../protocol/mod.ts";
import type { Tree } from "../runtime/mod.ts";
import type { ChildSpec } from "../spec/mod.ts";
import { Connection, type ConnectionLimits } from "./connection.ts";
import { bindInPlace, type BindMode } from "./place.ts";
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
  /** Who may connect, as an octal number; nobody but the owner may be let in yet. @default {"0600"} */
  readonly permissions?: string;
  /** Whether the path must be free, or may be taken by a socket behind which nobody listens. @default {"create_new"} */
  readonly bindMode?: BindMode;
  /** Version of the configuration, as `state` and events tell it. @default {"1"} */
  readonly configVersion?: string;
  /** Makes a declaration out of the text of `command.add_child`; without it nothing is added over the socket. */
  readonly parseChild?: (manifest: string) => ChildSpec;
  /** Most connections at a time; more are refused with one line. @default {64} */
  readonly maxConnections?: number;
  /** Longest request in bytes; a longer one is refused. @default {65536} */
  readonly maxRequestBytes?: number;
  /** Longest time in milliseconds in which a client must take what is written. @default {10000} */
  readonly writeTimeoutMs?: number;
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

/**
 * Serves a tree on a Unix socket in the language `dashboard-ipc.v1`.
 *
 * The socket appears with its mode, for its owner alone, and goes with `close()`. Rejects with `dashboard_not_started` when it cannot be put in its place
 * or an option does not fit.
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
  const { targetId, path, displayName = targetId, bindMode = "create_new", configVersion = "1", parseChild, maxConnections = 64 } = options;
  if (targetId.trim() === "") throw new ReeveError("dashboard_not_started", "Cannot serve the dashboard: targetId is blank", { path });
  const mode = modeOf(options);
  const placed = await bindInPlace({ path, mode, bindMode });
  const over = new AbortController();
  const time = new WireTime(Date.now() - tree.snapshot().atMs);
  const runId = crypto.randomUUID().replaceAll("-", "");
  const registration = { displayName, ipcPath: path, leaseSeconds: 0 };
  const service = new Service({ tree, targetId, displayName, configVersion, parseChild, time, runId, registration, signal: over.signal });
  const { maxRequestBytes = 65_536, writeTimeoutMs = 10_000 } = options;
  const limits: ConnectionLimits = { maxFrameBytes: MAX_FRAME_BYTES, maxRequestBytes, writeTimeoutMs };
  const connections = new Set<Connection>();

  const accept = async (): Promise<boolean> => {
    const bytes = await placed.listener.accept();
    if (bytes === null) return false;
    const connection = new Connection(bytes, service, limits);
    if (connections.size >= maxConnections) {
      connection.refuse(wireError("too_many_connections", `there are ${maxConnections} connections already`, targetId, true));
      return true;
    }
    connections.add(connection);
    connection.run().finally(() => connections.delete(connection));
    return true;
  };
  const acceptAll = async (): Promise<void> => {
    let failures = 0;
    while (!over.signal.aborted) {
      try {
        if (!await accept()) return;
        failures = 0;
      } catch {
        // The system is short of something: it may have it again later.
        const delayMs = ACCEPT_DELAYS_MS[Math.min(failures++, ACCEPT_DELAYS_MS.length - 1)]!;
        await new Promise<void>((resolve) => setTimeout(resolve, delayMs));
      }
    }
  };
  acceptAll();

  let closing: Promise<void> | null = null;
  const close = (): Promise<void> =>
    closing ??= (async () => {
      over.abort();
      await placed.close();
      await Promise.all([...connections].map((connection) => connection.end()));
    })();
  return {
    path,
    get connections(): number {
      return connections.size;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Until peers are told apart, the folder and the mode are what keeps others out. */
function modeOf({ permissions = "0600", path }: DashboardOptions): number {
  const mode = /^0?[0-7]{3}$/.test(permissions) ? Number.parseInt(permissions, 8) : NaN;
  if (mode === 0o600) return mode;
  throw new ReeveError("dashboard_not_started", `Cannot serve the dashboard: permissions is "${permissions}", must be "0600"`, {
    path,
    hint: "Other peers cannot be told apart yet",
  });
}
