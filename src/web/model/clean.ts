/** Makes foreign text fit to be seen: it is shown as text alone, and what would hide in it shows. */

/** Longest text that is shown or kept, in characters. */
export const LONGEST = 2_000;

/** Control characters, directions of writing, and what has no width. */
const HIDDEN = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;
const HALF = /\p{Cs}/gu;

/** The text with everything visible that would not be, and cut where it is too long. */
export function visible(text: string, longest = LONGEST): string {
  const cut = text.length > longest;
  const shown = (cut ? text.slice(0, longest) : text).replace(HIDDEN, mark).replace(HALF, "\ufffd");
  return cut ? `${shown}… (${text.length.toLocaleString("en")})` : shown;
}

function mark(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
}

/** A word of the protocol in letters for people: `a_b` and `AB` are `a b`. */
export function humanised(word: string): string {
  return visible(word.replace(/([a-z0-9])([A-Z])/g, "$1 $2").replace(/[_-]+/g, " ").trim().toLowerCase(), 64);
}
