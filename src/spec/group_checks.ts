/** Groups, their strategies and dependencies, strategies of single children, and sidecars: names that must fit together. */
import { didYouMean } from "../base/mod.ts";
import { type Fields, isFields, nameOf, refuse, type Report, warn } from "./check.ts";
import { findCycles } from "./graph.ts";

/** A supervisor whose options were looked at one by one, with the pointer to it. */
interface Subject {
  readonly supervisor: Fields;
  readonly pointer: string;
  readonly report: Report;
  /** Its children; those that are no objects have no fields. */
  readonly children: readonly Fields[];
}

/** Checks all that is about groups in one supervisor. */
export function checkGroups(supervisor: Fields, policy: Fields, pointer: string, report: Report): void {
  const subject: Subject = { supervisor, pointer, report, children: objectsIn(supervisor["children"]) };
  const groups = objectsIn(supervisor["groups"]).map(({ name }) => name);
  const children = subject.children.map(({ name }) => name);
  checkNames(subject, "groups", "name");
  checkNames(subject, "groupStrategies", "group", groups);
  checkNames(subject, "childStrategyOverrides", "childId", children);
  checkMembers(subject, groups, children);
  checkDependencies(subject, groups);
  checkSidecars(subject, children);
  checkGates(subject, policy);
  objectsIn(supervisor["groups"]).forEach(({ budget }, index) => checkBudget(budget, `${pointer}/groups/${index}/budget`, report));
}

/** A window of time has no effect on a bucket whose rate is given. */
export function checkBudget(budget: unknown, pointer: string, report: Report): void {
  if (!isFields(budget) || budget["windowSecs"] === undefined || budget["recoveryRatePerSec"] === undefined) return;
  warn(report, `${pointer}/windowSecs`, "no_effect", "has no effect beside recoveryRatePerSec", "Leave one of them out");
}

/** Names of a list must be there once, and exist elsewhere if they are names of something. */
function checkNames({ supervisor, pointer, report }: Subject, list: string, key: string, known?: readonly unknown[]): void {
  const seen = new Set<unknown>();
  objectsIn(supervisor[list]).forEach((entry, index) => {
    const name = entry[key];
    const place = `${pointer}/${list}/${index}/${key}`;
    if (known !== undefined) checkKnown(name, known, key === "childId" ? "child" : "group", place, report);
    if (typeof name === "string" && seen.has(name)) refuse(report, place, "duplicate_name", `${nameOf(name)} is there twice`);
    seen.add(name);
  });
}

function checkKnown(name: unknown, known: readonly unknown[], what: string, pointer: string, report: Report): void {
  if (typeof name !== "string" || known.includes(name)) return;
  const names = known.filter((other) => typeof other === "string");
  refuse(report, pointer, `unknown_${what}`, `there is no ${what} ${nameOf(name)}`, didYouMean(name, names));
}

/** A child has one group at most, whichever way it is said. */
function checkMembers({ supervisor, pointer, report, children }: Subject, groups: readonly unknown[], names: readonly unknown[]): void {
  const groupOf = new Map<unknown, unknown>();
  children.forEach(({ name, group }, index) => {
    checkKnown(group, groups, "group", `${pointer}/children/${index}/group`, report);
    if (typeof group === "string") groupOf.set(name, group);
  });
  objectsIn(supervisor["groups"]).forEach(({ name, children: members }, index) => {
    if (!Array.isArray(members)) return;
    members.forEach((member: unknown, position) => {
      const place = `${pointer}/groups/${index}/children/${position}`;
      checkKnown(member, names, "child", place, report);
      const own = groupOf.get(member);
      if (own !== undefined && own !== name) {
        refuse(report, place, "contradicting_group", `child ${nameOf(member)} belongs to group ${nameOf(own)}`, "Name one group");
      }
      if (own === undefined) groupOf.set(member, name);
    });
  });
  const strategies = objectsIn(supervisor["groupStrategies"]).map(({ group }) => group);
  children.forEach(({ name, tags }, index) => {
    const matching: unknown[] = Array.isArray(tags) ? tags.filter((tag) => strategies.includes(tag)) : [];
    const own = groupOf.get(name);
    const place = `${pointer}/children/${index}/tags`;
    if (matching.length > 1) {
      refuse(report, place, "ambiguous_group", `matches more than one group strategy: ${matching.map(nameOf).join(", ")}`);
    } else if (matching.length === 1 && own !== undefined && own !== matching[0]) {
      const reason = `has the tag ${nameOf(matching[0])}, which is the name of a group, but the child belongs to group ${nameOf(own)}`;
      refuse(report, place, "contradicting_group", reason, "Name one group");
    }
    if (matching.length > 0 && own === undefined) groupOf.set(name, matching[0]);
  });
  const used = new Set(groupOf.values());
  strategies.forEach((group, index) => {
    if (groups.includes(group) && !used.has(group)) {
      refuse(report, `${pointer}/groupStrategies/${index}/group`, "unused_group", `no child belongs to group ${nameOf(group)}`);
    }
  });
}

