/** A declaration as one number, so that two can be compared, also across two runs of a program. */
import { createHash } from "node:crypto";
import type { ChildSpec } from "./types.ts";

/**
 * Returns the SHA-256 of a declaration in hexadecimal: its keys in order, without functions.
 *
 * The values of its environment are left out, because a hash gives a weak secret away.
 */
export function specHash(spec: ChildSpec): string {
  return hashOf(canonical(spec));
}

/** Returns the SHA-256 of a whole topology, given what each path was declared with. */
export function topologyHash(children: Iterable<readonly [path: string, spec: ChildSpec]>): string {
  const rows = [...children].map(([path, spec]) => [path, specHash(spec)]);
  return hashOf(rows.sort(([a = ""], [b = ""]) => a < b ? -1 : 1));
}

function hashOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}

function canonical(value: unknown, key = ""): unknown {
  if (typeof value === "function") return undefined;
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof URL || value instanceof RegExp) return String(value);
  if (key === "environment" && Array.isArray(value)) {
    return value.map((entry) => typeof entry === "object" ? Reflect.get(entry, "name") : entry);
  }
  if (Array.isArray(value)) return value.map((entry) => canonical(entry));
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => a < b ? -1 : 1).map(([name, entry]) => [name, canonical(entry, name)]));
}
