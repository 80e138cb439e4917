/** Children that come and go while their supervisor runs. */
import type { AddMessage, AddRefusal } from "./message.ts";
import { childPath, type ChildPlan, type NewChild } from "./plan.ts";
import { beginChild, countAsReady } from "./start.ts";
import { type ChildSlot, initialSlot, type NodeState } from "./state.ts";
import type { Step } from "./step.ts";

/** Gives a new child its place among its siblings and starts it, or says why not. */
export function addChild(step: Step, { id, child: added, by, reason, transactionId, specHash, isDeclared = false }: AddMessage): void {
  const { node } = step;
  const { path, name } = added.plan;
  const isMeant = path === childPath(node.plan.path, name);
  const refusal = step.isClosed || !isMeant ? { code: "supervisor_not_running" } as const : refusalOf(node, added);
  if (refusal !== null) {
    step.effects.push({ type: "refused", id, refusal });
    return;
  }
  const index = node.free.pop() ?? node.slots.length;
  const slot = initialSlot(withSiblings(node, added), node.positions++, !isDeclared);
  node.slots[index] = slot;
  node.order.push(index);
  namesOf(node).set(slot.plan.name, index);
  tieToSiblings(node, slot.plan, index, added);
  if (slot.plan.required && !node.ready) node.missing++;
  step.effects.push({ type: "added", id, node: node.plan.id, child: index });
  step.emit(slot.plan.path, step.newCorrelation(), { type: "child_added", by, reason, transactionId, specHash });
  beginChild(step, index);
}

/** The names of the siblings that name this one. */
export function neededBy({ slots }: NodeState, { plan }: ChildSlot): string[] {
  return [...plan.dependants, ...plan.sidecars].map((index) => slots[index]!.plan.name);
}

/** A child that is removed, or was only there for once, leaves its place when nothing of it is left. */
export function freeIfGone(step: Step, child: number): void {
  const slot = step.slot(child);
  if (slot.stamp !== 0 || step.node.phase !== "running") return;
  const isDone = slot.added && slot.plan.schedule === null && slot.plan.policy.restartPolicy === "temporary" &&
    slot.operation === "active" &&
    (slot.phase === "stopped" || slot.phase === "failed") && neededBy(step.node, slot).length === 0;
  if (isDone) slot.operation = "removed";
  if (slot.operation === "removed") free(step, child);
}

/** Before a node begins again: who was to be removed when it stopped is gone. */
export function freeRemoved(step: Step): void {
  const { order } = step.node;
  for (const child of order.filter((index) => step.slot(index).operation === "removed" && step.slot(index).stamp === 0)) free(step, child);
}

function free(step: Step, child: number): void {
  const { node } = step;
  const slot = step.slot(child);
  const { plan } = slot;
  for (const index of [...plan.dependencies, ...primaryOf(node, child)]) {
    const other = step.slot(index);
    other.plan = {
      ...other.plan,
      dependants: without(other.plan.dependants, child),
      bound: without(other.plan.bound, child),
      sidecars: without(other.plan.sidecars, child),
    };
  }
  slot.holdsTurn = false;
  node.order.splice(node.order.indexOf(child), 1);
  namesOf(node).delete(plan.name);
  node.free.push(child);
  step.emitAttempt(slot, { type: "child_removed" });
  step.effects.push({ type: "removed", node: node.plan.id, child });
  if (node.phase === "running") countAsReady(step, slot);
}

function primaryOf({ slots }: NodeState, child: number): number[] {
  if (!slots[child]!.plan.linked) return [];
  const found = slots.findIndex(({ plan }) => plan.sidecars.includes(child));
  return found === -1 ? [] : [found];
}

function without(indexes: readonly number[], index: number): readonly number[] {
  return indexes.includes(index) ? indexes.filter((other) => other !== index) : indexes;
}

function refusalOf(node: NodeState, { plan, before, primary }: NewChild): AddRefusal | null {
  const names = namesOf(node);
  const { mostChildren } = node.plan;
  if (mostChildren === 0) return { code: "dynamic_children_disabled" };
  if (node.order.length >= mostChildren) return { code: "child_limit_exceeded", limit: mostChildren };
  if (names.has(plan.name)) return { code: "child_name_conflict" };
  const needed = [...before.map(({ name }) => name), ...(primary === null ? [] : [primary])];
  const missing = needed.find((name) => !names.has(name) || node.slots[names.get(name)!]!.operation === "removed");
  return missing === undefined ? null : { code: "dependency_not_found", name: missing };
}

function withSiblings(node: NodeState, { plan, before }: NewChild): ChildPlan {
  if (before.length === 0) return plan;
  const names = namesOf(node);
  const indexes = (strength?: "wants"): number[] =>
    before.filter((edge) => strength === undefined || edge.strength === strength).map(({ name }) => names.get(name)!);
  return { ...plan, dependencies: indexes(), wants: indexes("wants") };
}

function tieToSiblings(node: NodeState, { dependencies }: ChildPlan, index: number, { before, primary }: NewChild): void {
  dependencies.forEach((sibling, position) => {
    const other = node.slots[sibling]!;
    const { dependants, bound } = other.plan;
    const isBound = before[position]!.strength === "binds";
    other.plan = { ...other.plan, dependants: [...dependants, index], bound: isBound ? [...bound, index] : bound };
  });
  if (primary === null) return;
  const owner = node.slots[namesOf(node).get(primary)!]!;
  owner.plan = { ...owner.plan, sidecars: [...owner.plan.sidecars, index] };
}

function namesOf(node: NodeState): Map<string, number> {
  return node.names ??= new Map(node.order.map((index) => [node.slots[index]!.plan.name, index]));
}
