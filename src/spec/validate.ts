/** Everything that is wrong with a declaration, all at once. */
import { didYouMean, type Problem } from "../base/mod.ts";
import { checkFields, type Fields, isFields, nameOf, refuse, type Report, warn } from "./check.ts";
import { checkAudit, checkBackpressure, checkCombinations, checkPolicy } from "./combinations.ts";
import { checkGroups } from "./group_checks.ts";
import { lintLimits } from "./lint_limits.ts";
import { byPosition } from "./position.ts";
import { CHILD_RULES, RUN_RULES, TREE_RULES } from "./rules.ts";
import { type Ancestry, checkSiblings, type Places } from "./siblings.ts";
import type { TreeSpec } from "./types.ts";

/** How many supervisors may be one inside the other, the root included. */
const DEEPEST = 16;

/** Options of {@linkcode validateTree}. */
export interface ValidateOptions {
  /** Whether the tree is about to start, so that a factory nobody registered is an error. @default {false} */
  readonly forStart?: boolean;
}

/**
 * Lists every violation and warning of a declaration in the order of their positions, with a JSON Pointer, a reason and a hint.
 *
 * An empty list means that all is well. The types are not trusted: a declaration may come from JavaScript or from a file.
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
  const report: Report = (problem) => {
    problems.push(problem);
  };
  const given: unknown = spec;
  if (!checkFields(given, "", TREE_RULES, report)) return problems;
  const { children } = given;
  const policy = isFields(given["policy"]) ? given["policy"] : {};
  checkPolicy(policy, report);
  if (isFields(given["backpressure"])) checkBackpressure(given["backpressure"], report);
  if (isFields(given["audit"])) checkAudit(given["audit"], report);
  let known: Places | undefined;
  const places = (): Places => known ??= placesOf(children);
  const shutdown = isFields(given["shutdown"]) ? given["shutdown"] : {};
  const context: Context = {
    forStart,
    report,
    policy,
    shutdown,
    places,
    pointer: "",
    ancestry: [],
    open: [],
    autoShutdown: given["autoShutdown"],
  };
  if (children === undefined) refuse(report, "/children", "missing", '"children" is missing');
  else checkChildren(children, context);
  checkGroups(given, policy, "", report);
  if (given["templates"] !== undefined) checkTemplates(given["templates"], context);
  if (!problems.some((problem) => problem.severity === "error")) lintLimits(spec, report);
  return byPosition(problems, spec);
}

/** One supervisor on the way down. */
interface Context {
  readonly forStart: boolean;
  readonly report: Report;
  readonly policy: Fields;
  readonly shutdown: Fields;
  readonly places: () => Places;
  /** Pointer to what has the `children`. */
  readonly pointer: string;
  /** Names of the supervisors above the children. */
  readonly ancestry: Ancestry;
  /** `autoShutdown` of the supervisor of the children. */
  readonly autoShutdown: unknown;
  /** The lists of children above this one; a list that is among them contains itself. */
  readonly open: readonly unknown[];
}

function checkChildren(children: unknown, context: Context): void {
  const { report, ancestry } = context;
  const pointer = `${context.pointer}/children`;
  if (!Array.isArray(children)) return refuse(report, pointer, "wrong_type", `is ${nameOf(children)}, must be a list of children`);
  if (context.open.includes(children)) {
    return refuse(report, pointer, "cyclic_children", "is a list that contains itself", "Build a new list for each supervisor");
  }
  if (children.length === 0) warn(report, pointer, "no_children", "is empty, so that nothing will run", "Declare a child");
  const inner = { ...context, open: [...context.open, children] };
  // By index: a hole in the list must not pass.
  for (let index = 0; index < children.length; index++) checkChild(children[index], `${pointer}/${index}`, inner);
  checkSiblings({ children, pointer, ancestry }, context.places, report);
  const { autoShutdown } = context;
  const isAutomatic = autoShutdown === "any_significant" || autoShutdown === "all_significant";
  if (isAutomatic && !children.some((child: unknown) => isFields(child) && child["significant"] === true)) {
    warn(report, `${context.pointer}/autoShutdown`, "no_effect", "has no effect, because no child is significant");
  }
}

