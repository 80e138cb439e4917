/** What is kept of a tree between two runs of its program. */
import type { RestoredChild, RestoredWindow } from "../core/mod.ts";

/** Who holds a child, why, and since when. */
export interface SavedHold {
  readonly by: string;
  readonly reason: string;
  /** In milliseconds since the Unix epoch. */
  readonly sinceMs: number;
}

/** What is kept of one child; all times are in milliseconds since the Unix epoch. */
export interface SavedChild extends RestoredChild {
  readonly path: string;
  /** SHA-256 of its declaration. */
  readonly specHash: string;
  /** `null` where nobody holds it. */
  readonly hold: SavedHold | null;
}

/** What is kept of a tree. */
export interface SavedState {
  /** Name of the tree. */
  readonly tree: string;
  /** When it was written. */
  readonly atMs: number;
  readonly children: readonly SavedChild[];
  /** When each child with a schedule was started the last time, by path. */
  readonly lastRuns: Readonly<Record<string, number>>;
}

/** Whether a value that came from outside is one. */
export function isSavedState(value: object): value is SavedState {
  const children: unknown = Reflect.get(value, "children");
  const lastRuns: unknown = Reflect.get(value, "lastRuns");
  return typeof Reflect.get(value, "tree") === "string" && isTime(Reflect.get(value, "atMs")) && Array.isArray(children) &&
    children.every(isSavedChild) && isObject(lastRuns) && Object.values(lastRuns).every(isTime);
}

function isSavedChild(value: unknown): value is SavedChild {
  if (!isObject(value)) return false;
  const get = (key: string): unknown => Reflect.get(value, key);
  return ["path", "specHash"].every((key) => typeof get(key) === "string") &&
    ["active", "paused", "quarantined"].some((operation) => get("operation") === operation) &&
    ["generation", "attempt", "restartsTotal", "failuresTotal"].every((key) => isCount(get(key))) &&
    (get("hold") === null || isHold(get("hold"))) && (get("window") === null || isWindow(get("window")));
}

function isHold(value: unknown): value is SavedHold {
  return isObject(value) && typeof Reflect.get(value, "by") === "string" && typeof Reflect.get(value, "reason") === "string" &&
    isTime(Reflect.get(value, "sinceMs"));
}

function isWindow(value: unknown): value is RestoredWindow {
  if (!isObject(value)) return false;
  const times: unknown = Reflect.get(value, "timesMs");
  const level: unknown = Reflect.get(value, "level");
  return Array.isArray(times) && times.every(isTime) && typeof level === "number" && level >= 0 && isTime(Reflect.get(value, "levelAtMs"));
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
