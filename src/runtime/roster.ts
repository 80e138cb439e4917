/** Who is in a tree: the state of each node, and for each child its declaration and what starts its attempts. */
import { isDeepStrictEqual } from "node:util";
import { type ChildPlan, initialNode, type NewChild, type NodeState, type TreePlan } from "../core/mod.ts";
import type { ChildPolicy, ChildSpec } from "../spec/mod.ts";
import type { SupervisorAdapter } from "./children/supervisor.ts";
import type { ChildAdapter } from "./children/types.ts";

/** Where the adapters come from. */
export interface AdapterSource {
  /** The adapter of a child that is not a supervisor. */
  readonly adapterFor: (spec: ChildSpec, policy: ChildPolicy) => ChildAdapter;
  /** The adapter of a nested supervisor. */
  readonly nodeAdapter: (node: number) => SupervisorAdapter;
}

/** The nodes of one tree, which come and go. */
export class Roster {
  readonly nodes: NodeState[] = [];
  readonly #plan: TreePlan;
  readonly #source: AdapterSource;
  readonly #adapters: ChildAdapter[][] = [];
  readonly #specs: ChildSpec[][] = [];
  readonly #supervisors = new Map<number, SupervisorAdapter>();

  constructor(plan: TreePlan, source: AdapterSource) {
    this.#plan = plan;
    this.#source = source;
    for (const { id } of plan.nodes) this.#addNode(id);
  }

  spec(node: number, child: number): ChildSpec {
    return this.#specs[node]![child]!;
  }

  adapter(node: number, child: number): ChildAdapter {
    return this.#adapters[node]![child]!;
  }

  /** The adapter behind which a node runs; the root and nodes that are no more have none. */
  supervisor(node: number): SupervisorAdapter | undefined {
    return this.#supervisors.get(node);
  }

  /** A child is about to be added: the nodes below it are there before it is. */
  prepare({ nodes }: NewChild): void {
    for (const id of nodes) this.#addNode(id);
  }

  /** A child got its place. */
  add(node: number, child: number, { plan, spec }: NewChild): void {
    this.#specs[node]![child] = spec;
    this.#adapters[node]![child] = this.#adapterOf(plan, spec);
  }

  /** A child is declared otherwise: that counts from its next attempt on. Returns whether its output is to be treated otherwise. */
  revise(node: number, child: number, spec: ChildSpec, policy: ChildPolicy): boolean {
    const before = this.spec(node, child);
    this.#specs[node]![child] = spec;
    if (spec.run.kind !== "supervisor") this.#adapters[node]![child] = this.#source.adapterFor(spec, policy);
    return !isDeepStrictEqual(before.logs, spec.logs);
  }

  /** A child is gone; returns the nodes that went with it. */
  remove(node: number, child: number): number[] {
    const { node: inner } = this.nodes[node]!.slots[child]!.plan;
    const gone = inner === -1 ? [] : this.#nodesBelow(inner);
    for (const id of gone) this.#supervisors.delete(id);
    return gone;
  }

  #addNode(id: number): void {
    const plan = this.#plan.nodes[id]!;
    const specs = this.#plan.specs[id]!;
    this.nodes[id] = initialNode(plan);
    this.#specs[id] = [...specs];
    this.#adapters[id] = plan.children.map((child, index) => this.#adapterOf(child, specs[index]!));
  }

  #adapterOf({ node, policy }: ChildPlan, spec: ChildSpec): ChildAdapter {
    if (node === -1) return this.#source.adapterFor(spec, policy);
    const adapter = this.#source.nodeAdapter(node);
    this.#supervisors.set(node, adapter);
    return adapter;
  }

  #nodesBelow(node: number): number[] {
    const { order, slots } = this.nodes[node]!;
    const inner = order.map((child) => slots[child]!.plan.node).filter((id) => id !== -1);
    return [node, ...inner.flatMap((id) => this.#nodesBelow(id))];
  }
}
