import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { clearWindow, countFailures, emptyWindow, recordFailure } from "../../src/core/mod.ts";
import type { LimitPolicy } from "../../src/spec/mod.ts";

function limit(maxRestarts: number, windowMs: number | null, maxCount = maxRestarts + 1): LimitPolicy {
  return { maxRestarts, windowMs, halfLifeMs: null, maxCount, onExceeded: "give_up" };
}

Deno.test("recordFailure() counts failures in the window, its edge included", () => {
  const window = emptyWindow();
  const policy = limit(10, 100);
  assertEquals([0, 50, 100, 101, 201].map((now) => recordFailure(window, policy, now)), [1, 2, 3, 3, 2]);
});

Deno.test("countFailures() looks without changing anything", () => {
  const window = emptyWindow();
  recordFailure(window, limit(10, 100), 0);
  const before = structuredClone(window);
  assertEquals([
    countFailures(window, limit(10, 100), 100),
    countFailures(window, limit(10, 100), 101),
    countFailures(null, limit(1, 1), 0),
  ], [1, 0, 0]);
  assertEquals(window, before);
});

Deno.test("recordFailure() counts without time in count mode, until it is cleared", () => {
  const window = emptyWindow();
  const policy = limit(2, null);
  assertEquals([0, 1e6, 1e9, 1e12].map((now) => recordFailure(window, policy, now)), [1, 2, 3, 3]);
  clearWindow(window);
  assertEquals(recordFailure(window, policy, 2e12), 1);
});

Deno.test("recordFailure() agrees with a list of all times", () => {
  const steps = fc.array(fc.record({ waitMs: fc.nat({ max: 300 }), clear: fc.integer({ min: 0, max: 19 }) }), { maxLength: 200 });
  const policies = fc.record({
    maxRestarts: fc.integer({ min: 1, max: 12 }),
    windowMs: fc.option(fc.integer({ min: 1, max: 1_000 })),
    extra: fc.nat({ max: 3 }),
  });
  fc.assert(fc.property(policies, steps, ({ maxRestarts, windowMs, extra }, list) => {
    const policy = limit(maxRestarts, windowMs, maxRestarts + 1 + extra);
    const window = emptyWindow();
    let model: number[] = [];
    let now = 0;
    for (const { waitMs, clear } of list) {
      now += waitMs;
      if (clear === 0) {
        clearWindow(window);
        model = [];
      }
      model.push(now);
      const counted = model.filter((time) => windowMs === null || now - time <= windowMs).slice(-(maxRestarts + 1)).length;
      assertEquals(recordFailure(window, policy, now), counted);
      assertEquals(countFailures(window, policy, now), counted);
      assert(window.times.length <= maxRestarts + 1, "memory is bounded by the limit");
    }
  }));
});
