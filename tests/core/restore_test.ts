import { assertEquals } from "@std/assert";
import { initialSlot, outlives, planTree, restoreChild, type RestoredChild } from "../../src/core/mod.ts";
import { child, type ChildOptions } from "../../src/spec/mod.ts";

function slotOf(options: ChildOptions = {}): ReturnType<typeof initialSlot> {
  return initialSlot(planTree({ children: [child.task("a", () => {}, options)] }, 70).nodes[0]!.children[0]!, 0, false);
}

const BEFORE: RestoredChild = {
  operation: "quarantined",
  generation: 2,
  attempt: 7,
  restartsTotal: 5,
  failuresTotal: 4,
  window: { timesMs: [-3_000, -2_000, -1_000], level: 0, levelAtMs: 0 },
};

Deno.test("restoreChild() gives a child back what outlives() took of it, failures of its limit included", () => {
  const slot = slotOf({ limit: { maxRestarts: 5, windowMs: 60_000 } });
  restoreChild(slot, BEFORE);
  assertEquals(outlives(slot), BEFORE);
});

Deno.test("restoreChild() keeps no more failures than the limit of today holds", () => {
  const slot = slotOf({ limit: { maxRestarts: 1, windowMs: 60_000 } });
  restoreChild(slot, BEFORE);
  assertEquals(outlives(slot).window?.timesMs, [-2_000, -1_000]);
});

Deno.test("restoreChild() takes the count that falls by half where the limit has a half-life, and nothing of the times", () => {
  const slot = slotOf({ limit: { maxRestarts: 5, halfLifeMs: 1_000 } });
  restoreChild(slot, { ...BEFORE, window: { timesMs: [], level: 2.5, levelAtMs: -500 } });
  assertEquals(outlives(slot).window, { timesMs: [], level: 2.5, levelAtMs: -500 });
});

Deno.test("restoreChild() never lets the number of an attempt fall", () => {
  const slot = slotOf();
  slot.attempt = 9;
  restoreChild(slot, BEFORE);
  assertEquals(slot.attempt, 9);
});

Deno.test("outlives() knows nothing of a removal, which is no hold", () => {
  const slot = slotOf();
  slot.operation = "removed";
  assertEquals(outlives(slot).operation, "active");
});
