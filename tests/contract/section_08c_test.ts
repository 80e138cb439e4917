/** Contract, sections 8.4 (decision) and 8.5 (restart policy table): every row by name. */
import { assert, assertEquals } from "@std/assert";
import { decide, type DecisionInput } from "../../src/core/mod.ts";
import type { Decision, Exit, ExitClass } from "../../src/event/mod.ts";
import { type ChildSpec, type LimitAction, policyResolver, type RestartPolicy, type TaskRole } from "../../src/spec/mod.ts";
import { CANCELLED, Driver, FAILED, scripted, SUCCEEDED } from "../core/driver.ts";

const STEADY = { initialMs: 100, maxMs: 1_000, jitter: "none" } as const;
const TIMED_OUT: Exit = { kind: "timed_out", failure: { kind: "timeout", category: "run_timeout", message: "too slow" } };
const PANICKED: Exit = { kind: "panicked", failure: { kind: "panic", category: "TypeError", message: "x is not a function" } };

function decided(options: Partial<ChildSpec>, input: Partial<DecisionInput> = {}): Decision {
  const policy = policyResolver({})(scripted("a", { backoff: STEADY, ...options }));
  const given: DecisionInput = {
    exitClass: "nonzero_exit",
    failure: null,
    now: 10,
    failures: 1,
    consecutive: 1,
    previousDelayMs: 0,
    seed: 0,
    verdict: null,
    ...input,
  };
  return decide(policy, given, () => 0.5);
}

const verdictOf = ({ action, reason }: Decision): string => `${action}: ${reason}`;

function failedWith(kind: "error" | "unhealthy" | "external_dependency" | "fatal_config" | "fatal_bug"): Exit {
  return { kind: "failed", failure: { kind, category: kind, message: "it broke" } };
}

/** A child beside another one, under a supervisor below the root, after an exit. */
function nestedAfter(exit: Exit, restartPolicy: RestartPolicy): Driver {
  const inner = [scripted("a", { restartPolicy }), scripted("b")];
  const root = scripted("inner", { run: { kind: "supervisor", children: inner } });
  return new Driver([root], {}, 1).begin().running("a", "b").exit("a", exit);
}

const reasonOf = (driver: Driver, name = "a"): unknown => driver.slot(name).lastDecision?.reason;

// ---- 8.5 ----

type Outcome = "RestartAfter(backoff)" | "DoNotRestart" | "ShutdownTree" | "EscalateToParent";

const AGAIN = "RestartAfter(backoff)";
const DOWN = "DoNotRestart";
const ALWAYS = { permanent: AGAIN, transient: AGAIN, temporary: DOWN } as const;
const NEVER = { permanent: DOWN, transient: DOWN, temporary: DOWN } as const;
const TREE = { permanent: "ShutdownTree", transient: "ShutdownTree", temporary: "ShutdownTree" } as const;
const PARENT = { permanent: "EscalateToParent", transient: "EscalateToParent", temporary: "EscalateToParent" } as const;

const RESTART_POLICY: readonly (readonly [row: string, exit: Exit, outcomes: Readonly<Record<RestartPolicy, Outcome>>])[] = [
  ["success", SUCCEEDED, { permanent: AGAIN, transient: DOWN, temporary: DOWN }],
  ["recoverable", FAILED, ALWAYS],
  ["external", failedWith("external_dependency"), ALWAYS],
  ["timeout", TIMED_OUT, ALWAYS],
  ["panic", PANICKED, ALWAYS],
  ["unhealthy", failedWith("unhealthy"), ALWAYS],
  ["cancelled", CANCELLED, NEVER],
  ["fatal config", failedWith("fatal_config"), TREE],
  ["fatal bug", failedWith("fatal_bug"), PARENT],
];

