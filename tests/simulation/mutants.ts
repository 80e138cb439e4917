/** Faults planted into the decision core; the simulation must find each of them. */
import { type Effect, type Message, step } from "../../src/core/mod.ts";

type Step = typeof step;

/** A planted fault. */
export interface Mutant {
  readonly name: string;
  readonly step: () => Step;
}

/** Faults that supervisors really had. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: "a stale exit is accepted",
    step: () => (state, message, environment) => step(state, pretendLive(message, state), environment),
  },
  {
    name: "a child starts after the shutdown began",
    step: () => (state, message, environment) => {
      const effects = step(state, message, environment);
      const isLate = state.phase === "stopping" && message.type === "exited";
      return isLate ? [...effects, startAgain(message, environment)] : effects;
    },
  },
  {
    name: "a timer is left behind",
    step: () => (state, message, environment) => step(state, message, environment).filter((effect) => effect.type !== "clearTimer"),
  },
  {
    name: "a restart happens twice",
    step: () => (state, message, environment) => {
      const effects = step(state, message, environment);
      const restarted = effects.find((effect) => effect.type === "start" && effect.attempt > 1);
      return restarted === undefined ? effects : [...effects, restarted];
    },
  },
  {
    name: "dependencies stop before their dependants",
    step: () => (state, message, environment) => {
      const effects = step(state, message, environment);
      if (message.type !== "stop" || message.forced) return effects;
      const cancels: Effect[] = state.slots.flatMap((slot, child) => {
        if (slot.phase !== "ready" || slot.stopCause !== null) return [];
        slot.stopCause = "shutdown";
        return [{ type: "cancel", node: message.node, child, stamp: slot.stamp }];
      });
      return [...effects, ...cancels];
    },
  },
  {
    name: "a held child is started",
    step: () => (state, message, environment) => {
      const effects = step(state, message, environment);
      const isHeld = message.type === "exited" && state.phase === "running" && state.slots[message.child]!.operation !== "active";
      return isHeld ? [...effects, { ...startAgain(message, environment), node: message.node, child: message.child }] : effects;
    },
  },
  {
    name: "more children restart at once than may",
    step: () => (state, message, environment) => {
      state.guards.held = 0;
      return step(state, message, environment);
    },
  },
  {
    name: "who waits for a turn is forgotten",
    step: () => (state, message, environment) => {
      const effects = step(state, message, environment);
      if (message.type === "exited") state.guards.queue = [];
      return effects;
    },
  },
  {
    name: "siblings start together before the last has stopped",
    step: () => (state, message, environment) => {
      const scope = message.type === "exited" ? state.slots[message.child]!.scope : null;
      if (scope !== null) scope.pending = 1;
      return step(state, message, environment);
    },
  },
];

function pretendLive(message: Message, state: Parameters<Step>[0]): Message {
  return message.type === "exited" ? { ...message, stamp: state.slots[message.child]!.stamp } : message;
}

function startAgain(message: Message & { type: "exited" }, { counters }: Parameters<Step>[2]): Effect {
  return { type: "start", node: message.node, child: message.child, stamp: ++counters.stamp, generation: 0, attempt: 1 };
}
