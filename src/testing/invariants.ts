/** The promises of a supervisor, checked after every step. */
import { type ChildSlot, type Effect, isLive, isOnItsWay, type Message, type NodeState, waitingFor } from "../core/mod.ts";
import type { Interpreter } from "../runtime/mod.ts";
import { InvariantViolation } from "./scripted.ts";

const ENDS: ReadonlySet<string> = new Set(["child_failed", "child_succeeded", "child_stopped", "child_shutdown"]);

/** Watches one tree; `inspect` goes to the interpreter, `checkAtRest` is called when nothing is left to do. */
export class InvariantChecker {
  readonly violations: InvariantViolation[] = [];
  readonly #consumed = new Set<number>();
  /** Attempts that began to drain, and were not asked to stop yet. */
  readonly #draining = new Set<number>();
  #interpreter: Interpreter | undefined;

  /** Begins to watch. */
  watch(interpreter: Interpreter): void {
    this.#interpreter = interpreter;
  }

  /** Reports a violation from elsewhere. */
  report = (violation: InvariantViolation): void => {
    this.violations.push(violation);
  };

  /** Looks at one step. */
  inspect = (message: Message, effects: readonly Effect[]): void => {
    const nodes = this.#interpreter!.nodes;
    if (message.type === "exited") this.#exitIsConsumedOnce(message.stamp, effects);
    for (const effect of effects) {
      if (effect.type === "start") {
        this.#nothingStartsInAShutdown(nodes, effect.node);
        this.#startsWhenItMay(nodes[effect.node]!, effect.child);
      }
      if (effect.type === "cancel") this.#dependantsStopFirst(nodes[effect.node]!, nodes[effect.node]!.slots[effect.child]!);
      if (effect.type === "emit" && effect.event.type === "child_draining") {
        this.#drainsAfterDependants(nodes[message.node]!, effect.event.path);
      }
    }
  };

  /** Looks at a tree that has nothing to do until the next timer or report. */
  checkAtRest(): void {
    const { nodes, liveTimers } = this.#interpreter!;
    let timers = 0;
    for (const node of nodes) {
      if (node.totalTimer !== 0) timers++;
      timers += node.guards.groups.filter(({ timer }) => timer !== 0).length;
      if (node.phase === "running" && !this.#isClosed(node)) this.#turnsAreRight(node);
      this.#placesAreRight(node);
      for (const slot of node.slots) {
        timers += (slot.timer === 0 ? 0 : 1) + (slot.healthTimer === 0 ? 0 : 1);
        if (node.phase === "running" && !this.#isClosed(node)) {
          if (slot.operation !== "removed" || slot.stamp !== 0) this.#downSaysWhy(node, slot);
          this.#scopeIsRight(node, slot);
        }
      }
    }
    if (liveTimers !== timers && nodes[0]!.phase !== "stopped") {
      this.#violate(`${liveTimers} timers are set, but the state knows ${timers}`);
    }
  }

  /** An exit counts once; a second report of the same attempt changes nothing. */
  #exitIsConsumedOnce(stamp: number, effects: readonly Effect[]): void {
    const events = effects.flatMap((effect) => effect.type === "emit" ? [effect.event.type] : []);
    const ends = events.filter((type) => ENDS.has(type)).length;
    if (this.#consumed.has(stamp)) {
      if (effects.length !== 1 || events[0] !== "child_attempt_stale_report") {
        this.#violate(`the exit of attempt ${stamp} was counted twice`);
      }
    } else if (ends === 0) {
      this.#violate(`the exit of attempt ${stamp} was not counted`);
    }
    this.#consumed.add(stamp);
  }

