/** Both forms of the protocol, 0.1.3 and 0.1.4, brought into the one that the client gives. */
import { camelCase, refuseJson } from "../base/mod.ts";

/** Deepest nesting of what a target sends. */
const DEEPEST = 64;

/** Times are beyond the numbers that JavaScript has without loss: they are read as texts, as 0.1.4 writes them. */
const TIMES = /"(\w+_unix_nanos)"\s*:\s*(\d+)(?=\s*[,}])/g;

/** Members whose own members are names that somebody chose. */
const CHOSEN: ReadonlySet<string> = new Set(["fields", "diagnostics", "extensions"]);

/** Numbers that 0.1.4 writes as texts, beside the times. */
const NUMBERS: ReadonlySet<string> = new Set(["window_millis"]);

/** Reads a line; throws for what is no JSON object, or too deep. */
export function readLine(line: string): Readonly<Record<string, unknown>> {
  if (refuseJson(line, DEEPEST) !== null) throw new Error("what it sent is nested too deep, or has a member twice");
  const value: unknown = JSON.parse(line.replace(TIMES, '"$1":"$2"'));
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("what it sent is no object");
  return { ...value };
}

/** The same value with names in camelCase and times as bigints; a time that there is not, `null` in one form, is left out as in the other. */
export function brought(value: unknown, name = ""): unknown {
  if (typeof value === "string") return read(value, name);
  if (typeof value !== "object" || value === null || CHOSEN.has(name)) return value;
  if (Array.isArray(value)) return value.map((entry) => brought(entry));
  const members = Object.entries(value).filter(([key, entry]) => entry !== null || !isTime(key));
  return Object.fromEntries(members.map(([key, entry]) => [memberOf(key), brought(entry, key)]));
}

/** A push as the client gives it; the reference leaves out of a delta what has not changed. */
export function broughtPush({ type, ...more }: Readonly<Record<string, unknown>>): object {
  const { delta, ...rest }: Record<string, unknown> = { ...Object(brought(more)) };
  if (delta === undefined) return { type, ...rest };
  return { type, ...rest, delta: { sequence: 0, whole: false, runtimeState: [], childRuntimeRecords: [], removed: [], ...Object(delta) } };
}

function read(text: string, name: string): unknown {
  if (!/^\d{1,39}$/.test(text)) return text;
  if (isTime(name)) return BigInt(text);
  return NUMBERS.has(name) ? Number(text) : text;
}

function isTime(name: string): boolean {
  return name.endsWith("_unix_nanos");
}

const names = new Map<string, string>();

/** Names repeat: the few there are are made once. */
function memberOf(name: string): string {
  const before = names.get(name);
  if (before !== undefined) return before;
  const made = camelCase(name);
  if (names.size < 1_024) names.set(name, made);
  return made;
}