const CHECKS: Readonly<Record<Outcome, (driver: Driver) => void>> = {
  "RestartAfter(backoff)": (driver) => {
    assertEquals([driver.phase("a"), driver.slot("a").lastDecision?.action, driver.slot("a").lastDecision?.delayMs], [
      "backoff",
      "restart",
      100,
    ]);
    assertEquals([driver.pass(99).started, driver.pass(1).started], [[], ["a"]]);
    assertEquals([driver.slot("a").attempt, driver.slot("a").restartsTotal], [2, 1]);
  },
  DoNotRestart: (driver) => {
    assertEquals([driver.slot("a").lastDecision?.action, driver.slot("a").lastDecision?.retryAtMs, driver.timers], ["stop", null, 0]);
    driver.pass(1_000_000);
    assertEquals([driver.slot("a").attempt, driver.phase("b"), driver.node.phase], [1, "ready", "running"]);
  },
  ShutdownTree: (driver) => {
    assertEquals([driver.phase("a"), driver.slot("a").lastDecision?.action], ["failed", "shutdown_tree"]);
    const effect = driver.last.find(({ type }) => type === "shutdownTree");
    assertEquals(effect?.type === "shutdownTree" && [effect.cause.kind, effect.cause.path], ["escalation", "/inner/a"]);
    assertEquals(driver.cancelled, []);
  },
  EscalateToParent: (driver) => {
    assertEquals([driver.phase("a"), driver.slot("a").lastDecision?.action], ["failed", "escalate"]);
    assertEquals([driver.cancelled, driver.last.some(({ type }) => type === "shutdownTree")], [["b"], false]);
    driver.exit("b", CANCELLED);
    const told = driver.last.flatMap((effect) =>
      effect.type === "tellParent" && effect.report.type === "exited" ? [effect.report.exit] : []
    );
    assertEquals(told.map((exit) => exit.kind === "failed" && exit.failure.category), ["escalated"]);
  },
};

for (const [row, exit, outcomes] of RESTART_POLICY) {
  for (const restartPolicy of ["permanent", "transient", "temporary"] as const) {
    const outcome = outcomes[restartPolicy];
    Deno.test(`§8.5 restart policy: ${row}, ${restartPolicy}: ${outcome}`, () => CHECKS[outcome](nestedAfter(exit, restartPolicy)));
  }
}

Deno.test("§8.5 decisions: RestartAfter carries its delay, and says when the child comes back", () => {
  assertEquals(decided({}, { consecutive: 3 }), { action: "restart", reason: "within_restart_budget", delayMs: 400, retryAtMs: 410 });
});

Deno.test("§8.5 decisions: Quarantine (here: give_up, or an escalation whose policy is quarantine_scope)", () => {
  assertEquals(
    verdictOf(decided({ limit: { maxRestarts: 1, onExceeded: "give_up" } }, { failures: 2 })),
    "give_up: restart_limit_exhausted",
  );
  const driver = new Driver([scripted("a"), scripted("b")], { escalationPolicy: "quarantine_scope" }).begin().running("a", "b");
  driver.exit("a", failedWith("fatal_bug"));
  assertEquals([driver.slot("a").operation, driver.phase("a"), driver.slot("b").operation], ["quarantined", "failed", "active"]);
  assertEquals([driver.node.phase, driver.phase("b")], ["running", "ready"]);
});

Deno.test("§8.5 decisions: a pure function of typed inputs, which never parses text", () => {
  const texts = ["fatal_config", "fatal bug: escalate", "cancelled", "timeout", ""];
  for (const message of texts) {
    const failure = { kind: "error", category: "Error", message } as const;
    assertEquals(decided({}, { failure }), decided({}, { failure: { ...failure, message: "it broke" } }));
    assertEquals(verdictOf(decided({}, { failure })), "restart: within_restart_budget");
  }
  const input = Object.freeze({ failures: 2, consecutive: 2 });
  assertEquals(decided({}, input), decided({}, input));
});

// ---- 8.4, table ----

const ROLES: readonly (TaskRole | undefined)[] = [undefined, "service", "worker", "job", "sidecar", "supervisor"];

