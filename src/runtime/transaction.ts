/** One addition from its first record to its last. */
import { ReeveError, thrownMessage } from "../base/mod.ts";
import type { Request } from "../event/mod.ts";
import type { AdditionLog, AdditionRecord } from "./addition_log.ts";

/** What is added, and for whom. */
export interface TransactionFacts extends Request {
  readonly path: string;
  readonly specHash: string;
}

/** Writes what becomes of an addition, where there is a log. */
export class Transaction {
  readonly id: string = crypto.randomUUID();
  readonly #facts: TransactionFacts;
  readonly #log: AdditionLog | undefined;
  readonly #wallNow: () => number;

  constructor(facts: TransactionFacts, log: AdditionLog | undefined, wallNow: () => number) {
    this.#facts = facts;
    this.#log = log;
    this.#wallNow = wallNow;
  }

  /** Before anything is done; rejects with `addition_not_recorded`. */
  async begin(): Promise<void> {
    await this.#write("pending", null);
  }

  /** Everything is done; rejects with `addition_not_recorded`, and then it must be undone. */
  async commit(): Promise<void> {
    await this.#write("committed", null);
  }

  /** It was undone; where even that cannot be written, the next start finds it under way and says so. */
  async compensate(error: unknown): Promise<void> {
    await this.#write("compensated", thrownMessage(error)).catch(() => {});
  }

  async #write(state: AdditionRecord["state"], error: string | null): Promise<void> {
    if (this.#log === undefined) return;
    try {
      await this.#log.write({ transactionId: this.id, state, ...this.#facts, error, atMs: this.#wallNow() });
    } catch (cause) {
      const { path } = this.#facts;
      throw new ReeveError("addition_not_recorded", `Cannot add "${path}": its record cannot be written: ${thrownMessage(cause)}`, {
        path,
        cause,
      });
    }
  }
}

/** The additions that the last end of the program cut short; rejects with `addition_not_recorded`. */
export async function pendingIn(log: AdditionLog): Promise<readonly AdditionRecord[]> {
  try {
    return await log.pending();
  } catch (cause) {
    throw new ReeveError("addition_not_recorded", `Cannot read the records of additions: ${thrownMessage(cause)}`, { cause });
  }
}

/** Writes what became of such an addition; rejects with `addition_not_recorded`. */
export async function settle(log: AdditionLog, record: AdditionRecord, state: "committed" | "compensated", atMs: number): Promise<void> {
  const error = state === "committed" ? null : "the program ended before it was done";
  try {
    await log.write({ ...record, state, error, atMs });
  } catch (cause) {
    throw new ReeveError("addition_not_recorded", `Cannot write the records of additions: ${thrownMessage(cause)}`, { cause });
  }
}
