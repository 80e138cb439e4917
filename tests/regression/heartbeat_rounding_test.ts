import { assertEquals } from "@std/assert";
import { initialNode, type Message, planTree, step } from "../../src/core/mod.ts";
import { child } from "../../mod.ts";

/** A time t for which t + 2500 - t is a hair less than 2500. */
function awkwardTime(): number {
  for (let time = 0.1;; time += 0.1) if (time + 2_500 - time < 2_500) return time;
}

// Seed 3 of the simulation: the age of the heartbeat came out a hair too small, and the timer was set to the same moment again, for ever.
Deno.test("heartbeatDue() never sets its timer to the moment at which it fired", () => {
  const plan = planTree({ children: [child.task("a", () => {}, { healthCheck: { checkIntervalSecs: 1, staleAfterMs: 2_500 } })] }, 70);
  const node = initialNode(plan.nodes[0]!);
  const counters = { stamp: 0, timer: 0, correlation: 0, event: 0 };
  const at = (now: number, message: Message): ReturnType<typeof step> =>
    step(node, message, { now, counters, random: () => 0.5, tree: plan, closed: false });
  const startedAtMs = awkwardTime();
  at(startedAtMs, { type: "begin", node: 0, stamp: 0 });
  at(startedAtMs, { type: "running", node: 0, child: 0, stamp: 1 });
  const dueMs = startedAtMs + 2_500;
  const effects = at(dueMs, { type: "timer", node: 0, child: 0, timer: node.slots[0]!.healthTimer, dueMs, heartbeatAtMs: 0 });
  assertEquals(effects.flatMap((effect) => effect.type === "emit" ? [effect.event.type] : []), [
    "child_heartbeat_stale",
    "child_unhealthy",
  ]);
  assertEquals(effects.flatMap((effect) => effect.type === "setTimer" ? [effect.dueMs > dueMs] : []), [true]);
});
