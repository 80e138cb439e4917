/** What the security pipeline is told to do: options, their defaults, and what does not fit. */
import { didYouMean, ReeveError } from "../../base/mod.ts";
import { COMMAND_KINDS } from "../../protocol/mod.ts";
import type {
  AllowlistOptions,
  AuthorizationOptions,
  IdempotencyOptions,
  PeerIdentityOptions,
  RateLimitOptions,
  ReplayProtectionOptions,
  RequestSizeLimitOptions,
  SecurityConfig,
} from "../../spec/mod.ts";

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
