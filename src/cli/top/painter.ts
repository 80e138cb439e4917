/** Brings lines onto a terminal: only those that have changed, in one piece. */
import { widthOf } from "./text.ts";

const ESC = String.fromCharCode(27);
const COLORS = new RegExp(`${ESC}\\[[\\d;]*m`, "g");

/** The other screen, no cursor, no lines that break, pastes as such, the mouse. */
export function enterScreen(mouse: boolean): string {
  return `${ESC}[?1049h${ESC}[?25l${ESC}[?7l${ESC}[?2004h${mouse ? `${ESC}[?1000h${ESC}[?1006h` : ""}${ESC}[0m${ESC}[2J`;
}

/** Everything as it was before. */
export const LEAVE_SCREEN: string = `${ESC}[?2026l${ESC}[?1006l${ESC}[?1000l${ESC}[?2004l${ESC}[?7h${ESC}[0m${ESC}[?25h${ESC}[?1049l`;

/** Remembers what is on the screen. */
export class Painter {
  #lines: readonly string[] = [];
  #columns = 0;

  /** What is to be written so that these lines are there; empty where they are. */
  paint(lines: readonly string[], columns: number): string {
    const isNew = columns !== this.#columns || lines.length !== this.#lines.length;
    const before = isNew ? [] : this.#lines;
    let text = isNew ? `${ESC}[0m${ESC}[2J` : "";
    lines.forEach((line, row) => {
      if (line === (before[row] ?? "")) return;
      // Behind a full line the cursor stands on its last character, which must stay.
      const isFull = widthOf(line.replace(COLORS, "")) >= columns;
      text += `${ESC}[${row + 1};1H${isFull ? `${ESC}[2K${line}` : `${line}${ESC}[K`}`;
    });
    this.#lines = lines;
    this.#columns = columns;
    return text === "" ? "" : `${ESC}[?2026h${text}${ESC}[?2026l`;
  }

  /** Forgets what is there: all is painted next time. */
  forget(): void {
    this.#columns = 0;
  }
}
