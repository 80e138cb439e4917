/** The calendar is set forward and back: what goes by it happens once, and nothing else takes notice. */
import { assert, assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { child, type ChildOptions, type JournalEntry, readJournal, supervise, type TreeSpec } from "../../mod.ts";
import { loadCron } from "../../src/runtime/cron.ts";
import { seededRandom } from "../../src/testing/mod.ts";
import { BentClock } from "../support/bent_clock.ts";
import { inFolder } from "../support/folder.ts";
import { untilAborted } from "../support/tasks.ts";
import { until } from "../support/until.ts";
import { DAY, HOUR, MINUTE, ScheduleBench } from "./schedule_bench.ts";

const JUMPS = [HOUR, -HOUR, 30 * MINUTE, -30 * MINUTE, 2 * HOUR + 50 * MINUTE, -(2 * HOUR + 50 * MINUTE), 4_000, -4_000, 0];

/** How many times of a schedule there are after one moment, up to another. */
async function timesBetween(cron: string, fromMs: number, toMs: number): Promise<number> {
  const times = (await loadCron()).timesOf(cron, "UTC");
  let count = 0;
  for (let next = times.after(fromMs); next !== null && next <= toMs; next = times.after(next)) count++;
  return count;
}

for (const missed of ["skip", "run_once"] as const) {
  for (const cron of ["* * * * *", "*/7 * * * *", "0 * * * *"]) {
    Deno.test(`whatever the calendar does, each time of "${cron}" is a start or told as missed (${missed}), once, also over new starts`, async () => {
      for (let seed = 1; seed <= 10; seed++) {
        const random = seededRandom(seed);
        const start = "2026-07-03T10:59:30Z";
        const bench = new ScheduleBench(start);
        const schedule = { cron, timeZone: "UTC", missed } as const;
        await bench.add(schedule);
        bench.pass(MINUTE);
        let mostMs = bench.clock.wallNow();
        for (let step = 0; step < 12; step++) {
          bench.clock.wallOffsetMs += JUMPS[Math.floor(random() * JUMPS.length)]!;
          // What was put back by more than three hours in all was wrong before, which is another test.
          if (mostMs - bench.clock.wallNow() > 2 * HOUR + 55 * MINUTE) bench.clock.wallOffsetMs += mostMs - bench.clock.wallNow();
          if (random() < 0.4) await bench.beginAgain(schedule);
          bench.pass(2_000 + Math.floor(random() * 40 * MINUTE));
          mostMs = Math.max(mostMs, bench.clock.wallNow());
        }
        const told = bench.told.reduce((sum, { starts, missed }) => sum + missed + (starts ? 1 : 0), 0);
        assertEquals(told, await timesBetween(cron, Date.parse(start), mostMs), `seed ${seed}: ${JSON.stringify(bench.told)}`);
      }
    });
  }
}

Deno.test("a job that ran is not run again by a program that starts after the calendar was put back", async () => {
  const bench = new ScheduleBench("2026-07-03T10:59:30Z");
  const schedule = { cron: "0 * * * *", timeZone: "UTC" } as const;
  await bench.add(schedule);
  bench.pass(MINUTE);
  bench.clock.wallOffsetMs = -20 * MINUTE;
  await bench.beginAgain(schedule);
  bench.pass(HOUR);
  assertEquals(bench.starts, ["2026-07-03T11:00:00.000Z"]);
  bench.pass(30 * MINUTE);
  assertEquals(bench.starts, ["2026-07-03T11:00:00.000Z", "2026-07-03T12:00:00.000Z"]);
});

// --- summer and winter -------------------------------------------------------------------------------------------------------------------

/** Zones that put their clocks at different hours, by an hour or by half of one, and one that does not. */
const ZONES = [
  "Europe/Berlin",
  "America/New_York",
  "Australia/Lord_Howe",
  "America/Santiago",
  "America/Havana",
  "Africa/Cairo",
  "Asia/Kolkata",
];

/** What says the date of a zone, and how far it is from UTC. */
function readerOf(timeZone: string): { readonly date: (timeMs: number) => string; readonly offset: (timeMs: number) => string } {
  const dates = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short" });
  const offsets = new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "longOffset" });
  return {
    date: (timeMs) => dates.format(timeMs),
    offset: (timeMs) => offsets.formatToParts(timeMs).find(({ type }) => type === "timeZoneName")?.value ?? "",
  };
}

