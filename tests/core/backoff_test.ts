import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { backoffDelay } from "../../src/core/mod.ts";
import type { BackoffPolicy } from "../../src/spec/mod.ts";

const POLICY: BackoffPolicy = { initialMs: 100, maxMs: 1_000, factor: 2, jitter: "none", ratio: 0.5, resetAfterMs: 1 };

function delays(policy: Partial<BackoffPolicy>, random = 0.5): number[] {
  let previousDelayMs = 0;
  return [1, 2, 3, 4, 5, 6].map((consecutive) =>
    previousDelayMs = backoffDelay({ ...POLICY, ...policy }, { consecutive, previousDelayMs, seed: 1 }, () => random)
  );
}

Deno.test("backoffDelay() doubles up to the maximum without jitter", () => assertEquals(delays({}), [100, 200, 400, 800, 1_000, 1_000]));

Deno.test("backoffDelay() stays the same with factor 1", () => assertEquals(delays({ factor: 1 }), [100, 100, 100, 100, 100, 100]));

Deno.test("backoffDelay() takes up to the ratio off in full mode", () => {
  assertEquals(delays({ jitter: "full" }, 0), [100, 200, 400, 800, 1_000, 1_000]);
  assertEquals(delays({ jitter: "full" }, 1), [50, 100, 200, 400, 500, 500]);
  assertEquals(delays({ jitter: "full", ratio: 0 }, 1), delays({}));
});

Deno.test("backoffDelay() draws between the first delay and three times the previous one in decorrelated mode", () => {
  assertEquals(delays({ jitter: "decorrelated" }, 0), [100, 100, 100, 100, 100, 100]);
  assertEquals(delays({ jitter: "decorrelated" }, 1), [100, 300, 900, 1_000, 1_000, 1_000]);
});

Deno.test("backoffDelay() adds the same to the same restart in deterministic mode, and other children get other delays", () => {
  assertEquals(delays({ jitter: "deterministic" }, 0), delays({ jitter: "deterministic" }, 1));
  const policy: BackoffPolicy = { ...POLICY, jitter: "deterministic" };
  const of = (seed: number): number => backoffDelay(policy, { consecutive: 1, previousDelayMs: 0, seed }, () => 0);
  assertEquals(new Set([1, 2, 3, 4, 5, 6, 7, 8].map(of)).size, 8);
});

Deno.test("backoffDelay() keeps its bounds in every mode", () => {
  const policies = fc.record({
    initialMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
    extraMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
    factor: fc.double({ min: 1, max: 1_000, noNaN: true }),
    ratio: fc.double({ min: 0, max: 1, noNaN: true }),
    jitter: fc.constantFrom("none", "full", "decorrelated", "deterministic"),
  });
  const inputs = fc.record({
    consecutive: fc.integer({ min: 1, max: 1e9 }),
    previousDelayMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
    seed: fc.nat(),
  });
  fc.assert(
    fc.property(
      policies,
      inputs,
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      ({ extraMs, ...policy }, input, random) => {
        const maxMs = policy.initialMs + extraMs;
        const delay = backoffDelay({ ...policy, maxMs, resetAfterMs: 1 }, input, () => random);
        const lowest = policy.jitter === "full" ? policy.initialMs * (1 - policy.ratio) : policy.initialMs;
        assert(Number.isFinite(delay) && delay <= maxMs && delay >= lowest * (1 - 1e-9), `${delay}`);
      },
    ),
  );
});

Deno.test("backoffDelay() never shrinks with more restarts without jitter", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 100 }), fc.double({ min: 1, max: 10, noNaN: true }), (consecutive, factor) => {
    const at = (n: number): number => backoffDelay({ ...POLICY, factor }, { consecutive: n, previousDelayMs: 0, seed: 0 }, () => 0);
    assert(at(consecutive + 1) >= at(consecutive));
  }));
});
