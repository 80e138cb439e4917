/** Validation: nothing that a caller passes makes it throw, and what is valid is accepted. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import type { Problem } from "../../src/base/mod.ts";
import { type TreeSpec, validateTree } from "../../src/spec/mod.ts";
import { validate } from "./cases/case.ts";

/** A valid declaration in which every option is written. */
function everything(): TreeSpec {
  return {
    name: "all",
    strategy: "one_for_one",
    groups: [{ name: "g", children: ["task"], budget: { maxBurst: 1, recoveryRatePerSec: 2 }, concurrentRestartLimit: 1 }, { name: "h" }],
    groupStrategies: [{
      group: "g",
      strategy: "one_for_all",
      restartLimit: { maxRestarts: 2, windowMs: 1_000 },
      escalationPolicy: "shutdown_tree",
    }],
    groupDependencies: [{ fromGroup: "g", toGroup: "h", propagation: "full" }],
    childStrategyOverrides: [{ childId: "process", strategy: "one_for_all", restartLimit: null, escalationPolicy: null }],
    policy: {
      childRestartLimit: 5,
      childRestartWindowMs: 60_000,
      initialBackoffMs: 10,
      maxBackoffMs: 100,
      jitterRatio: 0.5,
      heartbeatIntervalMs: 1_000,
      staleAfterMs: 3_000,
      failureWindow: { mode: "time_sliding", windowSecs: 60, threshold: 5 },
      supervisorFailureLimit: 9,
      supervisorFailureWindowMs: 1_000,
      restartBudget: { maxBurst: 5, windowSecs: 10 },
      meltdown: {
        childMaxRestarts: 3,
        childWindowSecs: 10,
        groupMaxFailures: 3,
        groupWindowSecs: 10,
        supervisorMaxFailures: 3,
        supervisorWindowSecs: 10,
        resetAfterSecs: 60,
      },
      coldStart: { windowSecs: 60, maxRestarts: 5 },
      hotLoop: { windowSecs: 10, maxRestarts: 3 },
      supervisionPipeline: { concurrentRestartLimit: 2 },
      escalation: { exitCode: 70 },
    },
    severityDefaults: { service: "critical", worker: "standard", job: "optional", sidecar: "standard", supervisor: "critical" },
    shutdown: { gracefulTimeoutMs: 100, abortWaitMs: 100, abortAfterTimeout: true, totalTimeoutMs: null },
    observability: { eventJournalCapacity: 100 },
    children: [
      {
        name: "task",
        run: { kind: "task", task: () => {} },
        waitTimeoutMs: 5_000,
        dependencies: ["process"],
        restartPolicy: "transient",
        taskRole: "worker",
        severity: "critical",
        criticality: "critical",
        backoff: { initialMs: 1, maxMs: 2, factor: 2, jitter: "full", ratio: 0.1, resetAfterMs: 100 },
        limit: { maxRestarts: 3, windowMs: 1_000, onExceeded: "give_up" },
        stop: { mode: "graceful", timeoutMs: 100, killWaitMs: 100 },
        timeouts: { startMs: 100, runMs: null },
        readiness: { mode: "http", host: "::1", port: 80, path: "/", scheme: "http", checkIntervalSecs: 1, timeoutSecs: 1 },
        healthCheck: { mode: "heartbeat", checkIntervalSecs: 1, timeoutSecs: 1, maxRetries: 2, staleAfterMs: 5_000, onUnhealthy: "event" },
        args: { a: [1, "x", null, true] },
        environment: [{ name: "A", value: "b" }],
        tags: ["t"],
        group: "g",
        decide: () => "policy",
        logs: { tailLines: 5 },
      },
      {
        name: "process",
        run: { kind: "process", command: "sleep", args: ["1"], cwd: "/", shell: false },
        stop: { signal: "SIGINT", killTree: true },
        successExitCodes: [0, 3],
        readiness: { mode: "log_line", pattern: "ready" },
        healthCheck: { mode: "exec", command: "true", args: ["x"] },
      },
      { name: "module", run: { kind: "module", url: "file:///a.ts", export: "run" }, readiness: { mode: "tcp", port: 1 } },
      {
        name: "decays",
        run: { kind: "task", task: () => {} },
        taskRole: "sidecar",
        sidecarConfig: { primaryChildId: "task", linkedLifecycle: true },
        limit: { maxRestarts: 1, halfLifeMs: 10_000 },
      },
      { name: "worker", run: { kind: "worker", url: "file:///a.ts" }, healthCheck: { mode: "http", port: 1 } },
      {
        name: "inner",
        run: { kind: "supervisor", strategy: "one_for_one", children: [{ name: "x", run: { kind: "task", task: () => {} } }] },
        readiness: { mode: "child", child: "x" },
      },
    ],
  };
}

/** The keys that lead to every value in a declaration. */
function everyPlace(value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== "object" || value === null) return [path];
  const below = Object.entries(value).flatMap(([key, entry]) => everyPlace(entry, [...path, Array.isArray(value) ? Number(key) : key]));
  return [path, ...below];
}

