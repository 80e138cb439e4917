/** Whether a limit can be exceeded: by hand, and against every way in which a child could fail. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { limitCanFire, type LimitNumbers, shortestSpanMs } from "../../src/spec/limit_can_fire.ts";
import type { JitterMode } from "../../src/spec/types.ts";

const FAST = { maxRestarts: 3, windowMs: 60_000, initialMs: 50, maxMs: 5_000, factor: 2, ratio: 0.2, jitter: "full" } as const;

Deno.test("limitCanFire() says yes to the defaults of every role", () => {
  for (const maxRestarts of [1, 3, 5, 10]) assert(limitCanFire({ ...FAST, maxRestarts, resetAfterMs: 30_000 }), `${maxRestarts}`);
});

Deno.test("limitCanFire() says no when the delays are longer than the window", () => {
  // The example of systemd: a cap of 60 s lets 10 starts happen in 10 min, so that 60 never do.
  const systemd = { maxRestarts: 60, windowMs: 600_000, initialMs: 1_000, maxMs: 60_000, factor: 2, ratio: 0, jitter: "none" } as const;
  assertEquals(limitCanFire(systemd), false);
  assertEquals(limitCanFire({ ...systemd, maxRestarts: 10 }), true);
});

Deno.test("limitCanFire() says yes when the failures just fit, and no one millisecond below", () => {
  const numbers = { ...FAST, jitter: "none", maxRestarts: 3, initialMs: 100, maxMs: 1_000 } as const;
  assertEquals(shortestSpanMs(numbers), 100 + 200 + 400);
  assertEquals(limitCanFire({ ...numbers, windowMs: 700 }), true);
  assertEquals(limitCanFire({ ...numbers, windowMs: 699 }), false);
});

Deno.test("limitCanFire() knows that a healthy time makes the delays short again", () => {
  const numbers = { ...FAST, jitter: "none", maxRestarts: 20, windowMs: 600_000, initialMs: 1_000, maxMs: 300_000 } as const;
  assertEquals(limitCanFire(numbers), false);
  assertEquals(limitCanFire({ ...numbers, resetAfterMs: 30_000 }), true);
});

Deno.test("limitCanFire() answers at once for billions of restarts", () => {
  const many = { ...FAST, maxRestarts: 0xffff_ffff, windowMs: 2 ** 31 - 1, factor: 1.0001, initialMs: 1, maxMs: 10 };
  assertEquals(limitCanFire(many), false);
  assertEquals(limitCanFire({ ...many, resetAfterMs: 1 }), false);
  assertEquals(limitCanFire({ ...many, initialMs: 0 }), true);
});

/** The smallest delay before the nth restart in a row. */
function smallestDelay({ initialMs, maxMs, factor, jitter, ratio }: LimitNumbers, n: number): number {
  const base = Math.min(maxMs, initialMs * factor ** Math.min(n - 1, 32));
  if (jitter === "decorrelated") return Math.min(initialMs, maxMs);
  return jitter === "full" ? base * (1 - ratio) : base;
}

/** Tries every way: after each restart the child fails at once, or after the healthy time. */
function bruteForce(numbers: LimitNumbers): number {
  const visit = (left: number, n: number): number => {
    if (left === 0) return 0;
    const delay = smallestDelay(numbers, n);
    if (left === 1) return delay;
    return delay + Math.min(visit(left - 1, n + 1), (numbers.resetAfterMs ?? Infinity) + visit(left - 1, 1));
  };
  return visit(numbers.maxRestarts, 1);
}

const anyNumbers: fc.Arbitrary<LimitNumbers> = fc.record({
  maxRestarts: fc.integer({ min: 1, max: 10 }),
  windowMs: fc.integer({ min: 1, max: 100_000 }),
  initialMs: fc.integer({ min: 0, max: 10_000 }),
  maxMs: fc.integer({ min: 0, max: 20_000 }),
  factor: fc.double({ min: 1, max: 4, noNaN: true }),
  ratio: fc.double({ min: 0, max: 1, noNaN: true }),
  jitter: fc.constantFrom<JitterMode>("none", "full", "decorrelated", "deterministic"),
  resetAfterMs: fc.oneof(fc.constant(Infinity), fc.integer({ min: 1, max: 20_000 })),
});

Deno.test("shortestSpanMs() agrees with trying every way to fail", () => {
  fc.assert(fc.property(anyNumbers, (numbers) => {
    const expected = bruteForce(numbers);
    const actual = shortestSpanMs(numbers);
    assert(Math.abs(actual - expected) <= 1e-9 * Math.max(1, expected), `${actual}, must be ${expected}`);
  }));
});

Deno.test("limitCanFire() never gets harder to fire with a longer window or a lower limit", () => {
  fc.assert(fc.property(anyNumbers, fc.integer({ min: 1, max: 10_000 }), (numbers, more) => {
    if (!limitCanFire(numbers)) return;
    assert(limitCanFire({ ...numbers, windowMs: numbers.windowMs + more }));
    assert(limitCanFire({ ...numbers, maxRestarts: Math.max(1, numbers.maxRestarts - 1) }));
  }));
});
