/** What an attempt does beside its own function, and never longer than it. */
import { looksAborted, STOP_REASON } from "./abort.ts";

/** What a sub-task threw. */
export interface SubTaskFailure {
  /** It may be anything. */
  readonly error: unknown;
}

/** Sub-tasks of one attempt. */
export class SubTasks {
  readonly #attempt: AbortController;
  readonly #controller = new AbortController();
  #live = 0;
  #failure: SubTaskFailure | null = null;
  /** Resolves the promise of `end`; `null` while the attempt's function goes on. */
  #onEnd: (() => void) | null = null;
  #isOver = false;

  /** Creates them for the attempt whose signal stops them, and which a failure of theirs stops. */
  constructor(attempt: AbortController) {
    this.#attempt = attempt;
    if (attempt.signal.aborted) this.#stop();
    else attempt.signal.addEventListener("abort", () => this.#stop(), { once: true });
  }

  /** Aborts when the attempt is asked to stop, and when its function is over. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Calls the function at once; nobody has to await what it returns. */
  spawn<T>(task: (signal: AbortSignal) => T | PromiseLike<T>): Promise<T> {
    if (this.#isOver) throw new Error("Cannot spawn a sub-task: the attempt is over, must be before its end");
    const result = this.#call(task).then((value) => {
      this.#ended();
      return value;
    }, (error: unknown) => {
      this.#failed(error);
      this.#ended();
      throw error;
    });
    this.#live++;
    // The attempt fails with it already.
    result.catch(() => {});
    return result;
  }

  /**
   * The attempt's function is over: stops all, and resolves when the last has ended; from then on there are no more. Called once.
   *
   * Resolves to the failure that counts for the attempt: of a sub-task that failed before, the end of the function is but a consequence, and
   * after a function that failed itself what its sub-tasks do is.
   */
  end(hasFailed: boolean): Promise<SubTaskFailure | null> {
    const first = this.#failure;
    return new Promise((resolve) => {
      this.#onEnd = () => resolve(first ?? (hasFailed ? null : this.#failure));
      this.#stop();
      this.#endIfNoneIsLeft();
    });
  }

  /** What throws before it returns a promise has failed before the code after it can. */
  #call<T>(task: (signal: AbortSignal) => T | PromiseLike<T>): Promise<T> {
    try {
      const result = task(this.#controller.signal);
      return result instanceof Promise ? result : new Promise((resolve) => resolve(result));
    } catch (error) {
      this.#failed(error);
      return Promise.reject(error);
    }
  }

  #failed(error: unknown): void {
    if (this.#failure !== null || (this.#controller.signal.aborted && looksAborted(error))) return;
    this.#failure = { error };
    this.#attempt.abort(STOP_REASON);
    this.#stop();
  }

  #stop(): void {
    this.#controller.abort(STOP_REASON);
  }

  #ended(): void {
    this.#live--;
    this.#endIfNoneIsLeft();
  }

  #endIfNoneIsLeft(): void {
    if (this.#onEnd === null || this.#live > 0) return;
    this.#isOver = true;
    this.#onEnd();
  }
}
