/** The way from the file of a relay to its settings. */
import { readFile } from "node:fs/promises";
import { type Problem, thrownMessage } from "../base/mod.ts";
import { ConfigError, type FileProblem } from "./errors.ts";
import { relaySchema } from "./json_schema.ts";
import { parseBytes, type Parsed } from "./parse.ts";
import { type Raw, toPointer } from "./pointer.ts";
import { positionsIn } from "./positions.ts";
import { keysOf } from "./reference.ts";
import { checkRelay, socketAddress, underItsCode } from "./relay_checks.ts";
import { relayFile } from "./relay_schema.ts";
import { checkShape } from "./shape.ts";

/** Settings of a relay, as its file says them or as they are by default. */
export interface RelaySettings {
  /** Where operators connect. */
  readonly listen: {
    readonly host: string;
    readonly port: number;
    /** The address of sessions as operators have it. */
    readonly publicUrl: string;
    /** The path of sessions. */
    readonly path: string;
    /** Names under which the relay may be asked. */
    readonly hosts: readonly string[];
    /** Pages that may open sessions beside those of the relay itself. */
    readonly origins: readonly string[];
  };
  /** Certificates; relative paths start where the program does. */
  readonly tls: { readonly certificatePath: string; readonly privateKeyPath: string; readonly clientCaPath: string | null };
  /** A proxy that says who asks; `null` where there is none. */
  readonly trustedProxy: { readonly addresses: readonly string[]; readonly header: string } | null;
  /** Fixed tokens. */
  readonly tokens: readonly { readonly name: string; readonly file: string | null; readonly sha256: string | null }[];
  /** Who issues tokens; `null` for nobody. */
  readonly oidc: {
    readonly issuer: string;
    readonly audience: string;
    readonly jwksUrl: string;
    readonly principalClaim: string;
  } | null;
  /** Patterns of who may do what; `null` where everybody may do everything. */
  readonly roles: { readonly dangerous: readonly string[]; readonly control: readonly string[]; readonly read: readonly string[] } | null;
  /** Where targets register; `null` for nowhere. */
  readonly registration: {
    readonly path: string;
    readonly mode: number;
    readonly prefixes: readonly string[];
    readonly defaultLeaseSeconds: number;
    readonly maxLeaseSeconds: number;
    readonly graceSeconds: number;
    readonly maxConnections: number;
    readonly maxLineBytes: number;
    readonly timeoutSeconds: number;
  } | null;
  /** Sockets of targets that are always looked for. */
  readonly targets: readonly string[];
  /** The audit; a `path` of `null` keeps the last records in memory alone. */
  readonly audit: { readonly path: string | null; readonly maxBytes: number; readonly keep: number; readonly isRequired: boolean };
  /** Bounds. */
  readonly limits: {
    readonly sessions: number;
    readonly sessionsPerIdentity: number;
    readonly commandsPerSecond: number;
    readonly messagesPerSecond: number;
    readonly helloSeconds: number;
    readonly idleSeconds: number | null;
    readonly frameBytes: number;
    readonly waitingBytes: number;
  };
  /** Where numbers are told; `null` for nowhere. */
  readonly metrics: { readonly host: string; readonly port: number } | null;
  /** How the relay writes its log. */
  readonly logFormat: "text" | "json";
}

/** A file of a relay that was accepted. */
export interface LoadedRelay {
  /** What it says, and what it does not say by default. */
  readonly settings: RelaySettings;
  /** What is accepted but should be looked at. */
  readonly warnings: readonly FileProblem[];
}

/** Loads the file of a relay; rejects with `ConfigError`, which lists all problems with line and column. */
export async function loadRelayFile(path: string): Promise<LoadedRelay> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const reason = `the file cannot be read: ${thrownMessage(error)}`;
    throw new ConfigError("config_unreadable", path, [{ severity: "error", rule: "config_read_failed", pointer: "", reason, file: path }]);
  }
  const parsed = parseBytes(bytes);
  if ("problem" in parsed) throw unparsed(parsed, path);
  return accept(parsed.raw, path, positionsIn(new TextDecoder().decode(bytes)));
}

/**
 * Makes settings of an object with the keys of the file; throws `ConfigError`.
 *
 * @example
 * ```ts
 * import { relaySettings } from "@reeve/supervisor/config";
 *
 * const { listen } = relaySettings({
 *   listen: { bind: "127.0.0.1:9443" },
 *   tls: { certificate_path: "relay.pem", private_key_path: "relay.key", client_ca_path: "ca.pem" },
 *   targets: [{ path: "/run/shop/reeve.sock" }],
 * });
 * console.log(listen.publicUrl); // wss://127.0.0.1:9443/session
 * ```
 */
export function relaySettings(raw: Readonly<Record<string, unknown>>): RelaySettings {
  return accept(raw, "the settings of the relay", () => undefined).settings;
}

/** Returns a Markdown table with every key of a relay's file. */
export function relayKeyReference(): string {
  return keysOf(relaySchema());
}