for (const exitClass of ["manual_stop", "external_cancel"] as const) {
  Deno.test(`§8.4 decision: ${exitClass}, any role setting: supervised_stop`, () => {
    for (const taskRole of ROLES) {
      for (const restartPolicy of [undefined, "permanent", "transient", "temporary"] as const) {
        for (const onExceeded of [undefined, "slow_down", "give_up", "escalate"] as const) {
          const decision = decided({ taskRole, restartPolicy, limit: { onExceeded } }, { exitClass, failures: 99 });
          assertEquals(verdictOf(decision), "stop: external_cancel_or_manual_stop");
        }
      }
    }
  });
}

Deno.test("§8.4 decision: success, on_success = restart: restart_allowed", () => {
  for (const taskRole of ["service", "sidecar", "supervisor"] as const) {
    assertEquals(verdictOf(decided({ taskRole }, { exitClass: "success" })), "restart: role_success_restart");
  }
});

Deno.test("§8.4 decision: success, stop / no_op: supervised_stop", () => {
  for (const taskRole of ["worker", "job"] as const) {
    assertEquals(verdictOf(decided({ taskRole }, { exitClass: "success" })), "stop: role_success_stop");
  }
});

const LIMITED: readonly (readonly [LimitAction, string])[] = [
  ["escalate", "escalate: restart_limit_exhausted"],
  ["give_up", "give_up: restart_limit_exhausted"],
  ["slow_down", "restart: restart_limit_slow_down"],
];

for (
  const [row, exitClass] of [
    ["timeout, restart_with_backoff", "timeout"],
    ["nonzero_exit, restart_with_backoff / restart_permanent", "nonzero_exit"],
    ["panic, restart_with_backoff / restart_permanent", "panic"],
  ] as const satisfies readonly (readonly [string, ExitClass])[]
) {
  Deno.test(`§8.4 decision: ${row}: limit rule`, () => {
    for (const [onExceeded, beyond] of LIMITED) {
      const limit = { maxRestarts: 2, onExceeded };
      assertEquals(verdictOf(decided({ limit }, { exitClass, failures: 2 })), "restart: within_restart_budget");
      assertEquals(verdictOf(decided({ limit }, { exitClass, failures: 3 })), beyond);
    }
  });
}

Deno.test("§8.4 decision: timeout, stop_and_escalate: escalated (here: no role does, the limit rule counts)", () => {
  const timedOut = { exitClass: "timeout" } as const;
  assertEquals(verdictOf(decided({ taskRole: "job" }, timedOut)), "restart: within_restart_budget");
  assertEquals(verdictOf(decided({ taskRole: "job" }, { ...timedOut, failures: 2 })), "give_up: restart_limit_exhausted");
  assertEquals(verdictOf(decided({}, { ...timedOut, verdict: "escalate" })), "escalate: decided_by_function");
});

for (const exitClass of ["nonzero_exit", "panic"] as const) {
  Deno.test(`§8.4 decision: ${exitClass}, stop_and_escalate: escalated (here: said by the child's decide function)`, () => {
    assertEquals(verdictOf(decided({}, { exitClass, verdict: "escalate" })), "escalate: decided_by_function");
  });
}

Deno.test("§8.4 limit rule: not exhausted: restart_allowed", () => {
  for (const onExceeded of ["slow_down", "give_up", "escalate"] as const) {
    assertEquals(verdictOf(decided({ limit: { maxRestarts: 5, onExceeded } }, { failures: 5 })), "restart: within_restart_budget");
  }
});

Deno.test("§8.4 limit rule: exhausted, on_budget_exhausted = stop_and_escalate: escalated (here: on_exceeded escalate)", () => {
  assertEquals(
    verdictOf(decided({ limit: { maxRestarts: 5, onExceeded: "escalate" } }, { failures: 6 })),
    "escalate: restart_limit_exhausted",
  );
});

Deno.test("§8.4 limit rule: exhausted, quarantine: restart_denied (here: on_exceeded give_up)", () => {
  assertEquals(
    verdictOf(decided({ limit: { maxRestarts: 5, onExceeded: "give_up" } }, { failures: 6 })),
    "give_up: restart_limit_exhausted",
  );
});

