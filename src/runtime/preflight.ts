/** What can be known before anything starts: a valid declaration, modules that load, files and commands that exist. */
import { stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { didYouMean, type Problem, thrownMessage } from "../base/mod.ts";
import { platform } from "../platform/mod.ts";
import { type ChildSpec, type ProcessOptions, type TaskFunction, type TreeSpec, validateTree } from "../spec/mod.ts";
import { findCommand, type LoadedTasks } from "./children/mod.ts";

/** What was found out. */
export interface Preflight {
  /** Everything that is wrong, and warnings. */
  readonly problems: readonly Problem[];
  /** The functions of children that are modules. */
  readonly tasks: LoadedTasks;
}

type Refusal = Pick<Problem, "rule" | "reason" | "hint">;

/** Checks the whole declaration; modules are imported only when nothing else is wrong. */
export async function preflight(spec: TreeSpec): Promise<Preflight> {
  const problems = [...validateTree(spec, { forStart: true })];
  const tasks = new Map<ChildSpec, TaskFunction>();
  if (!hasErrors(problems)) problems.push(...await checkFiles(spec));
  if (hasErrors(problems)) return { problems, tasks };
  for (const { child, pointer } of everyChild(spec.children, "")) {
    if (child.run.kind !== "module") continue;
    const found = await loadModule(child.run.url, child.run.export ?? "default");
    if (typeof found === "function") tasks.set(child, found);
    else problems.push({ severity: "error", pointer: `${pointer}/run`, ...found });
  }
  return { problems, tasks };
}

/** Lists modules, workers, commands and folders that a valid declaration names and that are not there; nothing is run. */
export async function checkFiles(spec: TreeSpec): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const { child, pointer } of everyChild(spec.children, "")) {
    const refusal = await missingFile(child);
    if (refusal !== null) problems.push({ severity: "error", pointer: `${pointer}/run`, ...refusal });
  }
  return problems;
}

function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === "error");
}

function* everyChild(children: readonly ChildSpec[], parent: string): Generator<{ child: ChildSpec; pointer: string }> {
  for (const [index, child] of children.entries()) {
    const pointer = `${parent}/children/${index}`;
    yield { child, pointer };
    if (child.run.kind === "supervisor") yield* everyChild(child.run.children, `${pointer}/run`);
  }
}

function missingFile({ run, environment }: ChildSpec): Promise<Refusal | null> {
  switch (run.kind) {
    case "module":
      return checkFile(run.url, "module");
    case "worker":
      return checkFile(run.url, "worker");
    case "process":
      return checkProcess(run, new Map(environment?.map(({ name, value }) => [name, value])));
    default:
      return Promise.resolve(null);
  }
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

async function checkProcess(run: ProcessOptions, environment: ReadonlyMap<string, string>): Promise<Refusal | null> {
  if (run.cwd !== undefined) {
    try {
      if (!(await stat(run.cwd)).isDirectory()) {
        return { rule: "cwd_not_found", reason: `Cannot run in "${run.cwd}": it is not a directory` };
      }
    } catch (error) {
      // What may not be looked at may still be used: the start will tell.
      if (platform.permissionHint(error) === undefined) {
        return { rule: "cwd_not_found", reason: `Cannot run in "${run.cwd}": it does not exist` };
      }
    }
  }
  if (run.shell === true) return null;
  const found = await findCommand(run.command, run.cwd, environment);
  return "path" in found ? null : { rule: "command_not_found", reason: found.reason, hint: found.hint };
}
