/** Contract, section 10 (role defaults): every row by name. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ConfigError, jsonSchema, loadText } from "../../src/config/mod.ts";
import type { Exit } from "../../src/event/mod.ts";
import {
  type ChildSpec,
  type EffectivePolicy,
  explainChild,
  type PolicyOptions,
  policyResolver,
  type TaskRole,
  type TreeSpec,
  validateTree,
} from "../../src/spec/mod.ts";
import { CANCELLED, Driver, FAILED, scripted, SUCCEEDED } from "../core/driver.ts";
import { TreeDriver } from "../core/tree_driver.ts";

const TIMED_OUT: Exit = { kind: "timed_out", failure: { kind: "timeout", category: "run_timeout", message: "too slow" } };

/** A child that says nothing but its role. */
function ofRole(taskRole: TaskRole | undefined, options: Partial<ChildSpec> = {}): ChildSpec {
  const run = taskRole === "supervisor" ? { kind: "supervisor", children: [] } as const : undefined;
  return scripted("a", { run, backoff: undefined, taskRole, ...options });
}

function up(child: ChildSpec, tree: Partial<TreeSpec> = {}): Driver {
  const driver = new Driver([child, scripted("b")], tree);
  driver.random = 0;
  return driver.begin().running("a", "b");
}

const decisionAfter = (driver: Driver): string => {
  const { lastDecision } = driver.slot("a");
  return `${lastDecision?.action}: ${lastDecision?.reason}`;
};

/** Failures one after the other, until one is the last that is given. */
function fail(driver: Driver, times: number): Driver {
  for (let count = 0; count < times; count++) {
    if (count > 0) driver.pass(5_000).running("a");
    driver.exit("a");
  }
  return driver;
}

// ---- table ----

const AGAIN = "restart: within_restart_budget";
const SLOW = ["stop_and_escalate (here: slow_down, nothing a child does ends the tree)", "restart: restart_limit_slow_down"] as const;
const UP = ["restart", "restart: role_success_restart"] as const;
const DOWN = ["stop", "stop: role_success_stop"] as const;

interface RoleRow {
  readonly role: TaskRole;
  readonly success: readonly [cell: string, decision: string];
  readonly timeout: string;
  readonly exhausted: readonly [cell: string, decision: string];
  readonly max: number;
}

const ROLES: readonly RoleRow[] = [
  { role: "service", success: UP, timeout: "backoff restart", exhausted: SLOW, max: 10 },
  { role: "worker", success: DOWN, timeout: "backoff restart", exhausted: SLOW, max: 3 },
  {
    role: "job",
    success: DOWN,
    timeout: "stop_and_escalate (here: backoff restart within its limit)",
    exhausted: ["stop_and_escalate (here: give_up)", "give_up: restart_limit_exhausted"],
    max: 1,
  },
  { role: "sidecar", success: UP, timeout: "backoff restart", exhausted: SLOW, max: 5 },
  {
    role: "supervisor",
    success: UP,
    timeout: "backoff restart",
    exhausted: ["stop_and_escalate", "escalate: restart_limit_exhausted"],
    max: 3,
  },
];

for (const { role, success, timeout, exhausted, max } of ROLES) {
  Deno.test(`§10 role defaults: ${role}, success: ${success[0]}`, () => {
    const driver = up(ofRole(role)).exit("a", SUCCEEDED);
    assertEquals([decisionAfter(driver), driver.phase("a")], [success[1], success[0] === "restart" ? "backoff" : "stopped"]);
  });

  Deno.test(`§10 role defaults: ${role}, failure: backoff restart`, () => {
    const driver = up(ofRole(role)).exit("a", FAILED);
    assertEquals([decisionAfter(driver), driver.phase("a")], [AGAIN, "backoff"]);
    assertEquals([driver.pass(49).started, driver.pass(1).started], [[], ["a"]]);
  });

  Deno.test(`§10 role defaults: ${role}, manual stop: stop_forever`, () => {
    const driver = up(ofRole(role)).command("a", "terminate").exit("a", CANCELLED).pass(10_000_000);
    assertEquals([decisionAfter(driver), driver.phase("a")], ["stop: external_cancel_or_manual_stop", "stopped"]);
    assertEquals([driver.slot("a").attempt, driver.slot("a").lastDecision?.retryAtMs], [1, null]);
  });

  Deno.test(`§10 role defaults: ${role}, timeout: ${timeout}`, () => {
    const driver = up(ofRole(role)).exit("a", TIMED_OUT);
    assertEquals([decisionAfter(driver), driver.phase("a"), driver.pass(50).started], [AGAIN, "backoff", ["a"]]);
  });

  Deno.test(`§10 role defaults: ${role}, budget exhausted: ${exhausted[0]}`, () => {
    const driver = fail(up(ofRole(role)), max + 1);
    assertEquals(decisionAfter(driver), exhausted[1]);
    assertEquals(driver.node.phase, role === "supervisor" ? "stopping" : "running");
  });

  Deno.test(`§10 role defaults: ${role}, max restarts / 60 s: ${max}`, () => {
    const driver = fail(up(ofRole(role)), max);
    assertEquals(decisionAfter(driver), AGAIN);
    const { maxRestarts, windowMs } = driver.slot("a").plan.policy.limit;
    assertEquals([maxRestarts, windowMs], [max, 60_000]);
    assert(decisionAfter(fail(driver.pass(5_000).running("a"), 1)) !== AGAIN);
  });
}

