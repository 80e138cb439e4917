/** From units of systemd to children. */
import {
  asMs,
  type Fields,
  type Folders,
  type Gap,
  Gaps,
  type Imported,
  type ImportedChild,
  isVariableName,
  Names,
  numericId,
  sizeInMib,
  Unusable,
  type Value,
  variables,
} from "./model.ts";
import { execOf, hookOf } from "./unit_exec.ts";
import { type Entry, unitWords } from "./unit_file.ts";
import { EARLY_UNITS, EXIT_NAMES } from "./unit_gaps.ts";
import { UnitReader } from "./unit_reader.ts";

/** A unit as it was read. */
export interface UnitText {
  /** The file, for people. */
  readonly file: string;
  /** The name of the unit, such as `web.service`. */
  readonly unit: string;
  readonly text: string;
}

/** Turns services into children; what they say of each other becomes dependencies. */
export function importUnits(units: readonly UnitText[], folders: Folders): Imported {
  const found: Gap[] = [];
  const names = new Names();
  const byUnit = new Map<string, string>();
  const services = units.flatMap(({ file, unit, text }) => {
    const reader = new UnitReader(text, new Gaps(file, found));
    if (!reader.has("Service")) throw new Unusable(`${file} is no service: it has no section [Service]`);
    const run = execOf(reader, { type: reader.last("Type")?.value ?? "simple" });
    if (run === undefined) {
      reader.gaps.add(1, unit, "has no command that Reeve could run", "the whole unit is left out: write its child by hand");
      return [];
    }
    if (unit.includes("@.")) {
      reader.gaps.add(1, unit, "is a template, of which there can be many", "copy the child as often as it is to run");
    }
    const name = names.take(unit.replace(/\.service$/, "").replace(/@$/, ""));
    byUnit.set(unit, name);
    return [{ unit, name, reader, run }];
  });
  const before = new Map<string, string[]>();
  const children = services.map(({ unit, name, reader, run }): ImportedChild => {
    const remarks = remarksOf(reader, unit);
    const fields = { run: processOf(reader, run, folders), ...relations(reader, name, byUnit, before), ...behaviour(reader) };
    reader.tellRest();
    return { name, remarks, fields };
  });
  return { top: {}, children: children.map((child) => startingBefore(child, before.get(child.name) ?? [])), gaps: found };
}

function remarksOf(reader: UnitReader, unit: string): string[] {
  const description = reader.last("Description")?.value;
  const documentation = reader.list("Documentation").map(({ value }) => value);
  return [`${unit}${description === undefined ? "" : `: ${description}`}`, ...documentation];
}

/** What comes after another one that said so itself. */
function startingBefore(child: ImportedChild, others: readonly string[]): ImportedChild {
  if (others.length === 0) return child;
  const { wants } = child.fields;
  const all = new Set<Value>([...(Array.isArray(wants) ? wants : []), ...others]);
  return { ...child, fields: { ...child.fields, wants: [...all] } };
}

function processOf(reader: UnitReader, command: Fields, { place }: Folders): Fields {
  const directory = reader.last("WorkingDirectory");
  let cwd = "/";
  if (directory?.value === "~") reader.gap(directory, "Reeve does not look up the home of a user", "write the folder");
  else if (directory !== undefined) cwd = directory.value.replace(/^-/, "");
  return { process: { ...command, cwd: place(cwd), env_file: envFileOf(reader), ...userOf(reader) } };
}

function envFileOf(reader: UnitReader): string | undefined {
  const [first, ...others] = reader.list("EnvironmentFile");
  for (const other of others) reader.gap(other, "a child has one file of variables", "put the variables into one file");
  if (first?.value.startsWith("-")) {
    reader.gap(first, 'the file may be missing in systemd ("-"), and must be there in Reeve', "make an empty one");
  }
  return first?.value.replace(/^-/, "");
}

