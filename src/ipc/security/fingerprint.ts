/** What tells one request from another: the same method with the same params has the same fingerprint, however it is written. */
import { createHash } from "node:crypto";

/** Longest text that stands for itself. */
const SHORT = 128;

/** A short text for a request of any length. */
export function fingerprint(method: string, params: unknown): string {
  return params === null ? method : shortened(`${method} ${canonical(params)}`);
}

/** A short text for a text of any length; different texts stay different: what stands for a long one is longer than any that stands for itself. */
export function shortened(text: string): string {
  return text.length <= SHORT ? text : `#${createHash("sha512").update(text).digest("hex")}`;
}

/** JSON with the members of objects in the order of their names. */
function canonical(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const members = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1);
  return `{${members.map(([name, entry]) => `${JSON.stringify(name)}:${canonical(entry)}`).join(",")}}`;
}
