/** An async function in this program. */
import { cleanText } from "../../base/mod.ts";
import type { Exit } from "../../event/mod.ts";
import type { TaskContext, TaskFunction } from "../../spec/mod.ts";
import type { AttemptContext, ChildAdapter, RunningChild } from "./types.ts";

/** Returns the adapter of a task; it cannot be forced, so that `kill` leaves it behind. */
export function taskAdapter(task: TaskFunction): ChildAdapter {
  return { start: (context) => new TaskAttempt(context).run(task) };
}

/** One reason for every stop that is asked for from outside: making an error per stop is dear. */
const STOP_REASON = new DOMException("The supervisor asked the task to stop", "AbortError");

/** The attempt and the context of its function in one; members are bound when they are first read, because few are. */
class TaskAttempt implements TaskContext, RunningChild {
  readonly #context: AttemptContext;
  #controller: AbortController | null = null;
  #stopAsked = false;

  constructor(context: AttemptContext) {
    this.#context = context;
  }

  run(task: TaskFunction): this {
    this.#context.running();
    let result: unknown;
    try {
      result = task(this);
    } catch (error) {
      this.#context.exited(this.#exitOf(error));
      return this;
    }
    if (isThenable(result)) result.then(() => this.#returned(), (error: unknown) => this.#context.exited(this.#exitOf(error)));
    else this.#returned();
    return this;
  }

  get path(): string {
    return this.#context.path;
  }

  get name(): string {
    return this.#context.name;
  }

  get generation(): number {
    return this.#context.generation;
  }

  get attempt(): number {
    return this.#context.attempt;
  }

  get args(): unknown {
    return this.#context.args;
  }

  get environment(): ReadonlyMap<string, string> {
    return this.#context.environment;
  }

  get signal(): AbortSignal {
    this.#controller ??= this.#newController();
    return this.#controller.signal;
  }

  get ready(): (isReady?: boolean) => void {
    return (isReady = true) => this.#context.ready(isReady);
  }

  get heartbeat(): () => void {
    return () => this.#context.heartbeat(this.#context.clock.now());
  }

  get log(): (message: string) => void {
    return (message) => {
      for (const line of String(message).split("\n")) this.#context.output("log", line);
    };
  }

  /** As a task: cancels this attempt itself. As a handle: asks it to stop. */
  get cancel(): (reason?: string) => void {
    return () => {
      this.#stopAsked = true;
      this.#controller?.abort(STOP_REASON);
    };
  }

  kill(): void {
    this.#context.abandoned();
  }

  #newController(): AbortController {
    const controller = new AbortController();
    if (this.#stopAsked) controller.abort(STOP_REASON);
    return controller;
  }

  #returned(): void {
    this.#context.exited(this.#stopAsked ? CANCELLED : SUCCEEDED);
  }

  /** An abort-looking error is a stop only when a stop was asked for. */
  #exitOf(error: unknown): Exit {
    if (this.#stopAsked && looksAborted(error)) return CANCELLED;
    return { kind: "panicked", failure: { kind: "panic", category: categoryOf(error), message: messageOf(error) } };
  }
}

const SUCCEEDED: Exit = { kind: "succeeded" };
const CANCELLED: Exit = { kind: "cancelled" };

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

function looksAborted(error: unknown): boolean {
  return error === STOP_REASON || (error instanceof Error && error.name === "AbortError");
}

/** What was thrown may be anything, even an object whose getters throw. */
function categoryOf(error: unknown): string {
  try {
    return error instanceof Error ? error.name.replace(/[^\w.-]/g, "_").slice(0, 64) || "Error" : "thrown_value";
  } catch {
    return "thrown_value";
  }
}

function messageOf(error: unknown): string {
  try {
    return cleanText(error instanceof Error ? error.message || error.name : `threw ${String(error)}`, 1024);
  } catch {
    return "threw a value that cannot be shown";
  }
}
