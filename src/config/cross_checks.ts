/** What the schema cannot say: names that must fit together, keys that exclude each other, keys without effect. */
import { didYouMean, type Problem } from "../base/mod.ts";
import { pendingAt } from "./pending.ts";
import { isRaw, type Raw, toPointer } from "./pointer.ts";

type Report = (severity: Problem["severity"], rule: string, pointer: string, reason: string, hint?: string) => void;

/** Lists every violation between keys, and a warning for each key that has no effect yet. */
export function crossCheck(raw: Raw): Problem[] {
  const problems: Problem[] = [];
  const report: Report = (severity, rule, pointer, reason, hint) => {
    problems.push({ severity, rule, pointer, reason, ...(hint === undefined ? {} : { hint }) });
  };
  checkVersion(raw, report);
  checkPolicy(raw["policy"], report);
  checkGroups(raw, report);
  checkNamed(raw, "child_strategy_overrides", "child_id", childNames(raw), "child", report);
  checkUnique(raw["severity_defaults"], "/severity_defaults", "task_role", report);
  checkAudit(raw["audit"], report);
  checkChildren(raw["children"], "/children", report);
  if (Array.isArray(raw["templates"])) checkChildren(raw["templates"], "/templates", report);
  warnPending(raw, [], report);
  return problems;
}

function checkVersion({ schema_version: version }: Raw, report: Report): void {
  if (typeof version === "number" && version > 1) {
    report("error", "version_too_new", "/schema_version", `is ${version}, this program reads version 1`, "Use a newer version of reeve");
  }
}

function checkPolicy(policy: unknown, report: Report): void {
  if (!isRaw(policy)) return;
  const { initial_backoff_ms: initial, max_backoff_ms: max, heartbeat_interval_ms: interval, stale_after_ms: stale } = policy;
  if (typeof initial === "number" && typeof max === "number" && initial > max) {
    report("error", "backoff_inverted", "/policy/initial_backoff_ms", `is ${initial}, must not exceed max_backoff_ms, which is ${max}`);
  }
  if (typeof interval === "number" && typeof stale === "number" && stale <= interval) {
    report("error", "stale_too_soon", "/policy/stale_after_ms", `is ${stale}, must exceed heartbeat_interval_ms, which is ${interval}`);
  }
}

function checkGroups(raw: Raw, report: Report): void {
  const groups = new Set<unknown>(entries(raw["groups"]).map(({ name }) => name));
  checkUnique(raw["groups"], "/groups", "name", report);
  const children = childNames(raw);
  entries(raw["groups"]).forEach((group, index) => {
    if (!Array.isArray(group["children"])) return;
    group["children"].forEach((name: unknown, position) => checkKnown(name, children, "child", `/groups/${index}/children/${position}`, report));
  });
  checkNamed(raw, "group_strategies", "group", groups, "group", report);
  for (const key of ["from_group", "to_group"]) {
    entries(raw["group_dependencies"]).forEach((edge, index) => checkKnown(edge[key], groups, "group", `/group_dependencies/${index}/${key}`, report));
  }
  const edges = entries(raw["group_dependencies"]);
  edges.forEach((edge, index) => {
    if (edge["from_group"] === edge["to_group"]) report("error", "self_dependency", `/group_dependencies/${index}`, `group "${String(edge["from_group"])}" depends on itself`);
  });
  const cycle = findCycle(edges);
  if (cycle !== undefined) report("error", "dependency_cycle", "/group_dependencies", `group dependencies form a cycle: ${cycle.join(" → ")}`);
  const strategyGroups = new Set(entries(raw["group_strategies"]).map(({ group }) => group));
  const tags = new Set<unknown>();
  entries(raw["children"]).forEach((child, index) => {
    const own = Array.isArray(child["tags"]) ? child["tags"] : [];
    own.forEach((tag: unknown) => tags.add(tag));
    const matching = own.filter((tag: unknown) => strategyGroups.has(tag));
    if (matching.length > 1) report("error", "ambiguous_group", `/children/${index}/tags`, `matches more than one group strategy: ${matching.join(", ")}`);
    checkKnown(child["group"], groups, "group", `/children/${index}/group`, report);
  });
  entries(raw["group_strategies"]).forEach(({ group }, index) => {
    if (groups.has(group) && !tags.has(group)) report("error", "unused_group", `/group_strategies/${index}/group`, `no child has the tag "${String(group)}"`);
  });
}