for (const { role } of ROLES) {
  Deno.test(`§10 all packs: ${role}: escalation escalate_to_parent`, () => {
    assertEquals(up(ofRole(role)).slot("a").plan.escalationPolicy, "escalate_to_parent");
  });

  Deno.test(`§10 all packs: ${role}: backoff 50 ms / 5 s / 0.2`, () => {
    const { initialMs, maxMs, ratio, jitter } = up(ofRole(role)).slot("a").plan.policy.backoff;
    assertEquals([initialMs, maxMs, ratio, jitter], [50, 5_000, 0.2, "full"]);
  });
}

Deno.test("§10 all packs: success exit codes [0] (here: of processes alone; what others exit with is refused)", () => {
  const { $defs, properties } = jsonSchema();
  const found = JSON.stringify([$defs, properties]).match(/"success_exit_codes":\{[^}]*\}[^}]*\}/)?.[0] ?? "";
  assert(found.includes('"default":[0]'), found);
  const rules = validateTree({ children: [scripted("a", { successExitCodes: [0] })] }).map(({ rule }) => rule);
  assertEquals(rules, ["option_not_for_kind"]);
});

// ---- other legal values ----

Deno.test("§10 other values: on_success no_op (here: restartPolicy transient)", () => {
  assertEquals(decisionAfter(up(ofRole("service", { restartPolicy: "transient" })).exit("a", SUCCEEDED)), "stop: role_success_stop");
});

Deno.test("§10 other values: on_failure restart_permanent (here: restartPolicy permanent)", () => {
  const driver = up(ofRole("job", { restartPolicy: "permanent", limit: { maxRestarts: 100 } }));
  assertEquals([decisionAfter(fail(driver, 20)), driver.phase("a")], [AGAIN, "backoff"]);
});

Deno.test("§10 other values: on_failure stop_and_escalate (here: the verdict escalate of a child's decide function)", () => {
  const driver = up(ofRole("worker"));
  driver.send({ type: "exited", exit: FAILED, verdict: "escalate", ...driver.attempt("a") });
  assertEquals([decisionAfter(driver), driver.node.phase, driver.cancelled], ["escalate: decided_by_function", "stopping", ["b"]]);
});

Deno.test("§10 other values: on_manual_stop stop_until_explicit_restart (here: what every child does)", () => {
  const driver = up(ofRole("service")).command("a", "terminate").exit("a", CANCELLED).pass(1_000_000);
  assertEquals([driver.phase("a"), driver.command("a", "restart").started], ["stopped", ["a"]]);
});

Deno.test("§10 other values: on_budget_exhausted quarantine (here: on_exceeded give_up, or escalationPolicy quarantine_scope)", () => {
  const givesUp = fail(up(ofRole("worker", { limit: { onExceeded: "give_up" } })), 4);
  assertEquals([decisionAfter(givesUp), givesUp.phase("a")], ["give_up: restart_limit_exhausted", "failed"]);
  const held = fail(up(ofRole("worker", { limit: { onExceeded: "escalate" } }), { escalationPolicy: "quarantine_scope" }), 4);
  assertEquals([held.slot("a").operation, held.node.phase, held.phase("b")], ["quarantined", "running", "ready"]);
});

// ---- precedence ----

const sourceOf = (child: ChildSpec, policy: PolicyOptions, key: string): unknown =>
  explainChild(child, { policy }).filter((row) => row.key === key).map(({ value, source }) => [value, source])[0];

