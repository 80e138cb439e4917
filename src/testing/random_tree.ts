/** Random trees and random misfortune, drawn from a seed. */
import { type Random, seededRandom } from "../base/mod.ts";
import type { Exit } from "../event/mod.ts";
import type { ChildOptions, ChildSpec, PolicyOptions, Propagation, SupervisorOptions, TreeSpec } from "../spec/mod.ts";
import type { AttemptScript } from "./scripted.ts";

/** Which features a run has; each seed turns them on and off. */
export interface Features {
  readonly dependencies: boolean;
  /** Some of them are only wanted, or bound to. */
  readonly strengths: boolean;
  /** Most siblings depend on each other. */
  readonly dense: boolean;
  /** Children seldom end by themselves. */
  readonly calm: boolean;
  readonly nested: boolean;
  readonly backoff: boolean;
  readonly limits: boolean;
  readonly escalation: boolean;
  readonly explicitReadiness: boolean;
  readonly timeouts: boolean;
  readonly heartbeats: boolean;
  readonly stubborn: boolean;
  readonly unkillable: boolean;
  readonly doubleExits: boolean;
  readonly slowStarts: boolean;
  readonly clockJumps: boolean;
  readonly shutdown: boolean;
  readonly force: boolean;
  /** Supervisors restart siblings together. */
  readonly strategies: boolean;
  /** Children run once, end their supervisor, or take others along when they escalate. */
  readonly ends: boolean;
  /** Operators ask for things at random moments. */
  readonly commands: boolean;
  /** Children are added and removed at random moments. */
  readonly dynamic: boolean;
  /** Restarts are guarded by fuses, budgets and gates. */
  readonly guards: boolean;
  /** Children belong to groups, some of which have strategies and budgets of their own; some are sidecars. */
  readonly groups: boolean;
  /** Children have a say in what follows from their failures. */
  readonly verdicts: boolean;
  /** Some children start when it is time, which is at random moments. */
  readonly schedules: boolean;
}

/** Dice of one run. */
export class Dice {
  readonly random: Random;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  /** A whole number from `low` to `high`. */
  between(low: number, high: number): number {
    return low + Math.floor(this.random() * (high - low + 1));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.between(0, items.length - 1)]!;
  }
}

/** Draws the features of a run. */
export function drawFeatures(dice: Dice): Features {
  const on = (): boolean => dice.chance(0.5);
  return {
    dependencies: on(),
    strengths: on(),
    dense: on(),
    calm: on(),
    nested: on(),
    backoff: on(),
    limits: on(),
    escalation: dice.chance(0.3),
    explicitReadiness: on(),
    timeouts: on(),
    heartbeats: on(),
    stubborn: on(),
    unkillable: dice.chance(0.3),
    doubleExits: on(),
    slowStarts: on(),
    clockJumps: dice.chance(0.3),
    shutdown: dice.chance(0.7),
    force: dice.chance(0.2),
    strategies: on(),
    ends: on(),
    commands: on(),
    dynamic: on(),
    guards: on(),
    groups: on(),
    verdicts: dice.chance(0.3),
    schedules: on(),
  };
}

/** Draws a tree; of so many children directly under the root, a few where that is left open. */
export function drawTree(dice: Dice, features: Features, size?: number): TreeSpec {
  return {
    ...drawSupervisor(dice, features),
    children: drawChildren(dice, features, 1, size),
    shutdown: {
      gracefulTimeoutMs: dice.between(10, 2_000),
      abortWaitMs: dice.between(10, 500),
      totalTimeoutMs: dice.chance(0.2) ? dice.between(100, 5_000) : null,
    },
    observability: { eventJournalCapacity: 256 },
    policy: features.guards ? drawGuards(dice) : undefined,
  };
}

function drawGuards(dice: Dice): PolicyOptions {
  const some = (low: number, high: number): number | undefined => dice.chance(0.5) ? dice.between(low, high) : undefined;
  const budget = { maxBurst: dice.between(1, 5), recoveryRatePerSec: dice.between(1, 20) / 10 };
  return {
    supervisorFailureLimit: dice.chance(0.2) ? dice.between(5, 20) : undefined,
    restartBudget: dice.chance(0.5) ? budget : undefined,
    meltdown: {
      childMaxRestarts: some(1, 5),
      groupMaxFailures: some(1, 5),
      groupWindowSecs: 10,
      supervisorMaxFailures: dice.chance(0.2) ? dice.between(5, 20) : undefined,
      resetAfterSecs: dice.between(1, 20),
    },
    coldStart: dice.chance(0.5) ? { maxRestarts: dice.between(1, 5), windowSecs: 5 } : null,
    hotLoop: dice.chance(0.5) ? { maxRestarts: dice.between(1, 5), windowSecs: 2 } : null,
    supervisionPipeline: { concurrentRestartLimit: some(1, 3) },
  };
}

