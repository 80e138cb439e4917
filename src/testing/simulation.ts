/** Runs the real loop with scripted children, a virtual clock and misfortune from a seed. */
import { seededRandom } from "../base/mod.ts";
import type { NodeState } from "../core/mod.ts";
import type { SupervisorEvent } from "../event/mod.ts";
import { Bus, type LogRecord } from "../observe/mod.ts";
import { Interpreter, type InterpreterOptions, Planner, reconcile } from "../runtime/mod.ts";
import { InvariantChecker } from "./invariants.ts";
import { Dice, drawChild, drawFeatures, drawScript, drawTree, type Features } from "./random_tree.ts";
import { InvariantViolation, scriptedAdapter } from "./scripted.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** Options of {@linkcode simulate}. */
export interface SimulationOptions {
  /** How many children the root has. @default {1 to 6, by the seed} */
  readonly children?: number;
}

/** What a simulation came to. */
export interface SimulationResult {
  /** The seed that replays it. */
  readonly seed: number;
  /** Features that were on. */
  readonly features: readonly string[];
  /** Steps the loop took. */
  readonly steps: number;
  /** Promises that were broken; empty when all is well. */
  readonly violations: readonly string[];
}

/** Virtual time during which things go wrong, and after which they must be well again, in milliseconds. */
const FAULTS_MS = 20_000;
const RECOVERY_MS = 600_000;

const COMMANDS = ["restart", "restart", "start", "terminate", "pause", "resume", "resume", "quarantine", "release", "reset_fuse"] as const;

/** Most steps of one small run; more means that the loop runs away. */
const MOST_STEPS = 200_000;

/**
 * Simulates one random tree with random faults and checks every promise after every step.
 *
 * The same seed gives the same run.
 *
 * @example
 * ```ts
 * import { simulate } from "@reeve/supervisor/testing";
 *
 * const { violations } = simulate(42);
 * console.log(violations.length === 0);
 * ```
 */
export function simulate(seed: number, options: SimulationOptions = {}): SimulationResult {
  return simulateWith(seed, undefined, options);
}

/** The same with another decision core, to see whether a planted fault is found. */
export function simulateWith(seed: number, step: InterpreterOptions["step"], { children }: SimulationOptions = {}): SimulationResult {
  const dice = new Dice(seed);
  const features = drawFeatures(dice);
  const clock = new VirtualClock({ startMs: 1_000, automatic: false });
  const checker = new InvariantChecker();
  let steps = 0;
  let faulty = true;
  let finished = false;
  const mostSteps = MOST_STEPS * Math.max(1, (children ?? 0) / 4);
  const spec = drawTree(dice, features, children);
  const planner = new Planner(spec, 70);
  const interpreter: Interpreter = new Interpreter({
    plan: planner.tree,
    adapterFor: () => scriptedAdapter(() => drawScript(dice, features, faulty), checker.report),
    startProbes: () => null,
    clock,
    random: seededRandom(seed ^ 0x5eed),
    events: new Bus<SupervisorEvent>(256),
    eventsPerSlice: 128,
    logs: new Bus<LogRecord>(16),
    onFinished: (cause) => {
      finished = true;
      if (cause.kind === "fault") return checker.report(new InvariantViolation(cause.reason));
      const { left } = reconcile(interpreter);
      const abandoned = new Set(left.filter(({ kind }) => kind === "attempt").map(({ owner }) => owner));
      for (const { owner, detail } of left) {
        if (!abandoned.has(owner)) checker.report(new InvariantViolation(`${detail} of ${owner} is left at the end`));
      }
    },
    onRemoved: (_path, nodes) => planner.release(nodes),
    step,
    inspect: (message, effects) => {
      steps++;
      if (steps > mostSteps) throw new InvariantViolation(`the loop took more than ${mostSteps} steps`);
      checker.inspect(message, effects);
    },
  });
  checker.watch(interpreter);
  const isOver = (): boolean => checker.violations.length > 0 || steps > mostSteps;
  const settle = (): void => {
    clock.run();
    checker.checkAtRest();
  };
  const stop = (forced: boolean): void => {
    interpreter.post({ type: "stop", node: 0, stamp: 0, cause: { kind: "shutdown", requestedBy: "simulation", reason: "drawn" }, forced });
    settle();
  };
  let unanswered = 0;
  /** Somebody asks something of a child, whatever it is doing. */
  const command = (): void => {
    const node = dice.pick(interpreter.nodes);
    const child = dice.between(0, node.slots.length - 1);
    // Every other restart is one for which the child asks itself.
    const isOwn = unanswered++ % 2 === 1;
    const { path } = node.slots[child]!.plan;
    interpreter.command(
      { node: node.plan.id, child, path, command: dice.pick(COMMANDS), by: "simulation", reason: "drawn", isOwn },
      () => unanswered--,
    );
    if (dice.chance(0.5)) settle();
  };
  /** It is time for a child, or it was, whatever it is doing. */
  const due = (): void => {
    const { plan, order, slots } = dice.pick(interpreter.nodes);
    const scheduled = order.filter((child) => slots[child]!.plan.schedule !== null);
    if (scheduled.length === 0) return;
    const child = dice.pick(scheduled);
    const [starts, missed] = [dice.chance(0.8), dice.between(0, 1)];
    interpreter.post({ type: "due", node: plan.id, child, path: slots[child]!.plan.path, starts, missed });
    if (dice.chance(0.5)) settle();
  };
  let added = 0;
  /** Somebody adds a child to a supervisor, whatever that is doing, or takes one out. */
  const addOrRemove = (): void => {
    const { plan, slots, order } = dice.pick(interpreter.nodes);
    unanswered++;
    if (order.length > 0 && dice.chance(0.5)) {
      const child = dice.pick(order);
      const { path } = slots[child]!.plan;
      interpreter.command({ node: plan.id, child, path, command: "remove", by: "simulation", reason: "drawn" }, () => unanswered--);
    } else {
      const earlier = order.map((child) => slots[child]!.plan.name);
      const depth = plan.path.split("/").length;
      const child = planner.planChild(plan.id, drawChild(dice, features, { name: `x${added++ % 5}`, earlier, depth }));
      interpreter.add(plan.id, child, { by: "simulation", reason: "drawn", transactionId: "drawn", specHash: "" }, (answer) => {
        unanswered--;
        if (!("child" in answer)) planner.release(child.nodes);
      });
    }
    if (dice.chance(0.5)) settle();
  };
  /** Moves on from timer to timer until a time, or until something holds. */
  const moveTo = (endMs: number, until: () => boolean = () => false): void => {
    for (let next = clock.nextDueMs; next !== undefined && next <= endMs && !isOver(); next = clock.nextDueMs) {
      if (until()) return;
      while (features.commands && faulty && dice.chance(0.15)) command();
      while (features.dynamic && faulty && dice.chance(0.15)) addOrRemove();
      while (features.schedules && faulty && dice.chance(0.3)) due();
      const jump = features.clockJumps && faulty && dice.chance(0.05) ? dice.between(0, 8_000) : 0;
      clock.jumpTo(next + jump);
      settle();
    }
    clock.jumpTo(endMs);
    settle();
  };

  interpreter.post({ type: "begin", node: 0, stamp: 0 });
  settle();
  const stopAtMs = features.shutdown ? dice.between(0, FAULTS_MS) : FAULTS_MS;
  // The end often comes at an awkward moment: while somebody waits for somebody.
  const awkward = dice.chance(0.5);
  moveTo(1_000 + (awkward ? FAULTS_MS : stopAtMs), () => awkward && interpreter.nodes.some(isAwkward) && dice.chance(0.5));
  if (features.shutdown && !isOver()) stop(features.force);
  if (features.shutdown && !isOver() && dice.chance(0.2)) stop(true);
  moveTo(1_000 + FAULTS_MS);
  faulty = false;
  moveTo(1_000 + FAULTS_MS + RECOVERY_MS);
  if (!isOver()) {
    if (interpreter.nodes[0]!.phase !== "running" && !finished && !waitsForEver(interpreter.nodes, 0)) {
      checker.report(new InvariantViolation("the shutdown never ended"));
    }
    checkLiveness(interpreter.nodes, 0, checker);
    if (unanswered !== 0) checker.report(new InvariantViolation(`${unanswered} commands were not answered, or answered twice`));
  }
  const on = (Object.keys(features) as (keyof Features)[]).filter((feature) => features[feature]);
  return { seed, features: on, steps, violations: checker.violations.map((violation) => violation.message) };
}

