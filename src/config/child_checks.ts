/** Whether the keys of each child fit together. */
import { checkUnique, entries, type Report } from "./check_tools.ts";
import { isRaw, type Raw } from "./pointer.ts";
import { checkSignals } from "./signal_checks.ts";

/** Checks a list of children, and the children of nested supervisors. */
export function checkChildren(children: unknown, pointer: string, report: Report): void {
  const siblings = entries(children);
  const usesRoles = siblings.some((child) => typeof child["task_role"] === "string");
  siblings.forEach((child, index) => {
    const place = `${pointer}/${index}`;
    if (usesRoles) checkRole(child, place, report);
    checkRun(child, place, report);
    checkEnvironment(child, place, report);
    checkLimits(child, place, report);
    checkSignals(child, place, report);
    checkUnique(child["secrets"], `${place}/secrets`, "name", report);
    const run = child["run"];
    const supervisor = isRaw(run) ? run["supervisor"] : undefined;
    if (isRaw(supervisor)) checkChildren(supervisor["children"], `${place}/run/supervisor/children`, report);
  });
}

const KINDS: Readonly<Record<string, readonly string[]>> = {
  factory: ["async_worker", "blocking_worker"],
  module: ["async_worker"],
  worker: ["blocking_worker"],
  process: ["blocking_worker"],
  supervisor: ["supervisor"],
};

function checkRun({ run, kind }: Raw, place: string, report: Report): void {
  if (!isRaw(run)) {
    if (kind === "supervisor") {
      report("error", "missing", `${place}/run`, 'a child of kind "supervisor" needs run.supervisor with its children');
    }
    return;
  }
  const ways = Object.keys(run);
  if (ways.length !== 1) {
    return report(
      "error",
      "one_way_to_run",
      `${place}/run`,
      `has ${ways.length} keys, must have exactly one of ${Object.keys(KINDS).join(", ")}`,
    );
  }
  const fitting = KINDS[ways[0] ?? ""];
  if (typeof kind === "string" && fitting !== undefined && !fitting.includes(kind)) {
    report(
      "error",
      "kind_contradicts_run",
      `${place}/kind`,
      `is "${kind}", but run.${ways[0]} makes it ${fitting.map((name) => `"${name}"`).join(" or ")}`,
      "Leave kind out",
    );
  }
}

/** Told where a limit is left out, which nobody can keep. */
export const LIMIT_NOT_KEPT = "limit_not_kept";

/** Whether the child is something that can be limited. */
export function canBeLimited({ run }: Raw): boolean {
  return isRaw(run) && run["process"] !== undefined;
}

/** The format has limits for children of every kind; tasks and workers are parts of the program, which has one table of files. */
function checkLimits(child: Raw, place: string, report: Report): void {
  const limits = child["resource_limits"];
  if (!isRaw(limits) || canBeLimited(child)) return;
  const keys = Object.keys(limits).filter((key) => limits[key] !== null && limits[key] !== undefined);
  if (keys.length === 0) return;
  const reason = `${keys.join(", ")}: not kept, the child runs without ${keys.length === 1 ? "that limit" : "these limits"}`;
  report("warning", LIMIT_NOT_KEPT, `${place}/resource_limits`, reason, "Only a process can be limited: run it by run.process");
}

/** Where others have a role, a child without one was probably forgotten; where nobody has, roles are not used. */
function checkRole({ name, run, task_role: role }: Raw, place: string, report: Report): void {
  if ((role !== undefined && role !== null) || (isRaw(run) && run["supervisor"] !== undefined)) return;
  const hint = "Give it one of service, worker, job, sidecar";
  report("warning", "role_missing", place, `child "${String(name)}" has no task_role, so that the numbers of a worker count`, hint);
}

function checkEnvironment({ environment }: Raw, place: string, report: Report): void {
  entries(environment).forEach((variable, index) => {
    const given = [variable["value"], variable["secret_ref"]].filter((entry) => entry !== undefined).length;
    if (given !== 1) {
      report(
        "error",
        "value_or_secret",
        `${place}/environment/${index}`,
        `has ${given === 0 ? "neither" : "both"} value and secret_ref, must have one of them`,
      );
    }
  });
}
