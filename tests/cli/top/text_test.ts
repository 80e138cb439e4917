/** Texts on a terminal: their width, where they are cut, and that nothing of them moves the cursor. */
import { assertEquals } from "@std/assert";
import { cut, fitted, harmless, lineOf, spansOf, widthOf, withoutColors, withRight, wrapped } from "../../../src/cli/top/text.ts";

const ESC = String.fromCharCode(27);

Deno.test("widthOf() counts wide characters twice and marks not at all", () => {
  const widths = { abc: 3, "é": 1, "e\u0301": 1, "日本": 4, "한국": 4, "ｗ": 2, "😀": 2, "●": 1, "│▁█": 3, "": 0 };
  for (const [text, width] of Object.entries(widths)) assertEquals(widthOf(text), width, text);
});

Deno.test("cut() and fitted() never break a character, and fill what is left", () => {
  assertEquals(["日本語", "日本語", "abc"].map((text, index) => cut(text, 3 - index)), ["日", "日", "a"]);
  assertEquals(fitted("日本語", 4), "日… ");
  assertEquals(fitted("日本語", 5), "日本…");
  assertEquals(fitted("日本語", 8), "日本語  ");
  assertEquals(fitted("12 %", 6, "right"), "  12 %");
  assertEquals(fitted("abc", 0), "");
  for (let columns = 0; columns < 12; columns++) assertEquals(widthOf(fitted("a日b本c語d", columns)), columns);
});

Deno.test("harmless() leaves nothing that a terminal obeys", () => {
  assertEquals(harmless(`a${ESC}[31mb\tc\nd\u202ee`), "a\\u{1b}[31mb  c\\nd\\u{202e}e");
  assertEquals([...harmless(`e${"\u0301".repeat(500)}x`)].length, 5);
});

Deno.test("lineOf() is never wider than there are columns, and says that it was cut", () => {
  const spans = [{ text: "one " }, { text: "二三", style: "red" as const }, { text: " four" }];
  const cutAt = (columns: number): string => lineOf(spans, { columns, color: false });
  assertEquals([20, 13, 12, 9, 6, 5, 1].map(cutAt), ["one 二三 four", "one 二三 four", "one 二三 fo…", "one 二三…", "one …", "one …", "…"]);
  assertEquals(lineOf(spans, { columns: 7, color: true }), `one ${ESC}[31m二…${ESC}[0m`);
  assertEquals(
    lineOf([{ text: "a", style: "dim" }], { columns: 3, color: true, inverse: true }),
    `${ESC}[7ma${ESC}[0m${ESC}[7m  ${ESC}[0m`,
  );
});

Deno.test("withRight() keeps the right end in sight", () => {
  const text = (columns: number): string =>
    lineOf(withRight([{ text: "a long beginning" }], [{ text: "end" }], columns), { columns, color: false });
  assertEquals([24, 16, 10].map(text), ["a long beginning     end", "a long beg…  end", "a long be…"]);
});

Deno.test("spansOf() reads what paint() wrote", () => {
  assertEquals(spansOf(`a${ESC}[31mb${ESC}[0m c`), [{ text: "a" }, { text: "b", style: "red" }, {
    text: " c",
    style: undefined,
  }]);
});

Deno.test("wrapped() breaks lines and indents what follows", () => {
  const lines = wrapped([{ text: "key  " }, { text: "a value that is long" }], 12, 5);
  assertEquals(lines.map((spans) => spans.map(({ text }) => text).join("")), ["key  a value", "      that i", "     s long"]);
});

Deno.test("withoutColors() takes colours out of what a child prints, and nothing else", () => {
  assertEquals(withoutColors(`${ESC}[1;31mred${ESC}[0m${ESC}[2J`), `red${ESC}[2J`);
});
