/** Options that are right alone and wrong together, or with the way a child runs. */
import { didYouMean } from "../base/mod.ts";
import { type Fields, isFields, nameOf, refuse, type Report, warn } from "./check.ts";
import { DEFAULTS } from "./defaults.ts";
import { STRENGTHS } from "./graph.ts";
import { checkBudget } from "./group_checks.ts";
import { checkSchedule, checkWatch } from "./occasion_checks.ts";

/** A child whose options were looked at one by one. */
export interface Subject {
  /** The child itself. */
  readonly child: Fields;
  /** The kind of its `run`; `undefined` when there is none that is known. */
  readonly kind: string | undefined;
  /** Pointer to the child. */
  readonly pointer: string;
  /** The policy of the tree. */
  readonly policy: Fields;
  /** How its tree stops. */
  readonly shutdown: Fields;
  /** `autoShutdown` of its supervisor. */
  readonly autoShutdown: unknown;
}

/** Looks at one child. */
export function checkCombinations(subject: Subject, report: Report): void {
  const { child, kind, pointer } = subject;
  checkBackoff(child["backoff"], ["initialMs", "maxMs"], `${pointer}/backoff`, report);
  checkStop(subject, report);
  checkRole(subject, report);
  checkLimit(subject, report);
  checkEnd(subject, report);
  checkVariables(child["environment"], `${pointer}/environment`, report);
  checkLogs(child["logs"], `${pointer}/logs`, report);
  checkSchedule(child, `${pointer}/schedule`, report);
  checkWatch(child["watch"], `${pointer}/watch`, report);
  if (child["waitTimeoutMs"] !== undefined && STRENGTHS.every((key) => isEmpty(child[key]))) {
    warn(report, `${pointer}/waitTimeoutMs`, "no_effect", "has no effect, because the child has no dependencies");
  }
  if (kind === undefined) return;
  checkReadiness(subject, report);
  checkHealth(subject, report);
  checkKind(subject, kind, report);
  checkInstances(subject, report);
}

/** Copies, and what only they have. */
function checkInstances({ child, kind, pointer }: Subject, report: Report): void {
  const { instances = 1, rolling, sidecarConfig } = child;
  const hasCopies = (typeof instances === "number" && instances > 1) || rolling !== undefined;
  if (!hasCopies) {
    for (const key of ["readiness", "healthCheck"]) {
      const probe = child[key];
      if (!isFields(probe) || probe["portStep"] === undefined) continue;
      warn(report, `${pointer}/${key}/portStep`, "no_effect", "has no effect, because the child has no copies", "Set instances");
    }
    return;
  }
  const key = typeof instances === "number" && instances > 1 ? "instances" : "rolling";
  if (kind === "supervisor") {
    const hint = "Give it to its children, or make the supervisor a template and start copies of it";
    refuse(report, `${pointer}/${key}`, "option_not_for_kind", 'does not fit a child of kind "supervisor"', hint);
  }
  if (sidecarConfig !== undefined) {
    refuse(report, `${pointer}/${key}`, "copies_of_sidecar", "does not fit a sidecar, which belongs to one child", "Leave one of them out");
  }
}

/** What is said of a file that is not there. */
function checkLogs(logs: unknown, pointer: string, report: Report): void {
  if (!isFields(logs) || logs["file"] !== undefined) return;
  for (const key of ["format", "maxBytes", "maxAgeSecs", "keep", "compress"]) {
    if (logs[key] === undefined) continue;
    warn(report, `${pointer}/${key}`, "no_effect", "has no effect, because the output is written to no file", "Name one in logs.file");
  }
}

