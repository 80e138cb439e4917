/** Everything that is wrong with a declaration, all at once. */
import { didYouMean, type Problem } from "../base/mod.ts";
import { checkFields, type Fields, isFields, nameOf, refuse, type Report } from "./check.ts";
import { findCycles } from "./graph.ts";
import { limitCanFire } from "./limit_can_fire.ts";
import { policyResolver } from "./resolve.ts";
import { CHILD_RULES, RUN_RULES, TREE_RULES } from "./rules.ts";
import type { ChildSpec, TreeSpec } from "./types.ts";

/** Deepest nesting of supervisors. */
const DEEPEST = 16;

/** Options of {@linkcode validateTree}. */
export interface ValidateOptions {
  /** Whether the tree is about to start, so that a factory nobody registered is an error. @default {false} */
  readonly forStart?: boolean;
}

/**
 * Lists every violation and warning of a declaration, with a JSON Pointer, a reason and a hint; an empty list means that all is well.
 *
 * @example
 * ```ts
 * import { child, validateTree } from "@reeve/supervisor";
 *
 * const problems = validateTree({ children: [child.task("ingest", () => {}, { dependencies: ["ingset"] })] });
 * console.log(problems[0]?.pointer); // "/children/0/dependencies/0"
 * ```
 */
export function validateTree(spec: TreeSpec, { forStart = false }: ValidateOptions = {}): Problem[] {
  const problems: Problem[] = [];
  const report: Report = (problem) => problems.push(problem);
  if (!checkFields(spec, "", TREE_RULES, report)) return problems;
  checkChildren(spec.children, "", { forStart, report, places: placesOf(spec.children, "/", new Map(), 0), depth: 1 });
  if (!problems.some((problem) => problem.severity === "error")) lintLimits(spec, report);
  return problems;
}

interface Context {
  readonly forStart: boolean;
  readonly report: Report;
  /** Names of children with the paths of the supervisors that have one of that name. */
  readonly places: ReadonlyMap<string, readonly string[]>;
  readonly depth: number;
}

function checkChildren(children: unknown, parent: string, context: Context): void {
  const { report } = context;
  const pointer = `${parent}/children`;
  if (!Array.isArray(children)) return refuse(report, pointer, "wrong_type", `is ${nameOf(children)}, must be a list of children`);
  if (children.length === 0) report({ severity: "warning", rule: "no_children", pointer, reason: "there are no children, so that nothing will run" });
  for (let index = 0; index < children.length; index++) checkChild(children[index], `${pointer}/${index}`, context);
  const named: ChildSpec[] = children.filter((child) => isFields(child) && typeof child["name"] === "string");
  checkNames(children, pointer, report);
  const clean = checkDependencies(children, named, pointer, context);
  if (!clean) return;
  for (const cycle of findCycles(named)) {
    const index = children.findIndex((child) => isFields(child) && child["name"] === cycle[0]);
    refuse(report, `${pointer}/${index}/dependencies`, "dependency_cycle", `dependencies form a cycle: ${cycle.join(" → ")}`, "Remove one of them");
  }
}

function checkNames(children: readonly unknown[], pointer: string, report: Report): void {
  const first = new Map<unknown, number>();
  children.forEach((child, index) => {
    if (!isFields(child) || typeof child["name"] !== "string") return;
    const earlier = first.get(child["name"]);
    if (earlier === undefined) first.set(child["name"], index);
    else refuse(report, `${pointer}/${index}/name`, "duplicate_name", `"${child["name"]}" is also the name of child ${earlier}, must be unique among siblings`);
  });
}

function checkDependencies(children: readonly unknown[], named: readonly ChildSpec[], pointer: string, { report, places }: Context): boolean {
  const names = new Set(named.map((child) => child.name));
  let clean = true;
  children.forEach((child, index) => {
    if (!isFields(child)) return;
    const dependencies = child["dependencies"];
    if (dependencies === undefined) return;
    if (!Array.isArray(dependencies)) return clean = false;
    const seen = new Set<string>();
    dependencies.forEach((name: unknown, position) => {
      const place = `${pointer}/${index}/dependencies/${position}`;
      if (typeof name !== "string") return clean = false;
      if (name === child["name"]) return refuse(report, place, "self_dependency", `child "${name}" depends on itself`);
      if (seen.has(name)) report({ severity: "warning", rule: "duplicate_dependency", pointer: place, reason: `"${name}" is listed twice` });
      seen.add(name);
      if (names.has(name)) return;
      clean = false;
      refuse(report, place, "unknown_dependency", `child "${String(child["name"])}" depends on "${name}", which does not exist`, dependencyHint(name, names, places));
    });
  });
  return clean;
}

