import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { decide, type DecisionInput } from "../../src/core/mod.ts";
import type { Decision, ExitClass } from "../../src/event/mod.ts";
import { type ChildPolicy, type LimitAction, policyResolver, type RestartPolicy } from "../../src/spec/mod.ts";
import { task } from "./tree_driver.ts";

const CLASSES: readonly ExitClass[] = ["success", "manual_stop", "external_cancel", "timeout", "panic", "nonzero_exit"];

function policyOf(restartPolicy: RestartPolicy, onExceeded: LimitAction = "slow_down"): ChildPolicy {
  return policyResolver({})(task("a", {
    restartPolicy,
    limit: { maxRestarts: 2, onExceeded },
    backoff: { initialMs: 100, maxMs: 1_000, jitter: "none" },
  }));
}

function decided(policy: ChildPolicy, input: Partial<DecisionInput>): Decision {
  const given = {
    exitClass: "nonzero_exit",
    failure: null,
    now: 10,
    failures: 1,
    consecutive: 1,
    previousDelayMs: 0,
    seed: 0,
    verdict: null,
    ...input,
  } as const;
  return decide(policy, given, () => 0.5);
}

function restart(reason: Decision["reason"], delayMs: number): Decision {
  return { action: "restart", reason, delayMs, retryAtMs: 10 + delayMs };
}

function down(action: Decision["action"], reason: Decision["reason"]): Decision {
  return { action, reason, delayMs: 0, retryAtMs: null };
}

const AGAIN = restart("within_restart_budget", 100);
const DONE = down("stop", "role_success_stop");
const CALLED_OFF = down("stop", "external_cancel_or_manual_stop");
const ONCE = down("stop", "restart_policy_temporary");

/** core.md 8.5, by class of exit. */
const TABLE = {
  success: { permanent: restart("role_success_restart", 100), transient: DONE, temporary: DONE },
  manual_stop: { permanent: CALLED_OFF, transient: CALLED_OFF, temporary: CALLED_OFF },
  external_cancel: { permanent: CALLED_OFF, transient: CALLED_OFF, temporary: CALLED_OFF },
  timeout: { permanent: AGAIN, transient: AGAIN, temporary: ONCE },
  panic: { permanent: AGAIN, transient: AGAIN, temporary: ONCE },
  nonzero_exit: { permanent: AGAIN, transient: AGAIN, temporary: ONCE },
} satisfies Record<ExitClass, Record<RestartPolicy, Decision>>;

for (const exitClass of CLASSES) {
  for (const restartPolicy of ["permanent", "transient", "temporary"] as const) {
    const { action, reason } = TABLE[exitClass][restartPolicy];
    Deno.test(`decide() says ${action} (${reason}) when a ${restartPolicy} child ends with ${exitClass}`, () => {
      assertEquals(decided(policyOf(restartPolicy), { exitClass }), TABLE[exitClass][restartPolicy]);
    });
  }
}

/** What the failure after the last allowed one leads to. */
const EXCEEDED: readonly [LimitAction, Decision][] = [
  ["slow_down", restart("restart_limit_slow_down", 1_000)],
  ["give_up", down("give_up", "restart_limit_exhausted")],
  ["escalate", down("escalate", "restart_limit_exhausted")],
];

for (const [onExceeded, decision] of EXCEEDED) {
  Deno.test(`decide() restarts at the limit and says ${decision.action} one failure later with ${onExceeded}`, () => {
    const policy = policyOf("permanent", onExceeded);
    assertEquals(decided(policy, { failures: 2 }), AGAIN);
    assertEquals(decided(policy, { failures: 3 }), decision);
  });

  Deno.test(`decide() does not count successes and stops against the limit with ${onExceeded}`, () => {
    const policy = policyOf("permanent", onExceeded);
    assertEquals(decided(policy, { exitClass: "success", failures: 99 }), restart("role_success_restart", 100));
    assertEquals(decided(policy, { exitClass: "external_cancel", failures: 99 }), CALLED_OFF);
  });

  Deno.test(`decide() leaves a temporary child down over the limit with ${onExceeded}`, () => {
    assertEquals(decided(policyOf("temporary", onExceeded), { failures: 99 }), ONCE);
  });
}