/** Templates are looked at one by one: their siblings are not known before they are copied. */
function checkTemplates(templates: unknown, context: Context): void {
  const { report } = context;
  if (!Array.isArray(templates)) return refuse(report, "/templates", "wrong_type", `is ${nameOf(templates)}, must be a list of children`);
  const seen = new Set<unknown>();
  for (let index = 0; index < templates.length; index++) {
    const template: unknown = templates[index];
    const pointer = `/templates/${index}`;
    // Nor is their supervisor, which may end by itself or not.
    checkChild(template, pointer, { ...context, autoShutdown: "any_significant" });
    const name = isFields(template) ? template["name"] : undefined;
    for (const key of ["instances", "rolling"]) {
      if (!isFields(template) || template[key] === undefined) continue;
      refuse(
        report,
        `${pointer}/${key}`,
        "copies_of_template",
        "does not fit a template, of which copies are started one by one",
        "Use scale",
      );
    }
    if (name !== undefined && seen.has(name)) refuse(report, `${pointer}/name`, "duplicate_name", `${nameOf(name)} is there twice`);
    seen.add(name);
  }
}

function checkChild(child: unknown, pointer: string, context: Context): void {
  const { report, policy, shutdown } = context;
  if (!checkFields(child, pointer, CHILD_RULES, report)) return;
  if (child["name"] === undefined) refuse(report, `${pointer}/name`, "missing", '"name" is missing');
  const kind = checkRun(child, pointer, context);
  checkCombinations({ child, kind, pointer, policy, shutdown, autoShutdown: context.autoShutdown }, report);
}

/** Returns the kind when it is known. */
function checkRun({ name, run }: Fields, parent: string, context: Context): string | undefined {
  const { report, forStart, policy } = context;
  const pointer = `${parent}/run`;
  if (run === undefined) {
    refuse(report, pointer, "missing", '"run" is missing', "Say how the child runs, for instance with child.task or child.process");
    return undefined;
  }
  if (!isFields(run)) {
    refuse(report, pointer, "wrong_type", `is ${nameOf(run)}, must be an object`);
    return undefined;
  }
  const { kind } = run;
  const rule = typeof kind === "string" && Object.hasOwn(RUN_RULES, kind) ? RUN_RULES[kind] : undefined;
  if (typeof kind !== "string" || rule === undefined) {
    const kinds = Object.keys(RUN_RULES);
    const reason = `is ${nameOf(kind)}, must be one of ${kinds.map((word) => `"${word}"`).join(", ")}`;
    refuse(report, `${pointer}/kind`, "unknown_kind", reason, typeof kind === "string" ? didYouMean(kind, kinds) : undefined);
    return undefined;
  }
  rule(run, pointer, report);
  if (kind === "factory" && typeof run["name"] === "string") {
    const factory = nameOf(run["name"]);
    const hint = `Register it: loadFile(path, { factories: { ${factory}: … } }), or give the child another "run"`;
    (forStart ? refuse : warn)(report, pointer, "factory_missing", `no factory ${factory} is registered`, hint);
  }
  if (kind === "supervisor" && run["children"] !== undefined) {
    if (context.open.length >= DEEPEST) {
      refuse(
        report,
        pointer,
        "too_deep",
        `is a supervisor at level ${DEEPEST + 1}, must be at level ${DEEPEST} or above`,
        "Nest fewer supervisors",
      );
    } else {
      const ancestry = [...context.ancestry, typeof name === "string" ? name : ""];
      checkChildren(run["children"], { ...context, pointer, ancestry, autoShutdown: run["autoShutdown"] });
      checkGroups(run, policy, pointer, report);
    }
  }
  return kind;
}

/** Finds all names of a tree, as deep as a tree may be. */
function placesOf(root: unknown): Places {
  const places = new Map<string, Ancestry[]>();
  const visit = (children: unknown, ancestry: Ancestry, open: readonly unknown[]): void => {
    if (!Array.isArray(children) || open.length >= DEEPEST || open.includes(children)) return;
    for (const child of children) {
      if (!isFields(child) || typeof child["name"] !== "string") continue;
      const { name, run } = child;
      const known = places.get(name);
      if (known === undefined) places.set(name, [ancestry]);
      else known.push(ancestry);
      if (isFields(run) && run["kind"] === "supervisor") visit(run["children"], [...ancestry, name], [...open, children]);
    }
  };
  visit(root, [], []);
  return places;
}
