/** The tree as the core sees it: plain data, built once from the declaration. */
import {
  childKind,
  type ChildPlace,
  childPlaces,
  DEFAULTS,
  isUnordered,
  namesBefore,
  policyResolver,
  resolveBudget,
  resolveGuards,
  startOrder,
} from "../spec/mod.ts";
import type {
  AutoShutdown,
  BudgetPolicy,
  ChildKind,
  ChildPolicy,
  ChildSpec,
  EscalationPolicy,
  GuardPolicy,
  Propagation,
  ReadinessOptions,
  Strategy,
  SupervisorOptions,
  TreeSpec,
} from "../spec/mod.ts";

/** One child of a supervisor node. */
export interface ChildPlan {
  readonly name: string;
  readonly path: string;
  readonly kind: ChildKind;
  readonly policy: ChildPolicy;
  /** Indexes of the siblings that come before this child. */
  readonly dependencies: readonly number[];
  /** Those of them that it does not need. */
  readonly wants: readonly number[];
  /** Indexes of the siblings that wait for this child. */
  readonly dependants: readonly number[];
  /** Those of them that go down with this child. */
  readonly bound: readonly number[];
  /** Whether the child must have been ready before its supervisor counts as ready. */
  readonly required: boolean;
  /** Whether its end by itself may end the supervisor. */
  readonly significant: boolean;
  /** How it starts at times; `null` when it starts with its supervisor. */
  readonly schedule: SchedulePlan | null;
  /** Which siblings are restarted with it. */
  readonly strategy: Strategy;
  /** Whether only members of its group are. */
  readonly withinGroup: boolean;
  /** Index of its group, -1 when it has none. */
  readonly group: number;
  /** What its escalation leads to. */
  readonly escalationPolicy: EscalationPolicy;
  /** Whether it is a sidecar that is linked to its primary. */
  readonly linked: boolean;
  /** Indexes of its sidecars that operators put down and up with it. */
  readonly sidecars: readonly number[];
  /** The node behind a supervisor child, else -1. */
  readonly node: number;
}

/** What a new declaration may change of a child that stays where it is. */
export type PlanRevision = Pick<
  ChildPlan,
  "policy" | "required" | "significant" | "schedule" | "strategy" | "withinGroup" | "escalationPolicy"
>;

/** What the core knows of a schedule; when it is time, it is told. */
export interface SchedulePlan {
  /** What happens when it is time and the child still runs. */
  readonly overlap: "skip" | "queue" | "replace";
  /** Whether it also starts with its supervisor. */
  readonly atStart: boolean;
}

/** One group of a supervisor. */
export interface GroupPlan {
  readonly name: string;
  /** Restarts that its members share, instead of those of the supervisor. */
  readonly budget: BudgetPolicy | null;
  /** How many members may be on their way to ready after a restart. */
  readonly concurrency: number | null;
  /** The groups that depend on it, with what its fuse means for them. */
  readonly dependants: readonly { readonly group: number; readonly propagation: Propagation }[];
}

/** One supervisor of the tree; nodes are numbered from 0, the root. */
export interface NodePlan {
  readonly id: number;
  readonly path: string;
  /** The node of which this supervisor is a child; `null` for the root. */
  readonly parent: number | null;
  readonly children: readonly ChildPlan[];
  /** When the node ends by itself. */
  readonly autoShutdown: AutoShutdown;
  readonly groups: readonly GroupPlan[];
  /** Whether a restart may have to wait for its turn. */
  readonly gated: boolean;
  /** Indexes of the children, dependencies first. */
  readonly order: readonly number[];
  /** When the node counts as ready. */
  readonly readiness: ReadinessOptions | undefined;
  /** How many children it may have, 0 when none may be added. */
  readonly mostChildren: number;
}

/** A whole tree. */
export interface TreePlan {
  readonly nodes: readonly NodePlan[];
  /** The declarations, by node and child, for those who start them. */
  readonly specs: readonly (readonly ChildSpec[])[];
  /** What guards restarts in every supervisor. */
  readonly guards: GuardPolicy;
  readonly totalTimeoutMs: number | null;
  readonly escalationExitCode: number;
}

const NONE: readonly number[] = Object.freeze([]);

/** How much a child needs a sibling. */
type Strength = "needs" | "wants" | "binds";