function checkDependencies({ supervisor, pointer, report }: Subject, groups: readonly unknown[]): void {
  const edges = objectsIn(supervisor["groupDependencies"]);
  const dependencies = new Map<string, string[]>();
  edges.forEach(({ fromGroup: from, toGroup: to }, index) => {
    const place = `${pointer}/groupDependencies/${index}`;
    checkKnown(from, groups, "group", `${place}/fromGroup`, report);
    checkKnown(to, groups, "group", `${place}/toGroup`, report);
    if (typeof from !== "string" || typeof to !== "string") return;
    if (from === to) return refuse(report, place, "self_dependency", `group ${nameOf(from)} depends on itself`);
    dependencies.set(from, [...dependencies.get(from) ?? [], to]);
  });
  const nodes = groups.flatMap((name) => typeof name === "string" ? [{ name, dependencies: dependencies.get(name) ?? [] }] : []);
  for (const cycle of findCycles(nodes)) {
    refuse(report, `${pointer}/groupDependencies`, "dependency_cycle", `group dependencies form a cycle: ${cycle.map(nameOf).join(" → ")}`);
  }
}

/** Where restarts wait for their turn, nobody may take up a place for ever. */
function checkGates({ supervisor, pointer, report, children }: Subject, { supervisionPipeline, meltdown }: Fields): void {
  const isGated = isFields(supervisionPipeline) && supervisionPipeline["concurrentRestartLimit"] !== undefined;
  const hasFuse = isFields(meltdown) && meltdown["groupMaxFailures"] !== undefined;
  const groups = objectsIn(supervisor["groups"]);
  if (!isGated && !groups.some((group) => hasFuse || group["concurrentRestartLimit"] !== undefined)) return;
  children.forEach(({ timeouts }, index) => {
    if (!isFields(timeouts) || timeouts["startMs"] !== null) return;
    const reason = "is null, must be a time where restarts wait for their turn, so that no child takes up a place for ever";
    refuse(report, `${pointer}/children/${index}/timeouts/startMs`, "start_limit_needed", reason, "Leave it out to get 30 000");
  });
}

function checkSidecars({ pointer, report, children }: Subject, names: readonly unknown[]): void {
  children.forEach(({ name, taskRole, sidecarConfig }, index) => {
    const place = `${pointer}/children/${index}/sidecarConfig`;
    if (taskRole === "sidecar" && sidecarConfig === undefined) {
      return refuse(report, place, "missing", 'a child with role "sidecar" needs sidecarConfig');
    }
    if (!isFields(sidecarConfig)) return;
    if (taskRole !== "sidecar") return refuse(report, place, "only_for_sidecars", 'is only for children with role "sidecar"');
    const { primaryChildId: primary } = sidecarConfig;
    const target = `${place}/primaryChildId`;
    checkKnown(primary, names.filter((other) => other !== name), "child", target, report);
    const found = children.find((other) => other["name"] === primary);
    if (found !== undefined && primary !== name && found["taskRole"] === "sidecar") {
      refuse(report, target, "sidecar_of_sidecar", `${nameOf(primary)} is a sidecar itself`);
    }
  });
}

function objectsIn(list: unknown): readonly Fields[] {
  return Array.isArray(list) ? list.map((entry) => isFields(entry) ? entry : {}) : [];
}
