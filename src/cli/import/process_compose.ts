/** From a file of process-compose to children. */
import { readForeignDocument } from "../../config/mod.ts";
import { isMap, Keyed, withMergedKeys, withPlaceholders } from "./keyed.ts";
import {
  asMs,
  type Fields,
  type Folders,
  type Gap,
  Gaps,
  type Imported,
  type ImportedChild,
  isVariableName,
  LONGEST_MS,
  Names,
  numbered,
  type Placeholders,
  Unusable,
  type Value,
  variables,
} from "./model.ts";
import { healthOf, readinessOf } from "./compose_probes.ts";

/** Most copies of one process that are written out. */
const MOST_REPLICAS = 100;
const NO_KEY = { why: "is no key that Reeve knows of process-compose", instead: "see whether it still has a meaning" } as const;

/** What counts for all processes of a file. */
interface Common {
  readonly folders: Folders;
  readonly environment: readonly (readonly [string, string | Placeholders])[];
  /** Program and option that take a line of commands. */
  readonly shell: readonly [program: string, option: string];
  /** What the others wait for, by name of a process. */
  readonly waitedFor: ReadonlyMap<string, ReadonlySet<string>>;
  /** Fills in what process-compose would. */
  readonly fill: (text: string) => string | Placeholders;
}

/** Reads `processes:`. */
export function importProcessCompose(text: string, file: string, folders: Folders): Imported {
  const document = readForeignDocument(text);
  if ("reason" in document) throw new Unusable(`${file}${document.line === undefined ? "" : `:${document.line}`}: ${document.reason}`);
  const gaps: Gap[] = [];
  const raw = withMergedKeys(document.raw);
  const root = new Keyed(isMap(raw) ? raw : {}, [], document.lineOf, new Gaps(file, gaps));
  const processes = root.map("processes");
  if (processes === undefined) throw new Unusable(`${file} has no map "processes"`);
  const all = processes.keys().flatMap((name) => {
    const process = processes.map(name);
    return process === undefined ? [] : [{ name, process }];
  });
  const keepsDollars = root.flag("disable_env_expansion") === true;
  const fill = keepsDollars ? (value: string) => value : withPlaceholders;
  const common: Common = {
    folders,
    environment: environmentOf(root, fill),
    shell: shellOf(root),
    waitedFor: waitedForBy(all.map(({ process }) => process)),
    fill,
  };
  root.any("version");
  // Keys that begin with x- hold what others refer to.
  for (const key of root.keys()) if (key.startsWith("x-")) root.any(key);
  root.gapWhereAsked(["log_location"], "children do not share one file", "give each child logs.file, or look at observability.journal");
  root.gapWhereAsked(["vars"], "Reeve has no templates with {{ }}", "write the values, or use ${NAME} of the environment");
  root.gapWhereAsked(
    ["log_level", "log_length", "log_configuration", "is_tui_disabled", "is_strict", "ordered_shutdown"],
    "is about process-compose itself",
    "Reeve always checks strictly, and stops in the order of dependencies",
  );
  root.tellRest(NO_KEY.why, NO_KEY.instead);
  const names = new Names();
  const copies = new Map(all.map(({ name, process }) => {
    const count = countOf(process);
    return [name, Array.from({ length: count }, (_, index) => names.take(count > 1 ? `${name}-${index}` : name))] as const;
  }));
  let endsAll = false;
  const children = all.flatMap(({ name, process }): ImportedChild[] => {
    const own = copies.get(name) ?? [];
    const { fields, endsTree } = fieldsOf(process, name, common, copies);
    endsAll ||= endsTree && own.length > 0;
    const description = process.text("description");
    const environment = [...common.environment, ...environmentOf(process, fill)];
    process.tellRest(NO_KEY.why, NO_KEY.instead);
    return own.map((child, index): ImportedChild => ({
      name: child,
      remarks: [
        `process "${name}"${own.length > 1 ? `, copy ${index + 1} of ${own.length}` : ""}${
          description === undefined ? "" : `: ${description}`
        }`,
      ],
      fields: {
        ...fields,
        logs: own.length > 1 ? logsOfCopy(fields["logs"], index) : fields["logs"],
        environment: variables([...environment, ...replicaOf(own.length, index)]),
      },
    }));
  });
  return { top: endsAll ? { supervisor: { auto_shutdown: "any_significant" } } : {}, children, gaps };
}

