import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { VirtualClock } from "../../src/testing/mod.ts";
import { TimerQueue } from "../../src/runtime/timers.ts";

Deno.test("TimerQueue fires in order of time, then in the order in which timers were set", () => {
  const clock = new VirtualClock({ automatic: false });
  const fired: number[] = [];
  const queue = new TimerQueue(clock, ({ timer }) => fired.push(timer));
  [[1, 30], [2, 10], [3, 20], [4, 10]].forEach(([timer = 0, dueMs = 0]) => queue.set({ timer, node: 0, child: 0, dueMs }));
  queue.clear(3);
  clock.jumpTo(100);
  assertEquals(fired, [2, 4, 1]);
  assertEquals([queue.size, clock.timers], [0, 0]);
});

Deno.test("TimerQueue needs one timer of the clock, and none when it is empty", () => {
  const clock = new VirtualClock({ automatic: false });
  const queue = new TimerQueue(clock, () => {});
  for (let timer = 1; timer <= 1_000; timer++) queue.set({ timer, node: 0, child: 0, dueMs: 1_000 - timer });
  assertEquals(clock.timers, 1);
  for (let timer = 1; timer <= 1_000; timer++) queue.clear(timer);
  assertEquals([queue.size, clock.timers], [0, 0]);
});

Deno.test("TimerQueue agrees with a list", () => {
  const actions = fc.array(
    fc.oneof(
      fc.record({ setMs: fc.nat({ max: 500 }) }),
      fc.record({ clear: fc.nat({ max: 200 }) }),
      fc.record({ passMs: fc.nat({ max: 200 }) }),
    ),
  );
  fc.assert(fc.property(actions, (list) => {
    const clock = new VirtualClock({ automatic: false });
    const fired: number[] = [];
    const queue = new TimerQueue(clock, ({ timer }) => fired.push(timer));
    let model: { timer: number; dueMs: number }[] = [];
    const expected: number[] = [];
    let next = 0;
    for (const action of list) {
      if ("setMs" in action) {
        const timer = { timer: ++next, dueMs: clock.now() + action.setMs };
        model.push(timer);
        queue.set({ ...timer, node: 0, child: 0 });
      } else if ("clear" in action) {
        model = model.filter(({ timer }) => timer !== action.clear);
        queue.clear(action.clear);
      } else {
        clock.jumpTo(clock.now() + action.passMs);
        const due = model.filter(({ dueMs }) => dueMs <= clock.now()).sort((a, b) => a.dueMs - b.dueMs || a.timer - b.timer);
        expected.push(...due.map(({ timer }) => timer));
        model = model.filter(({ dueMs }) => dueMs > clock.now());
      }
      assertEquals(queue.size, model.length);
    }
    assertEquals(fired, expected);
  }));
});