function findCycle(edges: readonly Raw[]): string[] | undefined {
  const next = new Map<string, string[]>();
  for (const { from_group: from, to_group: to } of edges) {
    if (typeof from === "string" && typeof to === "string" && from !== to) next.set(from, [...(next.get(from) ?? []), to]);
  }
  const done = new Set<string>();
  function walk(node: string, path: readonly string[]): string[] | undefined {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (done.has(node)) return undefined;
    done.add(node);
    for (const target of next.get(node) ?? []) {
      const cycle = walk(target, [...path, node]);
      if (cycle !== undefined) return cycle;
    }
    return undefined;
  }
  for (const node of next.keys()) {
    const cycle = walk(node, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

function checkAudit(audit: unknown, report: Report): void {
  if (!isRaw(audit) || audit["backend"] !== "file") return;
  if (typeof audit["file_path"] !== "string") report("error", "missing", "/audit/file_path", '"file_path" is missing, which backend "file" needs');
}

function checkChildren(children: unknown, pointer: string, report: Report): void {
  entries(children).forEach((child, index) => {
    const place = `${pointer}/${index}`;
    checkRun(child, place, report);
    checkEnvironment(child, place, report);
    checkSidecar(child, entries(children), place, report);
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
    if (kind === "supervisor") report("error", "missing", `${place}/run`, 'a child of kind "supervisor" needs run.supervisor with its children');
    return;
  }
  const ways = Object.keys(run);
  if (ways.length !== 1) return report("error", "one_way_to_run", `${place}/run`, `has ${ways.length} keys, must have exactly one of ${Object.keys(KINDS).join(", ")}`);
  const fitting = KINDS[ways[0] ?? ""];
  if (typeof kind === "string" && fitting !== undefined && !fitting.includes(kind)) {
    report("error", "kind_contradicts_run", `${place}/kind`, `is "${kind}", but run.${ways[0]} makes it ${fitting.map((name) => `"${name}"`).join(" or ")}`, "Leave kind out");
  }
}

function checkEnvironment({ environment }: Raw, place: string, report: Report): void {
  entries(environment).forEach((variable, index) => {
    const given = [variable["value"], variable["secret_ref"]].filter((entry) => entry !== undefined).length;
    if (given !== 1) report("error", "value_or_secret", `${place}/environment/${index}`, `has ${given === 0 ? "neither" : "both"} value and secret_ref, must have one of them`);
  });
}

function checkSidecar(child: Raw, siblings: readonly Raw[], place: string, report: Report): void {
  const config = child["sidecar_config"];
  if (child["task_role"] === "sidecar" && config === undefined) return report("error", "missing", `${place}/sidecar_config`, 'a child with role "sidecar" needs sidecar_config');
  if (!isRaw(config)) return;
  if (child["task_role"] !== "sidecar") return report("error", "only_for_sidecars", `${place}/sidecar_config`, 'is only for children with role "sidecar"');
  const primary = siblings.find(({ name }) => name === config["primary_child_id"]);
  const pointer = `${place}/sidecar_config/primary_child_id`;
  if (primary === undefined) return checkKnown(config["primary_child_id"], new Set(siblings.map(({ name }) => name)), "child", pointer, report);
  if (primary["task_role"] === "sidecar") report("error", "sidecar_of_sidecar", pointer, `"${String(config["primary_child_id"])}" is a sidecar itself`);
}

function checkNamed(raw: Raw, list: string, key: string, known: ReadonlySet<unknown>, what: string, report: Report): void {
  entries(raw[list]).forEach((entry, index) => checkKnown(entry[key], known, what, `/${list}/${index}/${key}`, report));
  checkUnique(raw[list], `/${list}`, key, report);
}

function checkKnown(name: unknown, known: ReadonlySet<unknown>, what: string, pointer: string, report: Report): void {
  if (typeof name !== "string" || known.has(name)) return;
  report("error", `unknown_${what}`, pointer, `there is no ${what} "${name}"`, didYouMean(name, [...known].map(String)));
}

function checkUnique(list: unknown, pointer: string, key: string, report: Report): void {
  const seen = new Set<unknown>();
  entries(list).forEach((entry, index) => {
    if (typeof entry[key] === "string" && seen.has(entry[key])) report("error", "duplicate_name", `${pointer}/${index}/${key}`, `"${entry[key]}" is there twice`);
    seen.add(entry[key]);
  });
}

function childNames({ children }: Raw): Set<unknown> {
  return new Set(entries(children).map(({ name }) => name));
}

function entries(list: unknown): Raw[] {
  return Array.isArray(list) ? list.map((entry) => isRaw(entry) ? entry : {}) : [];
}

function warnPending(value: unknown, path: readonly (string | number)[], report: Report): void {
  const pointer = toPointer(path);
  const pending = pendingAt(pointer);
  if (pending !== undefined) {
    const harmless = pending.harmless?.includes(value) === true || (Array.isArray(value) && value.length === 0);
    if (!harmless) report("warning", "pending_key", pointer, `"${path.filter((segment) => typeof segment === "string").join(".")}" has no effect yet: ${pending.meanwhile}`);
    return;
  }
  if (Array.isArray(value)) value.forEach((entry, index) => warnPending(entry, [...path, index], report));
  else if (isRaw(value) && path.at(-1) !== "args") { for (const [key, entry] of Object.entries(value)) warnPending(entry, [...path, key], report); }
}
