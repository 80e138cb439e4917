/** What a reload did, or would do, as a table for people. */
import type { ReloadResult, SpecChange } from "../../mod.ts";
import { cleanText } from "../base/mod.ts";
import { renderTable } from "./table.ts";

/** Renders the outcome of a reload, or with `isDryRun` its plan. */
export function reloadText({ changes, unchanged, failed, applied }: ReloadResult, isDryRun: boolean): string {
  const same = `${unchanged} ${unchanged === 1 ? "child is" : "children are"} as before`;
  if (changes.length === 0) return `reeve: nothing has changed, ${same}\n`;
  const whys = new Map(failed.map(({ path, reason }) => [path, reason]));
  const rows = changes.map(({ path, kind, keys }) =>
    [path, (isDryRun ? PLANNED : DONE)[kind], keys.join(", "), whys.get(path) ?? ""].map((cell) => cleanText(cell))
  );
  const heading = ["CHILD", "WHAT", "CHANGED", ...isDryRun ? [] : ["FAILED, RUNS AS BEFORE"]];
  return `${renderTable(heading, rows)}reeve: ${applied ? "reloaded" : "nothing was done"}, ${same}\n`;
}

/** Whether something that came over a socket is the outcome of a reload. */
export function isReloadResult(value: unknown): value is ReloadResult {
  if (typeof value !== "object" || value === null) return false;
  const { applied, unchanged, changes, failed } = { applied: null, unchanged: null, changes: null, failed: null, ...value };
  return typeof applied === "boolean" && typeof unchanged === "number" && isListOf(changes, isChange) && isListOf(failed, isFailed);
}

function isListOf(value: unknown, is: (entry: object) => boolean): boolean {
  return Array.isArray(value) && value.every((entry) => typeof entry === "object" && entry !== null && is(entry));
}

function isChange(entry: object): boolean {
  const [kind, path, keys] = ["kind", "path", "keys"].map((key): unknown => Reflect.get(entry, key));
  return Object.hasOwn(DONE, String(kind)) && typeof path === "string" && Array.isArray(keys) &&
    keys.every((key) => typeof key === "string");
}

function isFailed(entry: object): boolean {
  const { path, reason } = { path: null, reason: null, ...entry };
  return typeof path === "string" && typeof reason === "string";
}

const DONE: Readonly<Record<SpecChange["kind"], string>> = {
  add: "added",
  remove: "removed",
  restart: "started anew",
  live: "changed at once",
  replace: "removed, and added anew",
  refused: "needs a new start of the program",
};

const PLANNED: Readonly<Record<SpecChange["kind"], string>> = {
  ...DONE,
  add: "would be added",
  remove: "would be removed",
  restart: "would start anew",
  live: "would change at once",
  replace: "would be removed, and added anew",
};
