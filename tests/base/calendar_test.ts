/** The calendar is set while a clock goes on. */
import { assertEquals } from "@std/assert";
import { Calendar } from "../../src/base/mod.ts";

const HOUR = 3_600_000;

/** A clock and a calendar of which the test says where they are. */
class Hands {
  nowMs = 0;
  aheadMs = 50 * HOUR;

  now(): number {
    return this.nowMs;
  }

  wallNow(): number {
    return this.nowMs + this.aheadMs;
  }
}

Deno.test("times are told by the calendar as it is, or as it was then, however often it was set", () => {
  const hands = new Hands();
  const calendar = new Calendar(hands);
  const setAt = (nowMs: number, aheadMs: number): void => {
    [hands.nowMs, hands.aheadMs] = [nowMs, aheadMs];
    calendar.look(nowMs);
  };
  setAt(5_000, 51 * HOUR);
  setAt(9_000, 20 * HOUR);
  assertEquals([4_999, 5_000, 8_999, 9_000, 9_500].map((atMs) => calendar.asItWasAt(atMs) - atMs), [
    50 * HOUR,
    51 * HOUR,
    51 * HOUR,
    20 * HOUR,
    20 * HOUR,
  ]);
  assertEquals([1_000, 9_000].map((atMs) => calendar.at(atMs) - atMs), [20 * HOUR, 20 * HOUR]);
});

Deno.test("a calendar that was set counts from the first thing on that happened after it was last looked at, and for what is asked at once", () => {
  const hands = new Hands();
  const calendar = new Calendar(hands);
  [hands.nowMs, hands.aheadMs] = [10_000, 0];
  assertEquals([calendar.asItWasAt(500), calendar.asItWasAt(7_000), calendar.asItWasAt(6_999)], [
    50 * HOUR + 500,
    7_000,
    50 * HOUR + 6_999,
  ]);
  hands.aheadMs = HOUR;
  assertEquals(calendar.at(10_100), 10_100, "it was looked at not a second ago");
  assertEquals([calendar.epochMs(), calendar.at(10_100)], [HOUR, HOUR + 10_100]);
});

Deno.test("a time to come is told by the calendar as it is, and makes nothing of what it was", () => {
  const hands = new Hands();
  const calendar = new Calendar(hands);
  [hands.nowMs, hands.aheadMs] = [10_000, 0];
  assertEquals(calendar.at(100_000), 100_000);
  assertEquals([calendar.asItWasAt(9_999), calendar.asItWasAt(10_000)], [50 * HOUR + 9_999, 10_000]);
});

Deno.test("of a calendar that is set without end, the last times are remembered", () => {
  const hands = new Hands();
  const calendar = new Calendar(hands);
  for (let time = 1; time <= 200; time++) {
    [hands.nowMs, hands.aheadMs] = [time * 2_000, time * HOUR];
    calendar.look(hands.nowMs);
  }
  assertEquals(calendar.asItWasAt(190 * 2_000 + 1), 190 * HOUR + 190 * 2_000 + 1);
  assertEquals(calendar.asItWasAt(1) - 1, 136 * HOUR, "the oldest that is remembered");
});

Deno.test("a difference that is hardly one is none", () => {
  const hands = new Hands();
  const calendar = new Calendar(hands);
  [hands.nowMs, hands.aheadMs] = [10_000, 50 * HOUR + 99];
  assertEquals([calendar.epochMs(), calendar.asItWasAt(10_000)], [50 * HOUR, 50 * HOUR + 10_000]);
});

Deno.test("a program that stands still while it looks takes that for no calendar that was set", () => {
  for (const stallsBefore of [true, false]) {
    const hands = new Hands();
    let stallMs = 500;
    const stall = (isHere: boolean): void => {
      if (!isHere) return;
      hands.nowMs += stallMs;
      stallMs = 0;
    };
    const calendar = new Calendar({
      now: () => hands.now(),
      wallNow: () => {
        stall(stallsBefore);
        const wallMs = hands.wallNow();
        stall(!stallsBefore);
        return wallMs;
      },
    });
    assertEquals(calendar.at(0), 50 * HOUR, "when it begins");
    [hands.nowMs, stallMs] = [10_000, 500];
    assertEquals([calendar.asItWasAt(10_000), calendar.epochMs()], [50 * HOUR + 10_000, 50 * HOUR]);
  }
});