const GROUPS = ["g0", "g1", "g2"] as const;

function drawGroups(dice: Dice, { groups }: Features): Partial<SupervisorOptions> {
  if (!groups) return {};
  const propagation = (): Propagation => dice.pick(["none", "escalate_only", "full"]);
  return {
    groups: GROUPS.map((name) => ({
      name,
      budget: dice.chance(0.3) ? { maxBurst: dice.between(1, 3), recoveryRatePerSec: 0.5 } : null,
      concurrentRestartLimit: dice.chance(0.3) ? dice.between(1, 2) : undefined,
    })),
    groupStrategies: GROUPS.filter(() => dice.chance(0.5)).map((group) => ({
      group,
      strategy: dice.pick(["one_for_one", "one_for_all", "rest_for_one"]),
      escalationPolicy: dice.pick([null, "quarantine_scope"]),
    })),
    groupDependencies: [
      { fromGroup: "g1", toGroup: "g0", propagation: propagation() },
      { fromGroup: "g2", toGroup: "g1", propagation: propagation() },
    ],
    childStrategyOverrides: dice.chance(0.3) ? [{ childId: "c0", strategy: dice.pick(["one_for_all", "rest_for_one"]) }] : [],
  };
}

function drawBefore(dice: Dice, { dependencies, dense, strengths }: Features, earlier: readonly string[]): ChildOptions {
  if (!dependencies) return {};
  const before = earlier.filter(() => dice.chance(dense ? 0.7 : 0.3));
  if (!strengths) return { dependencies: before };
  const kinds = before.map(() => dice.between(0, 2));
  const ofKind = (kind: number): string[] => before.filter((_, index) => kinds[index] === kind);
  return { dependencies: ofKind(0), wants: ofKind(1), bindsTo: ofKind(2) };
}

function drawSupervisor(dice: Dice, features: Features): Omit<SupervisorOptions, "children"> {
  const { strategies, ends } = features;
  return {
    ...drawGroups(dice, features),
    ...(strategies ? { strategy: dice.pick(["one_for_one", "one_for_all", "rest_for_one"]) } : {}),
    ...(ends ? { autoShutdown: dice.pick(["never", "any_significant", "all_significant"]) } : {}),
    ...(ends ? { escalationPolicy: dice.pick(["escalate_to_parent", "shutdown_tree", "quarantine_scope"]) } : {}),
  };
}

function drawChildren(dice: Dice, features: Features, depth: number, size?: number): ChildSpec[] {
  const count = size ?? dice.between(1, depth === 1 ? 6 : 4);
  const children: ChildSpec[] = [];
  for (let index = 0; index < count; index++) {
    // With many siblings a child names some of the last, or everybody would wait for everybody.
    const earlier = children.slice(-8).map((child) => child.name);
    children.push(drawChild(dice, features, { name: `c${index}`, earlier, depth }));
  }
  return children;
}

/** Where a child is drawn: its name, the siblings that it may name, and how deep it is in the tree. */
interface Spot {
  readonly name: string;
  readonly earlier: readonly string[];
  readonly depth: number;
}