/** No two copies write into one file. */
function logsOfCopy(logs: Value | undefined, index: number): Value | undefined {
  const file = isMap(logs) ? logs["file"] : undefined;
  return typeof file === "string" ? Object.assign({}, logs, { file: numbered(file, index) }) : logs;
}

/** Copies can tell which one they are. */
function replicaOf(count: number, index: number): [string, string][] {
  return count > 1 ? [["PC_REPLICA_NUM", String(index)]] : [];
}

/** How often a process runs; one that is disabled, not at all. */
function countOf(process: Keyed): number {
  const replicas = process.number("replicas") ?? 1;
  if (process.flag("disabled") === true) {
    process.gap("disabled", "the process is not to be started", "it is left out; take the key away and import again where it is to run");
    return 0;
  }
  if (process.any("command", "entrypoint") === undefined) {
    process.gaps.add(process.line("command"), process.path.join("."), "has no command", "it is left out");
    return 0;
  }
  if (Number.isInteger(replicas) && replicas >= 1 && replicas <= MOST_REPLICAS) return replicas;
  process.gap("replicas", `so many copies are not written out, at most ${MOST_REPLICAS}`, "copy the child as often as it is to run");
  return 1;
}

function shellOf(root: Keyed): [string, string] {
  const shell = root.map("shell");
  const result: [string, string] = [shell?.text("shell_command") ?? "bash", shell?.text("shell_argument") ?? "-c"];
  shell?.tellRest(NO_KEY.why, NO_KEY.instead);
  return result;
}

/** What all others wait for, so that each becomes ready in a way that fits. */
function waitedForBy(processes: readonly Keyed[]): Map<string, Set<string>> {
  const waited = new Map<string, Set<string>>();
  for (const process of processes) {
    const depends = process.map("depends_on");
    for (const other of depends?.keys() ?? []) {
      const condition = depends?.map(other)?.text("condition") ?? "process_started";
      waited.set(other, new Set([...waited.get(other) ?? [], condition]));
    }
  }
  return waited;
}

function fieldsOf(
  process: Keyed,
  name: string,
  common: Common,
  copies: ReadonlyMap<string, readonly string[]>,
): { readonly fields: Fields; readonly endsTree: boolean } {
  const { folders: { place }, fill } = common;
  const working = process.text("working_dir");
  const envFile = process.text("env_file");
  const conditions = common.waitedFor.get(name) ?? new Set<string>();
  const isAwaited = conditions.has("process_completed") || conditions.has("process_completed_successfully");
  const ends = endsOf(process, isAwaited);
  const location = process.text("log_location");
  const namespace = process.text("namespace");
  process.gapWhereAsked(
    ["is_daemon"],
    "Reeve watches the process that it started, and this one ends at once",
    "start the program so that it stays in the foreground",
  );
  process.gapWhereAsked(["launch_timeout_seconds"], "is for daemons", "see timeouts.start_ms");
  process.gapWhereAsked(["is_tty", "is_foreground", "is_interactive"], "Reeve gives a child no terminal", "run it by hand beside the tree");
  process.gapWhereAsked(["is_elevated"], "Reeve asks for no password", "run the supervisor as root, and give children uid and gid");
  process.gapWhereAsked(["vars"], "Reeve has no templates with {{ }}", "write the values");
  process.gapWhereAsked(["disable_ansi_colors", "is_dotenv_disabled"], "is about process-compose itself", "leave it out");
  const fields: Fields = {
    run: {
      process: {
        ...commandOf(process, common),
        cwd: place(working ?? "."),
        env_file: envFile === undefined ? undefined : place(envFile),
      },
    },
    dependencies: dependenciesOf(process, copies),
    ...ends.fields,
    stop: stopOf(process),
    readiness: isAwaited ? awaited(process, conditions) : readinessOf(process, conditions, { place, fill, shell: common.shell }),
    health_check: healthOf(process, { place, fill, shell: common.shell }),
    hooks: hooksOf(process, common),
    schedule: scheduleOf(process),
    tags: namespace === undefined || namespace === "default" ? undefined : [namespace],
    logs: location === undefined ? logsOf(process) : { file: place(location), ...logsOf(process) },
  };
  return { fields, endsTree: ends.endsTree };
}

