/** From a PM2 ecosystem file to children. */
import { basename, extname, resolve } from "node:path";
import { readForeignDocument } from "../../config/mod.ts";
import { isMap, Keyed, withMergedKeys } from "./keyed.ts";
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
  numbered,
  numericId,
  shellQuoted,
  sizeInMib,
  Unusable,
  variables,
} from "./model.ts";

/** What PM2 does where a file says nothing. */
const PM2 = { maxRestarts: 16, minUptimeMs: 1_000, killTimeoutMs: 1_600, longestBackoffMs: 15_000, stableMs: 30_000 } as const;
/** Longest delay between restarts of Reeve, where the file asks for none. */
const OWN_BACKOFF_MS = 5_000;
/** Most copies of one app that are written out. */
const MOST_INSTANCES = 100;

/** Reads an ecosystem file in JSON or YAML. */
export function importPm2(text: string, file: string, folders: Folders): Imported {
  const isList = /^\s*\[/.test(text);
  const document = readForeignDocument(isList ? `{"apps": ${text}\n}` : text);
  if ("reason" in document) throw new Unusable(`${file}${document.line === undefined ? "" : `:${document.line}`}: ${document.reason}`);
  const gaps: Gap[] = [];
  const merged = withMergedKeys(document.raw);
  const raw = isMap(merged) ? merged : {};
  const root = new Keyed(raw, [], document.lineOf, new Gaps(file, gaps));
  const listed = root.any("apps") ?? (raw["script"] === undefined ? undefined : [raw]);
  const apps: unknown[] | undefined = Array.isArray(listed) ? listed : isMap(listed) ? [listed] : undefined;
  if (apps === undefined) throw new Unusable(`${file} has no list "apps"`);
  if (raw["script"] === undefined) {
    root.gapWhereAsked(["deploy"], "Reeve does not deploy", "keep it where it is");
    root.tellRest("is no key that Reeve knows of PM2", "see whether it still has a meaning");
  }
  const names = new Names();
  const children = apps.flatMap((app, index): ImportedChild[] => {
    const path = app === raw ? [] : ["apps", index];
    if (isMap(app)) return childrenOf(new Keyed(app, path, document.lineOf, root.gaps), names, folders);
    root.gaps.add(document.lineOf(path), `apps[${index}]`, "is no map", "correct it, and import again");
    return [];
  });
  return { top: {}, children, gaps };
}

function childrenOf(app: Keyed, names: Names, folders: Folders): ImportedChild[] {
  const script = app.text("script");
  const given = app.text("name");
  const name = given ?? (script === undefined ? "app" : basename(script, extname(script)));
  if (script === undefined) {
    app.gaps.add(app.line("name"), name, "has no script", "the app is left out");
    return [];
  }
  const cwd = resolve(folders.source, app.text("cwd") ?? ".");
  const policy = endsOf(app);
  const common = {
    run: { process: { ...commandOf(app, script, cwd, folders), cwd: folders.place(cwd), ...userOf(app) } },
    ...policy,
    stop: stopOf(app),
    resource_limits: limitsOf(app),
    watch: watchOf(app, cwd, folders),
    tags: tagsOf(app),
  };
  waitReadyOf(app);
  const logs = logsOf(app, cwd, folders);
  const env = environmentOf(app);
  const count = instancesOf(app);
  const counted = app.text("increment_var");
  const instance = app.text("instance_var") ?? "NODE_APP_INSTANCE";
  tellRest(app);
  return Array.from({ length: count }, (_, index): ImportedChild => {
    const own = new Map(env);
    if (count > 1 && isVariableName(instance)) own.set(instance, String(index));
    const first = counted === undefined ? undefined : own.get(counted);
    if (counted !== undefined && first !== undefined && /^\d{1,9}$/.test(first)) own.set(counted, String(Number(first) + index));
    const file = logs?.["file"];
    const ownLogs = count > 1 && typeof file === "string" ? { ...logs, file: numbered(file, index) } : logs;
    const remarks = [`app "${name}"${count > 1 ? `, copy ${index + 1} of ${count}` : ""}`];
    return {
      name: names.take(count > 1 ? `${name}-${index}` : name),
      remarks,
      fields: { ...common, environment: variables(own), logs: ownLogs },
    };
  });
}

/** Which program runs a script, by its extension. */
const INTERPRETERS: Readonly<Record<string, string>> = {
  ".js": "node",
  ".cjs": "node",
  ".mjs": "node",
  ".py": "python3",
  ".sh": "bash",
  ".rb": "ruby",
  ".php": "php",
  ".pl": "perl",
};

function commandOf(app: Keyed, script: string, cwd: string, { place }: Folders): Fields {
  const interpreter = app.text("interpreter", "exec_interpreter");
  const before = wordsOf(app, "node_args", "interpreter_args", "interpreterArgs");
  const args = wordsOf(app, "args");
  if (/\s/.test(script) && interpreter === undefined) return { command: [script, ...args.map(shellQuoted)].join(" "), shell: true };
  const isPath = script.includes("/") || extname(script) !== "";
  const program = interpreter === "none" ? undefined : interpreter ?? INTERPRETERS[extname(script).toLowerCase()];
  if (program === undefined) {
    if (/^\.(?:[cm]?ts|tsx|coffee)$/.test(extname(script)) && interpreter === undefined) {
      app.gap("script", "which program runs such a script depends on how PM2 is set up", "write run.process.command, such as deno or tsx");
    }
    if (before.length > 0) app.gap("node_args", "the script is run by itself", "write run.process.command");
    return { command: isPath ? place(script, cwd) : script, args: args.length === 0 ? undefined : args };
  }
  // A command is looked up, the script of an interpreter is relative to the folder in which it runs.
  return { command: program.includes("/") ? place(program, cwd) : program, args: [...before, script, ...args] };
}

/** Words of a list, or of a text that is split at its spaces. */
function wordsOf(app: Keyed, ...keys: readonly string[]): string[] {
  const value = app.any(...keys);
  if (typeof value !== "string") return app.texts(...keys) ?? [];
  return [...value.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, double, single, bare]) => double ?? single ?? bare ?? "");
}

