/** Records of who asked for what: those of the relay, and those of a target. */
import { type Raw, rawOf, textOf, timeOf } from "./read.ts";

/** One record; what it does not tell is `null`. */
export interface AuditRow {
  /** When it was by the clock of whoever recorded it, in milliseconds. */
  readonly at: number | null;
  readonly who: string | null;
  readonly what: string | null;
  readonly where: string | null;
  readonly why: string | null;
  readonly result: string | null;
  readonly detail: string | null;
}

/** Most rows that are shown. */
const MOST = 500;

/** Reads a record of the relay; with the name of its target where records of several stand together. */
export function relayRow(raw: Raw, target: string | null): AuditRow {
  const path = textOf(rawOf(raw["target"])["child_path"]);
  return {
    at: timeOf(raw, "occurred_at"),
    who: textOf(rawOf(raw["identity"])["principal"]),
    what: textOf(raw["command"]),
    where: target === null ? path : `${target} ${path ?? ""}`,
    why: textOf(raw["reason"]),
    result: textOf(raw["result"]),
    detail: textOf(raw["detail"]),
  };
}

/** Reads a record of a target. */
export function targetRow(raw: Raw): AuditRow {
  return {
    at: timeOf(raw, "timestamp") ?? timeOf(raw, "occurred_at"),
    who: textOf(raw["requested_by"]) ?? textOf(raw["origin"]),
    what: textOf(raw["method"]),
    where: textOf(raw["target_path"]),
    why: textOf(raw["reason"]),
    result: raw["allowed"] === false ? "rejected" : textOf(raw["kind"]),
    detail: textOf(raw["denial_code"]),
  };
}

const READS = /^(?:hello|state|events\.subscribe|logs\.tail|reeve\.(?:status|events|logs|describe|audit))$/;

/** Whether it only looked. */
export function isRead({ what }: AuditRow): boolean {
  return what === null || READS.test(what);
}

/** The last ones first, by their own times; those without one where they came. */
export function newestFirst(rows: readonly AuditRow[]): AuditRow[] {
  let last = 0;
  const timed = rows.map((row) => ({ row, at: last = row.at ?? last }));
  return timed.reverse().sort((a, b) => b.at - a.at).slice(0, MOST).map(({ row }) => row);
}
