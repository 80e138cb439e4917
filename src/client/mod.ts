/**
 * A client of the dashboard's socket, in the language `dashboard-ipc.v1`.
 *
 * @module
 */
export { type Client, connect } from "./client.ts";
export type * from "./options.ts";
export type { ReconnectOptions } from "./backoff.ts";
export type { ConnectionState } from "./lifeline.ts";
export { DashboardError, type Message } from "./link.ts";
export type { Subscription } from "./subscription.ts";
export type * from "./status_types.ts";
export type * from "./types.ts";
export type { CommandKind, ExtensionKind, Method, ReeveMethod, ReferenceMethod, WireError } from "../protocol/mod.ts";
