/** The worker's side of a worker child. */
import { isMainThread, parentPort } from "node:worker_threads";
import {
  childErrorKind,
  type ChildRequestKind,
  type FinalizerProblem,
  Finalizers,
  FINALIZERS_TOO_SLOW,
  looksAborted,
  reasonOf,
  requirePermission,
  STOP_REASON,
  SubTasks,
  type TaskContext,
  type TaskFunction,
} from "../base/mod.ts";
import { type FromWorker, isReeveMessage, type ToWorker, WORKER_PROTOCOL, type WorkerExit, type WorkerStart } from "./protocol.ts";
import { Watches } from "./watches.ts";

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
export function serveWorker(run: TaskFunction): void {
  const port = parentPort;
  if (isMainThread || port === null) {
    throw new Error("Cannot serve: this file is not run as a worker. Start it with child.worker(name, url)");
  }
  const stop = new AbortController();
  const send: Send = (message) => port.postMessage(message);
  const watches = new Watches(send);
  let started = false;
  port.on("message", (message: unknown) => {
    if (!isReeveMessage(message)) return;
    if (message.type === "stop") {
      // The answer shows that this thread is not busy; listeners of the signal may keep it so.
      send({ reeve: WORKER_PROTOCOL, type: "stopping" });
      stop.abort(STOP_REASON);
    } else if (message.type === "start" && isStart(message) && !started) {
      started = true;
      runOnce(run, message, { stop, send, watches });
    } else if (isWatched(message)) {
      watches.answer(message.watch, message.end);
    }
  });
  send({ reeve: WORKER_PROTOCOL, type: "hello" });
}

type Send = (message: FromWorker) => void;

/** The other side refuses a worker of another version, so that the version is all there is to check. */
function isStart(message: { readonly reeve: unknown }): message is WorkerStart {
  return message.reeve === WORKER_PROTOCOL;
}

function isWatched(message: { readonly type: unknown }): message is ToWorker & { type: "watched" } {
  return message.type === "watched";
}

interface Wiring {
  readonly stop: AbortController;
  readonly send: Send;
  readonly watches: Watches;
}

async function runOnce(run: TaskFunction, start: WorkerStart, { stop, send, watches }: Wiring): Promise<void> {
  const { path, name, generation, attempt, args, environment, permissions } = start;
  const finalizers = new Finalizers();
  const subTasks = new SubTasks(stop);
  const request = (kind: ChildRequestKind, reason: unknown): void => {
    requirePermission(kind, path, permissions);
    send({ reeve: WORKER_PROTOCOL, type: "request", request: kind, reason: reasonOf(reason) });
  };
  const context: TaskContext = {
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
    defer: (finalizer) => finalizers.defer(finalizer),
    use: (resource) => finalizers.use(resource),
    spawn: (task) => subTasks.spawn(task),
    requestRestart: (reason) => request("restart", reason),
    requestShutdown: (reason) => request("shutdown", reason),
    watch: (child) => watches.open(String(child), subTasks.signal),
    cancel: () => stop.abort(STOP_REASON),
  };
  const own = await exitOf(run, context);
  const failure = await subTasks.end(own.kind === "panicked");
  const exit = failure === null ? own : panicOf(failure.error);
  const problem = await finalizers.run(setTimer);
  send({ reeve: WORKER_PROTOCOL, type: "exit", exit: problem === null || exit.kind === "panicked" ? exit : afterProblem(problem) });
}

function setTimer(callback: () => void, delayMs: number): () => void {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
}

function afterProblem({ error, timedOut }: FinalizerProblem): WorkerExit {
  return timedOut ? { kind: "panicked", category: "finalizer_timeout", message: FINALIZERS_TOO_SLOW } : panicOf(error);
}

async function exitOf(run: TaskFunction, context: TaskContext): Promise<WorkerExit> {
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
    if (error instanceof Error) {
      return { kind: "panicked", category: `${error.name}`, message: `${error.message}` || `${error.name}`, means: childErrorKind(error) };
    }
    return { kind: "panicked", category: "thrown_value", message: `threw ${String(error)}` };
  } catch {
    return { kind: "panicked", category: "thrown_value", message: "threw a value that cannot be shown" };
  }
}