/** Looks at the defaults of the tree. */
export function checkPolicy(policy: Fields, report: Report): void {
  checkBackoff(policy, ["initialBackoffMs", "maxBackoffMs"], "/policy", report);
  checkBudget(policy["restartBudget"], "/policy/restartBudget", report);
  checkGuards(policy, report);
  const { heartbeatIntervalMs, staleAfterMs } = policy;
  if (typeof heartbeatIntervalMs !== "number" || typeof staleAfterMs !== "number" || staleAfterMs > heartbeatIntervalMs) return;
  refuse(
    report,
    "/policy/staleAfterMs",
    "stale_too_soon",
    `is ${staleAfterMs}, must exceed heartbeatIntervalMs, which is ${heartbeatIntervalMs}`,
  );
}

/** Looks at what happens to slow readers. */
export function checkBackpressure({ strategy, warnThresholdPct, criticalThresholdPct, sampleRatio }: Fields, report: Report): void {
  const { warnThresholdPct: warnAt, criticalThresholdPct: actAt } = DEFAULTS;
  const [warning, acting] = [warnThresholdPct ?? warnAt, criticalThresholdPct ?? actAt];
  if (typeof warning === "number" && typeof acting === "number" && warning >= acting) {
    refuse(
      report,
      "/backpressure/warnThresholdPct",
      "threshold_inverted",
      `is ${warning}, must be below criticalThresholdPct, which is ${acting}`,
    );
  }
  if (sampleRatio !== undefined && strategy !== "sample_and_audit") {
    warn(report, "/backpressure/sampleRatio", "no_effect", 'has no effect, because the strategy is not "sample_and_audit"');
  }
}

/** Looks at where it is recorded who asked for what. */
export function checkAudit({ backend, filePath }: Fields, report: Report): void {
  if (backend === "file" && filePath === undefined) {
    refuse(report, "/audit/filePath", "missing", '"filePath" is missing', 'With backend "file" it must be there');
  }
}

/** Numbers that only mean something beside another one. */
const BESIDE: readonly (readonly [section: string, key: string, needed: string])[] = [
  ["", "supervisorFailureWindowMs", "supervisorFailureLimit"],
  ["meltdown", "childWindowSecs", "childMaxRestarts"],
  ["meltdown", "groupWindowSecs", "groupMaxFailures"],
  ["meltdown", "supervisorWindowSecs", "supervisorMaxFailures"],
];

/** Windows without what they are the window of. */
function checkGuards(policy: Fields, report: Report): void {
  for (const [section, key, needed] of BESIDE) {
    const fields = section === "" ? policy : policy[section];
    if (!isFields(fields) || fields[key] === undefined || fields[needed] !== undefined) continue;
    const place = section === "" ? `/policy/${key}` : `/policy/${section}/${key}`;
    warn(report, place, "no_effect", `has no effect, because ${needed} is not there`);
  }
  const { failureWindow } = policy;
  if (!isFields(failureWindow)) return;
  const mode = failureWindow["mode"] ?? "time_sliding";
  for (const [key, home] of [["windowSecs", "time_sliding"], ["maxCount", "count_sliding"], ["halfLifeSecs", "decay"]] as const) {
    if (failureWindow[key] === undefined || mode === home) continue;
    warn(report, `/policy/failureWindow/${key}`, "no_effect", `has no effect in mode ${nameOf(mode)}`);
  }
}

function checkBackoff(backoff: unknown, [first, longest]: readonly [string, string], pointer: string, report: Report): void {
  if (!isFields(backoff)) return;
  const [initialMs, maxMs] = [backoff[first], backoff[longest]];
  if (typeof initialMs !== "number" || typeof maxMs !== "number" || !(initialMs > maxMs)) return;
  refuse(report, `${pointer}/${first}`, "backoff_inverted", `is ${initialMs}, must not exceed ${longest}, which is ${maxMs}`);
}

