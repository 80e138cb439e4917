/** Numbers and times in letters, the same everywhere on the page. */

const UNITS = [["d", 86_400, Infinity], ["h", 3_600, 24], ["m", 60, 60], ["s", 1, 60]] as const;

/** How long something lasts, in at most two units: `3m 20s`. */
export function lasting(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const parts = UNITS.map(([unit, length, most]) => [Math.floor(seconds / length) % most, unit] as const);
  const first = parts.findIndex(([count]) => count > 0);
  if (first === -1) return "0s";
  return parts.slice(first, first + 2).filter(([count]) => count > 0).map(([count, unit]) => `${count}${unit}`).join(" ");
}

/** A number of bytes. */
export function bytes(count: number): string {
  let [value, unit] = [count, "B"];
  for (const next of ["KiB", "MiB", "GiB", "TiB"]) {
    if (value < 1_024) break;
    [value, unit] = [value / 1_024, next];
  }
  return `${value >= 100 || unit === "B" ? Math.round(value) : Number(value.toFixed(1))} ${unit}`;
}

/** A share of one processor. */
export function percent(value: number): string {
  return `${value >= 10 ? Math.round(value) : Number(value.toFixed(1))}%`;
}

/** The time of day, as the clock of whoever looks shows it or as that of UTC. */
export function clock(ms: number, isUtc: boolean): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return "–";
  if (isUtc) return date.toISOString().slice(11, 23);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** The time of day; of another day than today, that day and the minute. */
export function stamp(ms: number, isUtc: boolean, now: number): string {
  const day = dayOf(ms, isUtc);
  if (day === "–") return day;
  return day === dayOf(now, isUtc) ? clock(ms, isUtc) : `${day.slice(5)} ${clock(ms, isUtc).slice(0, 5)}`;
}

/** Day and time, whole, and how far the clock is from UTC. */
export function moment(ms: number, isUtc: boolean): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return "–";
  if (isUtc) return date.toISOString();
  const ahead = -date.getTimezoneOffset();
  const [hours, minutes] = [Math.floor(Math.abs(ahead) / 60), Math.abs(ahead) % 60].map((part) => String(part).padStart(2, "0"));
  return `${dayOf(ms, false)} ${clock(ms, false)} ${ahead < 0 ? "−" : "+"}${hours}:${minutes}`;
}

function dayOf(ms: number, isUtc: boolean): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return "–";
  if (isUtc) return date.toISOString().slice(0, 10);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
