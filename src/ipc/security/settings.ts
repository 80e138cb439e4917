/** What the security pipeline is told to do: options, their defaults, and what does not fit. */
import { didYouMean, ReeveError } from "../../base/mod.ts";
import { COMMAND_METHODS } from "../../protocol/mod.ts";
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

/** Fills in the defaults; throws `dashboard_not_started` for what does not fit. */
export function securitySettings(config: SecurityConfig = {}): SecuritySettings {
  const { refillRate = 100, burstCapacity = 20 } = config.rateLimit ?? {};
  const settings: SecuritySettings = {
    peerIdentity: filled<SecuritySettings["peerIdentity"]>(
      { enabled: true, requireUidMatch: true, allowedGids: [], allowedPids: [] },
      config.peerIdentity,
    ),
    authorization: filled<SecuritySettings["authorization"]>(
      { enabled: true, allowedUids: null, highRiskCommands: COMMAND_METHODS },
      config.authorization,
    ),
    replayProtection: filled<SecuritySettings["replayProtection"]>(
      { enabled: true, windowSize: 1_024, ttlSeconds: 60 },
      config.replayProtection,
    ),
    requestSizeLimit: filled<SecuritySettings["requestSizeLimit"]>({ enabled: true, maxBytes: 65_536 }, config.requestSizeLimit),
    rateLimit: filled<SecuritySettings["rateLimit"]>(
      { enabled: true, refillRate, burstCapacity, peerRefillRate: 10 * refillRate, peerBurstCapacity: 10 * burstCapacity },
      config.rateLimit,
    ),
    idempotency: filled<SecuritySettings["idempotency"]>(
      { enabled: true, resultCacheTtlSeconds: 60, maxCachedResults: 1_024, maxCachedBytes: 8_388_608 },
      config.idempotency,
    ),
    allowlist: filled<SecuritySettings["allowlist"]>({ enabled: true, allowedPaths: [] }, config.allowlist),
  };
  check(settings);
  return settings;
}

/** What is given counts, where it is given at all. */
function filled<T extends object>(defaults: T, given: { readonly [Name in keyof T]?: T[Name] | undefined } = {}): T {
  return { ...defaults, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
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

/** How long, in seconds, a command that comes again is not carried out again; 0 where that is not promised. */
export function answersKeptSeconds({ idempotency, replayProtection }: SecuritySettings): number {
  // An answer that had to make room is missed only where its id is remembered.
  if (!idempotency.enabled || !replayProtection.enabled) return 0;
  return Math.min(idempotency.resultCacheTtlSeconds, replayProtection.ttlSeconds);
}
