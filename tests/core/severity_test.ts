/** What is told of a failure by how much the child matters, and whose word its policy is (contract, sections 9 and 10). */
import { assertEquals } from "@std/assert";
import type { ChildSpec, EffectivePolicy, TreeSpec } from "../../src/spec/mod.ts";
import { Driver, FAILED, scripted } from "./driver.ts";

const QUICK = { backoff: { initialMs: 10, maxMs: 10, jitter: "none" }, limit: { maxRestarts: 100 } } as const;

function failed(options: Partial<ChildSpec>, tree: Partial<TreeSpec> = {}, times = 1): Driver {
  const driver = new Driver([scripted("a", { ...QUICK, ...options })], tree).begin();
  for (let count = 0; count < times; count++) {
    driver.running("a").exit("a", FAILED);
    if (count < times - 1) driver.pass(10);
  }
  return driver;
}

const bifurcations = (driver: Driver): unknown[] =>
  driver.events.flatMap((event) =>
    event.type === "escalation_bifurcated"
      ? [[event.severity, event.alert, event.budgetVerdict, event.fuseOutcome, event.tieBreakReason]]
      : []
  );

Deno.test("severity: the failure of a critical child is an alert, that of an optional one is told without, that of a standard one not apart", () => {
  assertEquals(bifurcations(failed({ severity: "critical" })), [["critical", true, null, null, null]]);
  assertEquals(bifurcations(failed({ severity: "optional" })), [["optional", false, null, null, null]]);
  assertEquals(bifurcations(failed({ severity: "standard" })), []);
});

Deno.test("severity: it comes from the child, then severity_defaults of its role, then its role", () => {
  const severityDefaults = { service: "optional" } as const;
  const severityOf = (options: Partial<ChildSpec>, tree: Partial<TreeSpec> = {}): unknown => {
    const [first] = failed(options, tree).events.flatMap((event) => event.type === "escalation_bifurcated" ? [event.severity] : []);
    return first;
  };
  assertEquals(severityOf({ taskRole: "service" }), "critical");
  assertEquals(severityOf({ taskRole: "service" }, { severityDefaults }), "optional");
  assertEquals(severityOf({ taskRole: "service", severity: "critical" }, { severityDefaults }), "critical");
  assertEquals(bifurcations(failed({ taskRole: "worker" })), []);
  assertEquals(severityOf({ taskRole: "job" }), "optional");
});

Deno.test("severity: what the budget and the fuses said is told with it, and how several became one decision", () => {
  const restartBudget = { maxBurst: 1, recoveryRatePerSec: 0.1 };
  const critical = { severity: "critical" } as const;
  assertEquals(bifurcations(failed(critical, { policy: { restartBudget } })), [["critical", true, "granted", null, null]]);
  assertEquals(bifurcations(failed(critical, { policy: { restartBudget } }, 2)).at(-1), ["critical", true, "exhausted", null, null]);
  assertEquals(bifurcations(failed(critical, { policy: { hotLoop: { maxRestarts: 1, windowSecs: 10 } } }, 2)).at(-1), [
    "critical",
    true,
    null,
    "hot_loop_detected",
    null,
  ]);
  const both = failed(critical, { policy: { restartBudget, hotLoop: { maxRestarts: 1, windowSecs: 10 } } }, 2);
  assertEquals(bifurcations(both).at(-1), ["critical", true, "exhausted", "hot_loop_detected", "longest_delay_wins"]);
  assertEquals(both.slot("a").lastDecision?.reason, "hot_loop_detected");
  const supervisor = failed(critical, { policy: { restartBudget, supervisorFailureLimit: 1 } }, 2);
  assertEquals(bifurcations(supervisor).at(-1), ["critical", true, null, null, "supervisor_limit_wins"]);
});

Deno.test("policy: a failure tells whose word decided: the declaration, its role, or the defaults of no role", () => {
  const policyOf = (options: Partial<ChildSpec>): EffectivePolicy | undefined => {
    const driver = new Driver([{ name: "a", run: { kind: "task", task: () => {} }, ...options }]).begin().running("a").exit("a", FAILED);
    return driver.events.flatMap((event) => event.type === "child_failed" ? [event.policy] : [])[0];
  };
  assertEquals(policyOf({}), {
    taskRole: null,
    policyPack: "worker",
    source: "fallback_default",
    usedFallback: true,
    overriddenFields: [],
    severity: "standard",
  });
  assertEquals(policyOf({ taskRole: "service" }), {
    taskRole: "service",
    policyPack: "service",
    source: "role_default",
    usedFallback: false,
    overriddenFields: [],
    severity: "critical",
  });
  assertEquals(policyOf({ taskRole: "job", severity: "critical", limit: { maxRestarts: 7 } }), {
    taskRole: "job",
    policyPack: "job",
    source: "user_override",
    usedFallback: false,
    overriddenFields: ["severity", "limit.max_restarts"],
    severity: "critical",
  });
});

Deno.test("policy: a failure tells the group of its child", () => {
  const driver = failed({ group: "edge" }, { groups: [{ name: "edge" }] });
  assertEquals(driver.events.flatMap((event) => event.type === "child_failed" ? [event.group] : []), ["edge"]);
});
