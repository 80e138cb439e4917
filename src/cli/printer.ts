/** Prints a long output, or one that has no end: as fast as it is taken, and only while somebody reads. */
import type { CommandIo } from "./io.ts";
import { Outlet } from "./outlet.ts";

/** So many characters are written at a time. */
const PIECE = 64 * 1024;

/** Prints texts one after the other. */
export class Printer implements Disposable {
  readonly #io: CommandIo;
  readonly #outlet: Outlet;
  #text = "";

  /** Calls back when nobody reads any more. */
  constructor(io: CommandIo, onGone?: () => void) {
    this.#io = io;
    this.#outlet = new Outlet(onGone);
  }

  /** Takes a text, and writes when there is enough of it; resolves with whether anybody reads on. */
  async add(text: string): Promise<boolean> {
    this.#text += text;
    return this.#text.length < PIECE ? !this.#outlet.isGone : await this.flush();
  }

  /** Writes what there is, and waits until it was taken; resolves with whether anybody reads on. */
  async flush(): Promise<boolean> {
    if (this.#text === "" || this.#outlet.isGone) return !this.#outlet.isGone;
    this.#write();
    await this.#outlet.ready();
    return !this.#outlet.isGone;
  }

  /** Writes what is left. */
  [Symbol.dispose](): void {
    this.#outlet.release();
    this.#write();
  }

  #write(): void {
    const text = this.#text;
    this.#text = "";
    if (text !== "") this.#io.stdout(text);
  }
}