  #nothingStartsInAShutdown(nodes: readonly NodeState[], id: number): void {
    for (
      let node: NodeState | undefined = nodes[id];
      node !== undefined;
      node = node.plan.parent === null ? undefined : nodes[node.plan.parent]
    ) {
      if (node.phase !== "running") {
        return this.#violate(`a child of ${nodes[id]!.plan.path} was started while ${node.plan.path} is ${node.phase}`);
      }
    }
  }

  /** Nothing starts that somebody holds, or whose siblings are still being stopped for their common restart. */
  #startsWhenItMay({ plan: { gated }, slots }: NodeState, child: number): void {
    const { plan, operation, scope, startCause, holdsTurn } = slots[child]!;
    const needsTurn = gated && !["start", "command", "schedule"].includes(startCause);
    if (needsTurn && !holdsTurn) this.#violate(`${plan.path} was started before it was its turn`);
    if (operation !== "active") this.#violate(`${plan.path} was started while it is ${operation}`);
    if (scope !== null) this.#violate(`${plan.path} was started before its siblings had stopped`);
  }

  /** As many have a place as there are places, and nobody waits for one that is free. */
  #turnsAreRight({ plan, slots, guards }: NodeState): void {
    const { concurrency } = this.#interpreter!.guards;
    const holders = slots.filter(({ holdsTurn }) => holdsTurn);
    if (holders.length !== guards.held) this.#violate(`${plan.path} counts ${guards.held} restarts, and has ${holders.length}`);
    for (const { plan, phase, stamp } of holders) {
      if (stamp === 0 || phase === "ready" || phase === "abandoned") this.#violate(`${plan.path} is ${phase}, and takes up a place`);
    }
    const full = concurrency !== null && guards.held >= concurrency;
    if (concurrency !== null && guards.held > concurrency) this.#violate(`${plan.path} restarts ${guards.held} children at once`);
    const queued = slots.filter(({ phase }) => phase === "queued").length;
    if (queued !== guards.queue.length) {
      this.#violate(`${queued} children of ${plan.path} wait for a turn, and ${guards.queue.length} are in the queue`);
    }
    for (const child of guards.queue) {
      const { plan: { path, group: index } } = slots[child]!;
      const group = guards.groups[index];
      const most = plan.groups[index]?.concurrency ?? Infinity;
      const isBlocked = group !== undefined && (group.held >= most || group.timer !== 0 || group.trial >= 0);
      if (!full && !isBlocked) this.#violate(`${path} waits for a turn, and could start`);
    }
  }

  /** Who is restarted together knows of each other, and of how many there is still to wait for. */
  #scopeIsRight({ slots }: NodeState, { plan, scope, phase }: ChildSlot): void {
    if (scope === null) return;
    const members = [...scope.members].map((child) => slots[child]!);
    const pending = members.filter((member) => isLive(member) || member.timer !== 0).length;
    if (members.some((member) => member.scope !== scope)) this.#violate(`${plan.path} is restarted with siblings that do not know of it`);
    if (scope.pending !== pending || pending === 0) {
      this.#violate(`${plan.path} waits for ${scope.pending} siblings, and ${pending} are to be waited for`);
    }
    if (phase === "abandoned" || phase === "stopped" || phase === "failed") {
      this.#violate(`${plan.path} is ${phase}, and to be restarted with siblings`);
    }
  }

  /** The reverse of the start order: nobody is asked to stop before those who depend on it have ended. */
  #dependantsStopFirst(node: NodeState, slot: ChildSlot): void {
    const { stopCause, scope, plan: { policy } } = slot;
    // Its stop began when it began to drain.
    if (policy.stop.drainMs > 0 && slot.phase === "stopping" && this.#draining.delete(slot.stamp)) return;
    if ((stopCause !== "shutdown" && stopCause !== "sibling") || node.stop?.forced === true) return;
    for (const index of slot.plan.dependants) {
      const dependant = node.slots[index]!;
      if (stopCause === "sibling" && scope?.members.has(index) !== true) continue;
      if (isLive(dependant)) {
        this.#violate(`${slot.plan.path} was asked to stop before ${dependant.plan.path} had ended`);
      }
    }
  }

  /** Every child has one place, and who is gone has none, nor is it known to anybody. */
  #placesAreRight({ plan, slots, order, free, names, phase }: NodeState): void {
    if (order.length + free.length !== slots.length || new Set([...order, ...free]).size !== slots.length) {
      this.#violate(`${plan.path} has ${slots.length} places, ${order.length} of which are taken and ${free.length} free`);
    }
    if (names !== null && (names.size !== order.length || order.some((child) => names.get(slots[child]!.plan.name) !== child))) {
      this.#violate(`${plan.path} knows other names than its children have`);
    }
    const isGone = (index: number): boolean => free.includes(index);
    for (const child of order) {
      const { plan: own, operation, stamp, waiters, scope } = slots[child]!;
      const known = [own.dependencies, own.dependants, own.wants, own.bound, own.sidecars, waiters ?? [], [...scope?.members ?? []]];
      if (known.some((indexes) => indexes.some(isGone))) this.#violate(`${own.path} knows a sibling that is gone`);
      if (operation === "removed" && stamp === 0 && phase === "running") this.#violate(`${own.path} is to be removed, and still there`);
    }
  }

  #drainsAfterDependants(node: NodeState, path: string): void {
    const slot = node.slots.find(({ plan, stamp }) => plan.path === path && stamp !== 0)!;
    this.#dependantsStopFirst(node, slot);
    this.#draining.add(slot.stamp);
  }

  /** A child that is down says why and when it may come back. */
  #downSaysWhy(node: NodeState, slot: ChildSlot): void {
    const { phase, timer, lastDecision, plan } = slot;
    if (phase === "backoff" && slot.scope === null && (timer === 0 || lastDecision?.retryAtMs === null)) {
      this.#violate(`${plan.path} waits for a restart that is not planned`);
    }
    if ((phase === "stopped" || phase === "failed") && lastDecision === null && plan.schedule === null) {
      this.#violate(`${plan.path} is ${phase} and does not say why`);
    }
    if (phase === "waiting" && waitingFor(node.slots, slot).length === 0) {
      this.#violate(`${plan.path} waits for nobody`);
    }
    for (const index of plan.bound) {
      const bound = node.slots[index]!;
      const isUp = isLive(bound) && bound.stopCause === null;
      if (isUp && slot.readyAtMs === null && (slot.stamp === 0 || slot.stopCause !== null)) {
        this.#violate(`${bound.plan.path} runs without ${plan.path}, to which it is bound`);
      }
    }
    if (slot.due && slot.stamp === 0 && !isOnItsWay(slot)) this.#violate(`${plan.path} is due, and does not start`);
    if (phase === "declared") this.#violate(`${plan.path} was never started`);
    const live = slot.stamp !== 0;
    const shouldLive = ["starting", "running", "ready", "draining", "stopping", "killing", "abandoned"].includes(phase);
    if (live !== shouldLive) this.#violate(`${plan.path} is ${phase} ${live ? "with" : "without"} a live attempt`);
  }

  #isClosed(node: NodeState): boolean {
    const { nodes } = this.#interpreter!;
    for (let parent = node.plan.parent; parent !== null; parent = nodes[parent]!.plan.parent) {
      if (nodes[parent]!.phase !== "running") return true;
    }
    return false;
  }

  #violate(message: string): void {
    this.violations.push(new InvariantViolation(message));
  }
}
