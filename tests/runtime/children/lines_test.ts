import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { lineSplitter, splitText } from "../../../src/runtime/children/lines.ts";

const bytes = new TextEncoder();

function split(...chunks: readonly (string | Uint8Array)[]): string[] {
  const lines: string[] = [];
  const push = lineSplitter((line) => lines.push(line));
  for (const chunk of chunks) push(typeof chunk === "string" ? bytes.encode(chunk) : chunk);
  push();
  return lines;
}

Deno.test("lineSplitter() cuts lines wherever the chunks end", () => {
  const cases: readonly (readonly [readonly string[], readonly string[]])[] = [
    [["a\nb\n"], ["a", "b"]],
    [["a", "b\nc", "\n"], ["ab", "c"]],
    [["\n\n"], ["", ""]],
    [["a\r\nb\r", "\nc\rd\n"], ["a", "b", "c\rd"]],
    [["no end"], ["no end"]],
    [[], []],
    [["a\n", ""], ["a"]],
  ];
  for (const [chunks, lines] of cases) assertEquals(split(...chunks), lines, JSON.stringify(chunks));
});

Deno.test("lineSplitter() joins a character that is spread over chunks", () => {
  const text = bytes.encode("grüße 🎈\n");
  for (let at = 0; at <= text.length; at++) assertEquals(split(text.slice(0, at), text.slice(at)), ["grüße 🎈"], `cut at ${at}`);
});

Deno.test("lineSplitter() shows bytes that are no text as replacement characters", () => {
  assertEquals(split(new Uint8Array([97, 0xff, 98, 10])), ["a\ufffdb"]);
});

Deno.test("lineSplitter() does not keep a chunk whose memory is used again", () => {
  const lines: string[] = [];
  const push = lineSplitter((line) => lines.push(line));
  const buffer = bytes.encode("first");
  push(buffer);
  buffer.fill(120);
  push(bytes.encode(" line\n"));
  assertEquals(lines, ["first line"]);
});

Deno.test("lineSplitter() cuts a line that is too long, and never inside a character", () => {
  assertEquals(split("x".repeat(150_000)).map((line) => line.length), [65_536, 65_536, 18_928]);
  assertEquals(split(`${"x".repeat(65_536)}\nnext\n`).map((line) => line.length), [65_536, 4]);
  const text = "x🎈".repeat(40_000);
  assertEquals(split(text).join(""), text);
  const slowly = Array.from({ length: 700 }, () => "0123456789".repeat(10));
  assertEquals(split(...slowly).map((line) => line.length), [65_536, 4_464]);
});

Deno.test("lineSplitter() keeps what is unfinished at a cut together with what follows", () => {
  const filled = (end: string): string => "x".repeat(65_536 - end.length) + end;
  const cases: readonly (readonly [string, readonly number[], string])[] = [
    [
      `${filled("sec")}ret and more
next
`,
      [65_533, 15, 4],
      "secret and more",
    ],
    [`${filled("sec")}!\n`, [65_533, 4], "sec!"],
    [`${filled("sec")}`, [65_536], "x"],
    [`${filled("sec")}${filled("")}${filled("s")}ecret`, [65_533, 65_539, 65_535, 6], "sec"],
  ];
  for (const [text, lengths, second] of cases) {
    const lines: string[] = [];
    const push = lineSplitter((line) => lines.push(line), (part) => part.endsWith("sec") ? 3 : part.endsWith("s") ? 1 : 0);
    push(bytes.encode(text));
    push();
    assertEquals(lines.map((line) => line.length), lengths);
    if (lines.length > 1) assertEquals(lines[1]!.startsWith(second), true, lines[1]!.slice(0, 20));
    assertEquals(lines.join(""), text.replaceAll("\n", ""));
  }
});

Deno.test("lineSplitter() gives the same lines for every way to cut the bytes", () => {
  const line = fc.string({ unit: "binary", maxLength: 12 }).filter((text) => !/[\r\n\ufeff]/.test(text) && text === text.toWellFormed());
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), fc.array(fc.nat(60), { maxLength: 5 }), (lines, cuts) => {
      const all = bytes.encode(lines.map((text) => `${text}\n`).join(""));
      const places = [0, ...cuts.filter((cut) => cut < all.length).sort((a, b) => a - b), all.length];
      assertEquals(split(...places.slice(1).map((end, index) => all.slice(places[index], end))), lines);
    }),
    { numRuns: 300, seed: 1 },
  );
});

Deno.test("splitText() cuts at line breaks, and a break at the end starts no line", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["", [""]],
    ["one", ["one"]],
    ["one\n", ["one"]],
    ["one\r\ntwo\n\nfour", ["one", "two", "", "four"]],
  ];
  for (const [text, expected] of cases) {
    const lines: string[] = [];
    splitText(text, (line) => lines.push(line));
    assertEquals(lines, expected, JSON.stringify(text));
  }
});