function userOf(reader: UnitReader): Fields {
  const [user, group] = [reader.last("User"), reader.last("Group")];
  if (user === undefined && group === undefined) return {};
  const uid = user === undefined ? undefined : numericId(user.value);
  const gid = group === undefined ? (user?.value === "root" ? 0 : undefined) : numericId(group.value);
  if (uid !== undefined && gid !== undefined) return { uid, gid };
  for (const entry of [user, group]) {
    if (entry === undefined) continue;
    const option = entry === user ? "-u" : "-g";
    const of = (user ?? entry).value;
    reader.gap(
      entry,
      "Reeve takes numbers, and needs both user and group",
      `write run.process.uid and gid; id ${option} ${of} tells one of them`,
    );
  }
  return {};
}

/** What is said of other units; those that are imported with it are siblings, the others are told. */
function relations(reader: UnitReader, name: string, byUnit: ReadonlyMap<string, string>, before: Map<string, string[]>): Fields {
  const siblings = (key: string): string[] =>
    reader.list(key).flatMap((entry) =>
      entry.value.split(/\s+/).flatMap((unit) => {
        if (EARLY_UNITS.has(unit)) return [];
        const sibling = byUnit.get(unit) ?? byUnit.get(`${unit}.service`);
        if (sibling === name) return [];
        if (sibling === undefined) {
          reader.gaps.add(
            entry.line,
            `${key}=${unit}`,
            "that unit is not imported with it",
            "import the folder with all units, or order the unit of the supervisor (reeve install) after it",
          );
          return [];
        }
        return [sibling];
      })
    );
  const after = siblings("After");
  const binds = new Set(siblings("BindsTo"));
  const needs = new Set(siblings("Requires").filter((other) => !binds.has(other)));
  // One that is wanted without an order starts with the tree anyway.
  siblings("Wants");
  for (const other of siblings("Before")) before.set(other, [...before.get(other) ?? [], name]);
  for (const other of siblings("WantedBy")) before.set(other, [...before.get(other) ?? [], name]);
  const wants = new Set(after.filter((other) => !needs.has(other) && !binds.has(other)));
  const listed = (set: ReadonlySet<string>): string[] | undefined => set.size === 0 ? undefined : [...set];
  return { dependencies: listed(needs), wants: listed(wants), binds_to: listed(binds) };
}

/** Everything between a start and an end. */
function behaviour(reader: UnitReader): Fields {
  const type = reader.last("Type");
  const isOnce = type?.value === "oneshot";
  if (type?.value === "notify" || type?.value === "notify-reload" || type?.value === "dbus") {
    const instead = "choose a readiness mode: http, tcp, exec or log_line; until then it counts as ready at once";
    reader.gap(
      type,
      type.value === "dbus" ? "Reeve does not look at D-Bus" : "Reeve does not listen to sd_notify of its children",
      instead,
    );
  } else if (type?.value === "forking") {
    reader.gap(
      type,
      "Reeve watches the process that it started, and this one ends at once",
      "start the program so that it stays in the foreground",
    );
  }
  const watchdog = reader.last("WatchdogSec");
  if (watchdog !== undefined) {
    reader.gap(watchdog, "Reeve does not listen to sd_notify of its children", "use health_check: http, tcp or exec");
  }
  if (isOnce) reader.flag("RemainAfterExit");
  const both = reader.span("TimeoutSec");
  const start = reader.span("TimeoutStartSec") ?? both;
  const startMs = start === undefined ? (isOnce ? null : 90_000) : start.ms;
  const restart = restartOf(reader);
  const again = { backoff: backoffOf(reader), limit: limitOf(reader) };
  return {
    restart_policy: restart,
    ...restart === "temporary" ? {} : again,
    stop: stopOf(reader, both?.ms),
    timeouts: start === undefined || startMs === null || startMs === 0 ? undefined : { start_ms: asMs(startMs) },
    readiness: isOnce ? { mode: "completed" } : undefined,
    success_exit_codes: exitCodes(reader, "SuccessExitStatus", [0]),
    never_restart_on: exitCodes(reader, "RestartPreventExitStatus", []),
    environment: environmentOf(reader),
    hooks: hooksOf(reader, startMs ?? undefined),
    logs: logsOf(reader),
    resource_limits: limitsOf(reader),
  };
}