/** A child that is added to a running node; the node finds its siblings by their names. */
export interface NewChild {
  /** Its plan, without siblings. */
  readonly plan: ChildPlan;
  readonly spec: ChildSpec;
  /** Names of the children that come before it, with the strength of each. */
  readonly before: readonly { readonly name: string; readonly strength: Strength }[];
  /** The sibling to which it is linked as a sidecar, `null` when it is not. */
  readonly primary: string | null;
  /** Supervisors that come with it, itself among them. */
  readonly nodes: readonly number[];
}

/** Flattens a valid declaration into numbered nodes. */
export function planTree(spec: TreeSpec, escalationExitCode: number): TreePlan {
  return new Planner(spec, escalationExitCode).tree;
}

/** Plans a tree, and what is added to it later. */
export class Planner {
  readonly tree: TreePlan;
  #spec: TreeSpec;
  #resolvePolicy: ReturnType<typeof policyResolver>;
  readonly #nodes: NodePlan[] = [];
  readonly #specs: ChildSpec[][] = [];
  readonly #options: SupervisorOptions[] = [];
  /** Numbers of nodes that are no more. */
  readonly #free: number[] = [];

  constructor(spec: TreeSpec, escalationExitCode: number) {
    const totalTimeoutMs = spec.shutdown?.totalTimeoutMs ?? null;
    this.#spec = spec;
    this.#resolvePolicy = policyResolver(spec);
    this.tree = { nodes: this.#nodes, specs: this.#specs, guards: resolveGuards(spec.policy), totalTimeoutMs, escalationExitCode };
    this.#addNode(spec, "/", null, undefined);
  }

  /** What a supervisor was declared with. */
  optionsOf(node: number): SupervisorOptions {
    return this.#options[node]!;
  }

  /** Plans a child for a node that runs already. */
  planChild(node: number, spec: ChildSpec): NewChild {
    const before = [...namesBefore(spec)].map((name) => ({ name, strength: strengthOf(spec, name) }));
    const nodes: number[] = [];
    const [place] = childPlaces({ ...this.#options[node]!, children: [spec] }, this.#spec.policy);
    const plan = this.#planChild(node, spec, place!, nodes);
    return { plan, spec, before, primary: linkedPrimary(spec), nodes };
  }

  /** A new declaration of the whole tree counts for what is planned from now on; its guards stay. */
  adopt(spec: TreeSpec): void {
    this.#spec = spec;
    this.#resolvePolicy = policyResolver(spec);
  }

  /** What a supervisor is declared with from now on. */
  adoptOptions(node: number, options: SupervisorOptions): void {
    this.#options[node] = options;
  }

  /** Plans a child anew that stays where it is. */
  revise(node: number, child: ChildSpec): PlanRevision {
    const options = this.#options[node]!;
    const place = childPlaces(options, this.#spec.policy)[options.children.findIndex(({ name }) => name === child.name)]!;
    const policy = this.#resolvePolicy(child, place);
    const { strategy, withinGroup, escalationPolicy } = place;
    const required = isRequired(child, policy, this.#nodes[node]!.readiness);
    const significant = child.significant === true;
    return { policy, required, significant, schedule: planSchedule(child), strategy, withinGroup, escalationPolicy };
  }

  /** These nodes are no more, or never were: their numbers may be given again. */
  release(nodes: readonly number[]): void {
    this.#free.push(...nodes);
  }

  #addNode(
    options: SupervisorOptions,
    path: string,
    parent: number | null,
    readiness: ReadinessOptions | undefined,
    added?: number[],
  ): number {
    const id = this.#free.pop() ?? this.#nodes.length;
    added?.push(id);
    const children: ChildPlan[] = [];
    const { guards } = this.tree;
    const groups = planGroups(options);
    const plan: NodePlan = {
      id,
      path,
      parent,
      children,
      autoShutdown: options.autoShutdown ?? DEFAULTS.autoShutdown,
      groups,
      readiness,
      mostChildren: mostChildren(options),
      gated: guards.concurrency !== null || (groups.length > 0 && guards.group !== null) ||
        groups.some((group) => group.concurrency !== null),
      order: startOrder(options.children),
    };
    this.#nodes[id] = plan;
    this.#specs[id] = [...options.children];
    this.#options[id] = options;
    const places = childPlaces(options, this.#spec.policy);
    const sidecars = linkedSidecars(options.children);
    const { dependencies, wants, dependants, bound } = edges(options.children);
    options.children.forEach((child, index) => {
      children.push({
        ...this.#planChild(id, child, places[index]!, added),
        sidecars: sidecars.get(child.name) ?? NONE,
        dependencies: dependencies[index] ?? NONE,
        wants: wants[index] ?? NONE,
        dependants: dependants[index] ?? NONE,
        bound: bound[index] ?? NONE,
      });
    });
    return id;
  }

  #planChild(node: number, child: ChildSpec, place: ChildPlace, added?: number[]): ChildPlan {
    const { path: parentPath, groups, readiness } = this.#nodes[node]!;
    const { strategy, withinGroup, escalationPolicy, group } = place;
    const path = childPath(parentPath, child.name);
    const policy = this.#resolvePolicy(child, place);
    return {
      name: child.name,
      path,
      kind: childKind(child.run),
      policy,
      significant: child.significant === true,
      schedule: planSchedule(child),
      strategy,
      withinGroup,
      group: group === undefined ? -1 : groups.findIndex(({ name }) => name === group),
      escalationPolicy,
      linked: linkedPrimary(child) !== null,
      sidecars: NONE,
      required: isRequired(child, policy, readiness),
      dependencies: NONE,
      wants: NONE,
      dependants: NONE,
      bound: NONE,
      node: child.run.kind === "supervisor" ? this.#addNode(child.run, path, node, child.readiness, added) : -1,
    };
  }
}

/** The name of a child's group. */
export function groupName({ groups }: NodePlan, { group }: ChildPlan): string | null {
  return groups[group]?.name ?? null;
}

/** The path of a child. */
export function childPath(supervisor: string, name: string): string {
  return supervisor === "/" ? `/${name}` : `${supervisor}/${name}`;
}

/** How many children a supervisor may have, 0 when none may be added. */
function mostChildren({ dynamicSupervisor }: SupervisorOptions): number {
  return dynamicSupervisor?.enabled === false ? 0 : dynamicSupervisor?.childLimit ?? Infinity;
}

function planSchedule({ schedule }: ChildSpec): SchedulePlan | null {
  return schedule === undefined ? null : { overlap: schedule.overlap ?? "skip", atStart: schedule.atStart === true };
}

/** Nobody waits for what starts some time, unless it is named. */
function isRequired({ name, schedule }: ChildSpec, policy: ChildPolicy, readiness: ReadinessOptions | undefined): boolean {
  if (readiness?.mode === "started") return false;
  if (readiness?.mode === "child") return readiness.child === name;
  return policy.severity !== "optional" && schedule === undefined;
}

function planGroups({ groups = [], groupDependencies = [] }: SupervisorOptions): GroupPlan[] {
  const index = (name: string): number => groups.findIndex((group) => group.name === name);
  return groups.map(({ name, budget = null, concurrentRestartLimit = null }) => ({
    name,
    budget: budget === null ? null : resolveBudget(budget),
    concurrency: concurrentRestartLimit,
    dependants: groupDependencies.filter(({ toGroup }) => toGroup === name).map(({ fromGroup, propagation }) => ({
      group: index(fromGroup),
      propagation,
    })),
  }));
}

/** The name of the sibling to which a child is linked as its sidecar. */
function linkedPrimary({ sidecarConfig }: ChildSpec): string | null {
  return sidecarConfig?.linkedLifecycle === true ? sidecarConfig.primaryChildId : null;
}

function linkedSidecars(children: readonly ChildSpec[]): Map<string, number[]> {
  const found = new Map<string, number[]>();
  children.forEach((child, index) => {
    const primary = linkedPrimary(child);
    if (primary !== null) found.set(primary, [...found.get(primary) ?? [], index]);
  });
  return found;
}

interface Edges {
  readonly dependencies: number[][];
  readonly wants: number[][];
  readonly dependants: number[][];
  readonly bound: number[][];
}

/** A sibling that is named with two strengths is needed as the stronger one says. */
function strengthOf({ bindsTo, dependencies }: ChildSpec, name: string): Strength {
  if (bindsTo?.includes(name) === true) return "binds";
  return dependencies?.includes(name) === true ? "needs" : "wants";
}

function edges(children: readonly ChildSpec[]): Edges {
  const found: Edges = { dependencies: [], wants: [], dependants: [], bound: [] };
  if (isUnordered(children)) return found;
  const indexes = new Map(children.map((child, index) => [child.name, index]));
  children.forEach((child, index) => {
    for (const name of namesBefore(child)) {
      const before = indexes.get(name)!;
      const strength = strengthOf(child, name);
      (found.dependencies[index] ??= []).push(before);
      (found.dependants[before] ??= []).push(index);
      if (strength === "binds") (found.bound[before] ??= []).push(index);
      if (strength === "wants") (found.wants[index] ??= []).push(before);
    }
  });
  return found;
}
