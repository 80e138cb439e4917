/** What can be known before anything starts: a valid declaration, modules that load, files and commands that exist. */
import { stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { didYouMean, type Problem, thrownMessage } from "../base/mod.ts";
import { platform } from "../platform/mod.ts";
import {
  type ChildSpec,
  expandInstances,
  isInstanceSet,
  type ProcessOptions,
  type TaskFunction,
  type TreeSpec,
  validateTree,
} from "../spec/mod.ts";
import { findCommand, type LoadedTasks, readEnvFile } from "./children/mod.ts";
import { checkOccasions } from "./occasions.ts";
import { processChecker } from "./process_checks.ts";

/** What was found out. */
export interface Preflight {
  /** Everything that is wrong, and warnings. */
  readonly problems: readonly Problem[];
  /** The declaration with all copies of its children. */
  readonly expanded: TreeSpec;
  /** The functions of children that are modules. */
  readonly tasks: LoadedTasks;
}

type Refusal = Pick<Problem, "rule" | "reason" | "hint">;

/** Something that is wrong with a part of a child. */
type Found = Refusal & { readonly at: string };

/** Checks the whole declaration; modules are imported only when nothing else is wrong. */
export async function preflight(spec: TreeSpec): Promise<Preflight> {
  const problems = [...validateTree(spec, { forStart: true })];
  const tasks = new Map<ChildSpec, TaskFunction>();
  if (hasErrors(problems)) return { problems, expanded: spec, tasks };
  const expanded = expandInstances(spec);
  problems.push(...checkUsers(expanded), ...await checkExpanded(expanded));
  if (hasErrors(problems)) return { problems, expanded, tasks };
  for (const { child, pointer } of everyChild(expanded.children, "")) {
    if (child.run.kind !== "module") continue;
    const found = await loadModule(child.run.url, child.run.export ?? "default");
    if (typeof found === "function") tasks.set(child, found);
    else problems.push({ severity: "error", pointer: `${pointer}/run`, ...found });
  }
  return { problems: eachOnce(problems), expanded, tasks };
}

/** Lists modules, workers, commands, folders and files that a valid declaration names and that cannot be used; nothing is run. */
export async function checkFiles(spec: TreeSpec): Promise<Problem[]> {
  return await checkExpanded(expandInstances(spec));
}

async function checkExpanded(spec: TreeSpec): Promise<Problem[]> {
  const problems: Problem[] = [];
  const processProblems = processChecker();
  for (const { child, pointer } of everyChild(spec.children, "")) {
    problems.push(...await processProblems(child, pointer));
    for (const { at, ...refusal } of await unusableFiles(child)) {
      problems.push({ severity: "error", pointer: `${pointer}/${at}`, ...refusal });
    }
  }
  return eachOnce([...problems, ...await checkOccasions(everyChild(spec.children, ""), Date.now())]);
}

/** Lists processes that were to run as another user, which only root can. Where this program may not ask who it is, the start tells. */
export function checkUsers(spec: TreeSpec, own: number | null = platform.ownUid()): Problem[] {
  if (own === null || own === 0) return [];
  return [...everyChild(spec.children, "")].flatMap(({ child: { run }, pointer }): Problem[] => {
    if (run.kind !== "process" || run.uid === undefined) return [];
    const reason = `Cannot run "${run.command}" as user ${run.uid}: user ${own} may not run a process as somebody else`;
    const hint = "Run the program as root, or leave uid and gid out";
    return [{ severity: "error", pointer: `${pointer}/run/uid`, rule: "not_permitted_user", reason, hint }];
  });
}

function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === "error");
}

/** What is wrong with every copy of a child is told once. */
function eachOnce(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
}

/** Copies have the pointer of what they are copies of. */
function* everyChild(children: readonly ChildSpec[], parent: string): Generator<{ child: ChildSpec; pointer: string }> {
  for (const [index, child] of children.entries()) {
    const pointer = `${parent}/children/${index}`;
    yield { child, pointer };
    const { run } = child;
    if (isInstanceSet(run)) { for (const copy of run.children) yield { child: copy, pointer }; }
    else if (run.kind === "supervisor") yield* everyChild(run.children, `${pointer}/run`);
  }
}

