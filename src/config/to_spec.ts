/** From the parsed file to the declaration: camelCase, URLs and absolute paths; what a schema refuses passes through, so that all problems are found at once. */
import { dirname, isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { camelCase } from "../base/mod.ts";
import type { TaskFunction, TreeSpec } from "../spec/mod.ts";
import { camelKeys } from "./camel_keys.ts";
import { canBeLimited } from "./child_checks.ts";
import { isRaw, type Raw } from "./pointer.ts";

/** What the translation needs beside the file. */
export interface TranslateOptions {
  /** Name of the tree where the file has none. */
  readonly name: string;
  /** The file that declares what a pointer names. */
  readonly fileOf: (pointer: string) => string;
  /** Functions registered by name. */
  readonly factories: ReadonlyMap<string, TaskFunction>;
}

/** Keys of the policy that have an effect. */
const POLICY_KEYS = [
  "child_restart_limit",
  "child_restart_window_ms",
  "initial_backoff_ms",
  "max_backoff_ms",
  "jitter_ratio",
  "heartbeat_interval_ms",
  "stale_after_ms",
  "failure_window",
  "supervisor_failure_limit",
  "supervisor_failure_window_ms",
  "restart_budget",
  "meltdown",
  "cold_start",
  "hot_loop",
  "escalation",
];

/** Keys of a child that are the same in the declaration, in camelCase. */
const CHILD_KEYS = [
  "name",
  "wait_timeout_ms",
  "task_role",
  "restart_policy",
  "criticality",
  "backoff",
  "limit",
  "stop",
  "timeouts",
  "readiness",
  "health_check",
  "wants",
  "binds_to",
  "never_restart_on",
  "significant",
  "success_exit_codes",
  "args",
  "tags",
  "group",
  "sidecar_config",
  "hooks",
  "resource_limits",
  "watch",
  "schedule",
  "instances",
  "rolling",
];

/** Keys of observability that have an effect on the tree itself. */
const OBSERVABILITY_KEYS = ["event_journal_capacity", "event_queue_capacity", "command_queue_capacity", "metrics_enabled", "journal"];

/** Translates a whole file. */
export function toTreeSpec(raw: Raw, options: TranslateOptions): TreeSpec {
  const { supervisor, policy, shutdown, observability, backpressure, severity_defaults: severities, children } = raw;
  const spec: Record<string, unknown> = { name: raw["name"] ?? options.name };
  if (isRaw(supervisor)) Object.assign(spec, supervisorOptions(supervisor));
  Object.assign(spec, groupOptions(raw));
  if (isRaw(policy)) spec["policy"] = policyOptions(policy);
  if (isRaw(shutdown)) spec["shutdown"] = camelKeys(shutdown);
  const observed = { ...capacitiesOf(policy), ...isRaw(observability) ? observability : {} };
  if (isRaw(observability) || Object.keys(observed).length > 0) {
    spec["observability"] = observabilityOptions(observed, options.fileOf("/observability/journal/path"));
  }
  if (isRaw(backpressure)) spec["backpressure"] = camelKeys(backpressure);
  if (raw["audit"] !== undefined || (isRaw(observability) && observability["audit_enabled"] === false)) {
    spec["audit"] = auditOptions(raw, options.fileOf("/audit/file_path"));
  }
  if (Array.isArray(severities)) spec["severityDefaults"] = severityDefaults(severities);
  if (isRaw(raw["state"])) spec["state"] = inFolderOf(options.fileOf("/state/path"), camelKeys(raw["state"]), "path");
  spec["children"] = Array.isArray(children)
    ? children.map((child, index) => toChild(child, options.fileOf(`/children/${index}`), options))
    : children ?? [];
  const { templates } = raw;
  if (Array.isArray(templates)) {
    spec["templates"] = templates.map((template, index) => toChild(template, options.fileOf(`/templates/${index}`), options));
  }
  return asSpec(spec);
}

/** The loader validates what it hands out; until then it is a declaration by shape only. */
function asSpec(spec: Record<string, unknown>): TreeSpec {
  const { children } = spec;
  return { ...spec, children: Array.isArray(children) ? children : [] };
}

function toChild(raw: unknown, file: string, options: TranslateOptions): unknown {
  if (!isRaw(raw)) return raw;
  const child: Record<string, unknown> = camelKeys(pick(raw, CHILD_KEYS));
  for (const key of ["taskRole", "group"]) if (child[key] === null) delete child[key];
  if (!canBeLimited(raw)) delete child["resourceLimits"];
  if (raw["args"] !== undefined) child["args"] = raw["args"];
  if (typeof raw["severity"] === "string") child["severity"] = raw["severity"].toLowerCase();
  const dependencies = [...listOf(raw["dependencies"]), ...listOf(raw["requires"])];
  if (dependencies.length > 0) child["dependencies"] = dependencies;
  if (Array.isArray(raw["environment"])) {
    child["environment"] = raw["environment"].filter((variable) => isRaw(variable) && variable["value"] !== undefined);
  }
  if (isRaw(raw["logs"])) child["logs"] = inFolderOf(file, camelKeys(raw["logs"]), "file");
  const permissions = raw["command_permissions"];
  if (isRaw(permissions)) Object.assign(child, permissionsOption(permissions));
  for (const key of ["readiness", "healthCheck"]) {
    const probe = child[key];
    if (isRaw(probe) && probe["command"] !== undefined) child[key] = { ...probe, command: commandPath(probe["command"], false, file) };
  }
  if (isRaw(child["stop"]) && Array.isArray(child["stop"]["thenSignals"])) {
    child["stop"] = {
      ...child["stop"],
      thenSignals: child["stop"]["thenSignals"].map((step: unknown) => isRaw(step) ? camelKeys(step) : step),
    };
  }
  if (isRaw(child["hooks"])) child["hooks"] = hooksOf(child["hooks"], file);
  if (isRaw(child["watch"]) && Array.isArray(child["watch"]["paths"])) {
    child["watch"] = { ...child["watch"], paths: child["watch"]["paths"].map((path: unknown) => absolute(path, file)) };
  }
  child["run"] = toRun(raw, file, options);
  return child;
}

/** The capacities of the policy are older names: what the journal keeps and what waits for a reader is one ring. */
function capacitiesOf(policy: unknown): Raw {
  const pipeline = isRaw(policy) ? policy["supervision_pipeline"] : undefined;
  if (!isRaw(pipeline)) return {};
  const { journal_capacity: kept, subscriber_capacity: waiting } = pipeline;
  // What is out of range is refused where it stands, and not where it would go.
  return defined({
    event_journal_capacity: isCapacity(kept, 16) ? kept : undefined,
    event_queue_capacity: isCapacity(waiting, 1) ? waiting : undefined,
  });
}

function isCapacity(value: unknown, least: number): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= least && value <= 10_000_000;
}

