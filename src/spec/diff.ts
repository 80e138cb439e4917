/** What has changed in a new declaration of a tree, and what that means for the tree that runs. */
import type { ChildSpec, SupervisorOptions, TreeSpec } from "./types.ts";

/**
 * What has to be done about a child: it comes, it goes, it is started anew with what is new, what is new counts at once, it makes room for another one of its
 * name, or it cannot be done while the tree runs.
 */
export type ChangeKind = "add" | "remove" | "restart" | "live" | "replace" | "refused";

/** One difference. */
export interface SpecChange {
  /** What has to be done. */
  readonly kind: ChangeKind;
  /** Path of the child; `/` for what belongs to the tree itself. */
  readonly path: string;
  /** Options that have changed. */
  readonly keys: readonly string[];
}

/** Options that count at once, and need no new attempt. */
const LIVE: ReadonlySet<string> = new Set([
  "waitTimeoutMs",
  "restartPolicy",
  "neverRestartOn",
  "significant",
  "taskRole",
  "severity",
  "criticality",
  "backoff",
  "limit",
  "tags",
  "stop",
  "timeouts",
  "logs",
  "schedule",
  "watch",
  "instances",
  "rolling",
]);

/** Options that tie a child to its siblings: with others it is another child. */
const TIES: ReadonlySet<string> = new Set(["dependencies", "wants", "bindsTo", "group", "sidecarConfig"]);

/** Options of a tree or a supervisor that count at once, through the children. */
const LIVE_OF_TREE: ReadonlySet<string> = new Set([
  "strategy",
  "escalationPolicy",
  "childStrategyOverrides",
  "severityDefaults",
  "shutdown",
]);

/** Policy that guards the restarts of several: its counts would have to begin anew. */
const GUARDS: ReadonlySet<string> = new Set([
  "restartBudget",
  "meltdown",
  "coldStart",
  "hotLoop",
  "supervisorFailureLimit",
  "supervisorFailureWindowMs",
  "supervisionPipeline",
  "escalation",
]);

/** Lists what has changed, in the order of the new declaration, what goes at the end. */
export function diffTrees(before: TreeSpec, after: TreeSpec): SpecChange[] {
  const found: SpecChange[] = [];
  const isEmpty = (key: string): boolean => [before, after].every((tree) => isNothing(Reflect.get(tree, key)));
  const own = changedKeys(before, after).filter((key) => key !== "children" && !isEmpty(key));
  for (const key of own) {
    const kind = LIVE_OF_TREE.has(key) ? "live" : key === "policy" ? policyKind(before, after) : "refused";
    found.push({ kind, path: "/", keys: [key] });
  }
  return [...found, ...diffChildren(before, after, "/")];
}

function policyKind({ policy: before = {} }: TreeSpec, { policy: after = {} }: TreeSpec): ChangeKind {
  return changedKeys(before, after).every((key) => !GUARDS.has(key)) ? "live" : "refused";
}

function diffChildren(before: SupervisorOptions, after: SupervisorOptions, parent: string): SpecChange[] {
  const old = new Map(before.children.map((child) => [child.name, child]));
  const found: SpecChange[] = [];
  // A tag may be the name of a group.
  const areTies = (key: string): boolean => TIES.has(key) || key === "tags" && (before.groupStrategies ?? []).length > 0;
  for (const child of after.children) {
    const path = pathOf(parent, child.name);
    const was = old.get(child.name);
    old.delete(child.name);
    if (was === undefined) found.push({ kind: "add", path, keys: [] });
    else found.push(...diffChild(was, child, path, areTies));
  }
  for (const name of [...old.keys()].reverse()) found.push({ kind: "remove", path: pathOf(parent, name), keys: [] });
  return found;
}

function diffChild(before: ChildSpec, after: ChildSpec, path: string, isTie: (key: string) => boolean): SpecChange[] {
  if (before.run.kind === "supervisor" && after.run.kind === "supervisor") {
    const inner = changedKeys(before.run, after.run).filter((key) => key !== "children" && key !== "template");
    const own = changedKeys(before, after).filter((key) => key !== "run");
    const keys = [...own, ...inner.map((key) => `run.${key}`)];
    if (inner.some((key) => !LIVE_OF_TREE.has(key)) || own.some((key) => isTie(key) || !LIVE.has(key))) {
      return [{ kind: "replace", path, keys }];
    }
    const rest = diffChildren(before.run, after.run, path);
    return keys.length === 0 ? rest : [{ kind: "live", path, keys }, ...rest];
  }
  const keys = changedKeys(before, after);
  if (keys.length === 0) return [];
  const isOther = keys.some(isTie) || (before.run.kind === "supervisor") !== (after.run.kind === "supervisor");
  return [{ kind: isOther ? "replace" : keys.every((key) => LIVE.has(key)) ? "live" : "restart", path, keys }];
}

function pathOf(parent: string, name: string): string {
  return parent === "/" ? `/${name}` : `${parent}/${name}`;
}

/** The keys whose values have changed; what is absent is as `undefined`. */
function changedKeys(before: object, after: object): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].filter((key) => !isSame(Reflect.get(before, key), Reflect.get(after, key)));
}

/** A section in which nothing is said. */
function isNothing(section: unknown): boolean {
  if (typeof section !== "object" || section === null) return section === undefined;
  return Object.values(section).every((value) => value === undefined);
}

/** Whether two values of declarations are the same; functions are only what they are. */
function isSame(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  return changedKeys(one, other).length === 0;
}
