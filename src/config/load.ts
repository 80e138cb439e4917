/** The way from a file to a declaration. */
import { basename, extname } from "node:path";
import process from "node:process";
import type { Problem } from "../base/mod.ts";
import { type TaskFunction, type TreeSpec, validateTree } from "../spec/mod.ts";
import { crossCheck } from "./cross_checks.ts";
import { ConfigError, type FileProblem } from "./errors.ts";
import { fillPlaceholders, type Lookup } from "./placeholders.ts";
import { filePointer, isRaw, type Raw } from "./pointer.ts";
import { positionsIn } from "./positions.ts";
import { resolveSecrets } from "./secrets.ts";
import { checkShape } from "./shape.ts";
import { type Merged, mergeSources, readSources, type SourceFile, type Sources, textSources } from "./sources.ts";
import { toTreeSpec } from "./to_spec.ts";

/** Options of {@linkcode loadFile}. */
export interface LoadOptions {
  /** Functions for children that name a factory, or have no `run` and this name. */
  readonly factories?: Readonly<Record<string, TaskFunction>>;
  /** Variables for placeholders. @default {those of the program} */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** A file that was accepted. */
export interface LoadedConfig {
  /** What to give to `supervise`. */
  readonly spec: TreeSpec;
  /** What is accepted but should be looked at. */
  readonly warnings: readonly FileProblem[];
  /** The file and everything it includes. */
  readonly files: readonly string[];
  /** Hash of the content, the same for the same content; secrets count by name, not by value. */
  readonly configVersion: string;
  /** Finds the line of a key of the file; for those who explain. */
  readonly place: (pointer: string) => Promise<string>;
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

async function build(path: string, sources: Sources, options: LoadOptions): Promise<LoadedConfig> {
  const lookup: Lookup = (name) => (options.env ?? process.env)[name];
  const sourceProblems: (Problem & { readonly path: string; readonly text: string })[] = sources.problems.map((problem) => ({ severity: "error", ...problem }));
  const files: SourceFile[] = sources.files.map((file) => ({
    ...file,
    raw: fillPlaceholders(file.raw, lookup, (problem) => sourceProblems.push({ severity: "error", path: file.path, text: file.text, ...problem })),
  }));
  const found: FileProblem[] = [];
  let spec: TreeSpec | undefined;
  let merged: Merged | undefined;
  if (files.length > 0) {
    merged = mergeSources(files);
    const { raw, origin } = merged;
    const problems: Problem[] = [];
    const whole = resolveSecrets(raw, lookup, (problem) => problems.push(problem));
    add(problems, checkShape(raw));
    add(problems, crossCheck(raw));
    const name = basename(path, extname(path));
    const factories = new Map(Object.entries(options.factories ?? {}));
    spec = toTreeSpec(whole, { name, fileOf: (child) => origin(`/children/${child}`).file.path, factories });
    add(problems, validateTree(spec).map((problem) => ({ ...problem, pointer: filePointer(problem.pointer, raw) })));
    found.push(...await locate(problems, origin));
  }
  for (const problem of sourceProblems) found.push(await locateIn(problem, problem.path, problem.text));
  const order = files.map((file) => file.path);
  found.sort((a, b) => order.indexOf(a.file) - order.indexOf(b.file) || (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
  if (found.some((problem) => problem.severity === "error") || spec === undefined || merged === undefined) {
    const unreadable = sources.files.length === 0 && sources.problems.some((problem) => problem.unreadable === true);
    throw new ConfigError(unreadable ? "config_unreadable" : "invalid_config", path, found);
  }
  const { origin, raw } = merged;
  return {
    spec,
    warnings: found,
    files: order,
    configVersion: await contentHash(raw),
    place: async (pointer) => {
      const { file, pointer: own } = origin(pointer);
      const position = (await positionsIn(file.text))(own);
      return position === undefined ? file.path : `${file.path}:${position.line}`;
    },
  };
}

/** Adds problems that nothing said before: the schema and the declaration's own check see some things both. */
function add(problems: Problem[], more: readonly Problem[]): void {
  const errors = problems.filter((problem) => problem.severity === "error").map((problem) => problem.pointer);
  for (const problem of more) {
    const told = problem.severity === "error" && errors.some((pointer) => problem.pointer === pointer || problem.pointer.startsWith(`${pointer}/`));
    if (!told) problems.push(problem);
  }
}

async function locate(problems: readonly Problem[], origin: Merged["origin"]): Promise<FileProblem[]> {
  const finders = new Map<SourceFile, (pointer: string) => { line: number; column: number } | undefined>();
  const located: FileProblem[] = [];
  for (const problem of problems) {
    const { file, pointer } = origin(problem.pointer);
    let find = finders.get(file);
    if (find === undefined) finders.set(file, find = await positionsIn(file.text));
    located.push({ ...problem, file: file.path, ...find(pointer) });
  }
  return located;
}

async function locateIn({ severity, rule, pointer, reason, hint }: Problem, file: string, text: string): Promise<FileProblem> {
  const position = text === "" ? undefined : (await positionsIn(text))(pointer);
  return { severity, rule, pointer, reason, ...(hint === undefined ? {} : { hint }), file, ...position };
}

/** SHA-256 of the content with sorted keys. */
async function contentHash(raw: Raw): Promise<string> {
  const canonical = JSON.stringify(raw, (_, value: unknown) => isRaw(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1)) : value);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(canonical));
  return `sha256-${[...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
