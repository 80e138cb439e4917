/** What of a recorded answer must come again. */

/** What `hello` tells beyond the reference, beside the registration, which must stay as it is. */
const OF_OUR_OWN: ReadonlySet<string> = new Set(["server", "capabilities", "extensions"]);

/** What must be the same: everything but times, the parser's own words, the lease and the path. */
export function comparable(value: unknown, key = ""): unknown {
  if (typeof value === "number" && key.endsWith("_unix_nanos")) return "a time";
  if (typeof value === "string" && key === "message") return value.replace(/^(failed to parse [a-zA-Z ]+:).*/s, "$1");
  if (key === "ipc_path") return "the path";
  if (key === "lease_seconds") return "the lease";
  if (Array.isArray(value)) return value.map((entry) => comparable(entry));
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).filter(([name]) => key !== "result" || !OF_OUR_OWN.has(name));
  return Object.fromEntries(members.map(([name, entry]) => [name, comparable(entry, name)]));
}
