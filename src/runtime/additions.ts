/** What is looked at before a child is added to a running supervisor. */
import { cleanText, type Problem, SpecError } from "../base/mod.ts";
import type { AddRefusal } from "../core/mod.ts";
import { type ChildSpec, namesBefore, type SupervisorOptions, type TreeSpec } from "../spec/mod.ts";
import type { LoadedTasks } from "./children/mod.ts";
import { preflight } from "./preflight.ts";

/** The supervisor that is to get a child. */
export interface Target {
  readonly tree: TreeSpec;
  readonly supervisor: SupervisorOptions;
  /** Path that the child would have. */
  readonly path: string;
  /** Whether it has a child of that name now. */
  readonly has: (name: string) => boolean;
}

/** A child that can be added. */
export interface CheckedAddition {
  /** The declaration, with all copies where it has several. */
  readonly checked: ChildSpec;
  /** The functions of children that are modules. */
  readonly loaded: LoadedTasks;
}

/** Checks a child as if it had been declared, and loads its modules; rejects with `SpecError`, whose pointers start at the child. */
export async function checkAddition(spec: ChildSpec, { tree, supervisor, path, has }: Target): Promise<CheckedAddition> {
  const { sidecarConfig } = spec;
  const named = [...namesBefore(spec), ...(sidecarConfig === undefined ? [] : [sidecarConfig.primaryChildId])];
  const siblings = [...new Set(named)].filter((name) => name !== spec.name && has(name)).map(standIn);
  const { autoShutdown, groups = [] } = supervisor;
  const own = groups.map(({ children: _, ...group }) => group);
  const alone: TreeSpec = {
    policy: tree.policy,
    severityDefaults: tree.severityDefaults,
    shutdown: tree.shutdown,
    autoShutdown,
    groups: own,
    children: [...siblings, spec],
  };
  const { problems, expanded, tasks } = await preflight(alone);
  const prefix = `/children/${siblings.length}`;
  const ours = problems
    .filter(({ pointer }) => pointer === prefix || pointer.startsWith(`${prefix}/`))
    .map((problem): Problem => ({ ...problem, pointer: problem.pointer.slice(prefix.length) }));
  if (ours.some((problem) => problem.severity === "error")) throw new SpecError(ours, { wish: `add "${path}"`, path });
  return { checked: expanded.children[siblings.length]!, loaded: tasks };
}

/** Only its name counts. */
function standIn(name: string): ChildSpec {
  return { name, run: { kind: "task", task: () => {} } };
}

/** Says why a child was not added. */
export function explainRefusal(refusal: AddRefusal, supervisor: string): string {
  switch (refusal.code) {
    case "supervisor_not_running":
      return `supervisor "${supervisor}" is not running`;
    case "dynamic_children_disabled":
      return `supervisor "${supervisor}" takes no more children; set dynamicSupervisor.enabled`;
    case "child_name_conflict":
      return `supervisor "${supervisor}" has a child of that name`;
    case "child_limit_exceeded":
      return `supervisor "${supervisor}" may have ${refusal.limit} children; raise dynamicSupervisor.childLimit, or remove one`;
    case "dependency_not_found":
      return `it depends on "${cleanText(refusal.name, 64)}", which is not there any more`;
  }
}
