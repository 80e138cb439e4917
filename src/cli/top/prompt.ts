/** The line in which somebody types. */
import type { Key } from "./decoder.ts";
import type { Order } from "./orders.ts";

/** A text that is being typed. */
export interface Editor {
  readonly text: string;
  /** Characters before the cursor. */
  readonly cursor: number;
}

/** What is asked, and what was typed so far. */
export type Prompt =
  | { readonly kind: "filter"; readonly editor: Editor; /** What counted before. */ readonly before: string }
  | { readonly kind: "search"; readonly editor: Editor }
  | { readonly kind: "count" | "reason" | "name"; readonly editor: Editor; readonly order: Order };

/** Longest text that can be typed. */
const LONGEST = 512;

/** An editor with a text. */
export function editorOf(text: string): Editor {
  return { text, cursor: [...text].length };
}

/** What a key makes of a text; `undefined` where it does nothing to it. */
export function typed({ text, cursor }: Editor, { name, text: written }: Key): Editor | undefined {
  const characters = [...text];
  const [before, after] = [characters.slice(0, cursor), characters.slice(cursor)];
  switch (name) {
    case "backspace":
      return joined(before.slice(0, -1), after);
    case "delete":
    case "ctrl+d":
      return joined(before, after.slice(1));
    case "left":
    case "ctrl+b":
      return { text, cursor: Math.max(0, cursor - 1) };
    case "right":
    case "ctrl+f":
      return { text, cursor: Math.min(characters.length, cursor + 1) };
    case "home":
    case "ctrl+a":
      return { text, cursor: 0 };
    case "end":
    case "ctrl+e":
      return { text, cursor: characters.length };
    case "ctrl+u":
      return joined([], after);
    case "ctrl+k":
      return joined(before, []);
    case "ctrl+w":
      return joined([...before.join("").replace(/\S*\s*$/u, "")], after);
    default:
      return written === undefined ? undefined : inserted({ text, cursor }, written);
  }
}

/** The text with another at the cursor; line breaks are spaces. */
export function inserted({ text, cursor }: Editor, more: string): Editor {
  const characters = [...text];
  const room = LONGEST - characters.length;
  const added = [...more.replace(/[\r\n\t]+/g, " ").replace(/\p{Cc}/gu, "")].slice(0, Math.max(0, room));
  return joined([...characters.slice(0, cursor), ...added], characters.slice(cursor));
}

function joined(before: readonly string[], after: readonly string[]): Editor {
  return { text: [...before, ...after].join(""), cursor: before.length };
}
