/** An async function in this program. */
import {
  type ChildEnd,
  type FinalizerProblem,
  Finalizers,
  FINALIZERS_TOO_SLOW,
  looksAborted,
  STOP_REASON,
  SubTasks,
} from "../../base/mod.ts";
import type { Exit } from "../../event/mod.ts";
import type { TaskContext, TaskFunction } from "../../spec/mod.ts";
import { panicExit } from "./failure.ts";
import { splitText } from "./lines.ts";
import type { AttemptContext, ChildAdapter, RunningChild } from "./types.ts";

/** Returns the adapter of a task; it cannot be forced, so that `kill` leaves it behind. */
export function taskAdapter(task: TaskFunction): ChildAdapter {
  return { start: (context) => new TaskAttempt(context).run(task) };
}

const SUCCEEDED: Exit = { kind: "succeeded" };
const CANCELLED: Exit = { kind: "cancelled" };

/** The handle of one attempt. */
class TaskAttempt implements RunningChild {
  readonly context: AttemptContext;
  #controller: AbortController | null = null;
  #stopAsked = false;
  #finalizers: Finalizers | null = null;
  #subTasks: SubTasks | null = null;
  /** Whether the function is over. */
  #isOver = false;

  constructor(context: AttemptContext) {
    this.context = context;
  }

  run(task: TaskFunction): this {
    this.context.running();
    try {
      const result = task(new AttemptView(this));
      if (result instanceof Promise) this.#await(result);
      // A value with a `then`, or a proxy, may do anything: the runtime makes a proper promise of it.
      else if (typeof result === "object" && result !== null || typeof result === "function") this.#await(Promise.resolve(result));
      else this.#returned();
    } catch (error) {
      this.#threw(error);
    }
    return this;
  }

  get signal(): AbortSignal {
    return this.#ownController().signal;
  }

  get subTasks(): SubTasks {
    return this.#subTasks ??= this.#newSubTasks();
  }

  get finalizers(): Finalizers {
    return this.#finalizers ??= new Finalizers();
  }

  cancel(): void {
    this.#stopAsked = true;
    this.#controller?.abort(STOP_REASON);
  }

  kill(): void {
    this.context.abandoned();
  }

  #ownController(): AbortController {
    return this.#controller ??= this.#newController();
  }

  #newController(): AbortController {
    const controller = new AbortController();
    if (this.#stopAsked) controller.abort(STOP_REASON);
    return controller;
  }

  #newSubTasks(): SubTasks {
    const subTasks = new SubTasks(this.#ownController());
    if (this.#isOver) subTasks.end(false);
    return subTasks;
  }

  #await(result: Promise<unknown>): void {
    result.then(() => this.#returned(), (error: unknown) => this.#threw(error));
  }

  #returned(): void {
    this.#end(this.#stopAsked ? CANCELLED : SUCCEEDED);
  }

  /** An abort-looking error is a stop only when a stop was asked for. */
  #threw(error: unknown): void {
    this.#end(this.#stopAsked && looksAborted(error) ? CANCELLED : panicExit(error));
  }

  #end(own: Exit): void {
    this.#isOver = true;
    const subTasks = this.#subTasks;
    if (subTasks === null) return this.#putAway(own);
    subTasks.end("failure" in own).then((failure) => this.#putAway(failure === null ? own : panicExit(failure.error)));
  }

  #putAway(exit: Exit): void {
    if (this.#finalizers === null) return this.context.exited(exit);
    const setTimer = (callback: () => void, delayMs: number): () => void => this.context.clock.setTimer(callback, delayMs);
    this.#finalizers.run(setTimer).then((problem) => this.context.exited(problem === null ? exit : this.#afterProblem(exit, problem)));
  }

  /** What the function did wrong itself is worse than what it put away wrongly. */
  #afterProblem(exit: Exit, { error, timedOut }: FinalizerProblem): Exit {
    const found = timedOut
      ? { kind: "failed", failure: { kind: "timeout", category: "finalizer_timeout", message: FINALIZERS_TOO_SLOW } } as const
      : panicExit(error);
    if (exit.kind === "succeeded" || exit.kind === "cancelled") return found;
    if ("failure" in found) this.context.output("log", `while putting away: ${found.failure.message}`);
    return exit;
  }
}

/** What the function gets to see of its attempt; members are bound when they are first read, because few are. */
class AttemptView implements TaskContext {
  readonly #attempt: TaskAttempt;

  constructor(attempt: TaskAttempt) {
    this.#attempt = attempt;
  }

  get path(): string {
    return this.#attempt.context.path;
  }

  get name(): string {
    return this.#attempt.context.name;
  }

  get generation(): number {
    return this.#attempt.context.generation;
  }

  get attempt(): number {
    return this.#attempt.context.attempt;
  }

  get args(): unknown {
    return this.#attempt.context.args;
  }

  get environment(): ReadonlyMap<string, string> {
    return this.#attempt.context.environment;
  }

  get signal(): AbortSignal {
    return this.#attempt.signal;
  }

  get ready(): (isReady?: boolean) => void {
    return (isReady = true) => this.#attempt.context.ready(isReady);
  }

  get heartbeat(): () => void {
    return () => this.#attempt.context.heartbeat(this.#attempt.context.clock.now());
  }

  get log(): (message: string) => void {
    return (message) => splitText(String(message), (line) => this.#attempt.context.output("log", line));
  }

  get defer(): (finalizer: () => unknown) => void {
    return (finalizer) => this.#attempt.finalizers.defer(finalizer);
  }

  get use(): <T extends Disposable | AsyncDisposable>(resource: T) => T {
    return (resource) => this.#attempt.finalizers.use(resource);
  }

  get spawn(): <T>(task: (signal: AbortSignal) => T | PromiseLike<T>) => Promise<T> {
    return (task) => this.#attempt.subTasks.spawn(task);
  }

  get requestRestart(): (reason?: string) => void {
    return (reason) => this.#attempt.context.request("restart", reason);
  }

  get requestShutdown(): (reason?: string) => void {
    return (reason) => this.#attempt.context.request("shutdown", reason);
  }

  get watch(): (child: string) => AsyncIterableIterator<ChildEnd> {
    return (child) => this.#attempt.context.watch(String(child), this.#attempt.subTasks.signal);
  }

  get cancel(): (reason?: string) => void {
    return () => this.#attempt.cancel();
  }
}
