/** Errors of the socket: what is refused, where, and whether to try again. */

/** An error as it goes over the wire. */
export interface WireError {
  /** Stable code. */
  readonly code: string;
  /** Where in the way of a request it came up. */
  readonly stage: string;
  /** The target, where it is known. */
  readonly target_id: string | null;
  /** What is wrong, in one sentence. */
  readonly message: string;
  /** Whether the same request may be answered later. */
  readonly retryable: boolean;
}

/** Every code that has one stage, with that stage. */
export const STAGES = {
  invalid_json: "protocol_parse",
  unsupported_method: "protocol_parse",
  invalid_command_params: "protocol_parse",
  session_required: "subscription",
  too_many_subscriptions: "subscription",
  invalid_subscription: "subscription",
  command_failed: "command_dispatch",
  child_not_found: "command_validate",
  metrics_unavailable: "metrics",
  peer_cred_unavailable: "peer_credentials",
  peer_cred_uid_mismatch: "peer_credentials",
  peer_cred_gid_not_allowed: "peer_credentials",
  peer_cred_pid_not_allowed: "peer_credentials",
  authz_not_configured: "authorization",
  authz_denied: "authorization",
  replay_detected: "replay_protection",
  request_too_large: "size_limit",
  rate_limit_exceeded: "rate_limit",
  audit_write_failed: "audit",
  audit_queue_full: "audit",
  allowlist_empty: "allowlist",
  allowlist_denied: "allowlist",
  frame_too_large: "ipc_read",
  invalid_utf8: "ipc_read",
  incomplete_frame: "ipc_read",
  ipc_idle_timeout: "ipc_read",
  too_many_connections: "ipc_connect",
} as const;

/** Codes whose stage follows from them. */
export type WireErrorCode = keyof typeof STAGES;

/** Makes an error; `targetId` where it belongs to the answer. */
export function wireError(code: WireErrorCode, message: string, targetId: string | null = null, retryable = false): WireError {
  return { code, stage: STAGES[code], target_id: targetId, message, retryable };
}

/** Makes the error of a request that does not pass validation, at a stage. */
export function validationError(stage: "command_validate" | "registration", message: string, targetId: string): WireError {
  return { code: "validation_failed", stage, target_id: targetId, message, retryable: false };
}
