/** Commands and additions that wait for their answer. */
import type { AddMessage, AddRefusal, CommandResult, NewChild } from "../core/mod.ts";

/** Why a child was not added, or its index. */
export type AddAnswer = AddRefusal | { readonly child: number };

/** What goes along with a new child. */
export type AddRequest = Pick<AddMessage, "by" | "reason" | "transactionId" | "specHash" | "isDeclared">;

interface Addition {
  readonly child: NewChild;
  readonly answer: (answer: AddAnswer) => void;
}

/** What was asked of a loop and not answered yet: so much at most. */
export class OpenRequests {
  readonly #commands = new Map<number, (result: CommandResult) => void>();
  readonly #additions = new Map<number, Addition>();
  readonly #most: number;
  #count = 0;

  /** Takes so many at a time. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Whether nothing more can be taken. */
  get isFull(): boolean {
    return this.#commands.size + this.#additions.size >= this.#most;
  }

  /** Takes what hears the answer to a command; returns the number of the command. */
  command(answer: (result: CommandResult) => void): number {
    this.#commands.set(++this.#count, answer);
    return this.#count;
  }

  /** Takes a child that is to be added, and what hears the answer; returns the number of the addition. */
  addition(child: NewChild, answer: (answer: AddAnswer) => void): number {
    this.#additions.set(++this.#count, { child, answer });
    return this.#count;
  }

  /** The child of an addition. */
  childOf(id: number): NewChild {
    return this.#additions.get(id)!.child;
  }

  /** Answers a command. */
  reply(id: number, result: CommandResult): void {
    const answer = this.#commands.get(id);
    this.#commands.delete(id);
    answer?.(result);
  }

  /** Answers an addition. */
  answer(id: number, answer: AddAnswer): void {
    const addition = this.#additions.get(id);
    this.#additions.delete(id);
    addition?.answer(answer);
  }

  /** Nothing will be done any more. */
  refuseAll(result: CommandResult, answer: AddAnswer): void {
    for (const id of [...this.#commands.keys()]) this.reply(id, result);
    for (const id of [...this.#additions.keys()]) this.answer(id, answer);
  }
}
