/** A value somewhere inside an answer. */
export function at(value: unknown, ...keys: readonly string[]): unknown {
  return keys.reduce((found, key) => typeof found === "object" && found !== null ? Reflect.get(found, key) : undefined, value);
}
