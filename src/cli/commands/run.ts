/** `reeve run FILE`: runs a tree in the foreground. */
import process from "node:process";
import {
  type ChildSnapshot,
  type EventSeverity,
  handleSignals,
  type HealthOptions,
  ReeveError,
  type Report,
  severityOf,
  SpecError,
  supervise,
  type SupervisorEvent,
  type Tree,
  type TreeSpec,
} from "../../../mod.ts";
import { Calendar, cleanText, thrownMessage } from "../../base/mod.ts";
import { ConfigError, type LoadedConfig, loadFile, parseChildManifest } from "../../config/mod.ts";
import { type Dashboard, type DashboardOptions, serveDashboard } from "../../ipc/mod.ts";
import { platform } from "../../platform/mod.ts";
import { DEFAULTS } from "../../spec/mod.ts";
import { eventLog, type LogItem } from "../event_log.ts";
import { exitCodeOf, printProblems, printRefusal } from "../file_problems.ts";
import { type CommandIo, EXIT, talking } from "../io.ts";
import { inOrder } from "../ordered.ts";
import { ownSocketPath } from "../own_socket.ts";
import type { Place } from "../place.ts";
import { type Reloading, reloading } from "../reloading.ts";
import { summary } from "../summary.ts";
import { type Exporting, startExporting } from "../telemetry/exporting.ts";
import { serveAsked } from "../telemetry/serve.ts";
import { ownVariables, type TelemetrySettings, telemetrySettings } from "../telemetry/settings.ts";
import { startWatching } from "../watching.ts";

/** Arguments of `run`. */
export interface RunArgs {
  readonly file: string;
  /** Seconds after which the tree is shut down. */
  readonly forSecs?: number;
  /** Whether every event is shown, or only what people want to know. */
  readonly verbose: boolean;
  /** Whether events and report come as JSON, one a line. */
  readonly json: boolean;
  /** Whether the children's output is shown. */
  readonly output: boolean;
  /** Whether a socket is opened where the file says nothing of one. */
  readonly socket: boolean;
  /** Where it is answered over HTTP how the tree is. */
  readonly health?: HealthOptions;
  /** Where metrics are told to Prometheus over HTTP; the place of `health` may be the same. */
  readonly metrics?: Place;
  /** Seconds for which the loop of the program may be blocked. */
  readonly watchdogSecs?: number;
  /** Is told when the tree runs, and where it can be asked; its socket is `null` where it has none. */
  readonly onRunning?: ((tree: Tree, socket: string | null) => void) | undefined;
}

/** Runs the tree of a file until it ends; returns its exit code. */
export async function run(args: RunArgs, io: CommandIo): Promise<number> {
  // What comes before the tree is no part of its log.
  const complaints = talking(io);
  const loaded = await loadConfig(args.file, complaints);
  if (typeof loaded === "number") return loaded;
  const { warnings, locate } = loaded;
  printProblems(warnings, complaints);
  const unguard = survive(io);
  try {
    const spec = metricsWanted(loaded.spec, args);
    const settings = telemetryOf(spec, loaded, args);
    const shown = shownAs(loaded, args);
    await using exporting = await startExporting({
      settings,
      treeName: spec.name ?? DEFAULTS.treeName,
      tell: (text) => complaints.stderr(`reeve: ${text}\n`),
    });
    const starting = supervise(spec, { configVersion: loaded.configVersion });
    const reloadable = starting.then((tree) => reloading(tree, { file: args.file, loaded, io: complaints }));
    // What comes while the tree starts stops it in order as well.
    using _signals = handleSignals(starting, { actions: loaded.signals, onReload: async () => (await reloadable).reload() });
    const [tree, anew] = await Promise.all([starting, reloadable]);
    await using dashboard = await serve(tree, { loaded, read: anew.read, metrics: exporting?.metrics ?? null }, args, complaints);
    if (dashboard !== null) complaints.stderr(`reeve: dashboard on ${cleanText(dashboard.path)}\n`);
    const asked = { health: args.health, prometheus: settings.prometheus, metrics: exporting?.metrics ?? null };
    await using _asked = await orStop(tree, serveAsked(tree, asked, complaints), "what was to be served over HTTP cannot be");
    await using _watching = await orStop(tree, startWatching(tree, args, complaints), "the watchdog cannot be started");
    args.onRunning?.(tree, dashboard?.path ?? null);
    const showing = showAll(tree, shown, io);
    const stopLater = args.forSecs === undefined
      ? undefined
      : setTimeout(() => tree.shutdown({ by: "reeve", reason: `${args.forSecs} s are over` }), args.forSecs * 1000);
    const report = await tree.finished;
    clearTimeout(stopLater);
    await showing;
    printReport(tree, report, shown, io);
    return report.exitCode === 0 && args.forSecs !== undefined ? readyOrNot(tree, args.forSecs, io) : report.exitCode;
  } catch (error) {
    if (error instanceof ReeveError && NOT_STARTED.includes(error.code)) {
      complaints.stderr(`reeve: ${error.message}\n`);
      return EXIT.unusable;
    }
    if (!(error instanceof SpecError)) throw error;
    printRefusal(new ConfigError("invalid_config", args.file, locate(error.problems)), args.file, complaints);
    return EXIT.problems;
  } finally {
    unguard();
  }
}

/** What was asked for and cannot be had: the tree does not run without it. */
const NOT_STARTED: readonly string[] = [
  "audit_not_opened",
  "dashboard_not_started",
  "health_not_started",
  "journal_not_opened",
  "state_not_opened",
  "telemetry_not_started",
  "watchdog_not_started",
];

