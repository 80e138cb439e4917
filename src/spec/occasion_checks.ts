/** Schedules and watched files whose parts are right alone and wrong together, and what is no cron. */
import { didYouMean } from "../base/mod.ts";
import { type Fields, isFields, nameOf, refuse, type Report, warn } from "./check.ts";

/** Looks at the schedule of a child. */
export function checkSchedule({ schedule, restartPolicy }: Fields, pointer: string, report: Report): void {
  if (!isFields(schedule)) return;
  const { cron, everyMs, timeZone, jitterMs } = schedule;
  if (cron === undefined && everyMs === undefined) {
    refuse(report, pointer, "schedule_without_times", "has no times", 'Write "cron" or "everyMs"');
  } else if (cron !== undefined && everyMs !== undefined) {
    refuse(report, `${pointer}/everyMs`, "two_schedules", "is there beside cron, must be the only one", "Keep one of them");
  }
  if (typeof cron === "string") checkCron(cron, `${pointer}/cron`, report);
  if (typeof timeZone === "string") checkZone(timeZone, `${pointer}/timeZone`, report);
  if (timeZone !== undefined && cron === undefined) {
    warn(report, `${pointer}/timeZone`, "no_effect", "has no effect without cron");
  }
  if (typeof jitterMs === "number" && typeof everyMs === "number" && jitterMs > everyMs) {
    refuse(report, `${pointer}/jitterMs`, "jitter_too_long", `is ${jitterMs}, must not exceed everyMs, which is ${everyMs}`);
  }
  if (restartPolicy === "permanent") {
    const reason = 'is "permanent", but the child has a schedule, by which it starts again';
    const place = pointer.replace(/\/schedule$/, "/restartPolicy");
    refuse(report, place, "permanent_scheduled", reason, 'Use "transient" to try a run again that failed, or "temporary" not to');
  }
}

/** Looks at the files that a child watches. */
export function checkWatch(watch: unknown, pointer: string, report: Report): void {
  if (!isFields(watch) || !Array.isArray(watch["paths"]) || watch["paths"].length > 0) return;
  refuse(report, `${pointer}/paths`, "nothing_to_watch", "is empty, must name a file or folder", "Name one, or leave watch out");
}

/** One field of cron. */
interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names: readonly string[];
  /** What else one entry may be. */
  readonly special?: RegExp;
}

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const FIELDS: readonly Field[] = [
  { name: "second", min: 0, max: 59, names: [] },
  { name: "minute", min: 0, max: 59, names: [] },
  { name: "hour", min: 0, max: 23, names: [] },
  { name: "day of the month", min: 1, max: 31, names: [], special: /^(?:\?|L)$/i },
  { name: "month", min: 1, max: 12, names: MONTHS },
  { name: "day of the week", min: 0, max: 7, names: DAYS, special: /^(?:\?|(?:[0-7]|SUN|MON|TUE|WED|THU|FRI|SAT)#(?:[1-5]|L))$/i },
];

/** Says which entry of which field is no cron, and where it begins. */
function checkCron(cron: string, pointer: string, report: Report): void {
  const parts = [...cron.matchAll(/\S+/g)];
  if (parts.length !== 5 && parts.length !== 6) {
    const reason = `is ${nameOf(cron)}, which has ${parts.length} ${
      parts.length === 1 ? "field" : "fields"
    }, must have 5, or 6 with seconds`;
    return refuse(report, pointer, "bad_cron", reason, "Minute, hour, day of the month, month, day of the week");
  }
  parts.forEach(({ 0: text, index }, place) => {
    const field = FIELDS[place + FIELDS.length - parts.length]!;
    let column = index + 1;
    for (const entry of text.split(",")) {
      const why = whyNoEntry(entry, field);
      if (why !== null) {
        return refuse(report, pointer, "bad_cron", `column ${column}: ${nameOf(entry)} is no ${field.name}: ${why}`);
      }
      column += entry.length + 1;
    }
  });
}

/** Looks at `*`, a value or a range, each but the second with steps if need be. */
function whyNoEntry(entry: string, field: Field): string | null {
  if (field.special?.test(entry) === true) return null;
  const found = /^(?:(\*)|([0-9]+|[A-Za-z]+)(?:-([0-9]+|[A-Za-z]+))?)(?:\/([0-9]+))?$/.exec(entry);
  if (found === null) return "must be *, a value, a range such as 1-5, or these with steps such as */5";
  const [, star, first = "", last, step] = found;
  if (step !== undefined) {
    if (star === undefined && last === undefined) return "steps need a range, such as */5 or 0-30/5";
    const most = field.max - field.min + 1;
    if (!(Number(step) >= 1 && Number(step) <= most)) return `the step must be 1 to ${most}`;
  }
  if (star !== undefined) return null;
  const values = [first, ...(last === undefined ? [] : [last])].map((text) => valueOf(text, field));
  const [from, to] = values;
  if (from === undefined || values.includes(undefined)) {
    const names = field.names.length === 0 ? "" : `, or ${field.names[0]} to ${field.names.at(-1)}`;
    return `must be ${field.min} to ${field.max}${names}`;
  }
  return to !== undefined && from > to ? "the range must not go backwards" : null;
}

function valueOf(text: string, { min, max, names }: Field): number | undefined {
  const value = /^[0-9]+$/.test(text) ? Number(text) : names.indexOf(text.toUpperCase()) + (names === MONTHS ? 1 : 0);
  const isKnown = /^[0-9]+$/.test(text) || names.includes(text.toUpperCase());
  return isKnown && value >= min && value <= max ? value : undefined;
}

/** The zone that was looked up last: most children of a tree have the same, and each look-up takes its time. */
let lastKnownZone: string | undefined;

function checkZone(timeZone: string, pointer: string, report: Report): void {
  if (timeZone === lastKnownZone) return;
  try {
    new Intl.DateTimeFormat("en", { timeZone });
    lastKnownZone = timeZone;
  } catch {
    const hint = didYouMean(timeZone, Intl.supportedValuesOf("timeZone"));
    refuse(report, pointer, "unknown_time_zone", `is ${nameOf(timeZone)}, must be a time zone such as "Europe/Berlin"`, hint);
  }
}