Deno.test("decide() says when the child comes back exactly when it comes back", () => {
  const inputs = fc.record({
    exitClass: fc.constantFrom(...CLASSES),
    failures: fc.integer({ min: 1, max: 5 }),
    consecutive: fc.integer({ min: 1, max: 50 }),
    now: fc.double({ min: 0, max: 1e9, noNaN: true }),
  });
  const policies = fc.tuple(
    fc.constantFrom<RestartPolicy>("permanent", "transient", "temporary"),
    fc.constantFrom<LimitAction>("slow_down", "give_up", "escalate"),
  );
  fc.assert(fc.property(policies, inputs, ([restartPolicy, onExceeded], input) => {
    const { action, delayMs, retryAtMs } = decided(policyOf(restartPolicy, onExceeded), input);
    if (action === "restart") assert(delayMs > 0 && retryAtMs === input.now + delayMs);
    else assertEquals([delayMs, retryAtMs], [0, null]);
  }));
});

Deno.test("decide() never restarts after a failure that the user ruled out, by exit code or category", () => {
  const policy = policyResolver({})(task("a", { neverRestartOn: [78, "FatalError"] }));
  const failure = { kind: "error", category: "exit_code", message: "no" } as const;
  const never = down("give_up", "never_restart_on");
  assertEquals(decided(policy, { failure: { ...failure, exitCode: 78 } }), never);
  assertEquals(decided(policy, { failure: { ...failure, category: "FatalError" } }), never);
  assertEquals(decided(policy, { failure: { ...failure, exitCode: 1 } }).action, "restart");
  assertEquals(decided(policy, { failure }).action, "restart");
});

Deno.test("decide() lets an optional child give up where another one would escalate", () => {
  const policy = policyResolver({})(task("a", { severity: "optional", limit: { maxRestarts: 2, onExceeded: "escalate" } }));
  assertEquals(decided(policy, { failures: 3 }), down("give_up", "optional_child_never_escalates"));
});

Deno.test("decide() follows what a child says of its own failure, whatever its restart policy", () => {
  const failing = (kind: "fatal_config" | "fatal_bug" | "external_dependency"): Pick<DecisionInput, "failure"> => ({
    failure: { kind, category: kind, message: "no" },
  });
  for (const restartPolicy of ["permanent", "transient", "temporary"] as const) {
    assertEquals(decided(policyOf(restartPolicy), failing("fatal_config")), down("shutdown_tree", "fatal_config"));
    assertEquals(decided(policyOf(restartPolicy), failing("fatal_bug")), down("escalate", "fatal_bug"));
  }
  assertEquals(decided(policyOf("permanent"), failing("external_dependency")), AGAIN);
  const optional = policyResolver({})(task("a", { severity: "optional" }));
  assertEquals(decided(optional, failing("fatal_config")), down("give_up", "fatal_config"));
  assertEquals(decided(optional, failing("fatal_bug")), down("give_up", "fatal_bug"));
});

for (
  const [verdict, restartPolicy, expected] of [
    ["policy", "permanent", AGAIN],
    ["policy", "temporary", down("stop", "restart_policy_temporary")],
    ["restart", "transient", AGAIN],
    ["restart", "temporary", down("stop", "restart_policy_temporary")],
    ["stop", "permanent", down("give_up", "decided_by_function")],
    ["escalate", "permanent", down("escalate", "decided_by_function")],
  ] as const
) {
  Deno.test(`decide() with the verdict ${verdict} of a ${restartPolicy} child`, () => {
    assertEquals(decided(policyOf(restartPolicy), { verdict }), expected);
  });
}

Deno.test("decide() lets a verdict go before what the failure says, and never beyond the limit", () => {
  const failure = { kind: "fatal_config", category: "never", message: "no" } as const;
  assertEquals(decided(policyOf("permanent"), { verdict: "restart", failure }), AGAIN);
  const policy = policyResolver({})(task("a", { neverRestartOn: ["never"], limit: { maxRestarts: 2, onExceeded: "give_up" } }));
  assertEquals(decided(policy, { verdict: "restart", failure: { ...failure, kind: "error" } }).action, "restart");
  assertEquals(decided(policy, { verdict: "restart", failures: 3 }), down("give_up", "restart_limit_exhausted"));
  const optional = policyResolver({})(task("a", { severity: "optional" }));
  assertEquals(decided(optional, { verdict: "escalate" }), down("give_up", "optional_child_never_escalates"));
});