function userOf(app: Keyed): Fields {
  const [uid, gid] = [app.text("uid", "user"), app.text("gid")];
  if (uid === undefined && gid === undefined) return {};
  const numbers = [uid, gid ?? (uid === "root" ? "root" : "")].map((id) => numericId(id ?? ""));
  if (numbers[0] !== undefined && numbers[1] !== undefined) return { uid: numbers[0], gid: numbers[1] };
  app.gap(
    uid === undefined ? "gid" : app.any("uid") === undefined ? "user" : "uid",
    "Reeve takes numbers, and needs both uid and gid",
    "id -u NAME and id -g NAME tell them",
  );
  return {};
}

/** What happens after an end, and when. */
function endsOf(app: Keyed): Fields {
  const codes = app.texts("stop_exit_codes") ?? [];
  const stops = codes.filter((code) => /^\d{1,3}$/.test(code)).map(Number);
  if (stops.length < codes.length) app.gap("stop_exit_codes", "has something that is no exit code", "see never_restart_on");
  const cron = app.text("cron_restart", "cron");
  const isCron = cron !== undefined && cron !== "0" && cron !== "false";
  const restarts = app.flag("autorestart") ?? true;
  if (isCron && restarts) {
    const why = "Reeve restarts no running service by the clock";
    app.gap(
      app.any("cron_restart") === undefined ? "cron" : "cron_restart",
      why,
      "a job that ends by itself can have a schedule; else call reeve from cron",
    );
  }
  const delayMs = app.number("restart_delay");
  const growing = app.number("exp_backoff_restart_delay");
  const limit = limitOf(app, growing !== undefined && growing > 0 ? PM2.longestBackoffMs : delayMs ?? OWN_BACKOFF_MS);
  return {
    restart_policy: !restarts ? "temporary" : stops.includes(0) ? "transient" : "permanent",
    backoff: !restarts ? undefined : growing !== undefined && growing > 0
      ? {
        initial_ms: Math.min(asMs(growing), PM2.longestBackoffMs),
        max_ms: PM2.longestBackoffMs,
        factor: 1.5,
        jitter: "none",
        reset_after_ms: PM2.stableMs,
      }
      : delayMs === undefined
      ? undefined
      : { initial_ms: asMs(delayMs, 0), max_ms: asMs(delayMs, 0), factor: 1, jitter: "none" },
    limit: restarts ? limit : undefined,
    never_restart_on: stops.some((code) => code > 0) ? stops.filter((code) => code > 0) : undefined,
    schedule: isCron && !restarts ? { cron, at_start: true, overlap: "replace" } : undefined,
  };
}

/** So many restarts in a row are too many: as many as fit into the time in which they can follow each other. */
function limitOf(app: Keyed, longestDelayMs: number): Fields {
  const restarts = app.number("max_restarts") ?? PM2.maxRestarts;
  const uptime = app.any("min_uptime");
  const uptimeMs = uptime === undefined ? PM2.minUptimeMs : spanOf(uptime);
  if (uptimeMs === undefined) app.gap("min_uptime", "is no time", "see limit.window_ms");
  if (restarts < 1) app.gap("max_restarts", "Reeve allows one restart at least", 'use restart_policy "temporary" for none');
  const count = Math.max(1, Math.round(restarts));
  return { max_restarts: count, window_ms: asMs(count * ((uptimeMs ?? PM2.minUptimeMs) + longestDelayMs)), on_exceeded: "give_up" };
}

function spanOf(value: unknown): number | undefined {
  const [, digits, unit = ""] = /^(\d{1,12})([smh]?)$/.exec(String(value)) ?? [];
  return digits === undefined ? undefined : Number(digits) * ({ "": 1, s: 1_000, m: 60_000, h: 3_600_000 }[unit] ?? 1);
}

function stopOf(app: Keyed): Fields {
  const isWhole = app.flag("treekill") ?? true;
  app.gapWhereAsked(["shutdown_with_message"], "Reeve stops a process by signals", "let the program react to stop.signal");
  return {
    signal: "SIGINT",
    timeout_ms: asMs(app.number("kill_timeout", "kill_retry_time") ?? PM2.killTimeoutMs),
    kill_tree: isWhole ? undefined : false,
  };
}