Deno.test("§8.4 limit rule: exhausted, fallback (here: slow_down, the longest delay each time)", () => {
  assertEquals(decided({ limit: { maxRestarts: 5 } }, { failures: 6 }), {
    action: "restart",
    reason: "restart_limit_slow_down",
    delayMs: 1_000,
    retryAtMs: 1_010,
  });
});

// ---- 8.4, ladder ----

const MANY = { backoff: { initialMs: 10, maxMs: 10, jitter: "none" }, limit: { maxRestarts: 1_000 } } as const;
const GUARDS = { hotLoop: { maxRestarts: 1 }, restartBudget: { maxBurst: 1, recoveryRatePerSec: 0.1 } } as const;

/** One child in a group that fails, again and again, until it is down for longer than its backoff. */
function failing(tree: ConstructorParameters<typeof Driver>[1], options: Partial<ChildSpec> = {}, times = 2): Driver {
  const driver = new Driver([scripted("a", { ...MANY, group: "g", ...options })], { groups: [{ name: "g" }], ...tree }).begin();
  driver.running("a");
  for (let count = 0; count < times; count++) {
    if (count > 0) driver.pass(10).running("a");
    driver.exit("a");
  }
  return driver;
}

Deno.test("§8.4 ladder: restart_allowed: the loosest, the delay is that of the backoff", () => {
  assertEquals(failing({}).slot("a").lastDecision?.delayMs, 10);
});

Deno.test("§8.4 ladder: restart_queued over restart_allowed: the restart waits for its turn after its delay", () => {
  const children = [scripted("a", { ...MANY, readiness: { mode: "explicit" } }), scripted("b", MANY)];
  const driver = new Driver(children, { policy: { supervisionPipeline: { concurrentRestartLimit: 1 } } }).begin().running("a", "b");
  driver.exit("a").exit("b").pass(10);
  assertEquals([driver.phase("a"), driver.phase("b"), reasonOf(driver, "b")], ["starting", "queued", "within_restart_budget"]);
});

Deno.test("§8.4 ladder: restart_denied over restart_queued (here: an open fuse keeps the child down, it does not even queue)", () => {
  const driver = failing({ policy: { hotLoop: { maxRestarts: 1 }, supervisionPipeline: { concurrentRestartLimit: 1 } } });
  driver.pass(60_000);
  assertEquals([driver.phase("a"), reasonOf(driver)], ["backoff", "hot_loop_detected"]);
});

Deno.test("§8.4 ladder: supervision_paused over restart_denied (here: the fuse of the group counts when it is open for longer)", () => {
  const driver = new Driver([scripted("a", { ...MANY, group: "g" }), scripted("b", { ...MANY, group: "g" })], {
    groups: [{ name: "g" }],
    policy: { meltdown: { childMaxRestarts: 1, groupMaxFailures: 1, resetAfterSecs: 60 } },
  }).begin().running("a", "b");
  driver.exit("a").exit("b");
  assertEquals([reasonOf(driver, "b"), driver.slot("b").lastDecision?.delayMs], ["meltdown_group_fuse", 60_000]);
  assertEquals(driver.pass(59_000).phase("b"), "backoff");
});

Deno.test("§8.4 ladder: escalated over supervision_paused: the supervisor's own limit counts before every fuse", () => {
  const driver = failing({ policy: { ...GUARDS, meltdown: { groupMaxFailures: 1 }, supervisorFailureLimit: 1 } });
  assertEquals([driver.slot("a").lastDecision?.action, reasonOf(driver)], ["escalate", "supervisor_failure_limit"]);
  assertEquals([driver.node.phase, driver.slot("a").fuse], ["stopped", null]);
});

Deno.test("§8.4 ladder: supervised_stop, the strictest: who was asked to stop stays down, whatever the limits say", () => {
  const driver = failing({ policy: { supervisorFailureLimit: 1 } }, {}, 1).pass(10).running("a");
  driver.command("a", "terminate").exit("a", FAILED);
  assertEquals([reasonOf(driver), driver.phase("a"), driver.node.phase], ["external_cancel_or_manual_stop", "stopped", "running"]);
});