function checkStop({ child, kind, pointer, shutdown }: Subject, report: Report): void {
  const { stop } = child;
  if (!isFields(stop)) return;
  checkSignals(stop, shutdown, `${pointer}/stop`, report);
  const { mode, timeoutMs } = stop;
  if (mode === "wait" && timeoutMs !== undefined && timeoutMs !== null) {
    const hint = 'Use mode "graceful" to force the child after that time';
    refuse(report, `${pointer}/stop/timeoutMs`, "wait_with_timeout", 'has no meaning with mode "wait", which waits for ever', hint);
  }
  if (mode === "kill" && typeof stop["drainDelayMs"] === "number" && stop["drainDelayMs"] > 0) {
    warn(report, `${pointer}/stop/drainDelayMs`, "no_effect", 'has no effect with mode "kill", which forces at once');
  }
  if (kind === undefined || kind === "process") return;
  for (const key of ["signal", "thenSignals", "killTree"]) {
    if (stop[key] !== undefined) warn(report, `${pointer}/stop/${key}`, "no_effect", `has no effect on a child of kind "${kind}"`);
  }
}

/** Each signal comes after the one before, and all before the force. */
function checkSignals({ mode, timeoutMs, thenSignals }: Fields, shutdown: Fields, pointer: string, report: Report): void {
  if (!Array.isArray(thenSignals)) return;
  if (mode === "kill" && thenSignals.length > 0) {
    warn(report, `${pointer}/thenSignals`, "no_effect", 'has no effect with mode "kill", which forces at once');
  }
  const limit = mode === "wait" ? null : timeoutMs !== undefined ? timeoutMs : shutdown["gracefulTimeoutMs"] ?? DEFAULTS.stopTimeoutMs;
  let before = 0;
  thenSignals.forEach((step: unknown, index) => {
    const afterMs = isFields(step) ? step["afterMs"] : undefined;
    if (typeof afterMs !== "number") return;
    const place = `${pointer}/thenSignals/${index}/afterMs`;
    if (afterMs <= before) {
      refuse(report, place, "signals_unordered", `is ${afterMs}, must exceed the one before, which is ${before}`);
    } else if (typeof limit === "number" && afterMs >= limit) {
      const hint = "All times count from the moment when the child was asked to stop; give it more time in stop.timeoutMs";
      refuse(
        report,
        place,
        "signal_after_force",
        `is ${afterMs}, must be below the time after which it is forced, which is ${limit}`,
        hint,
      );
    }
    before = Math.max(before, afterMs);
  });
}

function checkRole({ child, kind, pointer }: Subject, report: Report): void {
  const { taskRole, restartPolicy, severity, criticality } = child;
  if (taskRole === "supervisor" && kind !== undefined && kind !== "supervisor") {
    refuse(report, `${pointer}/taskRole`, "role_not_for_kind", `"supervisor" does not fit a child of kind "${kind}", must be another role`);
  } else if (kind === "supervisor" && typeof taskRole === "string" && taskRole !== "supervisor") {
    refuse(report, `${pointer}/taskRole`, "role_not_for_kind", `is ${nameOf(taskRole)}, must be "supervisor" for a nested supervisor`);
  }
  if (taskRole === "job" && restartPolicy === "permanent") {
    const hint = 'Use "transient" to run it until it succeeds';
    warn(report, `${pointer}/restartPolicy`, "permanent_job", "a permanent job starts again after every success", hint);
  }
  if (typeof severity === "string" && typeof criticality === "string" && severity !== criticality) {
    const reason = `is ${nameOf(criticality)}, but severity is ${nameOf(severity)}`;
    refuse(report, `${pointer}/criticality`, "contradicting_severity", reason, "Keep severity alone");
  }
}

function checkLimit({ child, pointer }: Subject, report: Report): void {
  const { limit } = child;
  if (!isFields(limit) || limit["halfLifeMs"] === undefined || limit["windowMs"] === undefined) return;
  refuse(
    report,
    `${pointer}/limit/halfLifeMs`,
    "window_and_half_life",
    "is there beside windowMs, must be the only one",
    "Keep one of them",
  );
}

const PERMANENT_ROLES: readonly unknown[] = ["service", "sidecar", "supervisor"];

