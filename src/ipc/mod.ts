/**
 * The dashboard's socket: a tree in the language `dashboard-ipc.v1`.
 *
 * @module
 */
export { type Dashboard, type DashboardOptions, serveDashboard } from "./serve.ts";
export type { NewDeclaration } from "./commands.ts";
export type { BindMode } from "../platform/mod.ts";
export type {
  AllowlistOptions,
  AuthorizationOptions,
  IdempotencyOptions,
  PeerIdentityOptions,
  RateLimitOptions,
  RegistrationOptions,
  ReplayProtectionOptions,
  RequestSizeLimitOptions,
  SecurityConfig,
} from "../spec/mod.ts";
