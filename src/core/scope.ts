/** Siblings that a strategy restarts together: all are stopped in reverse order, and when the last is down all are started in order. */
import type { Decision } from "../event/mod.ts";
import { startOrWait, stopWaiting } from "./start.ts";
import { type ChildSlot, isLive, isOnItsWay, type Scope } from "./state.ts";
import type { Step } from "./step.ts";
import { stopAttempt } from "./stop.ts";

/** What is said of a child that only comes along. */
export const WITH_SIBLINGS: Decision = { action: "restart", reason: "restarted_with_siblings", delayMs: 0, retryAtMs: null };

/** The siblings that the strategy of the supervisor restarts with a child; those that are held, done or given up stay as they are. */
export function siblingsOf({ node }: Step, child: number): number[] {
  const { position, plan: { strategy, withinGroup, group } } = node.slots[child]!;
  if (strategy === "one_for_one") return [];
  const first = strategy === "one_for_all" ? 0 : position;
  const found: number[] = [];
  for (let index = 0; index < node.slots.length; index++) {
    const slot = node.slots[index]!;
    if (index !== child && slot.position >= first && (!withinGroup || slot.plan.group === group) && isWanted(slot)) found.push(index);
  }
  return found;
}

/** Puts a child that will be restarted, and its siblings, into one scope, and asks those to stop that nobody of it depends on. */
export function restartTogether(step: Step, child: number, siblings: readonly number[]): void {
  const { scope: own, position, plan: { strategy, withinGroup, group } } = step.slot(child);
  if (own !== null && siblings.every((index) => step.slot(index).scope === own)) return;
  const first = strategy === "one_for_all" ? 0 : position;
  const scope: Scope = { members: new Set(), first, group: withinGroup ? group : -1, pending: 0 };
  step.node.scopes.push(scope);
  for (const index of [child, ...siblings]) {
    const { scope: other } = step.slot(index);
    if (other === null) join(step, scope, index);
    else if (other !== scope) absorb(step, scope, other);
  }
  stopWhatIsFree(step, scope);
  startIfAllAreDown(step, scope);
}

/** Siblings that are restarted together, some of which are in another common restart already, are all restarted together. */
function absorb(step: Step, scope: Scope, other: Scope): void {
  scope.first = Math.min(scope.first, other.first);
  if (scope.group !== other.group) scope.group = -1;
  for (const member of other.members) join(step, scope, member);
  close(step, other);
}

function close({ node }: Step, scope: Scope): void {
  node.scopes = node.scopes.filter((other) => other !== scope);
}

/** The attempt of a member is over; it stays in the scope, or goes its own way. */
export function memberEnded(step: Step, child: number, stays: boolean): void {
  const slot = step.slot(child);
  const { scope } = slot;
  if (scope === null) return;
  for (const dependency of slot.plan.dependencies) {
    const other = step.slot(dependency);
    if (scope.members.has(dependency) && isLive(other) && --other.holders === 0 && other.stopCause === null) {
      stopAttempt(step, dependency, "sibling");
    }
  }
  if (!stays) forget(slot, scope, child);
  // A member whose own delay runs is still to be waited for.
  if (stays && slot.timer !== 0) return;
  scope.pending--;
  startIfAllAreDown(step, scope);
}

/** A member without an attempt leaves the scope, because somebody wants something else of it. */
export function leaveScope(step: Step, child: number): void {
  const slot = step.slot(child);
  const { scope } = slot;
  if (scope === null) return;
  forget(slot, scope, child);
  if (slot.timer === 0) return;
  step.clearTimer(slot);
  scope.pending--;
  startIfAllAreDown(step, scope);
}

/** The delay of a member is over. */
export function memberDelayIsOver(step: Step, scope: Scope): void {
  scope.pending--;
  startIfAllAreDown(step, scope);
}

/** Whether a child runs or is on its way, so that its strategy may touch it. */
function isWanted(slot: ChildSlot): boolean {
  return slot.operation === "active" && slot.stopCause !== "terminate" && (isOnItsWay(slot) || isLive(slot));
}

function join(step: Step, scope: Scope, child: number): void {
  const slot = step.slot(child);
  if (slot.phase === "waiting" || slot.phase === "queued") {
    stopWaiting(step, child);
    step.enter(slot, "backoff");
    slot.startCause = "sibling";
    slot.lastDecision = WITH_SIBLINGS;
  }
  slot.scope = scope;
  scope.members.add(child);
  if (isLive(slot) || slot.timer !== 0) scope.pending++;
}

function forget(slot: ChildSlot, scope: Scope, child: number): void {
  scope.members.delete(child);
  slot.scope = null;
}

function stopWhatIsFree(step: Step, scope: Scope): void {
  const { members } = scope;
  const live = [...members].filter((child) => isLive(step.slot(child)));
  for (const child of live) {
    const slot = step.slot(child);
    slot.holders = slot.plan.dependants.filter((index) => members.has(index) && isLive(step.slot(index))).length;
  }
  for (const child of live.reverse()) {
    const { holders, stopCause } = step.slot(child);
    if (holders === 0 && stopCause === null) stopAttempt(step, child, "sibling");
  }
}

function startIfAllAreDown(step: Step, scope: Scope): void {
  if (scope.pending > 0) return;
  const { members } = scope;
  close(step, scope);
  const inOrder = members.size < 2 ? [...members] : step.node.order.filter((child) => members.has(child));
  for (const child of inOrder) step.slot(child).scope = null;
  for (const child of inOrder) startOrWait(step, child);
}