/** A near name among the siblings, or the supervisor elsewhere that has the child. */
function dependencyHint(name: string, siblings: ReadonlySet<string>, places: Context["places"]): string | undefined {
  const elsewhere = places.get(name);
  if (elsewhere === undefined) return didYouMean(name, siblings);
  const supervisor = elsewhere[0] === "/" ? "the root" : `"${elsewhere[0]}"`;
  return `Dependencies name siblings; "${name}" is a child of ${supervisor}, so depend on the supervisor beside you that contains it`;
}

function checkChild(child: unknown, pointer: string, context: Context): void {
  const { report } = context;
  if (!checkFields(child, pointer, CHILD_RULES, report)) return;
  if (child["name"] === undefined) refuse(report, `${pointer}/name`, "missing", '"name" is missing');
  checkRun(child, pointer, context);
  checkPairs(child, pointer, report);
}

function checkRun(child: Fields, pointer: string, context: Context): void {
  const { report, forStart, depth } = context;
  const run = child["run"];
  const place = `${pointer}/run`;
  if (run === undefined) return refuse(report, place, "missing", '"run" is missing', "Say how the child runs, for instance with child.task or child.process");
  if (!isFields(run)) return refuse(report, place, "wrong_type", `is ${nameOf(run)}, must be an object`);
  const kind = run["kind"];
  const rule = typeof kind === "string" && Object.hasOwn(RUN_RULES, kind) ? RUN_RULES[kind] : undefined;
  if (rule === undefined) {
    const kinds = Object.keys(RUN_RULES);
    const hint = typeof kind === "string" ? didYouMean(kind, kinds) : undefined;
    return refuse(report, `${place}/kind`, "unknown_value", `is ${nameOf(kind)}, must be one of ${kinds.map((word) => `"${word}"`).join(", ")}`, hint);
  }
  rule(run, place, report);
  if (kind === "factory") {
    const hint = `Register it: loadFile(path, { factories: { "${String(run["name"])}": … } }), or give the child a "run"`;
    report({ severity: forStart ? "error" : "warning", rule: "factory_missing", pointer: place, reason: `no factory "${String(run["name"])}" is registered`, hint });
  }
  if (kind !== "supervisor" || run["children"] === undefined) return;
  if (depth >= DEEPEST) return refuse(report, place, "too_deep", `supervisors are nested deeper than ${DEEPEST} levels`);
  checkChildren(run["children"], place, { ...context, depth: depth + 1 });
}

/** Options that are right alone and wrong together. */
function checkPairs(child: Fields, pointer: string, report: Report): void {
  const kind = isFields(child["run"]) ? child["run"]["kind"] : undefined;
  const { backoff, stop, readiness, healthCheck, taskRole } = child;
  if (isFields(backoff) && isAbove(backoff["initialMs"], backoff["maxMs"])) {
    refuse(report, `${pointer}/backoff/initialMs`, "backoff_inverted", `is ${nameOf(backoff["initialMs"])}, must not exceed maxMs, which is ${nameOf(backoff["maxMs"])}`);
  }
  if (isFields(stop) && stop["mode"] === "wait" && typeof stop["timeoutMs"] === "number") {
    refuse(report, `${pointer}/stop/timeoutMs`, "wait_with_timeout", 'has no meaning with mode "wait", which waits for ever', 'Use mode "graceful" to force the child after a time');
  }
  const mode = isFields(readiness) ? readiness["mode"] ?? "immediate" : undefined;
  const ofSupervisors = mode === "all" || mode === "started" || mode === "child";
  if (mode !== undefined && kind !== undefined && ofSupervisors !== (kind === "supervisor")) {
    const wanted = kind === "supervisor" ? 'A supervisor knows "all", "started" and "child"' : `"${String(mode)}" is for supervisors`;
    refuse(report, `${pointer}/readiness/mode`, "readiness_not_for_kind", `"${String(mode)}" does not fit a child of kind "${String(kind)}"`, wanted);
  }
  if (mode === "explicit" && kind === "process") {
    refuse(report, `${pointer}/readiness/mode`, "readiness_not_for_kind", "a process cannot report readiness itself", 'Use "http", "tcp", "exec" or "log_line"');
  }
  if (mode === "child" && isFields(readiness) && isFields(child["run"])) checkReadinessChild(readiness["child"], child["run"]["children"], pointer, report);
  if (isFields(healthCheck)) checkHealth(healthCheck, kind, pointer, report);
  if (taskRole === "supervisor" && kind !== undefined && kind !== "supervisor") {
    refuse(report, `${pointer}/taskRole`, "role_not_for_kind", `role "supervisor" does not fit a child of kind "${String(kind)}"`);
  } else if (kind === "supervisor" && taskRole !== undefined && taskRole !== "supervisor") {
    refuse(report, `${pointer}/taskRole`, "role_not_for_kind", `a nested supervisor has role "supervisor", not ${nameOf(taskRole)}`);
  }
  if (taskRole === "job" && child["restartPolicy"] === "permanent") {
    report({
      severity: "warning",
      rule: "permanent_job",
      pointer: `${pointer}/restartPolicy`,
      reason: "a job that is permanent starts again after every success",
      hint: 'Use "transient" to run it until it succeeds',
    });
  }
  const { severity, criticality } = child;
  if (severity !== undefined && criticality !== undefined && severity !== criticality) {
    refuse(report, `${pointer}/criticality`, "contradicting_severity", `says ${nameOf(criticality)}, but severity says ${nameOf(severity)}`, "Keep severity alone");
  }
  if (child["successExitCodes"] !== undefined && kind !== undefined && kind !== "process") {
    refuse(report, `${pointer}/successExitCodes`, "only_for_processes", `a child of kind "${String(kind)}" has no exit code`);
  }
  checkEnvironmentNames(child["environment"], pointer, report);
}

