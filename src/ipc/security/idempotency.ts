/** C8: a command that comes again gets the answer of the first one, byte for byte, also while that one is still being carried out. */
import { ExpiringMap } from "./expiring.ts";
import type { SecuritySettings } from "./settings.ts";

interface Stored {
  readonly content: string;
  readonly answer: string | Promise<string>;
}

/** Keeps the answers of commands as they went out. */
export class AnswerStore {
  readonly #enabled: boolean;
  readonly #answers: ExpiringMap<Stored>;

  constructor({ enabled, resultCacheTtlSeconds, maxCachedResults, maxCachedBytes }: SecuritySettings["idempotency"]) {
    this.#enabled = enabled;
    this.#answers = new ExpiringMap({
      ttlMs: resultCacheTtlSeconds * 1_000,
      mostEntries: maxCachedResults,
      mostBytes: maxCachedBytes,
    });
  }

  /** The answer to the same command, if it is still there. */
  find(key: string, content: string, nowMs: number): string | Promise<string> | undefined {
    const stored = this.#enabled ? this.#answers.get(key, nowMs) : undefined;
    return stored?.content === content ? stored.answer : undefined;
  }

  /** Keeps an answer from the moment on in which it is being made; `now` tells the time again when it is there. */
  keep(key: string, content: string, answer: Promise<string>, now: () => number): void {
    if (!this.#enabled) return;
    this.#answers.set(key, { content, answer }, now());
    answer.then(
      (text) => this.#answers.set(key, { content, answer: text }, now(), 2 * text.length),
      () => this.#answers.delete(key),
    );
  }
}
