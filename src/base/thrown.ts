/** What can be said about a value that was thrown; it may be anything, even an object whose getters throw. */
import { cleanText } from "./clean.ts";

/** Longest message in characters. */
export const LONGEST_MESSAGE = 1024;

/** Returns one line about a thrown value, of so many characters at most. */
export function thrownMessage(error: unknown, most: number = LONGEST_MESSAGE): string {
  try {
    const text = error instanceof Error ? `${error.message}` || `${error.name}` : `threw ${String(error)}`;
    return cleanText(text, most);
  } catch {
    return "threw a value that cannot be shown";
  }
}

/** The code of a system's error such as `ENOENT`; `undefined` where there is none. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
