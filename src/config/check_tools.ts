/** What the checks between keys share. */
import type { Problem } from "../base/mod.ts";
import { isRaw, type Raw } from "./pointer.ts";

/** Receives a problem. */
export type Report = (severity: Problem["severity"], rule: string, pointer: string, reason: string, hint?: string) => void;

/** Checks that a name is there once. */
export function checkUnique(list: unknown, pointer: string, key: string, report: Report): void {
  const seen = new Set<unknown>();
  entries(list).forEach((entry, index) => {
    if (typeof entry[key] === "string" && seen.has(entry[key])) {
      report("error", "duplicate_name", `${pointer}/${index}/${key}`, `"${entry[key]}" is there twice`);
    }
    seen.add(entry[key]);
  });
}

/** The entries of a list; what is not a map has no keys. */
export function entries(list: unknown): Raw[] {
  return Array.isArray(list) ? list.map((entry) => isRaw(entry) ? entry : {}) : [];
}