function unparsed({ problem: { position, reason, hint, pointer } }: Extract<Parsed, { problem: unknown }>, path: string): ConfigError {
  const problem: FileProblem = { severity: "error", rule: "invalid_config_yaml", pointer, reason, file: path, ...position };
  return new ConfigError("invalid_config", path, [hint === undefined ? problem : { ...problem, hint }]);
}

function accept(raw: Raw, file: string, find: ReturnType<typeof positionsIn>): LoadedRelay {
  const problems: Problem[] = checkShape(raw, relayFile, relaySchema());
  const isSeen = (pointer: string): boolean => problems.some((seen) => seen.severity === "error" && isWithin(pointer, seen.pointer));
  checkRelay(raw, (severity, rule, pointer, reason, hint) => {
    if (!isSeen(pointer)) problems.push({ severity, rule, pointer, reason, ...(hint === undefined ? {} : { hint }) });
  });
  const located = problems.map((problem): FileProblem => ({ ...underItsCode(problem), file, ...find(problem.pointer) }));
  located.sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
  const read = relayFile.safeParse(raw);
  if (!read.success || located.some(({ severity }) => severity === "error")) throw new ConfigError("invalid_config", file, located);
  return { settings: settingsOf(read.data), warnings: located };
}

function isWithin(pointer: string, other: string): boolean {
  return pointer === other || pointer.startsWith(`${other}/`) && other !== toPointer([]);
}

function settingsOf(file: ReturnType<typeof relayFile.parse>): RelaySettings {
  const { tls = {}, trusted_proxy: proxy, oidc, roles, metrics, limits = {}, audit = {} } = file;
  const metricsAddress = metrics === undefined ? undefined : socketAddress(metrics.listen ?? "127.0.0.1:9464");
  return {
    listen: listenOf(file.listen ?? {}),
    tls: {
      certificatePath: tls.certificate_path ?? "",
      privateKeyPath: tls.private_key_path ?? "",
      clientCaPath: tls.client_ca_path ?? null,
    },
    trustedProxy: proxy?.enabled === true
      ? {
        addresses: proxy.allowed_remote_addrs ?? [],
        header: (proxy.identity_header ?? "x-verified-client-subject").toLowerCase(),
      }
      : null,
    tokens: (file.tokens ?? []).map(({ name, file: path = null, sha256 }) => ({ name, file: path, sha256: sha256?.toLowerCase() ?? null })),
    oidc: oidc === undefined
      ? null
      : { issuer: oidc.issuer, audience: oidc.audience, jwksUrl: oidc.jwks_url, principalClaim: oidc.principal_claim ?? "sub" },
    roles: roles === undefined ? null : { dangerous: roles.dangerous ?? [], control: roles.control ?? [], read: roles.read ?? [] },
    registration: file.registration === undefined ? null : registrationOf(file.registration),
    targets: (file.targets ?? []).map(({ path }) => path),
    audit: {
      path: audit.path ?? null,
      maxBytes: audit.max_bytes ?? 67_108_864,
      keep: audit.keep ?? 5,
      isRequired: (audit.on_failure ?? "refuse") === "refuse",
    },
    limits: {
      sessions: limits.sessions ?? 256,
      sessionsPerIdentity: limits.sessions_per_identity ?? 32,
      commandsPerSecond: limits.commands_per_second ?? 20,
      messagesPerSecond: limits.messages_per_second ?? 200,
      helloSeconds: limits.hello_timeout_seconds ?? 10,
      idleSeconds: limits.idle_timeout_seconds ?? null,
      frameBytes: limits.frame_bytes ?? 65_536,
      waitingBytes: limits.waiting_bytes ?? 4_194_304,
    },
    metrics: metricsAddress ?? null,
    logFormat: file.log?.format ?? "text",
  };
}

function listenOf(
  { bind = "127.0.0.1:9443", public_url: publicUrl = `wss://${bind}/session`, hosts = [], origins = [] }: NonNullable<
    ReturnType<typeof relayFile.parse>["listen"]
  >,
): RelaySettings["listen"] {
  const { host, port } = socketAddress(bind) ?? { host: "127.0.0.1", port: 0 };
  const url = new URL(publicUrl);
  // Behind a proxy a browser says the public name, without a port where it is the usual one.
  const names = [url.host, bind, ...(url.port === "" ? [`${url.hostname}:443`] : []), ...hosts];
  return { host, port, publicUrl, path: url.pathname, hosts: [...new Set(names)], origins };
}

function registrationOf(
  section: NonNullable<ReturnType<typeof relayFile.parse>["registration"]>,
): NonNullable<RelaySettings["registration"]> {
  return {
    path: section.listen_path ?? "",
    mode: Number.parseInt((section.permissions ?? "0600").replace(/^0o/, ""), 8),
    prefixes: section.allowed_ipc_path_prefixes ?? [],
    defaultLeaseSeconds: section.default_lease_seconds ?? 45,
    maxLeaseSeconds: section.max_lease_seconds ?? 300,
    graceSeconds: section.grace_seconds ?? 60,
    maxConnections: section.max_connections ?? 64,
    maxLineBytes: section.max_line_bytes ?? 65_536,
    timeoutSeconds: section.io_timeout_seconds ?? 5,
  };
}
