import { assertEquals } from "@std/assert";
import { positionsIn } from "../../src/config/positions.ts";

const TEXT = `# comment
name: shop
"quoted": 1
'single': 2
children:
  - name: a
    dependencies: [b, c]
  - &second
    name: "b"
  -
    name: ä🙂
    after: 1
again: *second
flow: { x: [{ y: 1 }], z: 2 }
text: |
  lines
last: end
`;

for (
  const [pointer, line, column] of [
    ["", 2, 1],
    ["/name", 2, 1],
    ["/quoted", 3, 1],
    ["/single", 4, 1],
    ["/children", 5, 1],
    ["/children/0", 6, 5],
    ["/children/0/name", 6, 5],
    ["/children/0/dependencies/1", 7, 23],
    ["/children/1/name", 9, 5],
    ["/children/2/name", 11, 5],
    ["/children/2/after", 12, 5],
    ["/again", 13, 1],
    ["/again/name", 13, 1],
    ["/flow/x/0/y", 14, 15],
    ["/flow/z", 14, 24],
    ["/text", 15, 1],
    ["/last", 17, 1],
    ["/not/there", 2, 1],
    ["/children/7/name", 5, 1],
  ] as const
) {
  Deno.test(`positionsIn() finds ${pointer === "" ? "the file" : pointer}`, () => {
    assertEquals(positionsIn(TEXT)(pointer), { line, column });
  });
}

Deno.test("positionsIn() finds nothing in a text that is not YAML", () => {
  assertEquals(positionsIn("a: [1,")("/a"), undefined);
});

Deno.test("positionsIn() counts lines that end with a carriage return as editors do", () => {
  assertEquals(positionsIn("a: 1\r\nb:\r\n  c: 2\r\n")("/b/c"), { line: 3, column: 3 });
});

Deno.test("positionsIn() finds a key that is no text", () => {
  assertEquals(positionsIn("a: 1\n2: x\n")("/2"), { line: 2, column: 1 });
});
