/** What an attempt puts away when its function is over. */

/** Longest time in milliseconds that putting away may take in all. */
const FINALIZERS_MS = 5_000;

/** Sets a timer and returns what cancels it. */
type SetTimer = (callback: () => void, delayMs: number) => () => void;

/** What was put away wrongly. */
export interface FinalizerProblem {
  /** What a finalizer threw first; `undefined` when they took too long. */
  readonly error: unknown;
  /** Whether they took too long. */
  readonly timedOut: boolean;
}

/** Finalizers of one attempt. */
export class Finalizers {
  readonly #finalizers: (() => unknown)[] = [];

  /** Adds a function that is called when the attempt's function is over. */
  defer(finalizer: () => unknown): void {
    this.#finalizers.push(finalizer);
  }

  /** Adds the disposal of a resource and returns the resource. */
  use<T extends Disposable | AsyncDisposable>(resource: T): T {
    const dispose: unknown = Reflect.get(resource, Symbol.asyncDispose) ?? Reflect.get(resource, Symbol.dispose);
    if (typeof dispose !== "function") throw new TypeError("Cannot use the value: it has no Symbol.dispose and no Symbol.asyncDispose");
    this.defer(() => Reflect.apply(dispose, resource, []));
    return resource;
  }

  /** Calls the finalizers, the newest first and each after the other; one that throws keeps none of the others from being called. */
  async run(setTimer: SetTimer): Promise<FinalizerProblem | null> {
    let isOver = false;
    const errors: unknown[] = [];
    const all = (async (): Promise<void> => {
      for (let finalizer = this.#finalizers.pop(); finalizer !== undefined && !isOver; finalizer = this.#finalizers.pop()) {
        try {
          await finalizer();
        } catch (error) {
          errors.push(error);
        }
      }
    })();
    const timedOut = await new Promise<boolean>((resolve) => {
      const cancel = setTimer(() => resolve(true), FINALIZERS_MS);
      all.then(() => {
        cancel();
        resolve(false);
      });
    });
    isOver = true;
    if (timedOut) return { error: undefined, timedOut };
    return errors.length === 0 ? null : { error: errors[0], timedOut };
  }
}

/** What is said of finalizers that took too long. */
export const FINALIZERS_TOO_SLOW = `what the attempt deferred was not done within ${FINALIZERS_MS} ms`;
