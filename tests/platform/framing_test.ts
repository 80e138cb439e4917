import { assertEquals } from "@std/assert";
import { FrameSplitter } from "../../src/platform/framing.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Cuts a stream into blocks of a size, all in one buffer that is used again, and returns its frames and its fault. */
function framesOf(stream: Uint8Array, size: number, maxBytes = 32): [string[], string | null] {
  const splitter = new FrameSplitter(maxBytes);
  const block = new Uint8Array(size);
  const frames: string[] = [];
  for (let start = 0; start < stream.length && splitter.fault === null; start += size) {
    const part = stream.subarray(start, start + size);
    block.set(part);
    frames.push(...splitter.push(block.subarray(0, part.length)).map(({ text }) => text));
  }
  splitter.end();
  return [frames, splitter.fault];
}

for (let size = 1; size <= 40; size++) {
  Deno.test(`FrameSplitter gives the same frames whatever the blocks: ${size} bytes`, () => {
    assertEquals(framesOf(bytes("one\n\nzwei ü\r\n€\n"), size), [["one", "", "zwei ü\r", "€"], null]);
    assertEquals(framesOf(bytes(`${"x".repeat(32)}\n${"y".repeat(33)}\nz\n`), size), [["x".repeat(32)], "frame_too_large"]);
    assertEquals(framesOf(bytes("a\n" + "y".repeat(100)), size), [["a"], "frame_too_large"]);
    assertEquals(framesOf(Uint8Array.of(97, 10, 0xc0, 0xaf, 10, 98, 10), size), [["a"], "invalid_utf8"]);
    assertEquals(framesOf(bytes("a\nb"), size), [["a"], "incomplete_frame"]);
  });
}

Deno.test("FrameSplitter keeps its limit at every two places where a stream is cut, before and behind another line", () => {
  const limit = 24;
  for (const length of [limit - 1, limit, limit + 1, limit + 2]) {
    const line = "x".repeat(length);
    const stream = bytes(`a\n${line}\nb\n`);
    const wanted: [string[], string | null] = length <= limit ? [["a", line, "b"], null] : [["a"], "frame_too_large"];
    for (let first = 0; first <= stream.length; first++) {
      for (let second = first; second <= stream.length; second++) {
        const splitter = new FrameSplitter(limit);
        const frames: string[] = [];
        for (const [start, end] of [[0, first], [first, second], [second, stream.length]]) {
          if (splitter.fault === null) frames.push(...splitter.push(stream.subarray(start, end)).map(({ text }) => text));
        }
        splitter.end();
        assertEquals([frames, splitter.fault], wanted, `${length} bytes, cut at ${first} and ${second}`);
      }
    }
  }
});