async function unusableFiles(child: ChildSpec): Promise<Found[]> {
  const { run } = child;
  switch (run.kind) {
    case "module":
      return atRun(await checkFile(run.url, "module"));
    case "worker":
      return atRun(await checkFile(run.url, "worker"));
    case "process":
      return await checkProcess(run, child);
    default:
      return [];
  }
}

function atRun(refusal: Refusal | null): Found[] {
  return refusal === null ? [] : [{ at: "run", ...refusal }];
}

async function loadModule(url: string, name: string): Promise<TaskFunction | Refusal> {
  let module: Record<string, unknown>;
  try {
    module = await import(url);
  } catch (error) {
    const hint = platform.permissionHint(error) ?? platform.loadHint(error);
    return { rule: "module_failed", reason: `Cannot import module "${url}": ${thrownMessage(error)}`, hint };
  }
  const exported = module[name];
  if (isTaskFunction(exported)) return exported;
  const found = exported === undefined ? "it has no such export" : `it is ${typeof exported}, must be a function`;
  return { rule: "export_not_found", reason: `Cannot use export "${name}" of "${url}": ${found}`, hint: exportHint(name, module) };
}

function isTaskFunction(value: unknown): value is TaskFunction {
  return typeof value === "function";
}

function exportHint(name: string, module: Record<string, unknown>): string {
  const functions = Object.keys(module).filter((key) => typeof module[key] === "function");
  return didYouMean(name, functions) ??
    (functions.length === 0 ? "It exports no function" : `It exports ${functions.map((key) => `"${key}"`).join(", ")}`);
}

async function checkFile(url: string, what: "module" | "worker"): Promise<Refusal | null> {
  if (!url.startsWith("file:")) return null;
  try {
    const found = await stat(fileURLToPath(url));
    return found.isFile() ? null : { rule: `${what}_not_found`, reason: `Cannot use ${what} "${url}": it is not a file` };
  } catch (error) {
    const hint = platform.permissionHint(error);
    return {
      rule: `${what}_not_found`,
      reason: `Cannot read ${what} "${url}": ${hint === undefined ? "it does not exist" : thrownMessage(error)}`,
      hint,
    };
  }
}

async function checkProcess(run: ProcessOptions, { environment = [], hooks = {} }: ChildSpec): Promise<Found[]> {
  const folder = await checkFolder(run.cwd);
  if (folder !== null) return atRun(folder);
  const file = run.envFile === undefined ? { variables: NO_VARIABLES } : await readEnvFile(run.envFile);
  const found: Found[] = [];
  if ("problem" in file) {
    const { isMissing, reason, hint } = file.problem;
    found.push({ at: "run/envFile", rule: isMissing ? "env_file_not_found" : "env_file_invalid", reason, hint });
  }
  const own = environment.map(({ name, value }) => [name, value] as const);
  const variables = new Map("problem" in file ? own : [...file.variables, ...own]);
  if (run.shell !== true) found.push(...atRun(await checkCommand(run.command, run.cwd, variables)));
  for (const [name, hook] of Object.entries(hooks)) {
    const refusal = hook === undefined ? null : await checkCommand(hook.command, run.cwd, variables);
    if (refusal !== null) found.push({ at: `hooks/${name}`, ...refusal });
  }
  return found;
}

const NO_VARIABLES: ReadonlyMap<string, string> = new Map();

async function checkFolder(cwd: string | undefined): Promise<Refusal | null> {
  if (cwd === undefined) return null;
  try {
    return (await stat(cwd)).isDirectory() ? null : { rule: "cwd_not_found", reason: `Cannot run in "${cwd}": it is not a directory` };
  } catch (error) {
    // What may not be looked at may still be used: the start will tell.
    return platform.permissionHint(error) === undefined
      ? { rule: "cwd_not_found", reason: `Cannot run in "${cwd}": it does not exist` }
      : null;
  }
}

async function checkCommand(command: string, cwd: string | undefined, environment: ReadonlyMap<string, string>): Promise<Refusal | null> {
  const found = await findCommand(command, cwd, environment);
  return "path" in found ? null : { rule: "command_not_found", reason: found.reason, hint: found.hint };
}