for (const timeZone of ZONES) {
  Deno.test(`a daily job in ${timeZone} runs once on each day of a year, though its program starts anew again and again`, async () => {
    const { date, offset } = readerOf(timeZone);
    for (const cron of ["30 2 * * *", "15 1 * * *", "0 0 * * *", "30 0 * * *", "59 23 * * *"]) {
      const bench = new ScheduleBench("2026-01-15T12:00:00Z");
      const schedule = { cron, timeZone } as const;
      await bench.add(schedule);
      const random = seededRandom(7);
      for (const endMs = bench.clock.now() + 365 * DAY; bench.clock.now() < endMs;) {
        const isNearChange = offset(bench.clock.now()) !== offset(bench.clock.now() + DAY);
        // Steps over times in which nothing is due cost nothing: there the calendar need not be looked at.
        const nextMs = bench.schedules.nextRunAtMs("/job")!;
        if (isNearChange) bench.pass(Math.floor(random() * 20 * MINUTE));
        else bench.clock.jumpTo(Math.max(bench.clock.now() + 1, Math.min(nextMs, bench.clock.now() + 8 * HOUR)));
        if (isNearChange || random() < 0.2) await bench.beginAgain(schedule);
      }
      const dates = bench.starts.map((at) => date(Date.parse(at)));
      const expected = Array.from(
        { length: dates.length },
        (_, day) => new Date(Date.parse(`${dates[0]}T12:00:00Z`) + day * DAY).toISOString().slice(0, 10),
      );
      assertEquals([cron, ...dates], [cron, ...expected]);
      assert(dates.length >= 364, `${dates.length} days`);
      assertEquals(bench.told.filter(({ missed }) => missed > 0), []);
    }
  });
}

// --- what does not go by the calendar ----------------------------------------------------------------------------------------------------

/** Delays, windows, time limits, heartbeats, intervals and a budget, each of which says in events when it is over. */
function timed(clock: BentClock): TreeSpec {
  const slow: ChildOptions = { backoff: { initialMs: 7_000, maxMs: 60_000, jitter: "none" } };
  const failsAfter = (ms: number) => ({ signal }: { signal: AbortSignal }): Promise<void> =>
    new Promise((resolve, reject) => {
      const cancel = clock.setTimer(() => reject(new Error("no")), ms);
      signal.addEventListener("abort", () => {
        cancel();
        resolve();
      });
    });
  return {
    policy: { restartBudget: { maxBurst: 4, recoveryRatePerSec: 0.1 } },
    children: [
      child.task("backoff", failsAfter(1_000), slow),
      child.task("limit", failsAfter(5_000), {
        backoff: { initialMs: 10, maxMs: 10, jitter: "none" },
        limit: { maxRestarts: 5, windowMs: 60_000, onExceeded: "give_up" },
      }),
      child.task("start", untilAborted, { ...slow, readiness: { mode: "explicit" }, timeouts: { startMs: 11_000 } }),
      child.task("run", untilAborted, { ...slow, timeouts: { runMs: 13_000 } }),
      child.task("beat", untilAborted, { ...slow, healthCheck: { mode: "heartbeat", checkIntervalSecs: 5 } }),
      child.task("interval", () => {}, { schedule: { everyMs: 17_000 } }),
    ],
  };
}