/** Returns a copy with another value at one place. */
function replaced(value: unknown, path: readonly (string | number)[], replacement: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return replacement;
  if (Array.isArray(value)) return value.map((entry: unknown, index) => index === key ? replaced(entry, rest, replacement) : entry);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [name, name === key ? replaced(entry, rest, replacement) : entry]),
  );
}

const anyGarbage: fc.Arbitrary<unknown> = fc.oneof(
  fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withSparseArray: true,
    withTypedArray: true,
  }),
  fc.constantFrom<unknown>(
    NaN,
    Infinity,
    -0,
    null,
    "",
    " ",
    "__proto__",
    [],
    {},
    new Array(3),
    () => {},
    Symbol("s"),
    10n,
    new Date(NaN),
    new Error("x"),
  ),
);

function assertWellFormed(problems: readonly Problem[]): void {
  for (const { severity, rule, pointer, reason, hint } of problems) {
    assert(severity === "error" || severity === "warning");
    assertMatch(rule, /^[a-z]+(_[a-z]+)*$/);
    assertMatch(pointer, /^(\/([^~]|~[01])*)*$/);
    assert(reason !== "" && !reason.endsWith("."), reason);
    assert(hint === undefined || (hint !== "" && !hint.endsWith(".")), hint);
  }
}

Deno.test("validateTree() accepts a declaration in which every option is written", () => {
  assertEquals(validateTree(everything(), { forStart: true }), []);
});

Deno.test("validateTree() never throws when garbage is in place of any option", () => {
  const places = everyPlace(everything());
  fc.assert(
    fc.property(
      fc.constantFrom(...places),
      anyGarbage,
      (path, garbage) => assertWellFormed(validate(replaced(everything(), path, garbage))),
    ),
    { numRuns: 1_000 },
  );
});

Deno.test("validateTree() refuses a symbol in place of any option", () => {
  for (const path of everyPlace(everything())) {
    const problems = validate(replaced(everything(), path, Symbol("s")));
    const pointer = path.map((key) => `/${key}`).join("");
    assert(
      problems.some((problem) => problem.severity === "error" && problem.pointer.startsWith(pointer)),
      `${pointer}: ${JSON.stringify(problems)}`,
    );
  }
});

Deno.test("validateTree() never throws when everything is garbage", () => {
  fc.assert(fc.property(anyGarbage, (garbage) => assertWellFormed(validate(garbage))));
});

const anyMs: fc.Arbitrary<number> = fc.integer({ min: 1, max: 100_000 });

const anyOptions = fc.record({
  restartPolicy: fc.constantFrom("permanent", "transient", "temporary"),
  taskRole: fc.constantFrom("service", "worker", "job"),
  severity: fc.constantFrom("optional", "standard", "critical"),
  backoff: fc.tuple(anyMs, anyMs).map(([first, more]) => ({ initialMs: first, maxMs: first + more })),
  limit: fc.record({ maxRestarts: fc.integer({ min: 1, max: 100 }), windowMs: anyMs }, { requiredKeys: [] }),
  stop: fc.record({ mode: fc.constantFrom("graceful", "kill"), timeoutMs: fc.option(anyMs) }, { requiredKeys: [] }),
  readiness: fc.constantFrom({ mode: "tcp", port: 80 }, { mode: "http", port: 65_535, path: "/x" }, {
    mode: "log_line",
    pattern: "^ready$",
  }),
  healthCheck: fc.constantFrom({ mode: "tcp", port: 80 }, { mode: "exec", command: "true" }),
  tags: fc.array(fc.stringMatching(/^[a-z]+$/), { maxLength: 3 }),
}, { requiredKeys: [] });

const anyTree: fc.Arbitrary<unknown[]> = fc.letrec<{ children: unknown[]; run: unknown }>((tie) => ({
  children: fc.array(fc.tuple(anyOptions, tie("run"), fc.nat()), { minLength: 1, maxLength: 5 }).map((entries) =>
    entries.map(([options, run, number], index) => {
      const dependencies = index === 0 ? [] : [`c${number % index}`];
      const inner = typeof run === "object" && run !== null && "children" in run;
      const { taskRole: _role, healthCheck: _check, readiness: _ready, ...plain } = options;
      return { ...(inner ? plain : options), name: `c${index}`, dependencies, run };
    })
  ),
  run: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom<unknown>({ kind: "process", command: "sleep" }, { kind: "worker", url: "file:///a.ts" }),
    tie("children").map((children) => ({ kind: "supervisor", children })),
  ),
})).children;

Deno.test("validateTree() finds no error in a valid random tree", () => {
  fc.assert(fc.property(anyTree, (children) => {
    const errors = validate({ children }, { forStart: true }).filter((problem) => problem.severity === "error");
    assertEquals(errors, []);
  }));
});
