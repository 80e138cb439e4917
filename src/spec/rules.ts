/** What each option may be. */
import { didYouMean } from "../base/mod.ts";
import * as check from "./check.ts";
import {
  type Fields,
  fields,
  flag,
  isFields,
  listOf,
  nameOf,
  number,
  oneOf,
  orNull,
  refuse,
  type Report,
  type Rule,
  type Rules,
  secretText,
  text,
} from "./check.ts";
import { jsonValue } from "./json_value.ts";
import { listenRule } from "./listen_rules.ts";
import { SIGNALS, SUSPENDING_SIGNALS } from "./signals.ts";

/** Longest time that a timer may have, about 24 days. */
const LONGEST_MS = 2 ** 31 - 1;

/** How many copies a child may have. */
const MOST_INSTANCES = 1_000;

/** Names that mean something else in JavaScript. */
const RESERVED: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

const milliseconds = number({ min: 0, max: LONGEST_MS });
const positiveMs = number({ min: 1, max: LONGEST_MS });
const positiveMsOrNull = number({ min: 1, max: LONGEST_MS, orNull: true });
const seconds = number({ min: 0.001, max: LONGEST_MS / 1000 });
const ratio = number({ min: 0, max: 1 });
const percent = number({ min: 1, max: 100, integer: true });
const count = number({ min: 1, max: 0xffff_ffff, integer: true });
const retries = number({ min: 0, max: 1_000_000, integer: true });
const port = number({ min: 1, max: 65_535, integer: true });
const portStep = number({ min: 0, max: 1_000, integer: true });
const exitCode = number({ min: 0, max: 255, integer: true });

const word = text(/\S/, "a text that is not blank");
// The operating system ends a text at NUL.
const systemText = text(/^(?=[^]*\S)[^\0]+$/, "a text that is not blank, without the character NUL");
const role = oneOf("service", "worker", "job", "sidecar", "supervisor");
const severity = oneOf("optional", "standard", "critical");

const childName: Rule = (value, pointer, report) => {
  if (typeof value === "string" && RESERVED.has(value)) {
    return refuse(report, pointer, "reserved_name", `"${value}" is a reserved name`, "Choose another one");
  }
  text(/^[a-zA-Z_][a-zA-Z0-9_-]*$/, "letters, digits, _ and -, not starting with a digit or -")(value, pointer, report);
};

const signal: Rule = (value, pointer, report) => {
  if (typeof value !== "string") {
    return refuse(report, pointer, "wrong_type", `is ${nameOf(value)}, must be the name of a signal such as "SIGTERM"`);
  }
  if (SIGNALS.includes(value)) return;
  if (SUSPENDING_SIGNALS.includes(value)) {
    return refuse(report, pointer, "signal_suspends", `"${value}" suspends a process, must be a signal that ends it`, 'Use "SIGTERM"');
  }
  const full = `SIG${value.toUpperCase()}`;
  const hint = SIGNALS.includes(full) ? `Did you mean "${full}"?` : didYouMean(value, SIGNALS);
  refuse(report, pointer, "unknown_signal", `is ${nameOf(value)}, must be the name of a signal such as "SIGTERM"`, hint);
};

const pattern: Rule = (value, pointer, report) => {
  if (typeof value !== "string" || value === "") return word(value, pointer, report);
  try {
    new RegExp(value, "u");
  } catch (error) {
    refuse(report, pointer, "bad_pattern", `is not a regular expression: ${error instanceof Error ? error.message : "unknown error"}`);
  }
};

interface Mode {
  readonly fields: Rules;
  readonly required?: readonly string[];
}

