/** Whose turn it is to restart: only so many children may be on their way to ready, and a fuse on trial lets one through. */
import type { StartCause } from "../event/mod.ts";
import { fuseState } from "./fuse.ts";
import { groupName } from "./plan.ts";
import { type ChildSlot, NOBODY, PASSED } from "./state.ts";
import type { Step } from "./step.ts";

/** Starts that need no place: what somebody wants, what is due, and a first one. */
const FREE: ReadonlySet<StartCause> = new Set<StartCause>(["start", "command", "schedule", "file"]);

/** Takes a place for a restart; false when the child waits for its turn now. */
export function takeTurn(step: Step, child: number): boolean {
  const slot = step.slot(child);
  const { plan, guards } = step.node;
  if (!plan.gated || FREE.has(slot.startCause)) return true;
  if (hasRoom(step, slot) && !guards.queue.some((other) => hasRoom(step, step.slot(other)))) {
    holdTurn(step, child);
    return true;
  }
  step.enter(slot, "queued");
  step.emitAttempt(slot, { type: "child_restart_queued", group: groupName(plan, slot.plan), ahead: guards.queue.length });
  guards.queue.push(child);
  return false;
}

/** The child no longer waits for its turn. */
export function leaveQueue({ node: { guards: { queue } } }: Step, child: number): void {
  const place = queue.indexOf(child);
  if (place !== -1) queue.splice(place, 1);
}

/** The child is ready, or its attempt is over; returns whether a place became free. */
export function giveUpTurn({ node }: Step, child: number, isReady: boolean): boolean {
  const slot = node.slots[child]!;
  if (!slot.holdsTurn) return false;
  slot.holdsTurn = false;
  node.guards.held--;
  const group = node.guards.groups[slot.plan.group];
  if (group === undefined) return true;
  group.held--;
  if (group.trial === child) group.trial = isReady ? PASSED : NOBODY;
  return true;
}

/** Takes those out of the queue whose turn it is, with their places. */
export function nextInTurn(step: Step): number[] {
  const { queue } = step.node.guards;
  const next: number[] = [];
  for (let index = 0; index < queue.length && hasRoomAtAll(step);) {
    const child = queue[index]!;
    if (hasRoom(step, step.slot(child))) {
      queue.splice(index, 1);
      holdTurn(step, child);
      next.push(child);
    } else {
      index++;
    }
  }
  return next;
}

function hasRoomAtAll({ node, environment: { tree } }: Step): boolean {
  const { concurrency } = tree.guards;
  return concurrency === null || node.guards.held < concurrency;
}

function hasRoom(step: Step, slot: ChildSlot): boolean {
  if (!hasRoomAtAll(step)) return false;
  const { node, now, environment: { tree } } = step;
  const group = node.guards.groups[slot.plan.group];
  if (group === undefined) return true;
  const { concurrency: ofGroup } = node.plan.groups[slot.plan.group]!;
  if (ofGroup !== null && group.held >= ofGroup) return false;
  // A trial is over when it is ready or has failed, not when its time is.
  return group.trial < 0 && fuseState(group.fuse, tree.guards.resetAfterMs, now) !== "open";
}

function holdTurn({ node, now, environment: { tree } }: Step, child: number): void {
  const slot = node.slots[child]!;
  slot.holdsTurn = true;
  node.guards.held++;
  const group = node.guards.groups[slot.plan.group];
  if (group === undefined) return;
  group.held++;
  const isOnTrial = fuseState(group.fuse, tree.guards.resetAfterMs, now) === "half_open";
  if (isOnTrial && group.trial === NOBODY) group.trial = child;
}
