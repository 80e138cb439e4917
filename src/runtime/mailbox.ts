/** What waits to be handled by the loop of a tree, in order. */
import type { Message } from "../core/mod.ts";

/** What is known of the messages that wait. */
export interface MailboxReading {
  /** How many wait. */
  readonly depth: number;
  /** The most that have waited at a time since {@linkcode resetPeak}. */
  readonly peak: number;
  /** Begins to look for the most anew. */
  resetPeak(): void;
  /** Calls back, at once where nothing waits, when everything that waits now has been handled; a second call replaces the first. */
  probe(onHandled: () => void): void;
}

/** Messages that were taken, and are kept until there are so many. */
const MOST_TAKEN = 65_536;

/** A queue without bound: who posts has to see to that. */
export class Mailbox implements MailboxReading {
  #messages: Message[] = [];
  #read = 0;
  #peak = 0;
  /** Calls back before the message at this place is taken. */
  #probeAt = -1;
  #onHandled: () => void = () => {};

  get depth(): number {
    return this.#messages.length - this.#read;
  }

  get peak(): number {
    return this.#peak;
  }

  resetPeak(): void {
    this.#peak = this.depth;
  }

  probe(onHandled: () => void): void {
    if (this.depth === 0) return onHandled();
    this.#onHandled = onHandled;
    this.#probeAt = this.#messages.length;
  }

  /** Puts a message behind all others. */
  push(message: Message): void {
    const length = this.#messages.push(message);
    if (length - this.#read > this.#peak) this.#peak = length - this.#read;
  }

  /** Takes the next message, `undefined` when none waits; what was taken before has been handled. */
  take(): Message | undefined {
    if (this.#read === this.#probeAt) this.#answer();
    if (this.#read === this.#messages.length) {
      this.#messages.length = 0;
      this.#read = 0;
      return undefined;
    }
    if (this.#read >= MOST_TAKEN) this.#forgetTaken();
    return this.#messages[this.#read++];
  }

  /** Where there is always something to do, what was done would pile up. */
  #forgetTaken(): void {
    this.#messages.splice(0, this.#read);
    if (this.#probeAt >= 0) this.#probeAt -= this.#read;
    this.#read = 0;
  }

  #answer(): void {
    this.#probeAt = -1;
    this.#onHandled();
  }
}