/** Who asks for metrics on the command line gets them, whatever the file says. */
function metricsWanted(spec: TreeSpec, { metrics }: RunArgs): TreeSpec {
  return metrics === undefined ? spec : { ...spec, observability: { ...spec.observability, metricsEnabled: true } };
}

/** Where no metrics and traces are made, none go anywhere. */
function telemetryOf({ observability }: TreeSpec, { exporters }: LoadedConfig, { metrics }: RunArgs): TelemetrySettings {
  const isWanted = observability?.metricsEnabled !== false;
  return telemetrySettings({ metrics, file: isWanted ? exporters : {}, variables: isWanted ? ownVariables() : () => undefined });
}

/** How events are shown: as the command line says, and then as the file does. */
interface Shown {
  readonly json: boolean;
  readonly verbose: boolean;
  readonly output: boolean;
  readonly least: EventSeverity;
}

function shownAs({ exporters: { console: { level = "info", format } = {} } }: LoadedConfig, { json, verbose, output }: RunArgs): Shown {
  const isVerbose = verbose || level === "debug";
  return { json: json || format === "json", verbose: isVerbose, output, least: isVerbose ? "info" : level };
}

const RANK: Readonly<Record<EventSeverity, number>> = { info: 0, warning: 1, error: 2 };

/** Serves the tree as the file says; where it says nothing, on a socket of its own. */
async function serve(
  tree: Tree,
  { loaded, read, metrics }: Pick<Reloading, "read"> & { readonly loaded: LoadedConfig; readonly metrics: Exporting["metrics"] },
  args: RunArgs,
  io: CommandIo,
): Promise<Dashboard | null> {
  const { dashboard, dashboardOff } = loaded;
  const options = {
    parseChild: (manifest: string) => parseChildManifest(manifest, { path: args.file }),
    reload: read,
    // Metrics count from the start or not at all: they are told where they are made anyway.
    metrics: metrics === null ? undefined : () => metrics().then(({ text }) => text),
  };
  if (dashboard !== null) return await orStop(tree, serveDashboard(tree, { ...options, ...dashboard }), "the dashboard cannot be served");
  return args.socket && !dashboardOff ? await serveIfPossible(tree, options, io) : null;
}

/** A tree does not run on without what was asked for. */
async function orStop<T>(tree: Tree, serving: Promise<T>, reason: string): Promise<T> {
  try {
    return await serving;
  } catch (error) {
    await tree.shutdown({ by: "reeve", reason });
    throw error;
  }
}

/** Nobody asked for this socket: a tree runs without it as well. */
async function serveIfPossible(tree: Tree, options: Omit<DashboardOptions, "targetId" | "path">, io: CommandIo): Promise<Dashboard | null> {
  try {
    return await serveDashboard(tree, { ...options, targetId: tree.name, path: await ownSocketPath(tree.name) });
  } catch (error) {
    const hint = error instanceof ReeveError ? undefined : platform.permissionHint(error);
    const end = `${hint === undefined ? "" : `. ${hint}`}. --no-socket does without`;
    io.stderr(`reeve: the tree runs without a socket: ${thrownMessage(error)}${end}\n`);
    return null;
  }
}

/** Loads the file, or says why not and returns the exit code. */
async function loadConfig(file: string, io: CommandIo): Promise<LoadedConfig | number> {
  try {
    return await loadFile(file);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    printRefusal(error, file, io);
    return exitCodeOf(error);
  }
}

async function showAll(tree: Tree, { verbose, json, output, least }: Shown, io: CommandIo): Promise<void> {
  const calendar = new Calendar({ now: () => performance.now(), wallNow: () => Date.now() });
  const render = json
    ? (item: LogItem) => `${JSON.stringify(item)}\n`
    : eventLog({ io, verbose, wallAt: (atMs) => calendar.at(atMs), width: widestPath(tree.snapshot().children) });
  const subscriber = "console";
  const filter = least === "info" ? undefined : ({ type }: SupervisorEvent) => RANK[severityOf(type)] >= RANK[least];
  const events = tree.events({ subscriber, filter });
  const streams: AsyncIterable<LogItem>[] = output ? [events, tree.logs({ subscriber })] : [events];
  await inOrder(streams, (item) => "atMs" in item ? item.atMs : 0, (item) => io.stdout(render(item)));
}

function widestPath(children: readonly ChildSnapshot[]): number {
  return Math.max(0, ...children.map((child) => Math.max(child.path.length, widestPath(child.children))));
}

/** A run that was to last for a time has failed when not everything was ever ready in it. */
function readyOrNot(tree: Tree, forSecs: number, io: CommandIo): number {
  if (tree.snapshot().ready) return 0;
  io.stderr(`reeve: the tree was never ready as a whole in ${forSecs} s\n`);
  return EXIT.problems;
}

function printReport(tree: Tree, report: Report, { json }: Shown, io: CommandIo): void {
  io.stdout(json ? `${JSON.stringify({ type: "report", ...report })}\n` : summary(tree.name, report, io));
}

/** A stray error of one child's code must not end what keeps the others alive. */
function survive(io: CommandIo): () => void {
  const say = (error: unknown): void => io.stderr(`reeve: an error outside of any child was caught: ${thrownMessage(error)}\n`);
  process.on("unhandledRejection", say);
  process.on("uncaughtException", say);
  return () => {
    process.removeListener("unhandledRejection", say);
    process.removeListener("uncaughtException", say);
  };
}