async function toldWith(jump: (step: number) => number): Promise<string[]> {
  const clock = new BentClock({ startMs: 1_000_000 });
  const tree = await supervise(timed(clock), { clock, random: () => 0.5, keepAlive: false });
  const told: string[] = [];
  const reading = (async () => {
    for await (const event of tree.events()) told.push("atMs" in event ? `${event.atMs} ${event.path} ${event.type}` : "gap");
  })();
  await clock.advance(0);
  for (let step = 0; step < 200; step++) {
    clock.wallOffsetMs += jump(step);
    await clock.advance(500);
  }
  const ending = tree.shutdown();
  await clock.advance(60_000);
  await ending;
  await reading;
  return told;
}

Deno.test("delays, windows, time limits, heartbeats and intervals are over at the same moment, whatever the calendar does", async () => {
  const calm = await toldWith(() => 0);
  assert(calm.length > 100, `${calm.length} events`);
  for (
    const jump of [() => HOUR, () => -HOUR, (step: number) => step % 2 === 0 ? HOUR : -HOUR, (step: number) => step === 100 ? -DAY : 0]
  ) {
    assertEquals(await toldWith(jump), calm);
  }
});

// --- what is written down ----------------------------------------------------------------------------------------------------------------

Deno.test("the journal says the time of the calendar as it is, also after that was set", () =>
  inFolder(async (folder) => {
    const path = join(folder, "events.jsonl");
    const clock = new BentClock({ startMs: Date.parse("2026-07-03T10:00:00Z") });
    const tree = await supervise({ children: [child.task("a", untilAborted)], observability: { journal: { path } } }, {
      clock,
      keepAlive: false,
    });
    const starts = (): number => readFileSync(path, "utf8").split('"child_starting"').length - 1;
    const restartAt = async (offsetMs: number): Promise<void> => {
      const before = starts();
      clock.wallOffsetMs = offsetMs;
      await clock.advance(2_000);
      const restarted = tree.child("/a").restart();
      await clock.advance(10);
      await restarted;
      // The file is written in real time, and not waited for by those who move the clock.
      await until(() => starts() === before + 1, () => readFileSync(path, "utf8"));
    };
    await clock.advance(10);
    await until(() => starts() === 1, () => readFileSync(path, "utf8"));
    await restartAt(0);
    await restartAt(8 * HOUR);
    await restartAt(-HOUR);

    const ending = tree.shutdown();
    await clock.advance(60_000);
    await ending;
    const times: string[] = [];
    const isStart = (entry: JournalEntry): boolean => entry.kind === "event" && entry.event.type === "child_starting";
    for await (const entry of readJournal(path)) {
      if (isStart(entry)) times.push(new Date(entry.kind === "event" ? entry.timeMs : 0).toISOString());
    }
    assertEquals(times.map((time) => time.slice(11, 16)), ["10:00", "10:00", "18:00", "09:00"]);
  }));

Deno.test("failures count against the limit of the next run by how long ago they were, though the calendar was set meanwhile", () =>
  inFolder(async (folder) => {
    const clock = new BentClock({ startMs: Date.parse("2026-07-03T10:00:00Z") });
    const failing = child.task("a", async ({ signal }) => {
      await new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => resolve());
        clock.setTimer(resolve, 1_000);
      });
      if (!signal.aborted) throw new Error("no");
    }, {
      backoff: { initialMs: 0, maxMs: 0, jitter: "none" },
      limit: { maxRestarts: 3, windowMs: 10 * MINUTE, onExceeded: "give_up" },
    });
    const spec: TreeSpec = { children: [failing], state: { path: join(folder, "state.json") } };
    const begin = async (): ReturnType<typeof supervise> => {
      const tree = await supervise(spec, { clock, keepAlive: false });
      await clock.advance(0);
      return tree;
    };
    const first = await begin();
    await clock.advance(2_500);
    assertEquals(first.child("/a").failuresTotal, 2);
    clock.wallOffsetMs = 5 * HOUR;
    await clock.advance(2_000 - 1_600);
    const ending = first.shutdown();
    await clock.advance(1_000);
    await ending;

    const second = await begin();
    await clock.advance(2_500);
    assertEquals([second.child("/a").phase, second.child("/a").failuresTotal], ["failed", 4]);
    const over = second.shutdown();
    await clock.advance(1_000);
    await over;
  }));
