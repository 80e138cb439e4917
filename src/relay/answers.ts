/** Answers to commands that went out, so that one that comes again is not carried out again. */
import type { Clock } from "../base/mod.ts";
import type { CommandAnswer } from "./commander.ts";
import { Counts } from "./counts.ts";
import { frameOf } from "./wire.ts";

/** How long an answer is kept, in milliseconds. */
const KEPT_MS = 600_000;

/** How many are kept, and how many of them for one identity. */
const MOST = 8_192;
const MOST_OF_ONE = 1_024;

/** Longest answer that is kept whole, in characters. */
const LARGEST = 8_192;

interface Kept {
  readonly owner: string;
  readonly answer: Promise<CommandAnswer>;
  /** `null` while the command is under way. */
  endsAtMs: number | null;
}

/** The answers that are kept. */
export class Answers {
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();
  /** How many each identity has. */
  readonly #counts = new Counts();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The answer to a command that was there before, also where it is still under way. */
  find(owner: string, id: string): Promise<CommandAnswer> | undefined {
    this.#forget(owner);
    return this.#kept.get(keyOf(owner, id))?.answer;
  }

  /** Whether one more can be kept; those that are under way are never given up. */
  hasRoom(owner: string): boolean {
    return this.#kept.size < MOST && this.#counts.of(owner) < MOST_OF_ONE;
  }

  /** Keeps an answer that is on its way, unless it turns out that it is not to be kept. */
  keep(owner: string, id: string, outcome: Promise<{ readonly answer: CommandAnswer; readonly isFinal: boolean }>): void {
    const key = keyOf(owner, id);
    const kept: Kept = { owner, answer: outcome.then(({ answer }) => small(answer)), endsAtMs: null };
    this.#kept.set(key, kept);
    this.#counts.add(owner);
    void outcome.then(({ isFinal }) => {
      kept.endsAtMs = this.#clock.now() + KEPT_MS;
      if (!isFinal) this.#drop(key, kept);
    });
  }

  /** Those that are old, and the oldest where the room of somebody, or all of it, is used up. */
  #forget(owner: string): void {
    const now = this.#clock.now();
    for (const [key, kept] of this.#kept) {
      if (kept.endsAtMs === null) continue;
      const isTooMany = this.#kept.size >= MOST || (kept.owner === owner && this.#counts.of(owner) >= MOST_OF_ONE);
      if (isTooMany || kept.endsAtMs <= now) this.#drop(key, kept);
      else if (this.#counts.of(owner) < MOST_OF_ONE) return;
    }
  }

  #drop(key: string, { owner }: Kept): void {
    this.#kept.delete(key);
    this.#counts.remove(owner);
  }
}

function keyOf(owner: string, id: string): string {
  return JSON.stringify([owner, id]);
}

/** Of an answer that is large only what does not tell what changed, which the state does. */
function small(answer: CommandAnswer): CommandAnswer {
  if ("code" in answer || frameOf(answer.result).text.length <= LARGEST) return answer;
  const { state_delta: _, ...result }: Record<string, unknown> = { ...Object(answer.result["result"]) };
  return { ...answer, result: { ...answer.result, result } };
}