function observabilityOptions(raw: Raw, file: string): Raw {
  const options = camelKeys(pick(raw, OBSERVABILITY_KEYS));
  return isRaw(options["journal"]) ? { ...options, journal: inFolderOf(file, options["journal"], "path") } : options;
}

/** `observability.audit_enabled` is the older name of `audit.enabled`, and wins where it says no. */
function auditOptions({ audit, observability }: Raw, file: string): Raw {
  const { filePath, ...options } = isRaw(audit) ? camelKeys(audit) : {};
  const isOff = isRaw(observability) && observability["audit_enabled"] === false;
  return {
    ...inFolderOf(file, { ...options, ...filePath === null ? {} : defined({ filePath }) }, "filePath"),
    ...isOff ? { enabled: false } : {},
  };
}

/** The same with one path made absolute. */
function inFolderOf(file: string, options: Raw, key: string): Raw {
  return options[key] === undefined ? options : { ...options, [key]: absolute(options[key], file) };
}

function hooksOf(hooks: Raw, file: string): Raw {
  return Object.fromEntries(
    Object.entries(hooks).map((
      [name, hook],
    ) => [name, isRaw(hook) ? { ...hook, command: commandPath(hook["command"], false, file) } : hook]),
  );
}

/** Which signals a child may get is for the file alone, where it is checked. */
function permissionsOption(raw: Raw): Raw {
  const commandPermissions = camelKeys(pick(raw, ["allow_restart", "allow_shutdown"]));
  return Object.keys(commandPermissions).length === 0 ? {} : { commandPermissions };
}