/** What only makes sense for a child that may end for good. */
function checkEnd({ child, kind, pointer, autoShutdown }: Subject, report: Report): void {
  const { restartPolicy, taskRole, readiness, significant } = child;
  const isOnce = isFields(readiness) && readiness["mode"] === "completed";
  const isScheduled = isFields(child["schedule"]);
  const byDefault = !isScheduled && (taskRole === undefined ? kind === "supervisor" || !isOnce : PERMANENT_ROLES.includes(taskRole));
  const isPermanent = restartPolicy === undefined ? byDefault : restartPolicy === "permanent";
  const hint = 'Set restartPolicy "transient" or "temporary"';
  if (isOnce && isPermanent) {
    const reason = 'is "completed", but the child is permanent and starts again after every success';
    refuse(report, `${pointer}/readiness/mode`, "never_completed", reason, hint);
  }
  if (significant !== true) return;
  if (isScheduled) {
    const reason = "is true, but the child has a schedule and never ends for good";
    return refuse(report, `${pointer}/significant`, "significant_scheduled", reason, "Keep one of them");
  }
  if (isPermanent) {
    refuse(report, `${pointer}/significant`, "significant_permanent", "is true, but the child is permanent and never ends for good", hint);
  }
  if (autoShutdown !== undefined && autoShutdown !== "never") return;
  const missing = "is true, but its supervisor never ends by itself";
  refuse(
    report,
    `${pointer}/significant`,
    "significant_without_effect",
    missing,
    'Set autoShutdown of the supervisor to "any_significant" or "all_significant"',
  );
}

function checkVariables(environment: unknown, pointer: string, report: Report): void {
  if (!Array.isArray(environment)) return;
  const seen = new Set<string>();
  environment.forEach((variable: unknown, index) => {
    if (!isFields(variable) || typeof variable["name"] !== "string") return;
    const { name } = variable;
    if (seen.has(name)) refuse(report, `${pointer}/${index}/name`, "duplicate_variable", `${nameOf(name)} is set twice, must be unique`);
    seen.add(name);
  });
}

const SUPERVISOR_MODES: readonly unknown[] = ["all", "started", "child"];

function checkReadiness({ child, kind, pointer }: Subject, report: Report): void {
  const { readiness, run } = child;
  if (!isFields(readiness) || typeof readiness["mode"] !== "string") return;
  const { mode } = readiness;
  const place = `${pointer}/readiness/mode`;
  const refuseMode = (hint: string): void =>
    refuse(report, place, "readiness_not_for_kind", `is ${nameOf(mode)}, which does not fit a child of kind "${kind}"`, hint);
  if (kind === "supervisor") {
    if (!SUPERVISOR_MODES.includes(mode)) return refuseMode('A nested supervisor has "all", "started" or "child"');
    if (mode === "child" && isFields(run)) checkReadinessChild(readiness["child"], run["children"], pointer, report);
  } else if (SUPERVISOR_MODES.includes(mode)) {
    refuseMode("It is for nested supervisors");
  } else if (mode === "explicit" && kind === "process") {
    refuseMode('A process cannot call ready(); use "http", "tcp", "exec" or "log_line"');
  }
}

function checkReadinessChild(name: unknown, children: unknown, pointer: string, report: Report): void {
  if (typeof name !== "string" || !Array.isArray(children)) return;
  const names = children.flatMap((child: unknown) => isFields(child) && typeof child["name"] === "string" ? [child["name"]] : []);
  if (names.includes(name)) return;
  const reason = `is ${nameOf(name)}, must be a child of this supervisor`;
  refuse(report, `${pointer}/readiness/child`, "unknown_child", reason, didYouMean(name, names));
}

