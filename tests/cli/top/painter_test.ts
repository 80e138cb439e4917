/** What the painter writes makes the screen the same as the picture, and is no more than what has changed. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { enterScreen, LEAVE_SCREEN, Painter } from "../../../src/cli/top/painter.ts";
import { view } from "../../../src/cli/top/view.ts";
import { Emulator } from "./emulator.ts";
import { described, event, line, NOON_MS, type Play, pushed, shop, states, usage } from "./models.ts";

const STEPS: readonly (readonly [name: string, step: (play: Play) => unknown])[] = [
  ["the first picture", () => {}],
  ["the same once more", () => {}],
  ["another child is selected", (play) => play.press("down")],
  ["the clock goes on", (play) => play.take({ type: "tick", nowMs: NOON_MS + 13_000 })],
  ["a supervisor is folded", (play) => play.press("end", "left", "left")],
  ["events come", (play) => play.take(pushed(event("/catalog", "日本語 and é and 👩‍👧", { seconds: 14 })))],
  ["a child has a wide name", (play) => play.take(pushed(states([described("/日本語のサービス")]), usage({})))],
  [
    "a child prints what could move the cursor",
    (play) => play.take(line("/catalog", "\u001b[2J\u001b[31mred\u001b[0m\ttab\r\n", 15)).press("tab", "tab"),
  ],
  ["the help", (play) => play.press("?")],
  ["back", (play) => play.press("escape")],
  ["details", (play) => play.press("shift+tab", "shift+tab", "enter")],
  ["a smaller terminal", (play) => play.take({ type: "resize", columns: 60, rows: 14 })],
  ["one that is too small", (play) => play.take({ type: "resize", columns: 20, rows: 5 })],
  ["a large one", (play) => play.take({ type: "resize", columns: 140, rows: 40 })],
];

for (const color of [false, true]) {
  Deno.test(`Painter brings the screen from each picture to the next, ${color ? "with" : "without"} colours`, () => {
    const play = shop();
    const painter = new Painter();
    let emulator = new Emulator(100, 24);
    for (const [name, step] of STEPS) {
      step(play);
      const { columns, rows } = play.model;
      if (columns !== emulator.columns) emulator = new Emulator(columns, rows);
      const lines = view(play.model, { columns, rows, color });
      emulator.write(painter.paint(lines, columns));
      assertEquals(emulator.lines(), play.screen(), name);
    }
  });
}

Deno.test("Painter writes only the lines that have changed, in one piece, and nothing where none has", () => {
  const painter = new Painter();
  painter.paint(["one", "two", "three"], 10);
  assertEquals(painter.paint(["one", "two", "three"], 10), "");
  const text = painter.paint(["one", "2", "three"], 10);
  assertStringIncludes(text, "\u001b[2;1H2\u001b[K");
  assert(!text.includes("one") && !text.includes("three"), text);
  assert(text.startsWith("\u001b[?2026h") && text.endsWith("\u001b[?2026l"), text);
  painter.forget();
  assertStringIncludes(painter.paint(["one", "2", "three"], 10), "three");
});

Deno.test("what the screen was entered with is left again", () => {
  const emulator = new Emulator(10, 3);
  const before = [...emulator.modes].sort();
  emulator.write(enterScreen(true));
  assertEquals([...emulator.modes].sort(), ["1000", "1006", "1049", "2004"]);
  emulator.write(LEAVE_SCREEN);
  assertEquals([...emulator.modes].sort(), before);
});
