/** Bytes of a terminal become keys, whatever the pieces are in which they come. */
import { assertEquals } from "@std/assert";
import { type Input, InputDecoder } from "../../../src/cli/top/decoder.ts";

const ESC = String.fromCharCode(27);

function decoded(text: string): Input[] {
  const decoder = new InputDecoder();
  return [...decoder.push(new TextEncoder().encode(text)), ...decoder.flush()];
}

function names(text: string): string[] {
  return decoded(text).map((input) => input.type === "key" ? input.name : input.type);
}

const KEYS: readonly (readonly [bytes: string, names: readonly string[]])[] = [
  ["aZ /?", ["a", "Z", " ", "/", "?"]],
  ["äß日😀", ["ä", "ß", "日", "😀"]],
  [`${ESC}[A${ESC}[B${ESC}[C${ESC}[D`, ["up", "down", "right", "left"]],
  [`${ESC}OA${ESC}OB${ESC}OH${ESC}OF`, ["up", "down", "home", "end"]],
  [`${ESC}[H${ESC}[F${ESC}[1~${ESC}[4~${ESC}[7~${ESC}[8~`, ["home", "end", "home", "end", "home", "end"]],
  [`${ESC}[5~${ESC}[6~${ESC}[3~${ESC}[2~`, ["pageup", "pagedown", "delete", "insert"]],
  [`${ESC}[1;5A${ESC}[1;2D${ESC}[1;3C${ESC}[5;5~`, ["ctrl+up", "shift+left", "alt+right", "ctrl+pageup"]],
  [`${ESC}[Z\t\r\n`, ["shift+tab", "tab", "enter", "enter"]],
  ["\u0003\u001a\u0015\u007f\b\u0000", ["ctrl+c", "ctrl+z", "ctrl+u", "backspace", "backspace", "ctrl+space"]],
  [ESC, ["escape"]],
  [`${ESC}${ESC}[A`, ["escape", "up"]],
  [`${ESC}x${ESC}\u0003`, ["alt+x", "alt+ctrl+c"]],
  [`${ESC}OP${ESC}[11~`, ["f1", "f1"]],
  [`${ESC}[?1;2c${ESC}[12;40Ra`, ["a"]],
  [`${ESC}[${"9".repeat(80)}`, [..."9".repeat(80)]],
];

for (const [bytes, expected] of KEYS) {
  Deno.test(`InputDecoder reads ${JSON.stringify(bytes.slice(0, 24))}`, () => assertEquals(names(bytes), expected));
}

Deno.test("InputDecoder gives the same whatever the pieces are", () => {
  const text = `ä日😀${ESC}[1;5A${ESC}[200~pasted ${ESC}[A ü\nline${ESC}[201~${ESC}[<64;10;5Mx${ESC}OA`;
  const bytes = new TextEncoder().encode(text);
  const whole = decoded(text);
  for (let size = 1; size < bytes.length; size++) {
    const decoder = new InputDecoder();
    const found: Input[] = [];
    for (let from = 0; from < bytes.length; from += size) found.push(...decoder.push(bytes.slice(from, from + size)));
    assertEquals(found, whole, `pieces of ${size}`);
  }
});

Deno.test("InputDecoder waits for what may follow ESC, and says so", () => {
  const decoder = new InputDecoder();
  assertEquals(decoder.push(new Uint8Array([27])), []);
  assertEquals(decoder.isWaiting, true);
  assertEquals(decoder.push(new TextEncoder().encode("[A")).map((input) => "name" in input && input.name), ["up"]);
  assertEquals(decoder.isWaiting, false);
  decoder.push(new Uint8Array([27]));
  assertEquals(decoder.flush(), [{ type: "key", name: "escape" }]);
});

Deno.test("InputDecoder tells a paste from keys, and bounds it", () => {
  assertEquals(decoded(`${ESC}[200~quit q\r${ESC}[201~q`), [{ type: "paste", text: "quit q\r" }, { type: "key", name: "q", text: "q" }]);
  const [paste] = decoded(`${ESC}[200~${"x".repeat(100_000)}${ESC}[201~`);
  assertEquals(paste?.type === "paste" && paste.text.length, 4_096);
});

Deno.test("InputDecoder reads the mouse in the form SGR: the left button and the wheel", () => {
  assertEquals(decoded(`${ESC}[<0;1;3M${ESC}[<0;1;3m${ESC}[<64;200;50M${ESC}[<65;1;1M${ESC}[<2;1;1M${ESC}[<0;0;0M`), [
    { type: "mouse", action: "press", column: 0, row: 2 },
    { type: "mouse", action: "up", column: 199, row: 49 },
    { type: "mouse", action: "down", column: 0, row: 0 },
  ]);
});

Deno.test("InputDecoder survives bytes that are no text", () => {
  const decoder = new InputDecoder();
  for (let seed = 1, round = 0; round < 2_000; round++) {
    seed = seed * 48_271 % 2_147_483_647;
    const bytes = Uint8Array.from({ length: 1 + seed % 7 }, (_, index) => (seed >> index * 3) & 255);
    for (const input of [...decoder.push(bytes), ...round % 5 === 0 ? decoder.flush() : []]) {
      if (input.type === "key") {
        assertEquals(/^(?:(?:alt|ctrl|shift)\+)*(?:[a-z]+|f\d|.)$/u.test(input.name), true, JSON.stringify(input.name));
      }
    }
  }
});
