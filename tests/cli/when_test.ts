import { assertEquals } from "@std/assert";
import { momentOf } from "../../src/cli/when.ts";

const NOW_MS = Date.parse("2026-10-02T12:00:00.000Z");

Deno.test("momentOf() understands ages, seconds, and times with and without a zone", () => {
  const cases: readonly (readonly [string, number])[] = [
    ["90s", NOW_MS - 90_000],
    ["15m", NOW_MS - 900_000],
    ["2h", NOW_MS - 7_200_000],
    ["1.5h", NOW_MS - 5_400_000],
    ["3d", NOW_MS - 259_200_000],
    ["1w", NOW_MS - 604_800_000],
    ["0s", NOW_MS],
    ["1790942400", 1_790_942_400_000],
    ["1790942400.25", 1_790_942_400_250],
    ["2026-10-02T14:30:00Z", Date.parse("2026-10-02T14:30:00Z")],
    ["2026-10-02T14:30:00.123+02:00", Date.parse("2026-10-02T12:30:00.123Z")],
    ["2026-10-02 14:30", new Date(2026, 9, 2, 14, 30).getTime()],
    ["2026-10-02", new Date(2026, 9, 2).getTime()],
  ];
  for (const [text, atMs] of cases) assertEquals([text, momentOf(text, NOW_MS)], [text, atMs]);
});

Deno.test("momentOf() understands nothing else", () => {
  const texts = ["", "soon", "-5m", "15 m", "5y", "1e3s", "2026-13-02", "2026-10-02T25:00", "10/02/2026", "1h30m", "0x10", "15m\n", " 15m"];
  for (const text of texts) assertEquals([text, momentOf(text, NOW_MS)], [text, undefined]);
});
