/** What each option may be. */
import { anything, type Fields, fields, flag, isFields, listOf, number, oneOf, refuse, type Report, type Rule, text } from "./check.ts";

/** Longest time that a timer may have, about 24 days. */
const LONGEST_MS = 2 ** 31 - 1;

const milliseconds = number({ min: 0, max: LONGEST_MS });
const positiveMs = number({ min: 1, max: LONGEST_MS });
const positiveMsOrNull = number({ min: 1, max: LONGEST_MS, orNull: true });
const seconds = number({ min: 0.001, max: LONGEST_MS / 1000 });
const ratio = number({ min: 0, max: 1 });
const count = number({ min: 1, max: 0xffff_ffff, integer: true });
const port = number({ min: 1, max: 65535, integer: true });

/** Signals of POSIX that a process can be asked to stop with. */
export const SIGNALS: readonly string[] = Object.freeze([
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGABRT",
  "SIGKILL",
  "SIGUSR1",
  "SIGUSR2",
  "SIGPIPE",
  "SIGALRM",
  "SIGTERM",
  "SIGWINCH",
]);

const word = text();
const httpProbe = { host: word, port, path: text(/^\//, 'a path that starts with "/"'), scheme: oneOf("http", "https") };
const tcpProbe = { host: word, port };
const execProbe = { command: word, args: listOf(text(/^/, "a text")) };
const interval = { checkIntervalSecs: seconds, timeoutSecs: seconds };

const pattern: Rule = (value, pointer, report) => {
  if (typeof value !== "string" || value === "") return word(value, pointer, report);
  try {
    new RegExp(value, "u");
  } catch (error) {
    refuse(report, pointer, "bad_pattern", `is not a regular expression: ${error instanceof Error ? error.message : "unknown error"}`);
  }
};

type Modes = Readonly<Record<string, { readonly fields: Readonly<Record<string, Rule>>; readonly required?: readonly string[] }>>;

const READINESS: Modes = {
  immediate: { fields: {} },
  explicit: { fields: {} },
  http: { fields: httpProbe, required: ["port"] },
  tcp: { fields: tcpProbe, required: ["port"] },
  exec: { fields: execProbe, required: ["command"] },
  log_line: { fields: { pattern }, required: ["pattern"] },
  all: { fields: {} },
  started: { fields: {} },
  child: { fields: { child: word }, required: ["child"] },
};

const HEALTH: Modes = {
  heartbeat: { fields: {} },
  http: { fields: httpProbe, required: ["port"] },
  tcp: { fields: tcpProbe, required: ["port"] },
  exec: { fields: execProbe, required: ["command"] },
};

/** Accepts an object whose fields depend on its `mode`. */
function byMode(modes: Modes, fallback: string, common: Readonly<Record<string, Rule>>): Rule {
  return (value, pointer, report) => {
    const written = isFields(value) ? value["mode"] ?? fallback : fallback;
    const mode = typeof written === "string" && Object.hasOwn(modes, written) ? modes[written]! : { fields: {} };
    fields({ mode: oneOf(...Object.keys(modes)), ...common, ...mode.fields }, mode.required)(value, pointer, report);
  };
}

const environmentVariable = fields({ name: text(/^[A-Za-z_][A-Za-z0-9_]*$/, "letters, digits and _, not starting with a digit"), value: text(/^[^\0]*$/, "a text") }, [
  "name",
  "value",
]);

/** The rules of options that every child has. */
export const CHILD_RULES: Readonly<Record<string, Rule>> = {
  name: (value, pointer, report) => {
    text(/^[a-zA-Z_][a-zA-Z0-9_-]*$/, "letters, digits, _ and -, not starting with a digit or -")(value, pointer, report);
    if (typeof value === "string" && RESERVED.has(value)) refuse(report, pointer, "reserved_name", `"${value}" is a reserved name`, "Choose another one");
  },
  run: anything,
  dependencies: listOf(word),
  waitTimeoutMs: positiveMsOrNull,
  restartPolicy: oneOf("permanent", "transient", "temporary"),
  taskRole: oneOf("service", "worker", "job", "sidecar", "supervisor"),
  severity: oneOf("optional", "standard", "critical"),
  criticality: oneOf("critical", "optional"),
  backoff: fields({
    initialMs: milliseconds,
    maxMs: milliseconds,
    factor: number({ min: 1, max: 1000 }),
    jitter: oneOf("none", "full", "decorrelated", "deterministic"),
    ratio,
    resetAfterMs: positiveMs,
  }),
  limit: fields({ maxRestarts: count, windowMs: positiveMs, onExceeded: oneOf("slow_down", "give_up", "escalate") }),
  stop: fields({
    mode: oneOf("graceful", "kill", "wait"),
    signal: oneOf(...SIGNALS),
    timeoutMs: positiveMsOrNull,
    killWaitMs: positiveMs,
    killTree: flag,
  }),
  timeouts: fields({ startMs: positiveMsOrNull, runMs: positiveMsOrNull }),
  successExitCodes: listOf(number({ min: 0, max: 255, integer: true })),
  readiness: byMode(READINESS, "immediate", interval),
  healthCheck: byMode(HEALTH, "heartbeat", {
    ...interval,
    maxRetries: number({ min: 0, max: 1_000_000, integer: true }),
    staleAfterMs: positiveMs,
    onUnhealthy: oneOf("restart", "event"),
  }),
  args: anything,
  environment: listOf(environmentVariable),
  tags: listOf(word),
  logs: fields({ tailLines: number({ min: 0, max: 10_000, integer: true }) }),
};

/** The rules of a tree beside its children. */
export const TREE_RULES: Readonly<Record<string, Rule>> = {
  name: word,
  strategy: oneOf("one_for_one"),
  children: anything,
  policy: fields({
    childRestartLimit: count,
    childRestartWindowMs: positiveMs,
    initialBackoffMs: milliseconds,
    maxBackoffMs: milliseconds,
    jitterRatio: ratio,
    heartbeatIntervalMs: positiveMs,
    staleAfterMs: positiveMs,
    failureWindow: fields({ mode: oneOf("time_sliding", "count_sliding"), windowSecs: seconds, maxCount: count, threshold: count }),
    escalation: fields({ exitCode: number({ min: 1, max: 255, integer: true }) }),
  }),
  severityDefaults: fields(
    Object.fromEntries(["service", "worker", "job", "sidecar", "supervisor"].map((role) => [role, oneOf("optional", "standard", "critical")])),
  ),
  shutdown: fields({ gracefulTimeoutMs: positiveMs, abortWaitMs: positiveMs, abortAfterTimeout: flag, totalTimeoutMs: positiveMsOrNull }),
  observability: fields({ eventJournalCapacity: number({ min: 16, max: 10_000_000, integer: true }) }),
};

const fileUrl: Rule = (value, pointer, report) => {
  if (typeof value === "string" && value.startsWith("file:")) return;
  refuse(report, pointer, "url_not_file", `is ${nameOfUrl(value)}, must be a file: URL`, "Modules are loaded from this machine only; download it, or use import.meta.resolve");
};

/** The rules of each way to run. */
export const RUN_RULES: Readonly<Record<string, (value: Fields, pointer: string, report: Report) => void>> = {
  task: fields({ kind: anything, task: mustBeFunction }, ["task"]),
  module: fields({ kind: anything, url: fileUrl, export: word }, ["url"]),
  factory: fields({ kind: anything, name: word }, ["name"]),
  worker: fields({ kind: anything, url: fileUrl }, ["url"]),
  process: fields({ kind: anything, command: word, args: listOf(text(/^[^\0]*$/, "a text")), cwd: word, shell: flag }, ["command"]),
  supervisor: fields({ kind: anything, strategy: TREE_RULES["strategy"]!, children: anything }, ["children"]),
};

const RESERVED: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

function mustBeFunction(value: unknown, pointer: string, report: Report): void {
  if (typeof value !== "function") refuse(report, pointer, "wrong_type", `is ${nameOfUrl(value)}, must be a function`);
}

function nameOfUrl(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 128)) : `a value of type ${typeof value}`;
}
