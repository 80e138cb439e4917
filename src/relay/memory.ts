/** What a target said last, for those targets that cannot be asked for it. */
import { frameOf, type WireMessage, written } from "./wire.ts";

/** So many characters of messages are remembered at most. */
const MOST_CHARACTERS = 256 * 1024;

/** The last messages of one stream; as texts, which take a fraction of the room. */
export class Memory {
  readonly #texts: string[] = [];
  #characters = 0;

  /** Those that are remembered, oldest first. */
  get messages(): readonly WireMessage[] {
    return this.#texts.map((text) => written(JSON.parse(text), text));
  }

  /** Remembers one more, in place of the oldest. */
  add(message: WireMessage): void {
    const { text } = frameOf(message);
    this.#texts.push(text);
    this.#characters += text.length;
    let count = 0;
    for (; this.#characters > MOST_CHARACTERS; count++) this.#characters -= this.#texts[count]!.length;
    if (count > 0) this.#texts.splice(0, count);
  }

  /** Forgets all. */
  clear(): void {
    this.#texts.length = 0;
    this.#characters = 0;
  }
}
