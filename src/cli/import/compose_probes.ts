/** Probes of process-compose. */
import type { Keyed } from "./keyed.ts";
import type { Fields, Placeholders, Value } from "./model.ts";

/** What a probe needs of the file. */
export interface ProbeContext {
  /** Says a path as the result must say it. */
  readonly place: (path: string, from?: string) => string;
  /** Fills in what process-compose would. */
  readonly fill: (text: string) => string | Placeholders;
  /** Program and option that take a line of commands. */
  readonly shell: readonly [program: string, option: string];
}

/** When a process is ready: by its probe, by a line of its output, or at once. */
export function readinessOf(process: Keyed, conditions: ReadonlySet<string>, context: ProbeContext): Fields | undefined {
  const line = process.text("ready_log_line");
  const probe = process.map("readiness_probe");
  if (probe === undefined && line === undefined && (conditions.has("process_healthy") || conditions.has("process_log_ready"))) {
    const why = "others wait until it is healthy, and nothing says when it is";
    process.gaps.add(process.line("command"), process.path.join("."), why, "choose a readiness mode: http, tcp, exec or log_line");
  }
  if ((probe !== undefined || line !== undefined) && conditions.has("process_started")) {
    const why = "others wait only until it was started, and in Reeve until it is ready";
    process.gaps.add(
      process.line("command"),
      process.path.join("."),
      why,
      "take its readiness or their dependency away where that is too long",
    );
  }
  if (line !== undefined) {
    if (probe !== undefined) process.gap("readiness_probe", "a child has one moment in which it is ready", "the line of its output counts");
    return { mode: "log_line", pattern: escaped(line) };
  }
  if (probe === undefined) return undefined;
  const target = targetOf(probe, context);
  const fields = { ...target, ...timesOf(probe, 3) };
  const failures = probe.number("failure_threshold");
  if (failures !== undefined && failures !== 3) {
    probe.gap(
      "failure_threshold",
      "a child is asked until it is ready",
      "timeouts.start_ms limits that; health_check.max_retries counts later",
    );
  }
  restOf(probe);
  return target === undefined ? undefined : fields;
}

/** How it is watched whether it still lives. */
export function healthOf(process: Keyed, context: ProbeContext): Fields | undefined {
  const probe = process.map("liveness_probe");
  if (probe === undefined) return undefined;
  const target = targetOf(probe, context);
  const failures = probe.number("failure_threshold") ?? 3;
  const fields = { ...target, ...timesOf(probe, 1), max_retries: Math.max(0, Math.round(failures) - 1) };
  restOf(probe);
  return target === undefined ? undefined : fields;
}

function timesOf(probe: Keyed, leastTimeout: number): Fields {
  return {
    check_interval_secs: Math.max(1, Math.round(probe.number("period_seconds") ?? 10)),
    timeout_secs: Math.max(1, Math.round(probe.number("timeout_seconds") ?? Math.min(1, leastTimeout))),
  };
}

function restOf(probe: Keyed): void {
  const delay = probe.number("initial_delay_seconds");
  if (delay !== undefined && delay > 0) {
    probe.gap("initial_delay_seconds", "Reeve asks from the start on", "an early no does no harm before the child is ready");
  }
  const successes = probe.number("success_threshold");
  if (successes !== undefined && successes > 1) {
    probe.gap("success_threshold", "one yes is enough", "let the probe itself look more than once");
  }
  probe.tellRest("Reeve asks in its own way", "see the keys under readiness and health_check");
}

function targetOf(probe: Keyed, { fill, shell: [program, option] }: ProbeContext): Fields | undefined {
  const exec = probe.map("exec");
  const http = probe.map("http_get");
  if (exec !== undefined) {
    const command = exec.text("command");
    exec.gapWhereAsked(["working_dir"], "a probe runs in the folder of the supervisor", "write cd FOLDER && before the command");
    exec.tellRest("Reeve asks in its own way", "see readiness.command");
    if (http !== undefined) probe.gap("http_get", "a probe has one way to ask", "the command counts");
    return command === undefined ? undefined : { mode: "exec", command: program, args: [option, fill(command)] };
  }
  if (http === undefined) return undefined;
  const port = http.text("port");
  const host = http.text("host");
  const path = http.text("path");
  const scheme = http.text("scheme")?.toLowerCase();
  http.gapWhereAsked(["headers"], "a probe sends no headers of its own", "use a command, such as curl");
  const status = http.number("status_code");
  if (status !== undefined && status !== 200) http.gap("status_code", "any status from 200 to 399 is a yes", "use a command, such as curl");
  http.tellRest("Reeve asks in its own way", "see the keys under readiness");
  return {
    mode: "http",
    host: host === undefined ? undefined : fill(host),
    port: portOf(port ?? (scheme === "https" ? "443" : "80"), fill),
    path: path === undefined ? undefined : fill(path.startsWith("/") ? path : `/${path}`),
    scheme: scheme === "https" ? "https" : undefined,
  };
}

function portOf(text: string, fill: ProbeContext["fill"]): Value {
  return /^\d{1,5}$/.test(text) ? Number(text) : fill(text);
}

/** The line is looked for as it stands. */
function escaped(line: string): string {
  return line.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