function restartOf(reader: UnitReader): string {
  const entry = reader.last("Restart");
  if (entry === undefined) return "temporary";
  switch (entry.value) {
    case "no":
      return "temporary";
    case "always":
      return "permanent";
    case "on-failure":
      return "transient";
    case "on-abnormal":
    case "on-abort":
      reader.gap(
        entry,
        "Reeve does not tell these failures from others",
        'it restarts after every failure ("transient"); never_restart_on excludes exit codes',
      );
      return "transient";
    default:
      reader.gap(entry, "Reeve has no such rule", 'the child is never restarted ("temporary"); see restart_policy');
      return "temporary";
  }
}

function backoffOf(reader: UnitReader): Fields {
  const first = reader.span("RestartSec");
  const [steps, longest] = [reader.last("RestartSteps"), reader.span("RestartMaxDelaySec")];
  const initialMs = asMs(first?.ms ?? 100, 0);
  const count = /^[1-9]\d{0,5}$/.test(steps?.value ?? "") ? Number(steps?.value) : undefined;
  const maxMs = longest === undefined || longest.ms === null ? undefined : asMs(longest.ms, 0);
  if (count === undefined || maxMs === undefined || maxMs <= initialMs || initialMs === 0) {
    for (const entry of [steps, longest?.entry]) {
      if (entry !== undefined) reader.gap(entry, "delays grow only where RestartSteps and RestartMaxDelaySec fit together", "see backoff");
    }
    return { initial_ms: initialMs, max_ms: initialMs, factor: 1, jitter: "none" };
  }
  const factor = Math.min(1_000, Math.round(1_000 * (maxMs / initialMs) ** (1 / count)) / 1_000);
  return { initial_ms: initialMs, max_ms: maxMs, factor, jitter: "none" };
}

/** So many starts in a time are allowed there, so many failures here: one less. */
function limitOf(reader: UnitReader): Fields {
  const interval = reader.span("StartLimitIntervalSec", "StartLimitInterval");
  const burst = reader.last("StartLimitBurst");
  const action = reader.last("StartLimitAction");
  if (action !== undefined && action.value !== "none") reader.known(action);
  const starts = burst === undefined ? 5 : /^\d{1,9}$/.test(burst.value) ? Number(burst.value) : undefined;
  if (starts === undefined && burst !== undefined) reader.gap(burst, "is no number", "correct it");
  if (interval?.ms === 0 || starts === 0) return { on_exceeded: "slow_down" };
  if (starts === 1 && burst !== undefined) {
    reader.gap(burst, "Reeve allows one restart at least", 'use restart_policy "temporary" for none');
  }
  const windowMs = interval === undefined ? 10_000 : interval.ms ?? Infinity;
  return { max_restarts: Math.max(1, (starts ?? 5) - 1), window_ms: asMs(windowMs), on_exceeded: "give_up" };
}

function stopOf(reader: UnitReader, bothMs: number | null | undefined): Fields {
  const own = reader.span("TimeoutStopSec");
  const timeoutMs = own === undefined ? (bothMs === undefined ? 90_000 : bothMs) : own.ms;
  const mode = reader.last("KillMode");
  const isWhole = mode === undefined || mode.value === "control-group" || mode.value === "mixed";
  if (mode?.value === "mixed") {
    reader.gap(mode, "Reeve sends all signals to the whole group, or to the main process alone", "see stop.kill_tree");
  } else if (mode !== undefined && !isWhole && mode.value !== "process") {
    reader.gap(mode, "Reeve always stops the process itself", "see stop");
  }
  const signal = signalOf(reader, "KillSignal");
  const neverForced = reader.flag("SendSIGKILL") === false;
  return {
    signal: signal === "SIGTERM" ? undefined : signal,
    then_signals: reader.flag("SendSIGHUP") === true ? [{ signal: "SIGHUP", after_ms: 1 }] : undefined,
    timeout_ms: timeoutMs === null || timeoutMs === 0 || neverForced ? null : asMs(timeoutMs),
    kill_tree: isWhole ? undefined : false,
  };
}

function signalOf(reader: UnitReader, key: string): string | undefined {
  const entry = reader.last(key);
  if (entry === undefined) return undefined;
  const name = entry.value.startsWith("SIG") ? entry.value : `SIG${entry.value}`;
  if (/^SIG[A-Z]+\d?$/.test(name)) return name;
  reader.gap(entry, "is no name of a signal that every runtime knows", "write a name such as SIGINT");
  return undefined;
}

