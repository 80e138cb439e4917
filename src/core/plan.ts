/** The tree as the core sees it: plain data, built once from the declaration. */
import { childKind, DEFAULTS, isUnordered, namesBefore, policyResolver, startOrder } from "../spec/mod.ts";
import type {
  AutoShutdown,
  ChildKind,
  ChildPolicy,
  ChildSpec,
  EscalationPolicy,
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
  /** The node behind a supervisor child, else -1. */
  readonly node: number;
}

/** One supervisor of the tree; nodes are numbered from 0, the root. */
export interface NodePlan {
  readonly id: number;
  readonly path: string;
  /** Where this supervisor is a child; `null` for the root. */
  readonly parent: { readonly node: number; readonly child: number } | null;
  readonly children: readonly ChildPlan[];
  /** Which siblings are restarted with a child. */
  readonly strategy: Strategy;
  /** When the node ends by itself. */
  readonly autoShutdown: AutoShutdown;
  /** What the escalation of a child leads to. */
  readonly escalationPolicy: EscalationPolicy;
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
  readonly totalTimeoutMs: number | null;
  readonly escalationExitCode: number;
}

const NONE: readonly number[] = Object.freeze([]);

/** Flattens a valid declaration into numbered nodes. */
export function planTree(spec: TreeSpec, escalationExitCode: number): TreePlan {
  const resolvePolicy = policyResolver(spec);
  const nodes: NodePlan[] = [];
  const specs: (readonly ChildSpec[])[] = [];

  function addNode(options: SupervisorOptions, path: string, parent: NodePlan["parent"], readiness: ReadinessOptions | undefined): number {
    const id = nodes.length;
    const children: ChildPlan[] = [];
    const { strategy = DEFAULTS.strategy, autoShutdown = DEFAULTS.autoShutdown, escalationPolicy = DEFAULTS.escalationPolicy } = options;
    nodes.push({
      id,
      path,
      parent,
      children,
      strategy,
      autoShutdown,
      escalationPolicy,
      order: startOrder(options.children),
      requiredCount: 0,
    });
    specs.push(options.children);
    const { dependencies, wants, dependants, bound } = edges(options.children);
    options.children.forEach((child, index) => {
      const childPath = path === "/" ? `/${child.name}` : `${path}/${child.name}`;
      const node = child.run.kind === "supervisor" ? addNode(child.run, childPath, { node: id, child: index }, child.readiness) : -1;
      const policy = resolvePolicy(child);
      children.push({
        name: child.name,
        path: childPath,
        kind: childKind(child.run),
        policy,
        significant: child.significant === true,
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
  return { nodes, specs, totalTimeoutMs: spec.shutdown?.totalTimeoutMs ?? null, escalationExitCode };
}

function isRequired(name: string, policy: ChildPolicy, readiness: ReadinessOptions | undefined): boolean {
  if (readiness?.mode === "started") return false;
  return readiness?.mode === "child" ? readiness.child === name : policy.severity !== "optional";
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
