/** A line that is read in one look means the same as one that is parsed. */
import { assertEquals } from "@std/assert";
import { parseRequest } from "../../src/protocol/mod.ts";
import { seededRandom } from "../../src/testing/mod.ts";

const PIECES = [
  '"',
  "\\",
  "\\u0041",
  "\\n",
  "\n",
  "\t",
  "\u007f",
  "\u0085",
  "\u2028",
  "\ud800",
  "\udc00",
  "é",
  "😀",
  "a",
  "hello",
  "state",
  "{",
  "}",
  ",",
  ":",
  "",
];

Deno.test("the most usual form of a request means what it means with white space, whatever stands in its texts", () => {
  const random = seededRandom(7);
  const text = (): string => Array.from({ length: Math.floor(random() * 4) }, () => PIECES[Math.floor(random() * PIECES.length)]!).join("");
  const seen = new Map<string, number>();
  for (let round = 0; round < 20_000; round++) {
    const method = random() < 0.7 ? "hello" : text();
    const usual = `{"request_id":"${text()}","method":"${method}","params":null}`;
    const read = parseRequest(usual);
    // The parser's own words tell the place.
    const plain = (value: ReturnType<typeof parseRequest>): unknown => "error" in value ? [value.requestId, value.error.code] : value;
    assertEquals(plain(read), plain(parseRequest(` ${usual}`)), usual);
    const outcome = "error" in read ? read.error.code : "ok";
    seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
  }
  assertEquals([...seen.keys()].sort(), ["invalid_json", "ok", "unsupported_method"]);
});