function commandOf(process: Keyed, { fill, shell: [program, option] }: Common): Fields {
  const entrypoint = process.texts("entrypoint");
  const line = process.text("command");
  const extra = process.texts("args");
  if (line?.includes("{{") === true) process.gap("command", "Reeve has no templates with {{ }}", "write the values");
  if (entrypoint !== undefined && entrypoint.length > 0) {
    const [command = "", ...args] = [...entrypoint, ...line === undefined ? [] : [line], ...extra ?? []].map(fill);
    return { command, args };
  }
  return { command: program, args: [option, fill([line ?? "", ...extra ?? []].join(" "))] };
}

function environmentOf(from: Keyed, fill: Common["fill"]): [string, string | Placeholders][] {
  return (from.texts("environment") ?? []).flatMap((pair): [string, string | Placeholders][] => {
    const at = pair.indexOf("=");
    const name = pair.slice(0, Math.max(0, at));
    if (isVariableName(name)) return [[name, fill(pair.slice(at + 1))]];
    from.gap("environment", `"${pair.slice(0, 40)}" is no NAME=value`, "correct it");
    return [];
  });
}

/** Children whose end others wait for are ready when they have succeeded. */
function awaited(process: Keyed, conditions: ReadonlySet<string>): Fields {
  const others = [...conditions].filter((condition) => condition !== "process_completed_successfully");
  if (others.length > 0) {
    const line = process.line("command");
    const why = `others wait for ${others.join(" and ")}, which is another moment`;
    process.gaps.add(line, process.path.join("."), why, "a child has one moment in which it is ready: here, when it has succeeded");
  }
  for (const key of ["readiness_probe", "ready_log_line"]) {
    if (process.any(key) !== undefined) {
      process.gap(key, "others wait for the end of this process", "a child has one moment in which it is ready");
    }
  }
  return { mode: "completed" };
}

const CONDITIONS = /^process_(?:started|completed|completed_successfully|healthy|log_ready)$/;

function dependenciesOf(process: Keyed, copies: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const depends = process.map("depends_on");
  const names = (depends?.keys() ?? []).flatMap((other) => {
    const own = copies.get(other);
    if (own === undefined || own.length === 0) {
      depends?.gap(other, "that process is not there, or is left out", "take the dependency away, or import that process");
      return [];
    }
    const condition = depends?.map(other)?.text("condition");
    if (condition !== undefined && !CONDITIONS.test(condition)) {
      depends?.gap(other, `"${condition.slice(0, 40)}" is no condition that is known`, "correct it");
    }
    return own;
  });
  return names.length === 0 ? undefined : names;
}

function endsOf(process: Keyed, isAwaited: boolean): { readonly fields: Fields; readonly endsTree: boolean } {
  const availability = process.map("availability");
  const restart = availability?.text("restart") ?? "no";
  const backoff = availability?.number("backoff_seconds") ?? 1;
  const most = availability?.number("max_restarts") ?? 0;
  const exits = availability?.flag("exit_on_end") === true;
  if (restart === "exit_on_failure") {
    availability?.gap("restart", "no single failure ends the tree", 'limit.on_exceeded "escalate" ends it after limit.max_restarts');
  } else if (!["no", "always", "on_failure"].includes(restart)) {
    availability?.gap("restart", "is no rule that is known", "see restart_policy");
  }
  availability?.gapWhereAsked(["exit_on_skipped"], "Reeve skips no child", "leave it out");
  availability?.tellRest(NO_KEY.why, NO_KEY.instead);
  if (isAwaited && restart === "always") {
    availability?.gap("restart", "others wait for its end, so that it cannot go on for ever", 'it becomes "transient"');
  }
  const isAlways = restart === "always" && !isAwaited;
  if (exits && isAlways) availability?.gap("exit_on_end", "a child that is always restarted never ends for good", "see restart_policy");
  const delayMs = asMs(backoff * 1_000, 0);
  const restarts = restart === "always" || restart === "on_failure";
  const endsTree = exits && !isAlways;
  return {
    endsTree,
    fields: {
      restart_policy: isAlways ? "permanent" : restarts ? "transient" : "temporary",
      significant: endsTree ? true : undefined,
      backoff: restarts ? { initial_ms: delayMs, max_ms: delayMs, factor: 1, jitter: "none" } : undefined,
      limit: !restarts
        ? undefined
        : most >= 1
        ? { max_restarts: Math.round(most), window_ms: LONGEST_MS, on_exceeded: "give_up" }
        : { on_exceeded: "slow_down" },
    },
  };
}