Deno.test("§8.4 ladder: the maximum with the floors of 8.3: of several guards the longest delay counts", () => {
  const driver = failing({ policy: GUARDS });
  assertEquals([reasonOf(driver), driver.slot("a").lastDecision?.delayMs], ["hot_loop_detected", 120_000]);
  const { restartBudget } = GUARDS;
  const shortFuse = failing({ policy: { hotLoop: { maxRestarts: 1 }, restartBudget, meltdown: { resetAfterSecs: 1 } } });
  assertEquals([reasonOf(shortFuse), shortFuse.slot("a").lastDecision?.delayMs], ["restart_budget_exhausted", 9_990]);
});

// ---- 8.4, reasons ----

const reached = (options: Partial<ChildSpec>, exit: Exit = FAILED): unknown =>
  reasonOf(new Driver([scripted("a", options)]).begin().running("a").exit("a", exit));

const REASONS: readonly (readonly [reason: string, given: () => unknown, expected?: string])[] = [
  ["within_restart_budget", () => reached({})],
  ["restart_limit_exhausted", () => reasonOf(failing({}, { limit: { maxRestarts: 1, onExceeded: "give_up" } }))],
  ["role_success_restart", () => reached({ taskRole: "service" }, SUCCEEDED)],
  ["role_success_stop", () => reached({ taskRole: "job" }, SUCCEEDED)],
  [
    "role_timeout_escalate (here: no role does, so decided_by_function)",
    () => decided({}, { exitClass: "timeout", verdict: "escalate" }).reason,
    "decided_by_function",
  ],
  [
    "role_failure_escalate (here: no role does, so decided_by_function)",
    () => decided({}, { exitClass: "panic", verdict: "escalate" }).reason,
    "decided_by_function",
  ],
  ["external_cancel_or_manual_stop", () => reached({}, CANCELLED)],
  ["meltdown_child_fuse", () => reasonOf(failing({ policy: { meltdown: { childMaxRestarts: 1 } } }))],
  ["meltdown_group_fuse", () => reasonOf(failing({ policy: { meltdown: { groupMaxFailures: 1 } } }))],
  ["meltdown_supervisor_fuse", () => reasonOf(failing({ policy: { meltdown: { supervisorMaxFailures: 1 } } }))],
  ["cold_start_budget_exhausted", () => reasonOf(failing({ policy: { coldStart: { maxRestarts: 1 } } }))],
  ["hot_loop_detected", () => reasonOf(failing({ policy: { hotLoop: { maxRestarts: 1 } } }))],
];

for (const [reason, given, expected = reason] of REASONS) {
  Deno.test(`§8.4 reasons: ${reason}`, () => assertEquals(given(), expected));
}

Deno.test("§8.4 reasons: restart_queued_by_throttle (here: the event child_restart_queued, the decision stays what it was)", () => {
  const children = [scripted("a", { ...MANY, readiness: { mode: "explicit" } }), scripted("b", MANY)];
  const driver = new Driver(children, { policy: { supervisionPipeline: { concurrentRestartLimit: 1 } } }).begin().running("a", "b");
  driver.exit("a").exit("b").pass(10);
  const queued = driver.events.filter(({ type }) => type === "child_restart_queued");
  assertEquals(queued.map(({ path }) => path), ["/b"]);
  assertEquals(reasonOf(driver, "b"), "within_restart_budget");
});

// ---- 8.4, explicit policy ----

Deno.test("§8.4 explicit restart_policy: permanent restarts after a success, whatever the role", () => {
  for (const taskRole of ROLES) {
    const { action, reason } = decided({ taskRole, restartPolicy: "permanent" }, { exitClass: "success" });
    assertEquals([action, reason], ["restart", "role_success_restart"]);
  }
});

Deno.test("§8.4 explicit restart_policy: temporary never restarts, whatever the role", () => {
  for (const taskRole of ROLES) {
    for (const exitClass of ["success", "timeout", "panic", "nonzero_exit"] as const) {
      assert(decided({ taskRole, restartPolicy: "temporary" }, { exitClass }).action === "stop", `${taskRole} ${exitClass}`);
    }
  }
});
