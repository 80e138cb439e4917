/** When scheduled children start: all their times behind one timer. */
import type { Clock, Random } from "../base/mod.ts";
import type { DueMessage } from "../core/mod.ts";
import type { ChildSpec, ScheduleOptions } from "../spec/mod.ts";
import { type CronReader, interval, loadCron, needsCron, type Times } from "./cron.ts";
import type { Place } from "./members.ts";
import { type Timer, TimerQueue } from "./timers.ts";

/** When scheduled children were last due, in milliseconds since the Unix epoch, by path. */
export type LastRuns = Readonly<Record<string, number>>;

/** What schedules need of their tree. */
export interface SchedulesHost {
  readonly clock: Clock;
  readonly random: Random;
  /** It is time for a child. */
  post(message: DueMessage): void;
}

/** So late a start still counts as in time, in milliseconds; later, the machine slept or the program stood still. */
const LATE_MS = 5_000;

/** How often it is looked whether the calendar is where it was expected. */
const LOOK_MS = 1_000;

/** A smaller difference between the calendar and the clock of the tree is none. */
const DRIFT_MS = 100;

/** Put back by more than this, the calendar was wrong before, and what it had said is forgotten. */
const WRONG_MS = 3 * 3_600_000;

/** So many times of the calendar that went by are counted one by one. */
const MOST_COUNTED = 1_000;

/** The timer that looks at the calendar. */
const LOOK = 0;

interface Entry {
  readonly path: string;
  readonly place: Place;
  readonly times: Times;
  readonly jitterMs: number;
  readonly runsMissed: boolean;
  /** The next time, before any delay: on the calendar, or on the clock of the tree. */
  timeMs: number;
  /** The same with its delay. */
  fireMs: number;
  /** Number of the timer, and when it is due on the clock of the tree. */
  timer: number;
  dueMs: number;
}

/** The schedules of one tree. */
export class Schedules {
  readonly #host: SchedulesHost;
  readonly #timers: TimerQueue;
  readonly #entries = new Map<string, Entry>();
  readonly #byTimer = new Map<number, Entry>();
  readonly #lastRuns = new Map<string, number>();
  #cron: CronReader | null = null;
  #timerCount = LOOK;
  /** How many entries look at the calendar. */
  #calendars = 0;
  /** The calendar less the clock of the tree, as it counts. */
  #offsetMs = 0;
  #isOver = false;

  constructor(host: SchedulesHost) {
    this.#host = host;
    this.#timers = new TimerQueue(host.clock, (timer) => this.#onTimer(timer));
  }

  /** How many timers are set. */
  get timers(): number {
    return this.#timers.size;
  }

  /** When each child was last due, for {@linkcode restore} after the next start of the program. */
  lastRuns(): LastRuns {
    return Object.fromEntries(this.#lastRuns);
  }

  /** What an earlier program knew; before the children are added. */
  restore(lastRuns: LastRuns): void {
    for (const [path, atMs] of Object.entries(lastRuns)) this.#lastRuns.set(path, atMs);
  }

  /** Gets ready for a child, with those below it. */
  async prepare(specs: readonly ChildSpec[]): Promise<void> {
    if (this.#cron === null && specs.some(needsCron)) this.#cron = await loadCron();
  }

  /** A child is there, for which all is prepared. */
  add(path: string, place: Place, { schedule }: ChildSpec): void {
    if (schedule === undefined || this.#isOver) return;
    const { clock } = this.#host;
    const times = this.#timesOf(schedule);
    const { jitterMs = 0, missed = "skip", atStart = false } = schedule;
    const entry = { path, place, times, jitterMs, runsMissed: missed === "run_once", timeMs: 0, fireMs: 0, timer: 0, dueMs: 0 };
    const wallMs = clock.wallNow();
    const lastMs = this.#lastRuns.get(path);
    if (atStart) this.#lastRuns.set(path, wallMs);
    this.#entries.set(path, entry);
    if (times.isCalendar && this.#calendars++ === 0) this.#lookSoon(wallMs);
    this.#plan(entry, times.after(this.#now(entry) - (atStart || lastMs === undefined ? 0 : sinceLast(times, wallMs - lastMs))));
  }

  /** A child is gone, or has another schedule from now on. */
  remove(path: string): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    this.#entries.delete(path);
    this.#lastRuns.delete(path);
    this.#disarm(entry);
    if (entry.times.isCalendar && --this.#calendars === 0) this.#timers.clear(LOOK);
  }

  /** When it is time for a child, on the tree's monotonic clock; `null` when it has no schedule, or that has no more times. */
  nextRunAtMs(path: string): number | null {
    const entry = this.#entries.get(path);
    return entry === undefined || entry.timer === 0 ? null : entry.dueMs;
  }

  /** Nothing is due any more. */
  stop(): void {
    this.#isOver = true;
    this.#timers.clearAll();
    this.#entries.clear();
    this.#byTimer.clear();
  }

  #timesOf({ cron, timeZone, everyMs }: ScheduleOptions): Times {
    if (cron === undefined) return interval(everyMs!);
    if (this.#cron === null) throw new Error("Nobody prepared for cron");
    return this.#cron.timesOf(cron, timeZone);
  }

  /** The time by which an entry goes. */
  #now({ times }: Entry): number {
    const { clock } = this.#host;
    return times.isCalendar ? clock.wallNow() : clock.now();
  }

  #plan(entry: Entry, timeMs: number | null): void {
    if (timeMs === null) return;
    entry.timeMs = timeMs;
    entry.fireMs = timeMs + (entry.jitterMs === 0 ? 0 : this.#host.random() * entry.jitterMs);
    this.#arm(entry);
  }

  #arm(entry: Entry): void {
    entry.timer = ++this.#timerCount;
    entry.dueMs = entry.times.isCalendar ? this.#host.clock.now() + Math.max(0, entry.fireMs - this.#host.clock.wallNow()) : entry.fireMs;
    this.#byTimer.set(entry.timer, entry);
    this.#timers.set({ ...entry.place, timer: entry.timer, dueMs: entry.dueMs });
  }

  #disarm(entry: Entry): void {
    this.#byTimer.delete(entry.timer);
    this.#timers.clear(entry.timer);
    entry.timer = 0;
  }

  #onTimer({ timer }: Timer): void {
    if (timer === LOOK) return this.#look();
    const entry = this.#byTimer.get(timer);
    if (entry === undefined) return;
    this.#disarm(entry);
    const nowMs = this.#now(entry);
    // The calendar was put back meanwhile, or the timer was early.
    if (nowMs < entry.fireMs) this.#arm(entry);
    else this.#due(entry, nowMs);
  }