function toRun({ name, run }: Raw, file: string, options: TranslateOptions): unknown {
  if (run === undefined) return factory(name, options);
  if (!isRaw(run)) return run;
  const { factory: registered, module, worker, process, supervisor } = run;
  if (registered !== undefined) return factory(registered, options);
  if (isRaw(module)) return { kind: "module", url: fileUrl(module["url"], file), ...defined({ export: module["export"] }) };
  if (isRaw(worker)) return { kind: "worker", url: fileUrl(worker["url"], file) };
  if (isRaw(process)) {
    const { command, args, cwd, shell, env_file: envFile, uid, gid, stop_on_parent_death: stopOnParentDeath, listen } = process;
    const options = {
      ...{ args, cwd: absolute(cwd, file), shell, envFile: absolute(envFile, file), uid, gid, stopOnParentDeath },
      listen: Array.isArray(listen) ? listen.map((socket: unknown) => isRaw(socket) ? inFolderOf(file, socket, "path") : socket) : listen,
    };
    return { kind: "process", command: commandPath(command, shell, file), ...defined(options) };
  }
  if (isRaw(supervisor)) {
    const { children } = supervisor;
    return {
      kind: "supervisor",
      ...supervisorOptions(supervisor),
      ...groupOptions(supervisor),
      children: Array.isArray(children) ? children.map((child) => toChild(child, file, options)) : children,
    };
  }
  return { kind: "factory", name };
}

function policyOptions(policy: Raw): Raw {
  const { supervision_pipeline: pipeline } = policy;
  const concurrent = isRaw(pipeline) ? pick(pipeline, ["concurrent_restart_limit"]) : {};
  const supervisionPipeline = Object.keys(concurrent).length === 0 ? {} : { supervisionPipeline: camelKeys(concurrent) };
  return { ...camelKeys(pick(policy, POLICY_KEYS)), ...supervisionPipeline };
}

/** The options of a supervisor beside its children and groups. */
function supervisorOptions(
  { strategy, auto_shutdown: autoShutdown, escalation_policy: escalationPolicy, dynamic_supervisor: dynamic }: Raw,
): Raw {
  const dynamicSupervisor = isRaw(dynamic) ? camelKeys(dynamic) : dynamic;
  return defined({ strategy: snakeWord(strategy), autoShutdown, escalationPolicy: escalationPolicy ?? undefined, dynamicSupervisor });
}

/** The groups of a supervisor, and the strategies of groups and single children. */
function groupOptions(raw: Raw): Raw {
  const lists = ["groups", "group_strategies", "group_dependencies", "child_strategy_overrides"];
  return Object.fromEntries(
    lists.filter((key) => raw[key] !== undefined).map((key) => {
      const list = raw[key];
      return [camelCase(key), Array.isArray(list) ? list.map((entry: unknown) => isRaw(entry) ? groupEntry(entry) : entry) : list];
    }),
  );
}

function groupEntry(entry: Raw): Raw {
  const { strategy, propagation, ...others } = camelKeys(entry);
  return { ...others, ...defined({ strategy: snakeWord(strategy), propagation: snakeWord(propagation) }) };
}

/** Both spellings of a word mean the same. */
function snakeWord(word: unknown): unknown {
  return typeof word === "string" ? word.replace(/(?<=[a-z])[A-Z]/g, "_$&").toLowerCase() : word;
}

function factory(name: unknown, { factories }: TranslateOptions): unknown {
  const task = typeof name === "string" ? factories.get(name) : undefined;
  return task === undefined ? { kind: "factory", name } : { kind: "task", task };
}

/** Paths are relative to the file that names them; other URLs stay, to be refused with a reason. */
function fileUrl(url: unknown, file: string): unknown {
  if (typeof url !== "string" || /^[a-z][a-z0-9+.-]+:/i.test(url)) return url;
  return pathToFileURL(resolve(dirname(file), url)).href;
}

/** A path is relative to the file that names it; what is none passes through. */
function absolute(path: unknown, file: string): unknown {
  return typeof path === "string" && path.trim() !== "" ? resolve(dirname(file), path) : path;
}

function commandPath(command: unknown, shell: unknown, file: string): unknown {
  const isPath = typeof command === "string" && shell !== true && command.includes("/") && !isAbsolute(command);
  return isPath ? resolve(dirname(file), command) : command;
}

function severityDefaults(list: readonly unknown[]): Record<string, unknown> {
  const entries = list.filter(isRaw).map((
    { task_role: role, severity },
  ) => [String(role), typeof severity === "string" ? severity.toLowerCase() : severity]);
  return Object.fromEntries(entries);
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function pick(raw: Raw, keys: readonly string[]): Raw {
  return Object.fromEntries(keys.filter((key) => raw[key] !== undefined).map((key) => [key, raw[key]]));
}

function defined(raw: Raw): Raw {
  return pick(raw, Object.keys(raw));
}
