/** What a target sends, looked at before it is believed: nothing of it may break what is drawn. */
import type { ChildDescription, ChildUsage, TreeDescription } from "../../client/mod.ts";

type Kind = "text" | "number" | "time" | "texts" | "text?" | "number?" | "time?";

/** Members that must be of their kind, as a list: it is gone through for each of ten thousand children. */
type Shape = readonly (readonly [name: string, kind: Kind])[];

/** Longest path; a longer one is no path of ours. */
const LONGEST_PATH = 1_024;

const CHILD: Shape = Object.entries<Kind>({
  childPath: "text",
  kind: "text",
  taskRole: "text?",
  severity: "text",
  phase: "text",
  operation: "text",
  sinceUnixNanos: "time",
  nextStartUnixNanos: "time?",
  pid: "number?",
  generation: "number",
  attempt: "number",
  restartsTotal: "number",
  failuresTotal: "number",
  health: "text",
  group: "text?",
  lints: "texts",
  stopCause: "text?",
  waitingFor: "texts",
  lastExit: "text?",
  dependencies: "texts",
  wants: "texts",
  bindsTo: "texts",
  tags: "texts",
  children: "texts",
});
const LIMIT: Shape = Object.entries<Kind>({ windowMillis: "number", limit: "number", used: "number" });
const FUSE: Shape = Object.entries<Kind>({ state: "text", reason: "text?" });
const DECISION: Shape = Object.entries<Kind>({ action: "text", reason: "text", delayMs: "number" });
const USAGE: Shape = Object.entries<Kind>({ childPath: "text", cpuPercent: "number", memoryBytes: "number", processes: "number" });
const TREE: Shape = Object.entries<Kind>({
  name: "text",
  phase: "text",
  atUnixNanos: "time",
  startedAtUnixNanos: "time",
  restartsTotal: "number",
  failuresTotal: "number",
  residentBytes: "number",
});

/** Whether this is a child, as far as it is drawn. */
export function isChild(value: unknown): value is ChildDescription {
  if (!has(value, CHILD)) return false;
  const { childPath, restartLimit, fuse, lastDecision }: Record<string, unknown> = { ...value };
  return isPath(childPath) && has(restartLimit, LIMIT) && has(fuse, FUSE) && (lastDecision === null || has(lastDecision, DECISION));
}

/** Whether this is what processes take. */
export function isUsage(value: unknown): value is ChildUsage & { readonly childPath: string } {
  return has(value, USAGE) && isPath(Reflect.get(value, "childPath"));
}

/** Whether this is a tree. */
export function isTree(value: unknown): value is TreeDescription {
  return has(value, TREE);
}

function isPath(value: unknown): boolean {
  return typeof value === "string" && value.length <= LONGEST_PATH && /^\/[^/]/.test(value);
}

function has(value: unknown, shape: Shape): value is object {
  return typeof value === "object" && value !== null && shape.every(([name, kind]) => is(Reflect.get(value, name), kind));
}

function is(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case "text":
      return typeof value === "string";
    case "text?":
      return value === null || value === undefined || typeof value === "string";
    case "number":
      return typeof value === "number" && Number.isFinite(value);
    case "number?":
      return value === null || (typeof value === "number" && Number.isFinite(value));
    case "time":
      return typeof value === "bigint";
    case "time?":
      return value === undefined || typeof value === "bigint";
    case "texts":
      return Array.isArray(value) && value.every((entry) => typeof entry === "string");
  }
}
