/** The way from a file to a declaration. */
import { basename, extname } from "node:path";
import process from "node:process";
import type { Problem } from "../base/mod.ts";
import { type JournalOptions, type TaskFunction, type TreeSpec, validateTree } from "../spec/mod.ts";
import type { Report } from "./check_tools.ts";
import { crossCheck } from "./cross_checks.ts";
import { type DashboardSettings, dashboardSettings } from "./dashboard.ts";
import { type ExporterSettings, exporterSettings } from "./exporters.ts";
import { ConfigError, type FileProblem } from "./errors.ts";
import { Findings, redact } from "./findings.ts";
import type { ParseProblem } from "./parse.ts";
import { type Filled, fillPlaceholders, type Lookup } from "./placeholders.ts";
import { filePointer, isRaw } from "./pointer.ts";
import { positionsIn } from "./positions.ts";
import type { SecretProvider } from "./secret_providers.ts";
import { resolveSecrets, secretStore } from "./secrets.ts";
import { checkShape } from "./shape.ts";
import { type SignalSettings, signalSettings } from "./signals.ts";
import { type Merged, mergeSources, readSources, type SourceFile, type Sources, textSources } from "./sources.ts";
import { toTreeSpec } from "./to_spec.ts";
import { contentHash } from "./version.ts";

/** Options of {@linkcode loadFile}. */
export interface LoadOptions {
  /** Functions for children that name a factory, or have no `run` and this name. */
  readonly factories?: Readonly<Record<string, TaskFunction>>;
  /** Variables for placeholders. @default {those of the program} */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Where the values of secrets come from. @default {what `secret_store` of the file says, else the variables of `env`} */
  readonly secrets?: SecretProvider;
}

/** A file that was accepted. */
export interface LoadedConfig {
  /** What to give to `supervise`. */
  readonly spec: TreeSpec;
  /** The socket for dashboards, `null` when none is wanted. */
  readonly dashboard: DashboardSettings | null;
  /** Whether the file says that there is to be none. */
  readonly dashboardOff: boolean;
  /** Where metrics, traces and events go when `reeve run` runs the tree. */
  readonly exporters: ExporterSettings;
  /** What signals do to `reeve run`. */
  readonly signals: SignalSettings;
  /** What is accepted but should be looked at. */
  readonly warnings: readonly FileProblem[];
  /** The file and everything it includes. */
  readonly files: readonly string[];
  /** Hash of the content, the same for the same content; secrets count by name, not by value. */
  readonly configVersion: string;
  /** Finds the line of a key of the file; for those who explain. */
  readonly place: (pointer: string) => string;
  /** Gives problems of the declaration their places in the file. */
  readonly locate: (problems: readonly Problem[]) => FileProblem[];
}

/**
 * Loads a YAML file with everything it includes.
 *
 * Rejects with `ConfigError`, which lists all problems with file, line and column; nothing is started then.
 *
 * @example
 * ```ts ignore
 * import { supervise } from "@reeve/supervisor";
 * import { loadFile } from "@reeve/supervisor/config";
 *
 * const { spec } = await loadFile("supervisor.yaml");
 * await using tree = await supervise(spec);
 * await tree.finished;
 * ```
 */
export async function loadFile(path: string, options: LoadOptions = {}): Promise<LoadedConfig> {
  return await build(path, await readSources(path), options);
}

/** Loads a text as {@linkcode loadFile} loads a file; relative paths start from `path`. */
export async function loadText(text: string, path: string, options: LoadOptions = {}): Promise<LoadedConfig> {
  return await build(path, await textSources(text, path), options);
}

/**
 * Reads where a file keeps its journal, `null` where it keeps none; nothing else of it is looked at, so that no secret must be there.
 *
 * Rejects with `ConfigError` as {@linkcode loadFile} does.
 */
export async function loadJournalOptions(path: string, options: LoadOptions = {}): Promise<JournalOptions | null> {
  const { files, problems } = await readSources(path);
  const sections = files.map((file) => ({ ...file, raw: { observability: file.raw["observability"] ?? {}, children: [] } }));
  const { spec } = await build(path, { files: sections, problems }, options);
  return spec.observability?.journal ?? null;
}

async function build(path: string, sources: Sources, options: LoadOptions): Promise<LoadedConfig> {
  const lookup: Lookup = (name) => (options.env ?? process.env)[name];
  const found = new Findings(sources.problems);
  const filled: Filled[] = [];
  const files = sources.files.map((file): SourceFile => {
    const listener = { problem: (problem: ParseProblem) => found.addTo(file, problem), filled: (text: Filled) => filled.push(text) };
    return { ...file, raw: fillPlaceholders(file.raw, lookup, listener) };
  });
  const merged = files.length === 0 ? undefined : mergeSources(files);
  const { spec, secrets } = merged === undefined ? NOTHING : await translate(merged, path, options, lookup, found);
  filled.push(...secrets);
  const paths = [...files].reverse().map((file) => file.path);
  const problems = redact(found.located(merged, paths), filled);
  if (spec === undefined || merged === undefined || problems.some((problem) => problem.severity === "error")) {
    const isUnreadable = sources.files.length === 0 && sources.problems.some((problem) => problem.unreadable === true);
    throw new ConfigError(isUnreadable ? "config_unreadable" : "invalid_config", path, problems);
  }
  const { raw, origin } = merged;
  return {
    spec,
    dashboard: dashboardSettings(raw["dashboard"]),
    dashboardOff: isRaw(raw["dashboard"]) && raw["dashboard"]["enabled"] === false,
    exporters: exporterSettings(raw["observability"]),
    signals: signalSettings(raw["signals"]),
    warnings: problems,
    files: paths,
    configVersion: await contentHash(raw, mergeSources(sources.files).raw),
    place: (pointer) => {
      const { file, pointer: own } = origin(pointer);
      const position = positionsIn(file.text)(own);
      return position === undefined ? file.path : `${file.path}:${position.line}`;
    },
    locate: (problems) => {
      const more = new Findings([]);
      more.add(problems.map((problem) => ({ ...problem, pointer: filePointer(problem.pointer, raw) })));
      return redact(more.located(merged, paths), filled);
    },
  };
}

interface Translation {
  readonly spec: TreeSpec;
  /** The secrets among what was filled in. */
  readonly secrets: readonly Filled[];
}

const NOTHING = { spec: undefined, secrets: [] };

async function translate(
  { raw, origin }: Merged,
  path: string,
  options: LoadOptions,
  lookup: Lookup,
  found: Findings,
): Promise<Translation> {
  const report: Report = (severity, rule, pointer, reason, hint) =>
    found.add([{ severity, rule, pointer, reason, ...(hint === undefined ? {} : { hint }) }]);
  const fileOf = (pointer: string): string => origin(pointer).file.path;
  found.add(checkShape(raw));
  found.add(crossCheck(raw));
  const store = secretStore(raw, fileOf("/secret_store/path"), options, report);
  const { raw: whole, filled } = await resolveSecrets(raw, { store, lookup }, report);
  const name = basename(path, extname(path));
  const spec = toTreeSpec(whole, { name, fileOf, factories: new Map(Object.entries(options.factories ?? {})) });
  found.add(validateTree(spec).map((problem) => ({ ...problem, pointer: filePointer(problem.pointer, raw) })));
  return { spec, secrets: filled };
}