function checkReadinessChild(name: unknown, children: unknown, pointer: string, report: Report): void {
  if (typeof name !== "string" || !Array.isArray(children)) return;
  const names: string[] = children.flatMap((child) => isFields(child) && typeof child["name"] === "string" ? [child["name"]] : []);
  if (!names.includes(name)) refuse(report, `${pointer}/readiness/child`, "unknown_child", `the supervisor has no child "${name}"`, didYouMean(name, names));
}

function checkHealth(healthCheck: Fields, kind: unknown, pointer: string, report: Report): void {
  const place = `${pointer}/healthCheck`;
  const mode = healthCheck["mode"] ?? "heartbeat";
  if (kind === "supervisor") return refuse(report, place, "health_not_for_kind", "a nested supervisor has no health check", "Give one to its children");
  if (mode === "heartbeat" && kind === "process") {
    refuse(report, `${place}/mode`, "health_not_for_kind", "a process cannot send heartbeats", 'Use mode "http", "tcp" or "exec"');
  }
  const { staleAfterMs, checkIntervalSecs } = healthCheck;
  if (typeof staleAfterMs === "number" && typeof checkIntervalSecs === "number" && staleAfterMs <= checkIntervalSecs * 1000) {
    refuse(report, `${place}/staleAfterMs`, "stale_too_soon", `is ${staleAfterMs}, must exceed the interval of ${checkIntervalSecs * 1000} ms`);
  }
}

function checkEnvironmentNames(environment: unknown, pointer: string, report: Report): void {
  if (!Array.isArray(environment)) return;
  const seen = new Set<unknown>();
  environment.forEach((variable: unknown, index) => {
    if (!isFields(variable)) return;
    if (seen.has(variable["name"])) refuse(report, `${pointer}/environment/${index}/name`, "duplicate_name", `${nameOf(variable["name"])} is set twice`);
    seen.add(variable["name"]);
  });
}

function isAbove(low: unknown, high: unknown): boolean {
  return typeof low === "number" && typeof high === "number" && low > high;
}

function placesOf(children: unknown, path: string, places: Map<string, string[]>, depth: number): Map<string, string[]> {
  if (!Array.isArray(children) || depth > DEEPEST) return places;
  for (const child of children) {
    if (!isFields(child) || typeof child["name"] !== "string") continue;
    const known = places.get(child["name"]);
    if (known === undefined) places.set(child["name"], [path]);
    else known.push(path);
    const run = child["run"];
    if (isFields(run) && run["kind"] === "supervisor") placesOf(run["children"], path === "/" ? `/${child["name"]}` : `${path}/${child["name"]}`, places, depth + 1);
  }
  return places;
}

/** Says when a limit can never be exceeded because the delays alone take longer than its window. */
function lintLimits(spec: TreeSpec, report: Report): void {
  const resolvePolicy = policyResolver(spec);
  const visit = (children: readonly ChildSpec[], parent: string): void => {
    children.forEach((child, index) => {
      const pointer = `${parent}/children/${index}`;
      if (child.run.kind === "supervisor") visit(child.run.children, `${pointer}/run`);
      const { limit, backoff, restartPolicy } = resolvePolicy(child);
      if (child.limit === undefined || restartPolicy === "temporary" || limit.windowMs === null || limitCanFire({ ...limit, ...backoff, windowMs: limit.windowMs })) return;
      const reason = `the limit of ${limit.maxRestarts} in ${limit.windowMs} ms can never be exceeded, because the backoff delays alone take longer`;
      report({ severity: "warning", rule: "limit_never_fires", pointer: `${pointer}/limit`, reason, hint: "Lengthen windowMs, or shorten the backoff" });
    });
  };
  visit(spec.children, "");
}