/** Draws one child. */
export function drawChild(dice: Dice, features: Features, { name, earlier, depth }: Spot): ChildSpec {
  const nested = features.nested && depth < 4 && dice.chance(0.3);
  const restartPolicy = dice.pick(["permanent", "permanent", "transient", "temporary"] as const);
  const mayEnd = features.ends && restartPolicy !== "permanent";
  return {
    name,
    run: nested
      ? { kind: "supervisor", ...drawSupervisor(dice, features), children: drawChildren(dice, features, depth + 1) }
      : { kind: "task", task: () => {} },
    ...drawBefore(dice, features, earlier),
    restartPolicy,
    significant: mayEnd && dice.chance(0.3) ? true : undefined,
    neverRestartOn: features.ends && dice.chance(0.1) ? ["scripted"] : undefined,
    taskRole: nested ? "supervisor" : dice.pick(["service", "worker", "job", undefined]),
    backoff: features.backoff
      ? {
        initialMs: dice.between(1, 100),
        maxMs: dice.between(100, 5_000),
        jitter: dice.pick(["none", "full", "decorrelated", "deterministic"]),
        resetAfterMs: dice.between(10, 5_000),
      }
      : { initialMs: 5, maxMs: 5, jitter: "none" },
    limit: features.limits
      ? {
        maxRestarts: dice.between(1, 5),
        ...(dice.chance(0.3) ? { halfLifeMs: dice.between(100, 20_000) } : { windowMs: dice.between(100, 20_000) }),
        onExceeded: dice.pick(features.escalation ? ["slow_down", "give_up", "escalate"] : ["slow_down", "give_up"]),
      }
      : { maxRestarts: 1_000, onExceeded: "slow_down" },
    readiness: mayEnd && !nested && dice.chance(0.3)
      ? { mode: "completed" }
      : features.explicitReadiness && !nested && dice.chance(0.5)
      ? { mode: "explicit" }
      : undefined,
    group: features.groups && dice.chance(0.7) ? dice.pick(GROUPS) : undefined,
    sidecarConfig: features.groups && earlier.length > 0 && dice.chance(0.2)
      ? { primaryChildId: dice.pick(earlier), linkedLifecycle: true }
      : undefined,
    decide: features.verdicts
      ? () => dice.pick(["policy", "restart", "stop", ...(features.escalation ? ["escalate" as const] : [])])
      : undefined,
    timeouts: features.timeouts && !nested
      ? {
        startMs: dice.pick([features.guards || features.groups ? undefined : null, dice.between(50, 3_000)]),
        runMs: dice.pick([null, null, dice.between(500, 20_000)]),
      }
      : undefined,
    waitTimeoutMs: features.timeouts && dice.chance(0.3) ? dice.between(50, 5_000) : null,
    healthCheck: features.heartbeats && !nested && dice.chance(0.4)
      ? { checkIntervalSecs: 1, staleAfterMs: 2_500, maxRetries: dice.between(0, 2) }
      : undefined,
    stop: dice.chance(0.3)
      ? { mode: dice.pick(["graceful", "kill", "wait"]), drainDelayMs: dice.chance(0.5) ? dice.between(1, 2_000) : 0 }
      : undefined,
    schedule: features.schedules && !nested && restartPolicy !== "permanent" && dice.chance(0.6)
      ? { everyMs: 1, overlap: dice.pick(["skip", "queue", "replace"]), atStart: dice.chance(0.5) }
      : undefined,
  };
}

/** Draws what one attempt does; without faults it starts, gets ready, and stops when asked. */
export function drawScript(dice: Dice, features: Features, faulty: boolean): AttemptScript {
  const readyAfterMs = dice.between(0, 20);
  const heartbeatEveryMs = features.heartbeats && (!faulty || dice.chance(0.6)) ? 1_000 : undefined;
  if (!faulty) return { readyAfterMs, heartbeatEveryMs };
  const stubborn = features.stubborn && dice.chance(0.5);
  const unkillable = features.unkillable && dice.chance(0.3);
  return {
    throwsAtStart: dice.chance(0.1),
    runningAfterMs: features.slowStarts && dice.chance(0.4) ? dice.between(1, 500) : 0,
    readyAfterMs: dice.chance(0.8) ? (features.slowStarts && dice.chance(0.3) ? dice.between(0, 3_000) : readyAfterMs) : undefined,
    notReadyAfterMs: features.explicitReadiness && dice.chance(0.4) ? dice.between(1, 2_000) : undefined,
    readyAgainAfterMs: dice.chance(0.7) ? dice.between(1, 3_000) : undefined,
    heartbeatEveryMs,
    exit: dice.chance(features.calm ? 0.2 : 0.6) ? { afterMs: dice.between(0, 4_000), exit: drawExit(dice, features) } : undefined,
    cancelAfterMs: stubborn ? dice.pick([null, dice.between(0, 4_000)]) : dice.between(0, 5),
    killAfterMs: unkillable ? null : stubborn ? dice.between(0, 800) : 0,
    lateExitAfterMs: dice.chance(0.7) ? dice.between(0, 20_000) : null,
    exitsTwice: features.doubleExits && dice.chance(0.3),
  };
}

function drawExit(dice: Dice, { ends }: Features): Exit {
  const failure = { category: "scripted", message: "scripted" };
  if (ends && dice.chance(0.05)) {
    return { kind: "panicked", failure: { kind: dice.pick(["fatal_config", "fatal_bug", "external_dependency"]), ...failure } };
  }
  return dice.pick<Exit>([
    { kind: "succeeded" },
    { kind: "failed", failure: { kind: "error", ...failure } },
    { kind: "panicked", failure: { kind: "panic", ...failure } },
    { kind: "cancelled" },
  ]);
}