/** Whether a child waits for a live one while others that depend on it are alive. */
function isAwkward({ slots }: NodeState): boolean {
  return slots.some(({ phase, plan }) =>
    phase === "waiting" && plan.dependants.some((index) => slots[index]!.stamp !== 0) &&
    plan.dependencies.some((index) => slots[index]!.stamp !== 0)
  );
}

/** Faults have stopped and time went on: every child runs, is stopped, or is down for a named reason. */
function checkLiveness(nodes: readonly NodeState[], id: number, checker: InvariantChecker): void {
  const node = nodes[id]!;
  for (const child of node.order) {
    const slot = node.slots[child]!;
    const { phase, plan } = slot;
    if (plan.node !== -1 && nodes[plan.node]!.phase === "running") checkLiveness(nodes, plan.node, checker);
    if (node.phase !== "running") {
      if (node.phase === "stopped" && slot.outcome === null) {
        checker.report(new InvariantViolation(`${plan.path} has no outcome in a tree that has stopped`));
      }
      continue;
    }
    // Backoff and waiting are reasons with a name; a child on the way must have arrived, unless a limit of its own moves it on again and again.
    const { runMs, waitMs, stop } = plan.policy;
    const moves = runMs !== null || waitMs !== null || stop.mode === "wait" || plan.node !== -1;
    if (phase === "draining" && slot.timer === 0) checker.report(new InvariantViolation(`${plan.path} drains for ever`));
    if ((phase === "starting" || phase === "stopping" || phase === "killing") && !moves) {
      checker.report(new InvariantViolation(`${plan.path} is still ${phase}`));
    }
  }
}

/** Whether the stop of a node waits for a child that was told to be waited for without end. */
function waitsForEver(nodes: readonly NodeState[], id: number): boolean {
  const { order, slots } = nodes[id]!;
  return order.map((child) => slots[child]!).some(({ phase, plan }) => {
    if (plan.node !== -1) {
      return nodes[plan.node]!.phase !== "stopped" && (phase === "stopping" || phase === "killing") && waitsForEver(nodes, plan.node);
    }
    return phase === "stopping" && plan.policy.stop.timeoutMs === null;
  });
}
