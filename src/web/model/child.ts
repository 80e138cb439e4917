/** One child of a tree, as far as its target tells of it. */
import { listOf, numberOf, type Raw, rawOf, textOf, textsOf, timeOf } from "./read.ts";

/** What processes take. */
export interface Usage {
  readonly cpu: number;
  readonly memory: number;
  readonly processes: number;
}

/** Everything that is known of a child; times in milliseconds since the Unix epoch. */
export interface Child {
  readonly path: string;
  readonly name: string;
  readonly kind: string;
  readonly role: string | null;
  readonly severity: string;
  readonly phase: string;
  readonly operation: string;
  readonly since: number | null;
  readonly pid: number | null;
  readonly generation: number | null;
  readonly attempt: number | null;
  readonly restarts: number;
  readonly failures: number;
  readonly consecutive: number;
  readonly limit: { readonly used: number; readonly most: number; readonly windowMs: number; readonly exhausted: boolean } | null;
  readonly heartbeat: number | null;
  readonly isStale: boolean;
  readonly readiness: string;
  readonly health: string;
  readonly group: string | null;
  readonly fuse: { readonly state: string; readonly reason: string | null; readonly until: number | null };
  readonly lints: readonly string[];
  readonly stopCause: string | null;
  readonly waitingFor: readonly string[];
  readonly nextStart: number | null;
  readonly lastExit: string | null;
  readonly lastOutput: readonly string[];
  readonly lastDecision: { readonly action: string; readonly reason: string; readonly delayMs: number } | null;
  readonly dependencies: readonly string[];
  readonly wants: readonly string[];
  readonly bindsTo: readonly string[];
  readonly tags: readonly string[];
  readonly usage: Usage | null;
}

/** The last segment of a path. */
export function nameOf(path: string): string {
  return path === "/" ? "/" : path.slice(path.lastIndexOf("/") + 1);
}

/** The path of the supervisor above; `null` for the root. */
export function parentOf(path: string): string | null {
  if (path === "/") return null;
  const at = path.lastIndexOf("/");
  return at <= 0 ? "/" : path.slice(0, at);
}

/** The path of a sibling, named by its name or its path. */
export function siblingOf(path: string, name: string): string {
  if (name.startsWith("/")) return name;
  const parent = parentOf(path);
  return parent === null || parent === "/" ? `/${name}` : `${parent}/${name}`;
}

/** Reads a row of `children`; `null` where it does not even say whom it is about. */
export function readChild(value: unknown, before?: Child): Child | null {
  const raw = rawOf(value);
  const path = textOf(raw["child_path"]);
  if (path === null || !path.startsWith("/")) return null;
  const liveness = rawOf(raw["liveness"]);
  const fuse = rawOf(raw["fuse"]);
  const pid = numberOf(raw["pid"]);
  return {
    path,
    name: nameOf(path),
    kind: textOf(raw["kind"]) ?? "task",
    role: textOf(raw["task_role"]),
    severity: textOf(raw["severity"]) ?? "standard",
    phase: textOf(raw["phase"]) ?? "unknown",
    operation: textOf(raw["operation"]) ?? "active",
    since: timeOf(raw, "since"),
    pid,
    generation: numberOf(raw["generation"]),
    attempt: numberOf(raw["attempt"]),
    restarts: numberOf(raw["restarts_total"]) ?? 0,
    failures: numberOf(raw["failures_total"]) ?? 0,
    consecutive: numberOf(raw["consecutive_restarts"]) ?? 0,
    limit: readLimit(raw["restart_limit"]),
    heartbeat: timeOf(liveness, "last_heartbeat_at"),
    isStale: liveness["heartbeat_stale"] === true,
    readiness: textOf(liveness["readiness"]) ?? "unknown",
    health: textOf(raw["health"]) ?? "unknown",
    group: textOf(raw["group"]),
    fuse: { state: textOf(fuse["state"]) ?? "closed", reason: textOf(fuse["reason"]), until: timeOf(fuse, "until") },
    lints: textsOf(raw["lints"]),
    stopCause: textOf(raw["stop_cause"]),
    waitingFor: textsOf(raw["waiting_for"]),
    nextStart: timeOf(raw, "next_start"),
    lastExit: textOf(raw["last_exit"]),
    lastOutput: textsOf(raw["last_output"]),
    lastDecision: readDecision(raw["last_decision"]),
    dependencies: textsOf(raw["dependencies"]),
    wants: textsOf(raw["wants"]),
    bindsTo: textsOf(raw["binds_to"]),
    tags: textsOf(raw["tags"]),
    usage: readUsage(raw["usage"]) ?? (before !== undefined && before.pid === pid ? before.usage : null),
  };
}

