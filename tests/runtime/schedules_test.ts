import { assert, assertEquals } from "@std/assert";
import type { LastRuns } from "../../src/runtime/schedules.ts";
import { DAY, HOUR, MINUTE, type Schedule, ScheduleBench as Bench } from "./schedule_bench.ts";

/** What starts within a time. */
async function startsOf(schedule: Schedule, start: string, durationMs: number): Promise<string[]> {
  const bench = new Bench(start);
  await bench.add(schedule);
  bench.pass(durationMs);
  return bench.starts;
}

Deno.test("a schedule of cron starts at the times of its zone", async () => {
  assertEquals(await startsOf({ cron: "30 9 * * MON-FRI", timeZone: "America/New_York" }, "2026-07-03T00:00:00Z", 4 * DAY), [
    "2026-07-03T13:30:00.000Z",
    "2026-07-06T13:30:00.000Z",
  ]);
});

Deno.test("a schedule of cron with six fields knows seconds", async () => {
  assertEquals(await startsOf({ cron: "*/20 * * * * *", timeZone: "UTC" }, "2026-07-03T00:00:05Z", MINUTE), [
    "2026-07-03T00:00:20.000Z",
    "2026-07-03T00:00:40.000Z",
    "2026-07-03T00:01:00.000Z",
  ]);
});

Deno.test("in the night in which summer begins, a time that does not exist is moved to the hour after, and hours come once each", async () => {
  const night = "2026-03-28T12:00:00Z";
  assertEquals(await startsOf({ cron: "30 2 * * *", timeZone: "Europe/Berlin" }, night, 2 * DAY), [
    "2026-03-29T01:00:00.000Z",
    "2026-03-30T00:30:00.000Z",
  ]);
  assertEquals((await startsOf({ cron: "0 * * * *", timeZone: "Europe/Berlin" }, "2026-03-28T23:30:00Z", 4 * HOUR)).length, 4);
});

Deno.test("in the night in which summer ends, a time that is there twice comes once, and hours go on", async () => {
  const night = "2026-10-24T12:00:00Z";
  assertEquals(await startsOf({ cron: "30 2 * * *", timeZone: "Europe/Berlin" }, night, 2 * DAY), [
    "2026-10-25T00:30:00.000Z",
    "2026-10-26T01:30:00.000Z",
  ]);
  assertEquals(await startsOf({ cron: "0 * * * *", timeZone: "Europe/Berlin" }, "2026-10-24T23:30:00Z", 3 * HOUR), [
    "2026-10-25T00:00:00.000Z",
    "2026-10-25T01:00:00.000Z",
    "2026-10-25T02:00:00.000Z",
  ]);
});

Deno.test("an interval is counted from start to start, whatever the calendar does", async () => {
  const bench = new Bench("2026-07-03T00:00:00Z");
  await bench.add({ everyMs: 10_000 });
  bench.pass(25_000);
  bench.clock.wallOffsetMs = DAY;
  bench.pass(10_000);
  assertEquals(bench.told.map(({ at, missed }) => [at, missed]), [
    ["2026-07-03T00:00:10.000Z", 0],
    ["2026-07-03T00:00:20.000Z", 0],
    ["2026-07-04T00:00:30.000Z", 0],
  ]);
});

Deno.test("a random delay stays below its bound, and does not move the times after it", async () => {
  for (const [value, delayMs] of [[0, 0], [0.5, 2_000], [0.999, 3_996]] as const) {
    const bench = new Bench("2026-07-03T00:00:00Z", () => value);
    await bench.add({ everyMs: 10_000, jitterMs: 4_000 });
    bench.pass(35_000);
    const expected = [10_000, 20_000, 30_000].map((ms) => new Date(Date.parse("2026-07-03T00:00:00Z") + ms + delayMs).toISOString());
    assertEquals(bench.starts, expected);
  }
});