function exitCodes(reader: UnitReader, key: string, first: readonly number[]): number[] | undefined {
  const codes = new Set(first);
  for (const entry of reader.list(key)) {
    for (const word of entry.value.split(/\s+/)) {
      const code = /^\d{1,3}$/.test(word) ? Number(word) : EXIT_NAMES[word];
      if (code !== undefined && code <= 255) codes.add(code);
      else {reader.gaps.add(
          entry.line,
          `${key}=${word}`,
          "Reeve looks at exit codes here, not at signals",
          "see success_exit_codes and never_restart_on",
        );}
    }
  }
  return codes.size === first.length ? undefined : [...codes];
}

function environmentOf(reader: UnitReader): Value[] | undefined {
  // What is passed on there, a child of Reeve has anyway.
  reader.list("PassEnvironment");
  const pairs: [string, string][] = [];
  for (const entry of reader.list("Environment")) {
    for (const { text } of unitWords(entry.value, { withVariables: false }) ?? [{ text: "" }]) {
      const at = text.indexOf("=");
      const name = text.slice(0, Math.max(0, at));
      if (isVariableName(name) && !text.includes("\0")) pairs.push([name, text.slice(at + 1)]);
      else reader.gap(entry, "has something that is no NAME=value", "correct it");
    }
  }
  return variables(pairs);
}

function hooksOf(reader: UnitReader, startMs: number | undefined): Fields | undefined {
  const timeoutMs = asMs(startMs ?? 90_000);
  const hooks = {
    before_start: hookOf(reader, "ExecStartPre", timeoutMs),
    after_start: hookOf(reader, "ExecStartPost", timeoutMs),
    before_stop: hookOf(reader, "ExecStop", 90_000),
    after_exit: hookOf(reader, "ExecStopPost", 90_000),
  };
  return Object.values(hooks).every((hook) => hook === undefined) ? undefined : hooks;
}

/** Words for the places to which systemd sends output by itself, where Reeve takes it. */
const TAKEN = /^(?:inherit|journal|journal\+console|syslog|kmsg|tty)$/;

function logsOf(reader: UnitReader): Fields | undefined {
  const [out, err] = [reader.last("StandardOutput"), reader.last("StandardError")];
  const logs: Record<string, Value> = {};
  for (const [entry, key] of [[out, "stdout"], [err, "stderr"]] as const) {
    if (entry === undefined || TAKEN.test(entry.value)) continue;
    const [, path] = /^(?:file|append|truncate):(\/.+)$/.exec(entry.value) ?? [];
    if (entry.value === "null") logs[key] = false;
    else if (path === undefined) reader.known(entry);
    else if (logs["file"] === undefined || logs["file"] === path) logs["file"] = path;
    else reader.gap(entry, "a child has one file for both of its outputs", "they go to the same file; format json tells them apart");
  }
  return Object.keys(logs).length === 0 ? undefined : logs;
}

function limitsOf(reader: UnitReader): Fields | undefined {
  const [memory, files, cpu] = [reader.last("MemoryMax", "MemoryLimit"), reader.last("LimitNOFILE"), reader.last("CPUQuota")];
  const limits: Record<string, Value> = {};
  const take = (entry: Entry | undefined, key: string, value: (text: string) => number | undefined): void => {
    if (entry === undefined || entry.value === "infinity") return;
    const number = value(entry.value);
    if (number === undefined) reader.gap(entry, "Reeve has no such limit", `see resource_limits.${key}`);
    else limits[key] = number;
  };
  take(memory, "max_memory_mb", sizeInMib);
  take(files, "max_file_descriptors", (text) => {
    const [, soft] = /^(\d{1,9})(?::(?:\d{1,9}|infinity))?$/.exec(text) ?? [];
    return soft === undefined || soft === "0" ? undefined : Number(soft);
  });
  take(cpu, "max_cpu_percent", (text) => {
    const [, percent] = /^(\d{1,3})%$/.exec(text) ?? [];
    return percent === undefined || Number(percent) < 1 || Number(percent) > 100 ? undefined : Number(percent);
  });
  return Object.keys(limits).length === 0 ? undefined : limits;
}
