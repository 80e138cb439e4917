/** A terminal that understands what the painter writes, and nothing else. */
import { charWidth } from "../../../src/cli/top/text.ts";

const ESC = String.fromCharCode(27);
const SEQUENCE = new RegExp(`^${ESC}\\[(\\??)([\\d;]*)([A-Za-z])`);

/** What is on its screen. */
export class Emulator {
  #cells: string[][] = [];
  #row = 0;
  #column = 0;
  /** Modes that are set: `1049` is the other screen, `25` the cursor. */
  readonly modes = new Set<string>(["25", "7"]);
  /** How many sequences of a synchronized picture were written. */
  pictures = 0;

  constructor(readonly columns: number, readonly rows: number) {
    this.#clear();
  }

  write(text: string): void {
    for (let rest = text; rest !== "";) {
      const [all, mark, numbers = "", final = ""] = SEQUENCE.exec(rest) ?? [];
      if (all !== undefined) {
        this.#obey(mark === "?", numbers, final);
        rest = rest.slice(all.length);
        continue;
      }
      const character = String.fromCodePoint(rest.codePointAt(0) ?? 0);
      if (character < " ") throw new Error(`a control character was written: ${JSON.stringify(rest.slice(0, 20))}`);
      this.#put(character);
      rest = rest.slice(character.length);
    }
  }

  /** The lines, without spaces at their ends. */
  lines(): string[] {
    return this.#cells.map((cells) => cells.join("").trimEnd());
  }

  #obey(isPrivate: boolean, numbers: string, final: string): void {
    if (isPrivate && (final === "h" || final === "l")) {
      if (final === "h") this.modes.add(numbers);
      else this.modes.delete(numbers);
      if (numbers === "2026" && final === "h") this.pictures++;
      return;
    }
    if (final === "m") return;
    if (final === "H") {
      const [row = 1, column = 1] = numbers.split(";").map(Number);
      [this.#row, this.#column] = [row - 1, column - 1];
      return;
    }
    if (final === "J" && numbers === "2") return this.#clear();
    const cells = this.#cells[this.#row] ?? [];
    if (final === "K" && numbers === "2") cells.fill(" ");
    else if (final === "K" && numbers === "") cells.fill(" ", Math.min(this.#column, this.columns - 1));
    else throw new Error(`an unknown sequence was written: ${numbers}${final}`);
  }

  #put(character: string): void {
    const cells = this.#cells[this.#row];
    if (cells === undefined) throw new Error(`row ${this.#row} was written to`);
    const width = charWidth(character);
    if (width === 0) return void (cells[Math.max(0, this.#column - 1)] += character);
    // Lines do not break: what is too much is written over the last column.
    const at = Math.min(this.#column, this.columns - width);
    cells[at] = character;
    if (width === 2) cells[at + 1] = "";
    this.#column += width;
  }

  #clear(): void {
    this.#cells = Array.from({ length: this.rows }, () => Array.from({ length: this.columns }, () => " "));
  }
}
