/** Cleaning of text from outside: one line, nothing that a terminal obeys, nothing that reads backwards. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { cleanText } from "../../src/base/clean.ts";

const CASES: readonly (readonly [string, string])[] = [
  ["plain text, 100 %", "plain text, 100 %"],
  ["tab\there", "tab\there"],
  ["\u001b[31mred", "\\u{1b}[31mred"],
  ["\u009b31m", "\\u{9b}31m"],
  ["bell\u0007\u007f", "bell\\u{7}\\u{7f}"],
  ["one\ntwo\r\n", "one\\ntwo\\u{d}\\n"],
  ["one\u2028two\u2029", "one\\u{2028}two\\u{2029}"],
  ["abc\u202ecba", "abc\\u{202e}cba"],
  ["zero\u200bwidth\ufeff", "zero\\u{200b}width\\u{feff}"],
  ["\ud800 and \udc00", "\ufffd and \ufffd"],
  ["👩\u200d🚀 Grüße", "👩\u200d🚀 Grüße"],
];

for (const [text, expected] of CASES) {
  Deno.test(`cleanText() turns ${JSON.stringify(text)} into ${JSON.stringify(expected)}`, () => assertEquals(cleanText(text), expected));
}

Deno.test("cleanText() cuts what is too long and says so", () => {
  assertEquals(cleanText("abcdef", 3), "abc…");
  assertEquals(cleanText("abc", 3), "abc");
  assertEquals(cleanText("a".repeat(5_000)).length, 4_097);
});

Deno.test("cleanText() does not leave half a character when it cuts", () => {
  assertEquals(cleanText("a😀b", 2), "a\ufffd…");
});

Deno.test("cleanText() leaves nothing unsafe in any text, and changes nothing the second time", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const clean = cleanText(text);
    assert(!/(?![\t\u200d])[\p{Cc}\p{Cf}\p{Surrogate}\u2028\u2029]/u.test(clean), JSON.stringify(clean));
    assertEquals(cleanText(clean), clean);
  }));
});