Deno.test("§10 precedence: the user's explicit value before the role pack", () => {
  const child = ofRole("service", { restartPolicy: "temporary", limit: { maxRestarts: 2 } });
  assertEquals(sourceOf(child, {}, "restart_policy"), ["temporary", "child"]);
  assertEquals(sourceOf(child, { childRestartLimit: 8 }, "limit.max_restarts"), [2, "child"]);
  assertEquals(sourceOf(ofRole("service"), { childRestartLimit: 8 }, "limit.max_restarts"), [8, "policy"]);
});

Deno.test("§10 precedence: the role pack before the global fallback", () => {
  assertEquals(sourceOf(ofRole("service"), {}, "limit.max_restarts"), [10, "role"]);
  assertEquals(sourceOf(ofRole("job"), {}, "restart_policy"), ["transient", "role"]);
});

Deno.test("§10 precedence: global fallback: worker pack, used_fallback_default (here: its numbers, and permanent)", () => {
  const child = ofRole(undefined);
  assertEquals(sourceOf(child, {}, "limit.max_restarts"), [3, "default"]);
  assertEquals(sourceOf(child, {}, "restart_policy"), ["permanent", "default"]);
  const { effective } = policyResolver({})(child);
  assertEquals([effective.policyPack, effective.usedFallback, effective.source], ["worker", true, "fallback_default"]);
});

function policyTold(child: ChildSpec, tree: Partial<TreeSpec> = {}): Partial<EffectivePolicy> {
  return up(child, tree).exit("a").events.flatMap((event) => event.type === "child_failed" ? [event.policy] : [])[0] ?? {};
}

for (
  const [field, child, expected] of [
    ["task_role", ofRole("job"), { taskRole: "job" }],
    ["policy_pack", ofRole("sidecar"), { policyPack: "sidecar" }],
    ["source role_default", ofRole("service"), { source: "role_default" }],
    ["source user_override", ofRole("service", { restartPolicy: "transient" }), { source: "user_override" }],
    ["source fallback_default", ofRole(undefined), { source: "fallback_default" }],
    ["used_fallback", ofRole(undefined), { usedFallback: true }],
    ["overridden_fields", ofRole("service", { limit: { maxRestarts: 2, windowMs: 100 } }), {
      overriddenFields: ["limit.max_restarts", "limit.window_ms"],
    }],
    ["severity", ofRole("job", { severity: "critical" }), { severity: "critical" }],
  ] as const satisfies readonly (readonly [string, ChildSpec, Partial<EffectivePolicy>])[]
) {
  Deno.test(`§10 EffectivePolicy: ${field}, attached to the event of the failure`, () => {
    const told: Partial<Record<string, unknown>> = policyTold(child);
    for (const [key, value] of Object.entries(expected)) assertEquals(told[key], value);
  });
}

Deno.test("§10 EffectivePolicy: group_name (here: beside the policy in the event)", () => {
  const driver = up(ofRole("worker", { group: "edge" }), { groups: [{ name: "edge" }] }).exit("a");
  assertEquals(driver.events.flatMap((event) => event.type === "child_failed" ? [event.group] : []), ["edge"]);
});

Deno.test("§10 EffectivePolicy: computed before the budget stage: the same where a guard puts the restart off", () => {
  const policy = { restartBudget: { maxBurst: 1, recoveryRatePerSec: 0.1 } };
  const driver = up(ofRole("service"), { policy }).exit("b").exit("a");
  assertEquals(decisionAfter(driver), "restart: restart_budget_exhausted");
  const told = driver.events.flatMap((event) => event.type === "child_failed" && event.path === "/a" ? [event.policy] : []);
  assertEquals(told, [policyResolver({})(ofRole("service")).effective]);
});

Deno.test("§10 precedence: unknown role strings are rejected at load", async () => {
  const text = "children:\n  - name: web\n    task_role: servcie\n    run: { process: { command: x } }\n";
  const { problems } = await assertRejects(() => loadText(text, "/srv/supervisor.yaml", { env: {} }), ConfigError);
  assertEquals(problems.map(({ pointer, line }) => [pointer, line]), [["/children/0/task_role", 3]]);
  assert(problems[0]?.hint?.includes("service"), problems[0]?.hint);
});

// ---- invariants ----

Deno.test("§10 invariant: a job never restarts on success", () => {
  const driver = up(ofRole("job")).exit("a", SUCCEEDED).pass(10_000_000);
  assertEquals([driver.phase("a"), driver.slot("a").attempt], ["stopped", 1]);
});

