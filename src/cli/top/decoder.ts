/** What comes from a keyboard and a mouse, out of the bytes of a terminal. */

/** A key: `a`, `A`, `up`, `ctrl+c`, `alt+x`, `shift+tab`, `enter`, `escape`. */
export interface Key {
  readonly type: "key";
  readonly name: string;
  /** The character that it writes, where it does. */
  readonly text?: string;
}

/** A text that was pasted. */
export interface Paste {
  readonly type: "paste";
  readonly text: string;
}

/** The mouse: places count from 0. */
export interface Mouse {
  readonly type: "mouse";
  readonly action: "press" | "up" | "down";
  readonly column: number;
  readonly row: number;
}

/** One thing that somebody did. */
export type Input = Key | Paste | Mouse;

const ESC = String.fromCharCode(27);
const CSI = new RegExp(`^${ESC}\\[([0-9;<=>?:]*)[ -/]*([@-~])`);
const BEGUN = new RegExp(`^${ESC}\\[[0-9;<=>?:]*[ -/]*$`);
const [PASTE_BEGIN, PASTE_END] = [`${ESC}[200~`, `${ESC}[201~`];

/** Longest sequence, and longest text that is pasted; of more, the rest goes. */
const LONGEST_SEQUENCE = 64;
const LONGEST_PASTE = 4_096;

const FINAL: Readonly<Record<string, string>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  F: "end",
  H: "home",
  P: "f1",
  Q: "f2",
  R: "f3",
  S: "f4",
  Z: "shift+tab",
};

const TILDE: Readonly<Record<string, string>> = {
  1: "home",
  2: "insert",
  3: "delete",
  4: "end",
  5: "pageup",
  6: "pagedown",
  7: "home",
  8: "end",
  11: "f1",
  15: "f5",
};

const CONTROL: Readonly<Record<number, string>> = { 0: "ctrl+space", 8: "backspace", 9: "tab", 10: "enter", 13: "enter", 127: "backspace" };

/** Decodes what comes in pieces of any size. */
export class InputDecoder {
  readonly #decoder = new TextDecoder();
  #rest = "";
  /** What was pasted so far; `null` outside of a paste. */
  #paste: string | null = null;

  /** Whether a sequence has begun that may also be the key Escape. */
  get isWaiting(): boolean {
    return this.#rest !== "" && this.#paste === null;
  }

  /** Takes bytes; returns what is complete. */
  push(bytes: Uint8Array): Input[] {
    this.#rest += this.#decoder.decode(bytes, { stream: true });
    return this.#read(false);
  }

  /** Nothing more came for a while: what has begun is complete. */
  flush(): Input[] {
    return this.#read(true);
  }

  #read(isOver: boolean): Input[] {
    const found: Input[] = [];
    while (this.#rest !== "") {
      if (this.#paste !== null) {
        if (!this.#readPaste(found)) break;
        continue;
      }
      const before = this.#rest;
      const input = this.#next(isOver);
      if (input === undefined) break;
      if (input !== null) found.push(input);
      if (this.#rest === before) this.#rest = "";
    }
    return found;
  }

  /** Returns whether the paste is over. */
  #readPaste(found: Input[]): boolean {
    const end = this.#rest.indexOf(PASTE_END);
    // The end may have come in part.
    const taken = end === -1 ? this.#rest.slice(0, Math.max(0, this.#rest.length - PASTE_END.length)) : this.#rest.slice(0, end);
    this.#paste = `${this.#paste}${taken}`.slice(0, LONGEST_PASTE);
    this.#rest = this.#rest.slice(end === -1 ? taken.length : end + PASTE_END.length);
    if (end === -1) return false;
    found.push({ type: "paste", text: this.#paste });
    this.#paste = null;
    return true;
  }

  /** The next input; `null` for what is none, `undefined` where more must come. */
  #next(isOver: boolean): Input | null | undefined {
    const text = this.#rest;
    if (text.startsWith(PASTE_BEGIN)) {
      this.#rest = text.slice(PASTE_BEGIN.length);
      this.#paste = "";
      return null;
    }
    if (text[0] !== ESC) return this.#character("");
    if (text.length === 1) return isOver ? this.#take(1, key("escape")) : undefined;
    if (text[1] === "[") {
      const [all, params = "", final = ""] = CSI.exec(text) ?? [];
      if (all !== undefined) return this.#take(all.length, sequence(params, final));
      const isBegun = BEGUN.test(text) && text.length < LONGEST_SEQUENCE;
      if (isBegun && !isOver) return undefined;
      return this.#take(isBegun ? text.length : 2, isOver && text.length === 2 ? key("alt+[") : null);
    }
    if (text[1] === "O") {
      if (text.length === 2) return isOver ? this.#take(2, key("alt+O")) : undefined;
      const name = FINAL[text[2] ?? ""];
      return this.#take(3, name === undefined ? null : key(name));
    }
    if (text[1] === ESC) return this.#take(1, key("escape"));
    this.#rest = text.slice(1);
    return this.#character("alt+");
  }

  #character(prefix: string): Input | null {
    const character = String.fromCodePoint(this.#rest.codePointAt(0) ?? 0);
    const code = character.codePointAt(0) ?? 0;
    const control = CONTROL[code] ?? (code >= 1 && code <= 26 ? `ctrl+${String.fromCharCode(code + 96)}` : undefined);
    if (control !== undefined) return this.#take(1, key(`${prefix}${control}`));
    if (code < 32 || (code >= 128 && code < 160) || character === "\ufffd") return this.#take(character.length, null);
    return this.#take(character.length, key(`${prefix}${character}`, prefix === "" ? character : undefined));
  }

  #take<T>(length: number, input: T): T {
    this.#rest = this.#rest.slice(length);
    return input;
  }
}

function key(name: string, text?: string): Key {
  return text === undefined ? { type: "key", name } : { type: "key", name, text };
}

function sequence(params: string, final: string): Input | null {
  if (params.startsWith("<")) return mouse(params.slice(1), final);
  const [first = "", second = ""] = params.split(";");
  // With another number it is a report of the terminal.
  const name = final === "~" ? TILDE[first] : first === "" || first === "1" ? FINAL[final] : undefined;
  if (name === undefined) return null;
  const bits = Math.max(0, Number(second.split(":")[0]) - 1) || 0;
  const prefix = `${(bits & 4) === 0 ? "" : "ctrl+"}${(bits & 2) === 0 ? "" : "alt+"}${(bits & 1) === 0 ? "" : "shift+"}`;
  return key(`${prefix}${name}`);
}

/** A report of the form SGR: button, column and row, counted from 1; `M` when it went down. */
function mouse(params: string, final: string): Input | null {
  const [button = NaN, column = NaN, row = NaN] = params.split(";").map(Number);
  if (!(column >= 1 && row >= 1)) return null;
  const place = { column: column - 1, row: row - 1 };
  if (button === 64 || button === 65) return { type: "mouse", action: button === 64 ? "up" : "down", ...place };
  return button === 0 && final === "M" ? { type: "mouse", action: "press", ...place } : null;
}
