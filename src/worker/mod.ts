/**
 * What the file of a worker child needs.
 *
 * @example
 * ```ts ignore
 * import { serveWorker } from "@reeve/supervisor/worker";
 *
 * serveWorker(async ({ signal }) => {
 *   while (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 100));
 * });
 * ```
 *
 * @module
 */
export { type ChildEnd, ChildError, type ChildErrorKind, type TaskContext, type TaskFunction } from "../base/mod.ts";
export { serveWorker } from "./serve.ts";
export { isReeveMessage, type ReeveMessage, type ToWorker, WORKER_PROTOCOL, type WorkerStart } from "./protocol.ts";