Deno.test("§10 invariant: a job restarts on success when the user says so", () => {
  assertEquals(decisionAfter(up(ofRole("job", { restartPolicy: "permanent" })).exit("a", SUCCEEDED)), "restart: role_success_restart");
});

for (const exit of [FAILED, SUCCEEDED, TIMED_OUT, CANCELLED]) {
  Deno.test(`§10 invariant: manual stop always wins, also when the attempt ends as ${exit.kind}`, () => {
    const driver = up(ofRole("service")).command("a", "terminate").exit("a", exit).pass(1_000_000);
    assertEquals([driver.phase("a"), driver.slot("a").attempt], ["stopped", 1]);
  });
}

Deno.test("§10 invariant: manual stop always wins, also over a restart that is planned", () => {
  const driver = up(ofRole("service")).exit("a").command("a", "terminate").pass(1_000_000);
  assertEquals([driver.phase("a"), driver.slot("a").attempt, driver.timers], ["stopped", 1, 0]);
});

Deno.test("§10 invariant: budget exhaustion never loops (here: slow_down waits the longest delay each time)", () => {
  const driver = fail(up(ofRole("worker")), 4);
  for (let round = 0; round < 10; round++) {
    assertEquals([decisionAfter(driver), driver.slot("a").lastDecision?.delayMs], [SLOW[1], 5_000]);
    assertEquals(driver.pass(4_999).started, []);
    driver.pass(1).running("a").exit("a");
  }
});

const sidecar = (linkedLifecycle: boolean): ChildSpec[] => [
  scripted("app"),
  scripted("log", { taskRole: "sidecar", sidecarConfig: { primaryChildId: "app", linkedLifecycle } }),
];

Deno.test("§10 invariant: sidecar failure does not stop its primary", () => {
  const driver = new Driver(sidecar(true)).begin().running("app", "log");
  for (let count = 0; count < 10; count++) driver.exit("log").pass(1_000).running("log");
  assertEquals([driver.phase("app"), driver.slot("app").attempt, driver.slot("log").attempt], ["ready", 1, 11]);
});

Deno.test("§10 invariant: a nested supervisor is accounted as one unit by the outer one", () => {
  const escalating = scripted("a", { limit: { maxRestarts: 1, onExceeded: "escalate" } });
  const inner = scripted("inner", { run: { kind: "supervisor", children: [escalating, scripted("c")] } });
  const tree = new TreeDriver([inner], { obedient: true }).begin();
  const exit = (): TreeDriver => tree.exit("/inner/a", FAILED);
  exit().advance(100);
  assertEquals(tree.slot("/inner").failuresTotal, 0);
  exit();
  assertEquals([tree.slot("/inner").failuresTotal, tree.slot("/inner/a").failuresTotal, tree.phase("/inner")], [1, 2, "backoff"]);
  const failed = tree.last("child_failed", "/inner");
  assertEquals(failed.limit, { used: 1, limit: 3 });
});

for (const command of ["terminate", "pause", "quarantine"] as const) {
  Deno.test(`§10 sidecar, linked: manual stop of the primary stops the sidecar, ${command}`, () => {
    const driver = new Driver(sidecar(true)).begin().running("app", "log").command("app", command);
    assertEquals(driver.cancelled.sort(), ["app", "log"]);
    driver.exit("app", CANCELLED).exit("log", CANCELLED).pass(1_000_000);
    assertEquals([driver.phase("app"), driver.phase("log")], ["stopped", "stopped"]);
  });

  Deno.test(`§10 sidecar, linked: not vice versa, ${command}`, () => {
    const driver = new Driver(sidecar(true)).begin().running("app", "log").command("log", command);
    assertEquals(driver.cancelled, ["log"]);
    assertEquals(driver.exit("log", CANCELLED).phase("app"), "ready");
  });
}

Deno.test("§10 sidecar, linked: failures stay independent", () => {
  const driver = new Driver(sidecar(true)).begin().running("app", "log").exit("app");
  assertEquals([driver.cancelled, driver.phase("log"), driver.phase("app")], [[], "ready", "backoff"]);
});

Deno.test("§10 sidecar, not linked: manual stop of the primary leaves the sidecar alone", () => {
  const driver = new Driver(sidecar(false)).begin().running("app", "log").command("app", "terminate");
  assertEquals([driver.cancelled, driver.phase("log")], [["app"], "ready"]);
});