const NO_FIELDS: Mode = { fields: {} };
const HTTP: Mode = {
  fields: { host: word, port, portStep, path: text(/^\//, 'a path that starts with "/"'), scheme: oneOf("http", "https") },
  required: ["port"],
};
const TCP: Mode = { fields: { host: word, port, portStep }, required: ["port"] };
const EXEC: Mode = { fields: { command: systemText, args: listOf(secretText) }, required: ["command"] };
const INTERVAL: Rules = { checkIntervalSecs: seconds, timeoutSecs: seconds };

const READINESS = byMode({
  immediate: NO_FIELDS,
  explicit: NO_FIELDS,
  completed: NO_FIELDS,
  http: HTTP,
  tcp: TCP,
  exec: EXEC,
  log_line: { fields: { pattern }, required: ["pattern"] },
  all: NO_FIELDS,
  started: NO_FIELDS,
  child: { fields: { child: word }, required: ["child"] },
}, INTERVAL);

const HEALTH = byMode({ heartbeat: NO_FIELDS, http: HTTP, tcp: TCP, exec: EXEC }, {
  ...INTERVAL,
  maxRetries: retries,
  staleAfterMs: positiveMs,
  onUnhealthy: oneOf("restart", "event"),
});

/** Accepts an object whose fields depend on its `mode`. */
function byMode(modes: Readonly<Record<string, Mode>>, common: Rules): Rule {
  const known: Rules = { mode: oneOf(...Object.keys(modes)), ...common };
  const homes = (key: string): string[] => Object.keys(modes).filter((name) => Object.hasOwn(modes[name]!.fields, key));
  // Under a mode that does not exist nobody knows which fields are wrong.
  const lenient: Rules = Object.fromEntries(
    Object.values(modes).flatMap((mode) => Object.keys(mode.fields)).map((key) => [key, check.anything]),
  );
  return (value, pointer, report) => {
    const name = isFields(value) ? value["mode"] : undefined;
    const exists = typeof name === "string" && Object.hasOwn(modes, name);
    const mode = exists ? modes[name]! : name === undefined ? NO_FIELDS : { fields: lenient };
    const hintFor = (key: string): string | undefined => {
      const names = homes(key).map((home) => `"${home}"`);
      return names.length === 0 ? undefined : `"${key}" belongs to mode ${names.join(" or ")}`;
    };
    if (!check.checkFields(value, pointer, { ...known, ...mode.fields }, report, hintFor)) return;
    check.checkPresent(value, pointer, mode.required ?? [], report);
  };
}

const variable = fields({
  name: text(/^[A-Za-z_][A-Za-z0-9_]*$/, "letters, digits and _, not starting with a digit"),
  value: secretText,
  secret: flag,
}, ["name", "value"]);

/** When a file begins anew, and what is kept of the older ones. */
const ROTATION: Rules = {
  maxBytes: number({ min: 1_024, max: Number.MAX_SAFE_INTEGER, integer: true }),
  maxAgeSecs: number({ min: 1, max: LONGEST_MS / 1_000, orNull: true }),
  keep: number({ min: 1, max: 10_000, integer: true }),
};

const fsync = oneOf("always", "interval", "never");

const hook = fields({ command: systemText, args: listOf(secretText), timeoutMs: positiveMs }, ["command"]);

/** Accepts an exit code or the category of a failure. */
const codeOrCategory: Rule = (value, pointer, report) => (typeof value === "number" ? exitCode : word)(value, pointer, report);

const callback: Rule = (value, pointer, report) => {
  if (typeof value !== "function") refuse(report, pointer, "wrong_type", `is ${nameOf(value)}, must be a function`);
};

/** The rules of options that every child has. */
export const CHILD_RULES: Rules = {
  name: childName,
  run: check.anything,
  dependencies: listOf(word),
  wants: listOf(word),
  bindsTo: listOf(word),
  waitTimeoutMs: positiveMsOrNull,
  restartPolicy: oneOf("permanent", "transient", "temporary"),
  decide: callback,
  neverRestartOn: listOf(codeOrCategory),
  significant: flag,
  taskRole: role,
  severity,
  criticality: oneOf("critical", "optional"),
  backoff: fields({
    initialMs: milliseconds,
    maxMs: milliseconds,
    factor: number({ min: 1, max: 1000 }),
    jitter: oneOf("none", "full", "decorrelated", "deterministic"),
    ratio,
    resetAfterMs: positiveMs,
  }),
  limit: fields({
    maxRestarts: count,
    windowMs: positiveMs,
    halfLifeMs: positiveMs,
    onExceeded: oneOf("slow_down", "give_up", "escalate"),
  }),
  stop: fields({
    mode: oneOf("graceful", "kill", "wait"),
    signal,
    thenSignals: listOf(fields({ signal, afterMs: positiveMs }, ["signal", "afterMs"])),
    drainDelayMs: milliseconds,
    timeoutMs: positiveMsOrNull,
    killWaitMs: positiveMs,
    killTree: flag,
  }),
  timeouts: fields({ startMs: positiveMsOrNull, runMs: positiveMsOrNull }),
  successExitCodes: listOf(exitCode),
  readiness: READINESS,
  healthCheck: HEALTH,
  args: jsonValue,
  environment: listOf(variable),
  tags: listOf(word),
  group: word,
  sidecarConfig: fields({ primaryChildId: word, linkedLifecycle: flag }, ["primaryChildId"]),
  commandPermissions: fields({ allowRestart: flag, allowShutdown: flag }),
  logs: fields({
    tailLines: number({ min: 0, max: 10_000, integer: true }),
    stdout: flag,
    stderr: flag,
    file: systemText,
    format: oneOf("text", "json"),
    ...ROTATION,
    compress: flag,
  }),
  hooks: fields({ beforeStart: hook, afterStart: hook, beforeStop: hook, afterExit: hook }),
  resourceLimits: fields({
    maxMemoryMb: number({ min: 1, max: 0xffff_ffff, integer: true, orNull: true }),
    maxCpuPercent: number({ min: 1, max: 100, integer: true, orNull: true }),
    maxFileDescriptors: number({ min: 1, max: 0x7fff_ffff, integer: true, orNull: true }),
  }),
  watch: fields({ paths: listOf(systemText), ignore: listOf(word), debounceMs: positiveMs }, ["paths"]),
  schedule: fields({
    cron: word,
    timeZone: word,
    everyMs: positiveMs,
    jitterMs: milliseconds,
    overlap: oneOf("skip", "queue", "replace"),
    missed: oneOf("skip", "run_once"),
    atStart: flag,
  }),
  instances: number({ min: 1, max: MOST_INSTANCES, integer: true }),
  rolling: fields({ maxSurge: number({ min: 0, max: MOST_INSTANCES, integer: true }) }),
};

const budget = fields({ maxBurst: count, recoveryRatePerSec: number({ min: 0.000_001, max: 1_000 }), windowSecs: seconds });
const strategy = oneOf("one_for_one", "one_for_all", "rest_for_one");
const escalationPolicy = oneOf("escalate_to_parent", "shutdown_tree", "quarantine_scope");
const STRATEGY: Rules = {
  strategy,
  restartLimit: orNull(fields({ maxRestarts: count, windowMs: positiveMs }, ["maxRestarts"])),
  escalationPolicy: orNull(escalationPolicy),
};

const SUPERVISOR: Rules = {
  strategy,
  autoShutdown: oneOf("never", "any_significant", "all_significant"),
  escalationPolicy,
  dynamicSupervisor: fields({ enabled: flag, childLimit: number({ min: 1, max: 0xffff_ffff, integer: true, orNull: true }) }),
  groups: listOf(fields({ name: word, children: listOf(word), budget: orNull(budget), concurrentRestartLimit: count }, ["name"])),
  groupStrategies: listOf(fields({ group: word, ...STRATEGY }, ["group", "strategy"])),
  groupDependencies: listOf(
    fields({ fromGroup: word, toGroup: word, propagation: oneOf("none", "escalate_only", "full") }, [
      "fromGroup",
      "toGroup",
      "propagation",
    ]),
  ),
  childStrategyOverrides: listOf(fields({ childId: word, ...STRATEGY }, ["childId", "strategy"])),
};

const loopGuard = orNull(fields({ windowSecs: seconds, maxRestarts: count }));

/** The rules of a tree beside its children. */
export const TREE_RULES: Rules = {
  name: word,
  ...SUPERVISOR,
  children: check.anything,
  templates: check.anything,
  policy: fields({
    childRestartLimit: count,
    childRestartWindowMs: positiveMs,
    initialBackoffMs: milliseconds,
    maxBackoffMs: milliseconds,
    jitterRatio: ratio,
    heartbeatIntervalMs: positiveMs,
    staleAfterMs: positiveMs,
    failureWindow: fields({
      mode: oneOf("time_sliding", "count_sliding", "decay"),
      windowSecs: seconds,
      halfLifeSecs: seconds,
      maxCount: count,
      threshold: count,
    }),
    supervisorFailureLimit: count,
    supervisorFailureWindowMs: positiveMs,
    restartBudget: budget,
    meltdown: fields({
      childMaxRestarts: count,
      childWindowSecs: seconds,
      groupMaxFailures: count,
      groupWindowSecs: seconds,
      supervisorMaxFailures: count,
      supervisorWindowSecs: seconds,
      resetAfterSecs: seconds,
    }),
    coldStart: loopGuard,
    hotLoop: loopGuard,
    supervisionPipeline: fields({ concurrentRestartLimit: count }),
    escalation: fields({ exitCode: number({ min: 1, max: 255, integer: true }) }),
  }),
  severityDefaults: fields({ service: severity, worker: severity, job: severity, sidecar: severity, supervisor: severity }),
  shutdown: fields({ gracefulTimeoutMs: positiveMs, abortWaitMs: positiveMs, abortAfterTimeout: flag, totalTimeoutMs: positiveMsOrNull }),
  observability: fields({
    eventJournalCapacity: number({ min: 16, max: 10_000_000, integer: true }),
    eventQueueCapacity: number({ min: 1, max: 10_000_000, integer: true }),
    commandQueueCapacity: number({ min: 1, max: 1_000_000, integer: true }),
    metricsEnabled: flag,
    journal: fields({ path: systemText, ...ROTATION, compress: flag, fsync }, ["path"]),
  }),
  audit: fields({
    enabled: flag,
    backend: oneOf("memory", "file"),
    filePath: systemText,
    failureStrategy: oneOf("fail_closed", "defer_bounded"),
    maxDeferQueue: count,
    maxBytes: ROTATION["maxBytes"]!,
    keep: ROTATION["keep"]!,
    fsync,
  }),
  backpressure: fields({
    strategy: oneOf("alert_and_block", "sample_and_audit"),
    warnThresholdPct: percent,
    criticalThresholdPct: percent,
    windowSecs: seconds,
    sampleRatio: number({ min: 0.01, max: 1 }),
    auditChannelCapacity: count,
  }),
  state: fields({ path: systemText, leftovers: oneOf("stop", "leave") }, ["path"]),
};

/** Accepts the URL of a file of this machine. */
function fileUrl(what: string): Rule {
  return (value, pointer, report) => {
    if (typeof value !== "string") return refuse(report, pointer, "wrong_type", `is ${nameOf(value)}, must be the text of a "file:" URL`);
    if (!URL.canParse(value)) {
      const hint = `Write new URL("./${what}.ts", import.meta.url).href`;
      return refuse(report, pointer, "url_not_file", `is ${nameOf(value)}, must be a whole URL that starts with "file:"`, hint);
    }
    const { protocol, host } = new URL(value);
    if (protocol === "file:" && host === "") return;
    const found = protocol === "file:" ? `names the machine "${host}"` : `is a "${protocol}" URL`;
    const hint = protocol === "data:"
      ? "Put the code into a file"
      : "Code is only loaded from this machine, so that nobody else can change it; download the file";
    refuse(report, pointer, "url_not_file", `${found}, must be a "file:" URL of this machine`, hint);
  };
}

const taskFunction: Rule = (value, pointer, report) => {
  if (typeof value === "function") return;
  const hint = value instanceof Promise ? "Pass the function itself, not what it returns" : undefined;
  refuse(report, pointer, "wrong_type", `is ${nameOf(value)}, must be a function`, hint);
};

const kind = check.anything;
const userId = number({ min: 0, max: 0xffff_fffe, integer: true });

/** The rules of each way to run. */
export const RUN_RULES: Readonly<Record<string, (value: Fields, pointer: string, report: Report) => void>> = {
  task: fields({ kind, task: taskFunction }, ["task"]),
  module: fields({ kind, url: fileUrl("task"), export: word }, ["url"]),
  factory: fields({ kind, name: word }, ["name"]),
  worker: fields({ kind, url: fileUrl("worker") }, ["url"]),
  process: fields({
    kind,
    command: systemText,
    args: listOf(secretText),
    cwd: systemText,
    shell: flag,
    envFile: systemText,
    uid: userId,
    gid: userId,
    stopOnParentDeath: flag,
    listen: listOf(listenRule),
  }, ["command"]),
  supervisor: fields({ kind, ...SUPERVISOR, children: check.anything }, ["children"]),
};