Deno.test("a calendar that is put back by less than three hours brings no time twice", async () => {
  const bench = new Bench("2026-07-03T10:00:30Z");
  await bench.add({ cron: "0 * * * *", timeZone: "UTC" });
  bench.pass(HOUR);
  assertEquals(bench.starts, ["2026-07-03T11:00:00.000Z"]);
  bench.clock.wallOffsetMs = -30 * MINUTE;
  bench.pass(HOUR);
  assertEquals(bench.starts, ["2026-07-03T11:00:00.000Z"]);
  bench.pass(HOUR);
  assertEquals(bench.starts, ["2026-07-03T11:00:00.000Z", "2026-07-03T12:00:00.000Z"]);
});

Deno.test("a calendar that is put back by days was wrong before: its times count anew", async () => {
  const bench = new Bench("2030-01-01T10:00:30Z");
  await bench.add({ cron: "0 * * * *", timeZone: "UTC" });
  bench.pass(HOUR);
  bench.clock.wallOffsetMs = Date.parse("2026-07-03T00:00:00Z") - Date.parse("2030-01-01T00:00:00Z");
  bench.pass(2 * HOUR);
  assertEquals(bench.starts, ["2030-01-01T11:00:00.000Z", "2026-07-03T12:00:00.000Z", "2026-07-03T13:00:00.000Z"]);
});

Deno.test("a calendar that goes on by up to five seconds at once misses nothing", async () => {
  const bench = new Bench("2026-07-03T10:59:50Z");
  await bench.add({ cron: "0 * * * *", timeZone: "UTC" });
  bench.pass(8_500);
  bench.clock.wallOffsetMs = 3_000;
  bench.pass(2_000);
  assertEquals(bench.told.map(({ starts, missed }) => [starts, missed]), [[true, 0]]);
});

Deno.test("times that a sleeping machine passed are left out and counted", async () => {
  const bench = new Bench("2026-07-03T10:30:00Z");
  await bench.add({ cron: "0 * * * *", timeZone: "UTC" });
  bench.clock.wallOffsetMs = 5 * HOUR + 10 * MINUTE;
  bench.pass(2_000);
  assertEquals(bench.told, [{ at: "2026-07-03T15:40:01.000Z", path: "/job", starts: false, missed: 5 }]);
  bench.pass(HOUR);
  assertEquals(bench.starts, ["2026-07-03T16:00:00.000Z"]);
});

Deno.test("with `run_once`, times that a sleeping machine passed are one start", async () => {
  const bench = new Bench("2026-07-03T10:30:00Z");
  await bench.add({ cron: "0 * * * *", timeZone: "UTC", missed: "run_once" });
  bench.clock.wallOffsetMs = 5 * HOUR + 10 * MINUTE;
  bench.pass(2_000);
  assertEquals(bench.told, [{ at: "2026-07-03T15:40:01.000Z", path: "/job", starts: true, missed: 4 }]);
});

Deno.test("an interval whose program stood still starts at most once for all that passed", async () => {
  for (const missed of ["skip", "run_once"] as const) {
    const bench = new Bench("2026-07-03T00:00:00Z");
    await bench.add({ everyMs: 60_000, missed });
    bench.clock.jumpTo(bench.clock.now() + 5 * 60_000 + 30_000);
    assertEquals(bench.told.map(({ starts, missed: count }) => [starts, count]), missed === "skip" ? [[false, 5]] : [[true, 4]]);
    bench.pass(30_000);
    assertEquals(bench.told.slice(1).map(({ at, starts }) => [at, starts]), [["2026-07-03T00:06:00.000Z", true]]);
  }
});

Deno.test("a short interval makes up for nothing when its timer is late", async () => {
  const bench = new Bench("2026-07-03T00:00:00Z");
  await bench.add({ everyMs: 100 });
  bench.clock.jumpTo(bench.clock.now() + 1_050);
  assertEquals(bench.told.map(({ starts, missed }) => [starts, missed]), [[true, 9]]);
  bench.pass(50);
  assertEquals(bench.told.length, 2);
});

