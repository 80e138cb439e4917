/** What the checks between keys share. */
import { didYouMean, type Problem } from "../base/mod.ts";
import { isRaw, type Raw } from "./pointer.ts";

/** Receives a problem. */
export type Report = (severity: Problem["severity"], rule: string, pointer: string, reason: string, hint?: string) => void;

/** Checks that the names of a list exist and are there once. */
export function checkNamed(raw: Raw, list: string, key: string, known: ReadonlySet<unknown>, what: string, report: Report): void {
  entries(raw[list]).forEach((entry, index) => checkKnown(entry[key], known, what, `/${list}/${index}/${key}`, report));
  checkUnique(raw[list], `/${list}`, key, report);
}

/** Checks that a name exists. */
export function checkKnown(name: unknown, known: ReadonlySet<unknown>, what: string, pointer: string, report: Report): void {
  if (typeof name !== "string" || known.has(name)) return;
  report("error", `unknown_${what}`, pointer, `there is no ${what} "${name}"`, didYouMean(name, [...known].map(String)));
}

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

/** Names of the root's children. */
export function childNames({ children }: Raw): Set<unknown> {
  return new Set(entries(children).map(({ name }) => name));
}

/** The entries of a list; what is not a map has no keys. */
export function entries(list: unknown): Raw[] {
  return Array.isArray(list) ? list.map((entry) => isRaw(entry) ? entry : {}) : [];
}
