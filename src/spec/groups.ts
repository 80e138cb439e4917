/** Groups of siblings: who belongs to which, and which strategy counts for whom. */
import { DEFAULTS } from "./defaults.ts";
import type { ChildSurroundings } from "./resolve.ts";
import type { EscalationPolicy, PolicyOptions, Strategy, StrategyOptions, SupervisorOptions } from "./types.ts";

/** What a child gets from its place among its siblings. */
export interface ChildPlace extends ChildSurroundings {
  /** Name of its group. */
  readonly group: string | undefined;
  /** Which siblings a failure touches. */
  readonly strategy: Strategy;
  /** Whether only members of the child's group are touched. */
  readonly withinGroup: boolean;
  /** What an escalation leads to. */
  readonly escalationPolicy: EscalationPolicy;
}

/** Finds the place of each child: its strategy is its own, else that of its group, else that of the supervisor. */
export function childPlaces(options: SupervisorOptions, policy: PolicyOptions | undefined): readonly ChildPlace[] {
  const { strategy = DEFAULTS.strategy, escalationPolicy = DEFAULTS.escalationPolicy, groups = [] } = options;
  const common: StrategyOptions = { strategy, escalationPolicy };
  const ofGroup = new Map(options.groupStrategies?.map((special) => [special.group, special]));
  const ofChild = new Map(options.childStrategyOverrides?.map((special) => [special.childId, special]));
  const gatedGroups = new Set(groups.filter((group) => group.concurrentRestartLimit !== undefined).map(({ name }) => name));
  const isGated = policy?.supervisionPipeline?.concurrentRestartLimit !== undefined;
  const hasFuse = policy?.meltdown?.groupMaxFailures !== undefined;
  const names = groupNames(options);
  return options.children.map(({ name }, index) => {
    const group = names[index];
    const own = ofChild.get(name);
    const shared = group === undefined ? undefined : ofGroup.get(group);
    const special: StrategyOptions = own ?? shared ?? common;
    return {
      group,
      strategy: special.strategy,
      withinGroup: own === undefined && shared !== undefined,
      escalationPolicy: special.escalationPolicy ?? escalationPolicy,
      restartLimit: special.restartLimit ?? undefined,
      gated: isGated || (group !== undefined && (hasFuse || gatedGroups.has(group))),
    };
  });
}

/** The name of the group of each child, in the order of the children; a child has one at most. */
function groupNames({ groups = [], groupStrategies = [], children }: SupervisorOptions): (string | undefined)[] {
  const listed = new Map(groups.flatMap(({ name, children: members = [] }) => members.map((member) => [member, name] as const)));
  const withStrategy = new Set(groupStrategies.map(({ group }) => group));
  return children.map(({ name, group, tags = [] }) => group ?? listed.get(name) ?? tags.find((tag) => withStrategy.has(tag)));
}
