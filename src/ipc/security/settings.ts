/** What the security pipeline is told to do: options, their defaults, and what does not fit. */
import { didYouMean, ReeveError } from "../../base/mod.ts";
import { COMMAND_KINDS } from "../../protocol/mod.ts";

/** C2: who may connect. */
export interface PeerIdentityOptions {
  /** Whether it is looked at who connects. @default {true} */
  readonly enabled?: boolean;
  /** Whether the peer must have the user id of the program. @default {true} */
  readonly requireUidMatch?: boolean;
  /** Group ids that a peer may have; its one group counts, none of the others. @default {[], all} */
  readonly allowedGids?: readonly number[];
  /** Process ids that a peer may have; a number is soon used again, so it is never enough alone. @default {[], all} */
  readonly allowedPids?: readonly number[];
}

/** C3: who may command. */
export interface AuthorizationOptions {
  /** Whether commands are kept for some users; all who may connect may read. @default {true} */
  readonly enabled?: boolean;
  /** User ids that may command; an empty list is nobody. @default {the own one and root} */
  readonly allowedUids?: readonly number[];
  /** Commands that are refused while their intent cannot be written into the audit, a shutdown excepted. @default {all} */
  readonly highRiskCommands?: readonly string[];
}

/** C4: ids of requests count once. */
export interface ReplayProtectionOptions {
  /** Whether an id that comes again with other content is refused. @default {true} */
  readonly enabled?: boolean;
  /** How many ids of reads, and how many of commands, are kept for each user. @default {1024} */
  readonly windowSize?: number;
  /** For how many seconds. @default {60} */
  readonly ttlSeconds?: number;
}

/** C5: how long a request may be. */
export interface RequestSizeLimitOptions {
  /** Whether there is a limit below that of a line, 1 MiB. @default {true} */
  readonly enabled?: boolean;
  /** The limit in bytes. @default {65536} */
  readonly maxBytes?: number;
}

/** C6: how often something may be asked; every line costs a token, whatever it says. */
export interface RateLimitOptions {
  /** Whether there is a limit. @default {true} */
  readonly enabled?: boolean;
  /** Tokens per second of a connection. @default {100} */
  readonly refillRate?: number;
  /** Tokens that a connection begins with, and has at most. @default {20} */
  readonly burstCapacity?: number;
  /** Tokens per second of all connections of a user together. @default {10 × refillRate} */
  readonly peerRefillRate?: number;
  /** Tokens that a user has at most. @default {10 × burstCapacity} */
  readonly peerBurstCapacity?: number;
}

/** C8: a command that comes again gets the answer of the first one. */
export interface IdempotencyOptions {
  /** Whether answers of commands are kept. @default {true} */
  readonly enabled?: boolean;
  /** For how many seconds. @default {60} */
  readonly resultCacheTtlSeconds?: number;
  /** How many. @default {1024} */
  readonly maxCachedResults?: number;
  /** How many bytes in all. @default {8388608} */
  readonly maxCachedBytes?: number;
}

/** C9: what a child that is added over the socket may run. */
export interface AllowlistOptions {
  /** Whether programs and modules must be on the list. @default {true} */
  readonly enabled?: boolean;
  /** Absolute paths of programs and modules; an empty list is none. @default {[]} */
  readonly allowedPaths?: readonly string[];
}

/** Everything that is looked at before a request is answered. */
export interface SecurityConfig {
  /** C2: who may connect. */
  readonly peerIdentity?: PeerIdentityOptions;
  /** C3: who may command. */
  readonly authorization?: AuthorizationOptions;
  /** C4: ids of requests count once. */
  readonly replayProtection?: ReplayProtectionOptions;
  /** C5: how long a request may be. */
  readonly requestSizeLimit?: RequestSizeLimitOptions;
  /** C6: how often something may be asked. */
  readonly rateLimit?: RateLimitOptions;
  /** C8: a command that comes again gets the answer of the first one. */
  readonly idempotency?: IdempotencyOptions;
  /** C9: what a child that is added over the socket may run. */
  readonly allowlist?: AllowlistOptions;
}

/** The options with their defaults. */
export interface SecuritySettings {
  readonly peerIdentity: Required<PeerIdentityOptions>;
  readonly authorization: Required<Omit<AuthorizationOptions, "allowedUids">> & { readonly allowedUids: readonly number[] | null };
  readonly replayProtection: Required<ReplayProtectionOptions>;
  readonly requestSizeLimit: Required<RequestSizeLimitOptions>;
  readonly rateLimit: Required<RateLimitOptions>;
  readonly idempotency: Required<IdempotencyOptions>;
  readonly allowlist: Required<AllowlistOptions>;
}

/** The commands of the reference by method, which are all of high risk unless it is said otherwise. */
const COMMAND_METHODS: readonly string[] = COMMAND_KINDS.map((kind) => `command.${kind}`);

/** Fills in the defaults; throws `dashboard_not_started` for what does not fit. */
export function securitySettings(config: SecurityConfig = {}): SecuritySettings {
  const { refillRate = 100, burstCapacity = 20 } = config.rateLimit ?? {};
  const settings: SecuritySettings = {
    peerIdentity: { enabled: true, requireUidMatch: true, allowedGids: [], allowedPids: [], ...config.peerIdentity },
    authorization: { enabled: true, allowedUids: null, highRiskCommands: COMMAND_METHODS, ...config.authorization },
    replayProtection: { enabled: true, windowSize: 1_024, ttlSeconds: 60, ...config.replayProtection },
    requestSizeLimit: { enabled: true, maxBytes: 65_536, ...config.requestSizeLimit },
    rateLimit: {
      enabled: true,
      refillRate,
      burstCapacity,
      peerRefillRate: 10 * refillRate,
      peerBurstCapacity: 10 * burstCapacity,
      ...config.rateLimit,
    },
    idempotency: { enabled: true, resultCacheTtlSeconds: 60, maxCachedResults: 1_024, maxCachedBytes: 8_388_608, ...config.idempotency },
    allowlist: { enabled: true, allowedPaths: [], ...config.allowlist },
  };
  check(settings);
  return settings;
}

function check({ replayProtection, requestSizeLimit, rateLimit, idempotency, allowlist, authorization }: SecuritySettings): void {
  for (const [section, limits] of Object.entries({ replayProtection, requestSizeLimit, rateLimit, idempotency })) {
    if (!limits.enabled) continue;
    for (const [name, value] of Object.entries(limits)) {
      if (typeof value === "number" && !(value > 0)) throw refused(`securityConfig.${section}.${name} is ${value}, must be more than 0`);
    }
  }
  for (const path of allowlist.allowedPaths) {
    if (!path.startsWith("/")) throw refused(`securityConfig.allowlist.allowedPaths has "${path}", must have absolute paths`);
  }
  for (const name of authorization.highRiskCommands) {
    if (COMMAND_METHODS.includes(name)) continue;
    throw refused(`securityConfig.authorization.highRiskCommands has "${name}", which is no command`, didYouMean(name, COMMAND_METHODS));
  }
}

function refused(why: string, hint?: string): ReeveError {
  return new ReeveError("dashboard_not_started", `Cannot serve the dashboard: ${why}`, { hint });
}