Deno.test("years of seconds that passed are counted in no time, and the next one comes", async () => {
  const bench = new Bench("2026-07-03T00:00:00Z");
  await bench.add({ cron: "* * * * * *", timeZone: "UTC" });
  bench.clock.wallOffsetMs = 3 * 365 * DAY;
  bench.pass(1_000);
  const [first] = bench.told;
  assert(first?.starts === true && first.missed >= 1_000, JSON.stringify(first));
  const count = bench.told.length;
  bench.pass(5_000);
  assertEquals(bench.told.length - count, 5);
});

async function restored(schedule: Schedule, lastRuns: LastRuns): Promise<Bench> {
  const bench = new Bench("2026-07-03T12:30:00Z");
  bench.schedules.restore(lastRuns);
  await bench.add(schedule);
  return bench;
}

Deno.test("after a start of the program, what passed since the last run is missed", async () => {
  const lastRuns = { "/job": Date.parse("2026-07-03T09:00:00Z") };
  const skipping = await restored({ cron: "0 * * * *", timeZone: "UTC" }, lastRuns);
  skipping.pass(0);
  assertEquals(skipping.told.map(({ starts, missed }) => [starts, missed]), [[false, 3]]);
  const running = await restored({ cron: "0 * * * *", timeZone: "UTC", missed: "run_once" }, lastRuns);
  running.pass(0);
  assertEquals(running.told.map(({ starts, missed }) => [starts, missed]), [[true, 2]]);
  running.pass(30 * MINUTE);
  assertEquals(running.schedules.lastRuns(), { "/job": Date.parse("2026-07-03T13:00:00Z") });
});

Deno.test("an interval goes on over a start of the program", async () => {
  const bench = await restored({ everyMs: HOUR }, { "/job": Date.parse("2026-07-03T12:10:00Z") });
  bench.pass(HOUR);
  assertEquals(bench.starts, ["2026-07-03T13:10:00.000Z"]);
});

Deno.test("a last run in the future is none", async () => {
  const bench = await restored({ cron: "0 * * * *", timeZone: "UTC" }, { "/job": Date.parse("2027-07-03T12:10:00Z") });
  bench.pass(HOUR);
  assertEquals(bench.starts, ["2026-07-03T13:00:00.000Z"]);
});

Deno.test("ten thousand scheduled children have one timer of the clock", async () => {
  const bench = new Bench("2026-07-03T00:00:30Z");
  for (let index = 0; index < 10_000; index++) {
    await bench.add(index % 2 === 0 ? { cron: "* * * * *", timeZone: "UTC" } : { everyMs: 30_000 }, `/job${index}`);
  }
  assertEquals(bench.clock.timers, 1);
  bench.pass(30_000);
  assertEquals([bench.told.length, new Set(bench.told.map(({ path }) => path)).size, bench.clock.timers], [10_000, 10_000, 1]);
});

Deno.test("who is gone is not due, and after the end nobody is", async () => {
  const bench = new Bench("2026-07-03T00:00:30Z");
  await bench.add({ cron: "* * * * *", timeZone: "UTC" }, "/a");
  await bench.add({ everyMs: 30_000 }, "/b");
  assertEquals([bench.schedules.nextRunAtMs("/a"), bench.schedules.nextRunAtMs("/c")], [Date.parse("2026-07-03T00:01:00Z"), null]);
  bench.schedules.remove("/a");
  bench.pass(31_000);
  assertEquals(bench.told.map(({ path }) => path), ["/b"]);
  bench.schedules.stop();
  bench.pass(HOUR);
  assertEquals([bench.told.length, bench.clock.timers, bench.schedules.timers], [1, 0, 0]);
});

Deno.test("a schedule with no more times is over", async () => {
  const bench = new Bench("2026-07-03T00:00:30Z");
  await bench.add({ cron: "0 0 30 2 *", timeZone: "UTC" });
  assertEquals(bench.schedules.nextRunAtMs("/job"), null);
});
