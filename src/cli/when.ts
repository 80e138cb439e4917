/** Moments as people write them. */

/** What {@linkcode momentOf} understands, for those who are told that it did not. */
export const MOMENTS = "a time such as 2026-10-02T14:30:00Z, seconds since 1970, or an age such as 90s, 15m, 2h, 3d";

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Milliseconds since the Unix epoch; a time without a zone is one of the place where the command runs. `undefined` for what is no moment. */
export function momentOf(text: string, nowMs: number): number | undefined {
  const [, age, unit = ""] = /^(\d{1,9}(?:\.\d{1,9})?)([smhdw])$/.exec(text) ?? [];
  if (age !== undefined) return nowMs - Number(age) * (UNITS_MS[unit] ?? 0);
  if (/^\d{1,12}(?:\.\d{1,9})?$/.test(text)) return 1_000 * Number(text);
  const [, day, time = "00:00", zone = ""] = ISO.exec(text) ?? [];
  const atMs = day === undefined ? NaN : Date.parse(`${day}T${time}${zone}`);
  return Number.isNaN(atMs) ? undefined : atMs;
}

const ISO = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?))?(Z|[+-]\d\d:\d\d)?$/;
