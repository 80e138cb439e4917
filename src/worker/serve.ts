/** The worker's side of a worker child. */
import { isMainThread, parentPort } from "node:worker_threads";
import { type FromWorker, isReeveMessage, WORKER_PROTOCOL, type WorkerExit, type WorkerStart } from "./protocol.ts";

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
  if (isMainThread || port === null) {
    throw new Error("Cannot serve: this file is not run as a worker. Start it with child.worker(name, url)");
  }
  const stop = new AbortController();
  const send: Send = (message) => port.postMessage(message);
  let started = false;
  port.on("message", (message: unknown) => {
    if (!isReeveMessage(message)) return;
    if (message.type === "stop") {
      // The answer shows that this thread is not busy; listeners of the signal may keep it so.
      send({ reeve: WORKER_PROTOCOL, type: "stopping" });
      stop.abort(STOP_REASON);
    } else if (message.type === "start" && isStart(message) && !started) {
      started = true;
      runOnce(run, message, stop, send);
    }
  });
  send({ reeve: WORKER_PROTOCOL, type: "hello" });
}

type Send = (message: FromWorker) => void;

const STOP_REASON = new DOMException("The worker was asked to stop", "AbortError");

/** The other side refuses a worker of another version, so that the version is all there is to check. */
function isStart(message: { readonly reeve: unknown }): message is WorkerStart {
  return message.reeve === WORKER_PROTOCOL;
}

async function runOnce(run: WorkerFunction, start: WorkerStart, stop: AbortController, send: Send): Promise<void> {
  const { path, name, generation, attempt, args, environment } = start;
  const context: WorkerContext = {
    path,
    name,
    generation,
    attempt,
    args,
    environment: new Map(environment),
    signal: stop.signal,
    ready: (isReady = true) => send({ reeve: WORKER_PROTOCOL, type: "ready", ready: isReady }),
    heartbeat: () => send({ reeve: WORKER_PROTOCOL, type: "heartbeat", epochMs: performance.timeOrigin + performance.now() }),
    log: (message) => send({ reeve: WORKER_PROTOCOL, type: "log", line: String(message) }),
    cancel: () => stop.abort(STOP_REASON),
  };
  send({ reeve: WORKER_PROTOCOL, type: "exit", exit: await exitOf(run, context) });
}

async function exitOf(run: WorkerFunction, context: WorkerContext): Promise<WorkerExit> {
  try {
    await run(context);
    return { kind: context.signal.aborted ? "cancelled" : "succeeded" };
  } catch (error) {
    return context.signal.aborted && looksAborted(error) ? { kind: "cancelled" } : panicOf(error);
  }
}

/** What was thrown may be anything, even an object whose getters throw. */
function panicOf(error: unknown): WorkerExit {
  try {
    if (error instanceof Error) return { kind: "panicked", category: `${error.name}`, message: `${error.message}` || `${error.name}` };
    return { kind: "panicked", category: "thrown_value", message: `threw ${String(error)}` };
  } catch {
    return { kind: "panicked", category: "thrown_value", message: "threw a value that cannot be shown" };
  }
}

function looksAborted(error: unknown): boolean {
  try {
    return error === STOP_REASON || (error instanceof Error && error.name === "AbortError");
  } catch {
    return false;
  }
}