function waitReadyOf(app: Keyed): void {
  const waits = app.flag("wait_ready");
  app.number("listen_timeout");
  if (waits !== true) return;
  const instead = "choose a readiness mode: http, tcp, exec or log_line; timeouts.start_ms is the time it may take";
  app.gap("wait_ready", 'Reeve does not hear process.send("ready")', instead);
}

function limitsOf(app: Keyed): Fields | undefined {
  const text = app.text("max_memory_restart");
  if (text === undefined) return undefined;
  const size = sizeInMib(text);
  if (size === undefined) app.gap("max_memory_restart", "is no size", "see resource_limits.max_memory_mb");
  return size === undefined ? undefined : { max_memory_mb: size };
}

function watchOf(app: Keyed, cwd: string, { place }: Folders): Fields | undefined {
  const wanted = app.any("watch");
  const ignore = app.texts("ignore_watch");
  const delayMs = app.number("watch_delay");
  app.gapWhereAsked(["watch_options"], "Reeve watches in its own way", "see watch.ignore and watch.debounce_ms");
  if (wanted === undefined || wanted === false || wanted === "false") return undefined;
  const paths = wanted === true || wanted === "true" ? ["."] : app.texts("watch");
  if (paths === undefined) return undefined;
  return { paths: paths.map((path) => place(path, cwd)), ignore, debounce_ms: delayMs === undefined ? undefined : asMs(delayMs) };
}

function tagsOf(app: Keyed): string[] | undefined {
  const namespace = app.text("namespace");
  return namespace === undefined || namespace === "default" ? undefined : [namespace];
}

function logsOf(app: Keyed, cwd: string, { place }: Folders): Fields | undefined {
  const [out, err, both] = [
    app.text("out_file", "output", "out"),
    app.text("error_file", "error", "err_file", "err"),
    app.text("log_file", "log"),
  ];
  app.gapWhereAsked(["merge_logs", "combine_logs"], "each copy writes a file of its own", "the files have numbers");
  const isJson = app.text("log_type") === "json" || app.any("log_date_format") !== undefined || app.flag("time") === true;
  const isOff = app.flag("disable_logs") === true;
  const isNothing = (path: string | undefined): boolean => path === "/dev/null" || path === "NULL";
  const paths = [both, out, err].filter((path): path is string => path !== undefined && !isNothing(path));
  const [file, ...others] = [...new Set(paths)];
  if (others.length > 0) {
    app.gap(
      app.any("error_file") === undefined ? "error" : "error_file",
      "a child has one file for both of its outputs",
      "they go to the same file; format json tells them apart",
    );
  }
  const logs: Fields = {
    stdout: isOff || isNothing(out) ? false : undefined,
    stderr: isOff || isNothing(err) ? false : undefined,
    file: file === undefined ? undefined : place(file, cwd),
    format: isJson && file !== undefined ? "json" : undefined,
  };
  return Object.values(logs).every((value) => value === undefined) ? undefined : logs;
}

function environmentOf(app: Keyed): Map<string, string> {
  const env = new Map<string, string>();
  const given = app.map("env");
  for (const name of given?.keys() ?? []) {
    const value = given?.any(name);
    const text = typeof value === "string" ? value : typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
    if (text !== undefined && isVariableName(name) && !text.includes("\0")) env.set(name, text);
    else given?.gap(name, "is no variable with a text", "write it as NAME: text");
  }
  for (const key of app.keys()) {
    if (key.startsWith("env_")) {
      app.gap(key, "Reeve has no variables by environment", "put them into a file and name it in run.process.env_file");
    }
  }
  return env;
}

function instancesOf(app: Keyed): number {
  const wanted = app.any("instances");
  const mode = app.text("exec_mode");
  const count = wanted === undefined ? 1 : Number(wanted);
  const isCluster = mode === "cluster" || mode === "cluster_mode" || (mode === undefined && wanted !== undefined && count !== 1);
  if (isCluster) {
    const instead = "write the port into run.process.listen, one child with instances, and let the program listen on descriptor 3";
    app.gap(mode === undefined ? "instances" : "exec_mode", "copies share a port only where the supervisor opens it", instead);
  }
  if (Number.isInteger(count) && count >= 1 && count <= MOST_INSTANCES) return count;
  app.gap("instances", "how many that is depends on the machine, or it is no number that fits", "copy the child as often as it is to run");
  return 1;
}

/** What PM2 itself is told. */
const OF_PM2 =
  /^(?:vizion|pmx|automation|trace|source_map_support|disable_source_map_support|post_update|force|append_env_to_name|pid_file|pid|filter_env|vizion_depth|deep_monitoring|autostart|version|versioning|km_link|v8|event_loop_inspector)$/;

function tellRest(app: Keyed): void {
  for (const key of app.keys()) {
    if (!OF_PM2.test(key)) continue;
    app.gap(key, "is about PM2 itself", "leave it out");
  }
  app.tellRest("is no key that Reeve knows of PM2", "see whether it still has a meaning");
}
