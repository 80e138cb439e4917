/** Where a command writes to, so that tests can read it. */
import { cleanText } from "../base/mod.ts";

/** Outputs of a command. */
export interface CommandIo {
  /** Writes a result. */
  stdout(text: string): void;
  /** Writes a complaint. */
  stderr(text: string): void;
  /** Whether colors are wanted. */
  readonly color: boolean;
  /** Columns of the terminal; `Infinity` where results go elsewhere. */
  readonly columns: number;
  /** Whether a person sees standard error as it is written, so that progress can be shown there. @default {false} */
  readonly isWatched?: boolean;
  /** Everything on standard input, up to so many bytes and one more. */
  input?(most: number): Promise<string>;
  /** Asks whoever sits there; `null` where nobody does. */
  ask(question: string): Promise<string | null>;
  /** The terminal that is read and drawn on; missing where there is none. */
  readonly terminal?: Terminal;
}

/** How many columns and rows a terminal has. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** A terminal. Whoever listens stops by what listening returns. */
export interface Terminal {
  /** Resolves when the text was written, also where nobody is there any more. */
  write(text: string): Promise<void>;
  size(): TerminalSize;
  /** Whether keys come one by one, as they are pressed. */
  setRaw(isRaw: boolean): void;
  onInput(listener: (bytes: Uint8Array) => void): () => void;
  onResize(listener: () => void): () => void;
  /** Told when the program is to end: by a signal, with the exit code for it, or by an error that nobody caught. */
  onEnd(listener: (why: { readonly code: number } | { readonly error: unknown }) => void): () => void;
  /** Stops the program as Ctrl-Z does; resolves when it goes on. */
  suspend(): Promise<void>;
}

/** The same, with everything on standard error: for what is no result. */
export function talking(io: CommandIo): CommandIo {
  const { color, columns, isWatched } = io;
  return {
    color,
    columns,
    isWatched,
    stdout: (text) => io.stderr(text),
    stderr: (text) => io.stderr(text),
    ask: (question) => io.ask(question),
  };
}

/** Says nothing, and asks nobody. */
export const SILENT: CommandIo = { color: false, columns: Infinity, stdout: () => {}, stderr: () => {}, ask: () => Promise.resolve(null) };

export { EXIT } from "./exit_codes.ts";

/** Says why something is not done; returns the exit code. */
export function refuse<Code extends number>(io: CommandIo, reason: string, code: Code): Code {
  io.stderr(`reeve: ${cleanText(reason)}\n`);
  return code;
}

/** How text may look, with the codes of terminals. */
export const COLOR_CODES = { red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36, dim: 2, bold: 1 } as const;

/** One of them. */
export type Color = keyof typeof COLOR_CODES;

/** Colors a text where colors are wanted. */
export function paint(io: CommandIo, color: Color, text: string): string {
  return io.color ? `\u001b[${COLOR_CODES[color]}m${text}\u001b[0m` : text;
}
