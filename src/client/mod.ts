/**
 * A client of the dashboard's socket, in the language `dashboard-ipc.v1`.
 *
 * @module
 */
export { type Client, type CommandRequest, connect, type ConnectOptions, DashboardError, type RequestOptions } from "./client.ts";
export type { CommandKind, Method, WireError } from "../protocol/mod.ts";