  /** It is time, or was; several times that went by are one start at most. */
  #due(entry: Entry, nowMs: number): void {
    const { path, place, runsMissed } = entry;
    const passed = timesUntil(entry, nowMs);
    const starts = nowMs - passed.lastFireMs <= LATE_MS || runsMissed;
    const missed = passed.count - (starts ? 1 : 0);
    const { clock } = this.#host;
    this.#lastRuns.set(path, entry.times.isCalendar ? passed.lastMs : clock.wallNow() - (nowMs - passed.lastMs));
    this.#plan(entry, passed.nextMs);
    this.#host.post({ type: "due", ...place, path, starts, missed });
  }

  #lookSoon(wallMs: number): void {
    const now = this.#host.clock.now();
    this.#offsetMs = wallMs - now;
    this.#timers.set({ node: 0, child: -1, timer: LOOK, dueMs: now + LOOK_MS });
  }

  /** The calendar may have been set, or have gone on while the machine slept. */
  #look(): void {
    const { clock } = this.#host;
    const now = clock.now();
    const wallMs = clock.wallNow();
    const jumpMs = wallMs - now - this.#offsetMs;
    this.#timers.set({ node: 0, child: -1, timer: LOOK, dueMs: now + LOOK_MS });
    if (Math.abs(jumpMs) < DRIFT_MS) return;
    this.#offsetMs = wallMs - now;
    for (const entry of this.#entries.values()) {
      if (!entry.times.isCalendar || entry.timer === 0) continue;
      this.#disarm(entry);
      if (jumpMs < -WRONG_MS) this.#plan(entry, entry.times.after(wallMs));
      else this.#arm(entry);
    }
  }
}

/** How long ago the last run counts: in the time to come when the calendar was put back meanwhile, so that none comes twice. */
function sinceLast({ isCalendar }: Times, sinceMs: number): number {
  return sinceMs >= 0 || (isCalendar && sinceMs >= -WRONG_MS) ? sinceMs : 0;
}

/** The times that are over, and the first that is not. */
interface Passed {
  readonly count: number;
  readonly lastMs: number;
  /** When the last one should have led to a start. */
  readonly lastFireMs: number;
  readonly nextMs: number | null;
}

/** Counts the times up to now, the first of which is over. */
function timesUntil({ times, timeMs, fireMs, jitterMs }: Entry, nowMs: number): Passed {
  let count = 1;
  let lastMs = timeMs;
  let lastFireMs = fireMs;
  let nextMs = times.after(timeMs);
  if (!times.isCalendar && nextMs !== null) {
    // All of them are as far from each other.
    const everyMs = nextMs - timeMs;
    const more = Math.max(0, Math.floor((nowMs - jitterMs - timeMs) / everyMs));
    count += more;
    lastMs += more * everyMs;
    if (more > 0) lastFireMs = lastMs + jitterMs;
    return { count, lastMs, lastFireMs, nextMs: lastMs + everyMs };
  }
  while (nextMs !== null && nextMs + jitterMs <= nowMs) {
    count++;
    lastMs = nextMs;
    lastFireMs = nextMs + jitterMs;
    // More than that were long ago: the rest is passed over, but for what is just due.
    nextMs = times.after(count === MOST_COUNTED ? Math.max(nextMs, nowMs - jitterMs - LATE_MS) : nextMs);
  }
  return { count, lastMs, lastFireMs, nextMs };
}
