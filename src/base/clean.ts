/** Renders text from outside harmless for terminals, logs and files. */

/** Control and format characters, line separators; not the tab, not the joiner that emoji need. */
const UNSAFE = /(?![\t\u200d])[\p{Cc}\p{Cf}\u2028\u2029]/gu;
const LONE_SURROGATE = /\p{Surrogate}/gu;

/**
 * Makes control characters, direction overrides and lone surrogates visible (`\u{1b}`), and cuts the text at `maxLength`.
 *
 * Tabs stay; line breaks become visible, so that one text is one line.
 */
export function cleanText(text: string, maxLength = 4096): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  return cut
    .replaceAll("\n", "\\n")
    .replace(UNSAFE, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`)
    .replace(LONE_SURROGATE, "\ufffd");
}
