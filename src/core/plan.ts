/** The tree as the core sees it: plain data, built once from the declaration. */
import {
  childKind,
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
  /** Which siblings are restarted with it. */
  readonly strategy: Strategy;
  /** Whether only members of its group are. */
  readonly withinGroup: boolean;
  /** Index of its group, -1 when it has none. */
  readonly group: number;
  /** What its escalation leads to. */
  readonly escalationPolicy: EscalationPolicy;
  /** Indexes of its sidecars that operators put down and up with it. */
  readonly sidecars: readonly number[];
  /** The node behind a supervisor child, else -1. */
  readonly node: number;
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
  /** Where this supervisor is a child; `null` for the root. */
  readonly parent: { readonly node: number; readonly child: number } | null;
  readonly children: readonly ChildPlan[];
  /** When the node ends by itself. */
  readonly autoShutdown: AutoShutdown;
  readonly groups: readonly GroupPlan[];
  /** Whether a restart may have to wait for its turn. */
  readonly gated: boolean;
  /** Indexes of the children, dependencies first. */
  readonly order: readonly number[];
  /** How many children must have been ready before the node counts as ready. */
  readonly requiredCount: number;
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

/** Flattens a valid declaration into numbered nodes. */
export function planTree(spec: TreeSpec, escalationExitCode: number): TreePlan {
  const resolvePolicy = policyResolver(spec);
  const guards = resolveGuards(spec.policy);
  const nodes: NodePlan[] = [];
  const specs: (readonly ChildSpec[])[] = [];

  function addNode(options: SupervisorOptions, path: string, parent: NodePlan["parent"], readiness: ReadinessOptions | undefined): number {
    const id = nodes.length;
    const children: ChildPlan[] = [];
    const { autoShutdown = DEFAULTS.autoShutdown } = options;
    const places = childPlaces(options, spec.policy);
    const groups = planGroups(options);
    const groupIndexes = new Map(groups.map(({ name }, index) => [name, index]));
    const sidecars = linkedSidecars(options.children);
    nodes.push({
      id,
      path,
      parent,
      children,
      autoShutdown,
      groups,
      gated: guards.concurrency !== null || (groups.length > 0 && guards.group !== null) ||
        groups.some((group) => group.concurrency !== null),
      order: startOrder(options.children),
      requiredCount: 0,
    });
    specs.push(options.children);
    const { dependencies, wants, dependants, bound } = edges(options.children);
    options.children.forEach((child, index) => {
      const childPath = path === "/" ? `/${child.name}` : `${path}/${child.name}`;
      const node = child.run.kind === "supervisor" ? addNode(child.run, childPath, { node: id, child: index }, child.readiness) : -1;
      const place = places[index]!;
      const { strategy, withinGroup, escalationPolicy } = place;
      const policy = resolvePolicy(child, place);
      children.push({
        name: child.name,
        path: childPath,
        kind: childKind(child.run),
        policy,
        significant: child.significant === true,
        strategy,
        withinGroup,
        group: place.group === undefined ? -1 : groupIndexes.get(place.group)!,
        escalationPolicy,
        sidecars: sidecars.get(child.name) ?? NONE,
        required: isRequired(child.name, policy, readiness),
        dependencies: dependencies[index] ?? NONE,
        wants: wants[index] ?? NONE,
        dependants: dependants[index] ?? NONE,
        bound: bound[index] ?? NONE,
        node,
      });
    });
    nodes[id] = { ...nodes[id]!, requiredCount: children.filter((child) => child.required).length };
    return id;
  }

  addNode(spec, "/", null, undefined);
  return { nodes, specs, guards, totalTimeoutMs: spec.shutdown?.totalTimeoutMs ?? null, escalationExitCode };
}

function isRequired(name: string, policy: ChildPolicy, readiness: ReadinessOptions | undefined): boolean {
  if (readiness?.mode === "started") return false;
  return readiness?.mode === "child" ? readiness.child === name : policy.severity !== "optional";
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

function linkedSidecars(children: readonly ChildSpec[]): Map<string, number[]> {
  const found = new Map<string, number[]>();
  children.forEach(({ sidecarConfig }, index) => {
    if (sidecarConfig?.linkedLifecycle !== true) return;
    const { primaryChildId } = sidecarConfig;
    found.set(primaryChildId, [...found.get(primaryChildId) ?? [], index]);
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
function edges(children: readonly ChildSpec[]): Edges {
  const found: Edges = { dependencies: [], wants: [], dependants: [], bound: [] };
  if (isUnordered(children)) return found;
  const indexes = new Map(children.map((child, index) => [child.name, index]));
  children.forEach((child, index) => {
    for (const name of namesBefore(child)) {
      const before = indexes.get(name)!;
      const isBound = child.bindsTo?.includes(name) === true;
      (found.dependencies[index] ??= []).push(before);
      (found.dependants[before] ??= []).push(index);
      if (isBound) (found.bound[before] ??= []).push(index);
      else if (child.dependencies?.includes(name) !== true) (found.wants[index] ??= []).push(before);
    }
  });
  return found;
}
