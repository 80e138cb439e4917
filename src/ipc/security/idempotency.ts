/** C8: a command that comes again gets the answer of the first one, byte for byte, also while that one is still being carried out. */
import { ExpiringMap } from "./expiring.ts";
import type { SecuritySettings } from "./settings.ts";

interface Stored {
  readonly content: string;
  readonly answer: string;
}

/** Keeps the answers of commands as they went out. */
export class AnswerStore {
  readonly #enabled: boolean;
  readonly #answers: ExpiringMap<Stored>;
  /** Answers that are being made: these neither expire nor make room, or a command would be begun twice. */
  readonly #running = new Map<string, Promise<string>>();

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
    const running = this.#running.get(runningKey(key, content));
    if (running !== undefined) return running;
    const stored = this.#enabled ? this.#answers.get(key, nowMs) : undefined;
    return stored?.content === content ? stored.answer : undefined;
  }

  /** Keeps an answer from the moment on in which it is being made; `now` tells the time again when it is there. */
  keep(key: string, content: string, answer: Promise<string>, now: () => number): void {
    if (!this.#enabled) return;
    const running = runningKey(key, content);
    this.#running.set(running, answer);
    answer.then(
      (text) => this.#answers.set(key, { content, answer: text }, now(), 2 * text.length),
      () => {},
    ).finally(() => this.#running.delete(running));
  }
}

/** A content has no line break of its own, so that no two pairs are the same. */
function runningKey(key: string, content: string): string {
  return `${key}\n${content}`;
}
