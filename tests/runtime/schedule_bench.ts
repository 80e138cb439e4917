/** Schedules without a tree, in the time of a test. */
import { child, type ChildOptions, type ChildSpec } from "../../mod.ts";
import { type LastRuns, Schedules } from "../../src/runtime/schedules.ts";
import { BentClock } from "../support/bent_clock.ts";

/** A schedule as it is declared. */
export type Schedule = NonNullable<ChildOptions["schedule"]>;

/** A minute, an hour and a day in milliseconds. */
export const MINUTE = 60_000;
export const HOUR: number = 60 * MINUTE;
export const DAY: number = 24 * HOUR;

/** What was told: when by the calendar, for whom, whether it starts, and how many were missed. */
export interface Told {
  readonly at: string;
  readonly path: string;
  readonly starts: boolean;
  readonly missed: number;
}

/** Schedules whose calendar can be set. */
export class ScheduleBench {
  readonly clock: BentClock;
  readonly told: Told[] = [];
  readonly #random: () => number;
  schedules: Schedules;

  constructor(start: string, random: () => number = () => 0) {
    this.clock = new BentClock({ startMs: Date.parse(start), automatic: false });
    this.#random = random;
    this.schedules = this.#begin();
  }

  async add(schedule: Schedule, path = "/job"): Promise<void> {
    const spec = job(schedule);
    await this.schedules.prepare([spec]);
    this.schedules.add(path, { node: 0, child: 0 }, spec);
  }

  /** The program ends, and another one knows what it knew, as often as this is called. */
  async beginAgain(schedule: Schedule, lastRuns: LastRuns = this.schedules.lastRuns()): Promise<void> {
    this.schedules.stop();
    this.schedules = this.#begin();
    this.schedules.restore(lastRuns);
    await this.add(schedule);
  }

  /** Lets time pass, timer by timer. */
  pass(durationMs: number): void {
    const endMs = this.clock.now() + durationMs;
    for (let next = this.clock.nextDueMs; next !== undefined && next <= endMs; next = this.clock.nextDueMs) this.clock.jumpTo(next);
    this.clock.jumpTo(endMs);
  }

  get starts(): string[] {
    return this.told.filter(({ starts }) => starts).map(({ at }) => at);
  }

  #begin(): Schedules {
    const { clock, told } = this;
    return new Schedules({
      clock,
      random: this.#random,
      post: ({ path, starts, missed }) => told.push({ at: new Date(clock.wallNow()).toISOString(), path, starts, missed }),
    });
  }
}

function job(schedule: Schedule): ChildSpec {
  return child.task("job", () => {}, { schedule });
}
