/** JSON Pointers, and the way from a pointer into the declaration to one into the file. */

/** Any parsed value with keys. */
export type Raw = Readonly<Record<string, unknown>>;

/** Whether a parsed value has keys. */
export function isRaw(value: unknown): value is Raw {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Joins a path to a pointer. */
export function toPointer(path: readonly PropertyKey[]): string {
  return path.map((segment) => `/${String(segment).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** Splits a pointer; numbers become indexes. */
export function toPath(pointer: string): (string | number)[] {
  return pointer.split("/").slice(1).map((segment) =>
    /^\d+$/.test(segment) ? Number(segment) : segment.replaceAll("~1", "/").replaceAll("~0", "~")
  );
}

/** The value at a path, or `undefined`. */
export function valueAt(value: unknown, path: readonly (string | number)[]): unknown {
  let current = value;
  for (const segment of path) {
    if (Array.isArray(current) && typeof segment === "number") current = current[segment];
    else if (isRaw(current) && Object.hasOwn(current, String(segment))) current = current[String(segment)];
    else return undefined;
  }
  return current;
}

/** Options of the root supervisor, which have a section of their own in a file. */
const ROOT_SUPERVISOR: ReadonlySet<string> = new Set(["strategy", "auto_shutdown", "escalation_policy", "dynamic_supervisor"]);

/** Turns a pointer into the declaration (camelCase, flattened `run`) into one into the file. */
export function filePointer(pointer: string, raw: unknown): string {
  const result: (string | number)[] = [];
  for (const segment of toPath(pointer)) {
    if (typeof segment === "number") {
      pushIndex(result, segment, raw);
      continue;
    }
    const key = segment.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (result.length === 0 && ROOT_SUPERVISOR.has(key)) result.push("supervisor");
    if (result.at(-1) === "run") pushRunKind(result, key, raw);
    if (key !== "kind" || result.at(-1) !== "run") result.push(key);
  }
  return toPointer(result);
}

/** Dependencies come from two lists of the file. */
function pushIndex(result: (string | number)[], index: number, raw: unknown): void {
  if (result.at(-1) === "dependencies") {
    const own = valueAt(raw, result);
    const count = Array.isArray(own) ? own.length : 0;
    if (index >= count) {
      result[result.length - 1] = "requires";
      result.push(index - count);
      return;
    }
  }
  result.push(index);
}

/** In the file the way to run has a level of its own. */
function pushRunKind(result: (string | number)[], key: string, raw: unknown): void {
  const run = valueAt(raw, result);
  const kind = isRaw(run) ? Object.keys(run)[0] : undefined;
  if (kind !== undefined && key !== "name") result.push(kind);
}
