/** Reads what came over the wire: nothing is believed to be there, or to have the form it should have. */

/** An object whose members are not known. */
export type Raw = Readonly<Record<string, unknown>>;

/** The value as an object; an empty one where it is none. */
export function rawOf(value: unknown): Raw {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/** The value as a list; an empty one where it is none. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The value as a text, where it is one. */
export function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/** The texts of a list. */
export function textsOf(value: unknown): readonly string[] {
  return listOf(value).filter((entry) => typeof entry === "string");
}

/** The value as a number, where it is one that counts. */
export function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** A moment in milliseconds: from its ISO text, or from its nanoseconds where there is none. */
export function timeOf(raw: Raw, name: string): number | null {
  const iso = raw[name];
  if (typeof iso === "string") {
    const ms = Date.parse(iso);
    if (Number.isFinite(ms)) return ms;
  }
  const nanos = raw[`${name}_unix_nanos`];
  if (typeof nanos === "string" && /^\d{7,30}$/.test(nanos)) return dateOf(Number(nanos.slice(0, -6)));
  if (typeof nanos === "number" && nanos > 0) return dateOf(Math.floor(nanos / 1e6));
  return null;
}

/** Milliseconds that a date can have. */
const LONGEST_MS = 8.64e15;

function dateOf(ms: number): number | null {
  return ms <= LONGEST_MS ? ms : null;
}
