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
}

/** Exit codes of commands that only look. */
export const EXIT = { clean: 0, problems: 1, unusable: 2 } as const;

/** Says why something is not done; returns the exit code. */
export function refuse<Code extends number>(io: CommandIo, reason: string, code: Code): Code {
  io.stderr(`reeve: ${cleanText(reason)}\n`);
  return code;
}

const CODES = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const;

/** Colors a text where colors are wanted. */
export function paint(io: CommandIo, color: keyof typeof CODES, text: string): string {
  return io.color ? `\u001b[${CODES[color]}m${text}\u001b[0m` : text;
}
