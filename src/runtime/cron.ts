/** The times of a schedule, one after the other. */
import { thrownMessage } from "../base/mod.ts";
import type { ChildSpec } from "../spec/mod.ts";

/** The times of one schedule. */
export interface Times {
  /** Whether they are on the calendar, or only so and so long after each other. */
  readonly isCalendar: boolean;
  /** The first time after another one; `null` when there is none. */
  after(timeMs: number): number | null;
}

/** What reads cron. */
export interface CronReader {
  /** The times of an expression; throws where that is none. */
  timesOf(expression: string, timeZone: string | undefined): Times;
}

/** Loads what reads cron, which only those need who use it. */
export async function loadCron(): Promise<CronReader> {
  const { Cron } = await import("croner");
  const known = new Map<string, Times>();
  return {
    timesOf(expression, timeZone): Times {
      const key = `${timeZone ?? ""} ${expression}`;
      let times = known.get(key);
      if (times === undefined) {
        const cron = new Cron(expression, { paused: true, timezone: timeZone });
        times = { isCalendar: true, after: remembered((timeMs) => cron.nextRun(new Date(timeMs))?.getTime() ?? null) };
        known.set(key, times);
      }
      return times;
    },
  };
}

/** Times that come so and so often. */
export function interval(everyMs: number): Times {
  return { isCalendar: false, after: (timeMs) => timeMs + everyMs };
}

/** Whether something of it needs what reads cron. */
export function needsCron({ schedule, run }: Pick<ChildSpec, "schedule" | "run">): boolean {
  return schedule?.cron !== undefined || (run.kind === "supervisor" && run.children.some(needsCron));
}

/** Says why an expression has no times, `null` when it has some. */
export function whyNeverDue(reader: CronReader, expression: string, timeZone: string | undefined, nowMs: number): string | null {
  try {
    return reader.timesOf(expression, timeZone).after(nowMs) === null ? `"${expression}" names no time that will ever be` : null;
  } catch (error) {
    return thrownMessage(error);
  }
}

/** Ten thousand children with one schedule ask the same. */
function remembered(after: (timeMs: number) => number | null): (timeMs: number) => number | null {
  let askedMs = NaN;
  let answer: number | null = null;
  return (timeMs) => {
    // Cron knows seconds only.
    const secondMs = Math.floor(timeMs / 1_000) * 1_000;
    if (secondMs !== askedMs) answer = after(secondMs);
    askedMs = secondMs;
    return answer;
  };
}
