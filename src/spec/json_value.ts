/** Whether a value can be handed to a child, wherever it runs. */
import { escapePointer, isFields, refuse, type Report, typeNameOf } from "./check.ts";

/** Deepest nesting; what is deeper could not be sent. */
const DEEPEST = 100;

const HINT = "Hand plain data to a child; a task reaches anything else through its closure";

/** Accepts what JSON can say. */
export function jsonValue(value: unknown, pointer: string, report: Report): void {
  const open = new Set<unknown>();
  const done = new Set<unknown>();

  function visit(current: unknown, place: string): void {
    if (current === null || typeof current === "string" || typeof current === "boolean") return;
    if (typeof current === "number") {
      if (!Number.isFinite(current)) refuse(report, place, "not_json", `is ${current}, must be a value that JSON can say`);
      return;
    }
    if (!Array.isArray(current) && !isFields(current)) {
      return refuse(report, place, "not_json", `is ${typeNameOf(current)}, must be a value that JSON can say`, HINT);
    }
    if (open.has(current)) return refuse(report, place, "not_json", "contains itself, must be a value that JSON can say");
    if (open.size === DEEPEST) return refuse(report, place, "not_json", `is nested deeper than ${DEEPEST} levels`);
    if (done.has(current)) return;
    open.add(current);
    if (Array.isArray(current)) {
      for (let index = 0; index < current.length; index++) visit(current[index], `${place}/${index}`);
    } else {
      // JSON leaves out what is undefined.
      for (const [key, entry] of Object.entries(current)) if (entry !== undefined) visit(entry, `${place}/${escapePointer(key)}`);
    }
    open.delete(current);
    done.add(current);
  }

  visit(value, pointer);
}
