/** The flow of a long output: who reads it may be slow, or may have heard enough. */
import process from "node:process";

/** Watches who reads what the command prints. */
export class Outlet {
  #isGone = false;
  #wake = (): void => {};
  readonly #onGone: () => void;
  readonly #onError = (): void => {
    this.#isGone = true;
    this.#wake();
    this.#onGone();
  };

  /** Begins to watch, until it is released; calls back when nobody reads any more. */
  constructor(onGone: () => void = () => {}) {
    this.#onGone = onGone;
    process.stdout.on("error", this.#onError);
  }

  /** Whether nobody reads any more. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** Resolves when what was printed has been taken, so that it does not pile up in memory. */
  async ready(): Promise<void> {
    if (this.#isGone) return;
    await new Promise<void>((resolve) => {
      // After an error the answer may never come.
      this.#wake = resolve;
      process.stdout.write("", () => resolve());
    });
  }

  /** Ends the watch. */
  release(): void {
    process.stdout.removeListener("error", this.#onError);
  }
}
