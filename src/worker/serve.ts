/** The worker's side of a worker child. */
import { isMainThread, parentPort } from "node:worker_threads";
import { isReeveMessage, WORKER_PROTOCOL, type WorkerExit, type WorkerStart } from "./protocol.ts";

/** What a worker's function gets: the same as a task. */
export interface WorkerContext {
  /** Path of the child. */
  readonly path: string;
  /** Name of the child. */
  readonly name: string;
  /** Which incarnation this is, counted from 0. */
  readonly generation: number;
  /** Which attempt this is, counted from 1. */
  readonly attempt: number;
  /** The child's `args`. */
  readonly args: unknown;
  /** The child's `environment`. */
  readonly environment: ReadonlyMap<string, string>;
  /** Aborts when the worker is asked to stop. */
  readonly signal: AbortSignal;
  /** Says that the worker is ready; with `false`, that it no longer is. */
  readonly ready: (isReady?: boolean) => void;
  /** Says that the worker is alive now. */
  readonly heartbeat: () => void;
  /** Writes a line to the child's log. */
  readonly log: (message: string) => void;
  /** Cancels this attempt itself; the child then counts as cancelled and is not restarted. */
  readonly cancel: (reason?: string) => void;
}

/** The function of a worker. */
export type WorkerFunction = (context: WorkerContext) => unknown;

/**
 * Runs a function as a worker child; the file of `child.worker` calls it once.
 *
 * Throws when the file is not run as a worker.
 *
 * @example
 * ```ts ignore
 * import { serveWorker } from "@reeve/supervisor/worker";
 *
 * serveWorker(async ({ signal, heartbeat, log }) => {
 *   while (!signal.aborted) {
 *     heartbeat();
 *     log("one more picture");
 *     await new Promise((resolve) => setTimeout(resolve, 500));
 *   }
 * });
 * ```
 */
export function serveWorker(run: WorkerFunction): void {
  const port = parentPort;
  if (isMainThread || port === null) throw new Error("Cannot serve: this file is not run as a worker. Start it with child.worker(name, url)");
  const stop = new AbortController();
  const send = (message: Record<string, unknown>): void => port.postMessage({ reeve: WORKER_PROTOCOL, ...message });
  port.on("message", (message: unknown) => {
    if (!isReeveMessage(message)) return;
    if (message.type === "start" && isStart(message)) runOnce(run, message, stop, send);
    if (message.type === "stop") {
      send({ type: "stopping" });
      stop.abort(new DOMException("The supervisor asked the worker to stop", "AbortError"));
    }
  });
  send({ type: "hello" });
}

function isStart(message: { readonly reeve: unknown }): message is WorkerStart {
  return message.reeve === WORKER_PROTOCOL;
}

async function runOnce(run: WorkerFunction, start: WorkerStart, stop: AbortController, send: (message: Record<string, unknown>) => void): Promise<void> {
  const { path, name, generation, attempt, args, environment } = start;
  const context: WorkerContext = {
    path,
    name,
    generation,
    attempt,
    args,
    environment: new Map(environment),
    signal: stop.signal,
    ready: (isReady = true) => send({ type: "ready", ready: isReady }),
    heartbeat: () => send({ type: "heartbeat", epochMs: performance.timeOrigin + performance.now() }),
    log: (message) => send({ type: "log", line: String(message) }),
    cancel: (reason = "cancelled by itself") => stop.abort(new DOMException(reason, "AbortError")),
  };
  send({ type: "exit", exit: await exitOf(run, context) });
}

async function exitOf(run: WorkerFunction, context: WorkerContext): Promise<WorkerExit> {
  try {
    await run(context);
    return { kind: context.signal.aborted ? "cancelled" : "succeeded" };
  } catch (error) {
    if (context.signal.aborted && error instanceof Error && error.name === "AbortError") return { kind: "cancelled" };
    return error instanceof Error
      ? { kind: "panicked", category: error.name, message: error.message }
      : { kind: "panicked", category: "thrown_value", message: `threw ${String(error)}` };
  }
}
