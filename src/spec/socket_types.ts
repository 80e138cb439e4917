/** What a user declares of the dashboard's socket: who may connect, ask and command, where that is recorded, and at which relay it registers. */
import type { FsyncPolicy } from "./observability_types.ts";

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
  /** How many ids of reads are kept for each user; sixteen times as many commands are taken within the time, more are refused. @default {1024} */
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

/** Where and how a target registers. */
export interface RegistrationOptions {
  /** Whether it registers. @default {true} */
  readonly enabled?: boolean;
  /** Absolute path of the relay's socket. */
  readonly relayRegistrationPath: string;
  /** How many seconds a registration counts. */
  readonly leaseSeconds: number;
  /** Seconds between two registrations, less than the lease. @default {15} */
  readonly registrationHeartbeatIntervalSeconds?: number;
  /** Seconds in which the relay must take a connection. @default {5, at most a third of the lease} */
  readonly registrationConnectTimeoutSecs?: number;
  /** Seconds in which the relay must take the registration and answer. @default {5, at most a third of the lease} */
  readonly registrationIoTimeoutSecs?: number;
}

/** What happens when a record cannot be written: what needs one is refused, or goes on while there is room for records that wait. */
export type AuditFailureStrategy = "fail_closed" | "defer_bounded";

/** Where records are kept. */
export interface AuditOptions {
  /** Whether there are records. @default {true} */
  readonly enabled?: boolean;
  /** Only in memory, or in a file as well. @default {"memory"} */
  readonly backend?: "memory" | "file";
  /** The file, with backend `file`: lines of JSON, only for its owner. */
  readonly filePath?: string;
  /** What happens when a record cannot be written. @default {"fail_closed"} */
  readonly failureStrategy?: AuditFailureStrategy;
  /** How many records of commands may wait to be written, with `defer_bounded`. @default {1000} */
  readonly maxDeferQueue?: number;
  /** Size in bytes at which the file becomes `PATH.1`, and a new one begins. @default {67108864} */
  readonly maxBytes?: number;
  /** How many old files are kept. @default {5} */
  readonly keep?: number;
  /** When records are forced to the disk. @default {"interval"} */
  readonly fsync?: FsyncPolicy;
}