/** Reads what processes take. */
export function readUsage(value: unknown): Usage | null {
  const raw = rawOf(value);
  const [cpu, memory] = [numberOf(raw["cpu_percent"]), numberOf(raw["memory_bytes"])];
  return cpu === null && memory === null ? null : { cpu: cpu ?? 0, memory: memory ?? 0, processes: numberOf(raw["processes"]) ?? 1 };
}

function readLimit(value: unknown): Child["limit"] {
  const raw = rawOf(value);
  const [used, most, windowMs] = [numberOf(raw["used"]), numberOf(raw["limit"]), numberOf(raw["window_millis"])];
  if (used === null || most === null) return null;
  return { used, most, windowMs: windowMs ?? 0, exhausted: raw["exhausted"] === true };
}

function readDecision(value: unknown): Child["lastDecision"] {
  const raw = rawOf(value);
  const [action, reason] = [textOf(raw["action"]), textOf(raw["reason"])];
  return action === null ? null : { action, reason: reason ?? "", delayMs: numberOf(raw["delay_ms"]) ?? 0 };
}

/** Words of the reference for what we call otherwise. */
const PHASES: Readonly<Record<string, string>> = { restarting: "backoff", completed: "stopped", paused: "stopped", quarantined: "stopped" };

/** The children of a target that tells its `state` alone, as the reference does. */
export function childrenOfState(value: unknown): Child[] {
  const state = rawOf(value);
  const topology = rawOf(state["topology"]);
  const rowsOf = (name: string): Map<string | null, Raw> =>
    new Map(listOf(state[name]).map(rawOf).map((row) => [textOf(row["child_path"]), row]));
  const [runtime, records] = [rowsOf("runtime_state"), rowsOf("child_runtime_records")];
  const needs = new Map<string, string[]>();
  for (const edge of listOf(topology["edges"]).map(rawOf)) {
    const [from, to] = [textOf(edge["source_path"]), textOf(edge["target_path"])];
    if (edge["kind"] === "dependency" && from !== null && to !== null) needs.set(to, [...needs.get(to) ?? [], from]);
  }
  return listOf(topology["nodes"]).map(rawOf).flatMap((node) => {
    const path = textOf(node["path"]);
    if (path === null || path === "/" || node["kind"] === "root_supervisor") return [];
    const row: Raw = runtime.get(path) ?? {};
    const record: Raw = records.get(path) ?? {};
    const decided = textOf(row["last_policy_decision"]);
    const word = textOf(row["lifecycle_state"]) ?? textOf(node["state_summary"]) ?? "unknown";
    const child = readChild({
      child_path: path,
      kind: node["kind"] === "child_task" ? "task" : node["kind"],
      severity: node["criticality"],
      tags: node["tags"],
      phase: word === "running" && row["readiness"] === "ready" ? "ready" : PHASES[word] ?? word,
      operation: word === "paused" || word === "quarantined" ? word : "active",
      generation: row["generation"],
      attempt: row["attempt"] ?? row["child_start_count"],
      restarts_total: row["restart_count"],
      health: row["health"],
      restart_limit: record["restart_limit"],
      liveness: { ...rawOf(record["liveness"]), readiness: row["readiness"] },
      // What is left of a limit is no decision.
      last_decision: decided === null || decided.startsWith("restart_limit_remaining") ? null : { action: decided },
      stop_cause: row["shutdown_state"] === "completed" ? "shutdown" : null,
      last_exit: row["last_failure"] ?? (word === "completed" ? "finished" : null),
      dependencies: needs.get(path) ?? [],
    });
    return child === null ? [] : [child];
  });
}