function checkHealth({ child, kind, pointer, policy }: Subject, report: Report): void {
  const { healthCheck } = child;
  if (!isFields(healthCheck)) return;
  const place = `${pointer}/healthCheck`;
  const heartbeat = (healthCheck["mode"] ?? "heartbeat") === "heartbeat";
  if (kind === "supervisor") {
    return refuse(report, place, "health_not_for_kind", "does not fit a nested supervisor", "Give a health check to its children");
  }
  if (heartbeat && kind === "process") {
    const hint = 'A process cannot call heartbeat(); use mode "http", "tcp" or "exec"';
    refuse(report, `${place}/mode`, "health_not_for_kind", 'is "heartbeat", which does not fit a child of kind "process"', hint);
  }
  const { checkIntervalSecs, staleAfterMs } = healthCheck;
  const inherited = heartbeat ? policy["heartbeatIntervalMs"] : undefined;
  const intervalMs = typeof checkIntervalSecs === "number" ? checkIntervalSecs * 1000 : inherited ?? DEFAULTS.healthIntervalSecs * 1000;
  if (typeof intervalMs !== "number") return;
  if (typeof staleAfterMs === "number") {
    if (staleAfterMs > intervalMs) return;
    refuse(report, `${place}/staleAfterMs`, "stale_too_soon", `is ${staleAfterMs}, must exceed the interval, which is ${intervalMs} ms`);
  } else if (
    staleAfterMs === undefined && heartbeat && typeof policy["staleAfterMs"] === "number" && policy["staleAfterMs"] <= intervalMs
  ) {
    const reason = `the interval of ${intervalMs} ms is not shorter than staleAfterMs of the policy, which is ${policy["staleAfterMs"]}`;
    warn(report, `${place}/checkIntervalSecs`, "stale_too_soon", reason, "Set staleAfterMs of the child");
  }
}

/** Options that only some kinds have. */
function checkKind({ child, pointer }: Subject, kind: string, report: Report): void {
  const refuseOption = (key: string, hint: string): void =>
    refuse(report, `${pointer}/${key}`, "option_not_for_kind", `does not fit a child of kind "${kind}"`, hint);
  if (child["successExitCodes"] !== undefined && kind !== "process") refuseOption("successExitCodes", "Only processes have exit codes");
  if (child["args"] !== undefined && kind === "process") refuseOption("args", "Put the arguments of a process beside its command");
  if (child["commandPermissions"] !== undefined && (kind === "process" || kind === "supervisor")) {
    const hint = "Only tasks and workers can ask for anything";
    warn(report, `${pointer}/commandPermissions`, "no_effect", `has no effect on a child of kind "${kind}"`, hint);
  }
  for (const key of ["hooks", "resourceLimits"]) {
    if (child[key] !== undefined && kind !== "process") refuseOption(key, "Only processes have them");
  }
  if (child["watch"] !== undefined && kind !== "process" && kind !== "worker") {
    const hint = kind === "supervisor"
      ? "Give it to its children"
      : "The runtime keeps code that it has loaded: only a process or a worker loads it anew. Make it one of these";
    refuseOption("watch", hint);
  }
  if (kind === "process") checkProcess(child, pointer, report);
  if (kind !== "supervisor") return;
  if (child["schedule"] !== undefined) refuseOption("schedule", "Give it to its children");
  if (child["args"] !== undefined) refuseOption("args", "Give them to its children");
  for (const key of ["environment", "logs"]) {
    if (child[key] !== undefined) {
      warn(report, `${pointer}/${key}`, "no_effect", "has no effect on a nested supervisor", "Give it to its children");
    }
  }
}

/** Who has another user but not another group would keep that of the supervisor. */
function checkProcess({ run, stop, hooks }: Fields, pointer: string, report: Report): void {
  if (isFields(run)) {
    for (const [key, missing] of [["uid", "gid"], ["gid", "uid"]] as const) {
      if (run[key] === undefined || run[missing] !== undefined) continue;
      refuse(report, `${pointer}/run/${key}`, "user_incomplete", `is there without ${missing}, must come with it`, `Write ${missing} too`);
    }
  }
  if (isFields(stop) && stop["mode"] === "kill" && isFields(hooks) && hooks["beforeStop"] !== undefined) {
    warn(report, `${pointer}/hooks/beforeStop`, "no_effect", 'has no effect with stop.mode "kill", which forces at once');
  }
}

function isEmpty(list: unknown): boolean {
  return list === undefined || (Array.isArray(list) && list.length === 0);
}