const SIGNALS: Readonly<Record<number, string>> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  6: "SIGABRT",
  9: "SIGKILL",
  10: "SIGUSR1",
  12: "SIGUSR2",
  15: "SIGTERM",
};

function stopOf(process: Keyed): Fields {
  const shutdown = process.map("shutdown");
  const number = shutdown?.number("signal") ?? 15;
  const signal = SIGNALS[number];
  if (signal === undefined) shutdown?.gap("signal", "has no name that is the same on every machine", "write stop.signal, such as SIGTERM");
  const alone = shutdown?.flag("parent_only") === true;
  return {
    signal: signal === "SIGTERM" ? undefined : signal,
    timeout_ms: asMs((shutdown?.number("timeout_seconds") ?? 10) * 1_000),
    kill_tree: alone ? false : undefined,
  };
}

function hooksOf(process: Keyed, { fill, shell: [program, option] }: Common): Fields | undefined {
  const shutdown = process.map("shutdown");
  const command = shutdown?.text("command");
  const timeoutMs = asMs((shutdown?.number("timeout_seconds") ?? 10) * 1_000);
  for (const key of ["signal", "parent_only"]) shutdown?.any(key);
  shutdown?.tellRest(NO_KEY.why, NO_KEY.instead);
  // The signal follows where the command did not end it.
  return command === undefined ? undefined : { before_stop: { command: program, args: [option, fill(command)], timeout_ms: timeoutMs } };
}

function scheduleOf(process: Keyed): Fields | undefined {
  const schedule = process.map("schedule");
  if (schedule === undefined) return undefined;
  const cron = schedule.text("cron");
  const interval = schedule.text("interval");
  const everyMs = interval === undefined ? undefined : durationMs(interval);
  if (interval !== undefined && everyMs === undefined) schedule.gap("interval", "is no time", "see schedule.every_ms");
  if (cron !== undefined && everyMs !== undefined) schedule.gap("interval", "a schedule has one of cron and every_ms", "cron counts");
  const zone = schedule.text("timezone");
  const atStart = schedule.flag("run_on_start");
  const most = schedule.number("max_concurrent");
  if (most !== undefined && most > 1) schedule.gap("max_concurrent", "a child never runs twice at a time", "see schedule.overlap");
  schedule.tellRest(NO_KEY.why, NO_KEY.instead);
  if (cron === undefined && everyMs === undefined) return undefined;
  return { cron, time_zone: zone, every_ms: cron === undefined ? everyMs : undefined, at_start: atStart };
}

/** Reads a time of Go such as `1h30m`. */
function durationMs(text: string): number | undefined {
  if (!/^(?:\d{1,9}(?:\.\d{1,6})?(?:ms|h|m|s))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, digits, unit = ""] of text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)) {
    sum += Number(digits) * ({ ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[unit] ?? 0);
  }
  return asMs(sum);
}

function logsOf(process: Keyed): Fields | undefined {
  const settings = process.map("log_configuration");
  if (settings === undefined) return undefined;
  const rotation = settings.map("rotation");
  const [size, age, keep] = [rotation?.number("max_size_mb"), rotation?.number("max_age_days"), rotation?.number("max_backups")];
  const compress = rotation?.flag("compress");
  rotation?.tellRest("Reeve rotates in its own way", "see the keys under logs");
  settings.tellRest("Reeve writes lines in its own way", 'logs.format "json" tells when, of whom and which attempt');
  const logs: Record<string, Value | undefined> = {
    max_bytes: size === undefined || size === 0 ? undefined : Math.round(size * 1_048_576),
    max_age_secs: age === undefined || age === 0 ? undefined : Math.round(age * 86_400),
    keep: keep === undefined || keep === 0 ? undefined : Math.round(keep),
    compress,
  };
  if (process.any("log_location") !== undefined) return logs;
  settings.gaps.add(process.line("log_configuration"), "log_configuration", "there is no log_location", "name a file in logs.file");
  return undefined;
}

/** Whether a value is a file of process-compose. */
export function looksLikeProcessCompose(raw: Readonly<Record<string, unknown>>): boolean {
  return isMap(raw["processes"]);
}
