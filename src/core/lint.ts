/** What looks wrong with a child although it breaks no limit: it is told, and nothing else follows from it. */
import type { LintRule } from "../event/mod.ts";
import type { ChildSlot } from "./state.ts";
import type { Step } from "./step.ts";

/** After this long, in milliseconds, a child that runs and is not ready is told of. */
export const NEVER_READY_MS = 30_000;

/** After this long, in milliseconds, a child that was asked to stop, and has no limit for it, is told of. */
export const IGNORES_SIGNAL_MS = 5_000;

/** So many failures in a row after the same time are told of. */
const PERIODS = 4;

/** Shorter times, in milliseconds, are but a child that fails at its start. */
const SHORTEST_PERIOD_MS = 10_000;

/** Times that differ by less than this part are the same. */
const TOLERANCE = 0.1;

const NONE: readonly LintRule[] = [];

/** When a child that is not ready is to be told of, on the tree's clock; `Infinity` when it was, or need not. */
export function neverReadyAtMs({ plan, readyAtMs, startedAtMs }: ChildSlot, now: number): number {
  const { readyWhenRunning, readyWhenDone } = plan.policy;
  const atMs = startedAtMs + NEVER_READY_MS;
  // What is not ready in a supervisor are its children.
  return readyWhenRunning || readyWhenDone || plan.node !== -1 || readyAtMs !== null || atMs <= now ? Infinity : atMs;
}

/** The child runs and is not ready. */
export function tellNeverReady(step: Step, slot: ChildSlot, beats: boolean): void {
  tell(step, slot, beats ? "beats_but_never_ready" : "never_ready", step.now - slot.startedAtMs);
}

/** The child was asked to stop and goes on. */
export function tellIgnoresSignal(step: Step, slot: ChildSlot): void {
  if (slot.plan.node === -1) tell(step, slot, "ignores_signal", step.now - slot.stopAtMs);
}

function tell(step: Step, slot: ChildSlot, rule: LintRule, afterMs: number): void {
  slot.lint = rule;
  step.emitAttempt(slot, { type: "child_lint", rule, afterMs });
}

/** An attempt failed after so long: the same time again and again has a cause outside of chance. */
export function notePeriod(step: Step, slot: ChildSlot, uptimeMs: number): void {
  const isSame = uptimeMs >= SHORTEST_PERIOD_MS && Math.abs(uptimeMs - slot.periodMs) <= TOLERANCE * slot.periodMs;
  slot.periods = isSame ? slot.periods + 1 : 1;
  if (!isSame) slot.periodMs = uptimeMs;
  if (slot.periods === PERIODS) step.emitAttempt(slot, { type: "child_lint", rule: "fails_on_a_period", afterMs: slot.periodMs });
}

/** What looks wrong with the child now. */
export function lintsOf({ lint, periods }: ChildSlot): readonly LintRule[] {
  if (lint === null && periods < PERIODS) return NONE;
  return [...(lint === null ? [] : [lint]), ...(periods < PERIODS ? [] : ["fails_on_a_period" as const])];
}
