import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { childWith, COMPLETE, errorsOf, load, PLACE, refusal, violations } from "./helpers.ts";
import { describeFileProblem } from "../../src/config/mod.ts";

const RUN = "run: { process: { command: caddy } }";

// ----- What loads -----

Deno.test("loadText() loads the smallest useful file", async () => {
  const { spec, warnings, files } = await load(childWith(RUN));
  assertEquals(JSON.parse(JSON.stringify(spec)), {
    name: "supervisor",
    children: [{ name: "web", run: { kind: "process", command: "caddy" } }],
  });
  assertEquals(warnings.length, 0);
  assertEquals(files.length, 1);
});

Deno.test("loadText() loads a complete file of the reference, and says which keys have no effect", async () => {
  const { spec, warnings } = await load(COMPLETE, { env: { STORE_DSN: "db://secret" } });
  assertEquals(warnings.filter(({ rule }) => rule !== "factory_missing").map(({ rule, pointer }) => `${rule} ${pointer}`), [
    "no_effect /policy/restart_budget/window_secs",
    "no_effect /policy/failure_window/max_count",
    "no_effect /policy/supervision_pipeline/journal_capacity",
    "no_effect /groups/0/budget/window_secs",
    "limit_not_kept /children/0/resource_limits",
    "no_effect /children/0/command_permissions/allowed_signals",
  ]);
  assertEquals(spec.policy, {
    childRestartLimit: 6,
    childRestartWindowMs: 45_000,
    initialBackoffMs: 250,
    maxBackoffMs: 20_000,
    jitterRatio: 0.3,
    heartbeatIntervalMs: 2_000,
    staleAfterMs: 7_000,
    failureWindow: { mode: "time_sliding", windowSecs: 90, maxCount: 8, threshold: 6 },
    supervisorFailureLimit: 20,
    supervisorFailureWindowMs: 90_000,
    restartBudget: { windowSecs: 90, maxBurst: 12, recoveryRatePerSec: 0.25 },
    meltdown: {
      childMaxRestarts: 4,
      childWindowSecs: 20,
      groupMaxFailures: 7,
      groupWindowSecs: 40,
      supervisorMaxFailures: 15,
      supervisorWindowSecs: 90,
      resetAfterSecs: 180,
    },
    supervisionPipeline: { concurrentRestartLimit: 3 },
  });
  assertEquals(spec.groupStrategies, [{
    group: "edge",
    strategy: "rest_for_one",
    restartLimit: { maxRestarts: 5, windowMs: 60_000 },
    escalationPolicy: "quarantine_scope",
  }]);
  assertEquals(spec.groupDependencies, [{ fromGroup: "edge", toGroup: "storage", propagation: "escalate_only" }]);
  assertEquals(spec.children[2]?.sidecarConfig, { primaryChildId: "gateway", linkedLifecycle: true });
  assertEquals(spec.shutdown, { gracefulTimeoutMs: 8_000, abortWaitMs: 2_000 });
  assertEquals(spec.observability, { eventJournalCapacity: 1_024, eventQueueCapacity: 50, metricsEnabled: true });
  assertEquals(spec.backpressure, {
    strategy: "sample_and_audit",
    warnThresholdPct: 70,
    criticalThresholdPct: 90,
    windowSecs: 20,
    auditChannelCapacity: 4_096,
  });
  assertEquals(spec.severityDefaults, { service: "critical", job: "optional" });
  const [store] = spec.children;
  assertEquals(store?.run, { kind: "factory", name: "store" });
  assertEquals(store?.severity, "critical");
  assertEquals(store?.environment, [{ name: "STORE_MODE", value: "primary" }, { name: "STORE_DSN", value: "db://secret", secret: true }]);
});

Deno.test("loadText() wires factories by the name in run and by the child's name", async () => {
  const task = (): void => {};
  const { spec } = await load("children: [{ name: a }, { name: b, run: { factory: made } }]", { factories: { a: task, made: task } });
  assertEquals(spec.children.map(({ run }) => run), [{ kind: "task", task }, { kind: "task", task }]);
});

Deno.test("loadText() resolves paths against the file that declares the child", async () => {
  const { spec } = await load(`children:
  - { name: m, run: { module: { url: ./m.ts, export: start } } }
  - { name: w, run: { worker: { url: lib/w.ts } } }
  - { name: p, run: { process: { command: ./bin/p, cwd: ./data, args: [./a] } } }
  - { name: q, run: { process: { command: caddy } } }
  - { name: s, run: { process: { command: ./x | cat, shell: true } } }
  - { name: n, run: { supervisor: { children: [{ name: i, run: { module: { url: ../i.ts } } }] } } }
`);
  assertEquals(JSON.parse(JSON.stringify(spec.children.map(({ run }) => run))), [
    { kind: "module", url: "file:///srv/shop/m.ts", export: "start" },
    { kind: "worker", url: "file:///srv/shop/lib/w.ts" },
    { kind: "process", command: "/srv/shop/bin/p", cwd: "/srv/shop/data", args: ["./a"] },
    { kind: "process", command: "caddy" },
    { kind: "process", command: "./x | cat", shell: true },
    { kind: "supervisor", children: [{ name: "i", run: { kind: "module", url: "file:///srv/i.ts" } }] },
  ]);
});

Deno.test("loadText() hands JSON values of args through as they are", async () => {
  const { spec } = await load(childWith("args: { some_key: [1, null, { deep_key: true }] }"));
  assertEquals(spec.children[0]?.args, { some_key: [1, null, { deep_key: true }] });
});

Deno.test("loadText() accepts both spellings of severity and strategy", async () => {
  for (const [strategy, severity] of [["OneForOne", "Critical"], ["one_for_one", "critical"]]) {
    const { spec, warnings } = await load(`supervisor: { strategy: ${strategy} }\n${childWith(RUN, `severity: ${severity}`)}`);
    assertEquals(spec.children[0]?.severity, "critical");
    assertEquals(warnings, []);
  }
});

Deno.test("loadText() takes requires as another name of dependencies", async () => {
  const { spec } = await load("children: [{ name: a }, { name: b, requires: [a] }]");
  assertEquals(spec.children[1]?.dependencies, ["a"]);
  assertEquals(await violations("children: [{ name: a }, { name: b, dependencies: [a], requires: [c] }]"), [
    "unknown_dependency /children/1/requires/0",
  ]);
});

Deno.test("loadText() accepts every mode of readiness and health", async () => {
  for (
    const readiness of [
      "{ mode: http, port: 80, path: /up }",
      "{ mode: tcp, port: 80 }",
      "{ mode: exec, command: 'true' }",
      "{ mode: log_line, pattern: up }",
    ]
  ) {
    const { spec } = await load(childWith(RUN, `readiness: ${readiness}`));
    assert(spec.children[0]?.readiness?.mode !== undefined);
  }
  for (const health of ["{ mode: http, port: 80 }", "{ mode: tcp, port: 80 }", "{ mode: exec, command: 'true', on_unhealthy: event }"]) {
    const { spec } = await load(childWith(RUN, `health_check: ${health}`));
    assert(spec.children[0]?.healthCheck?.mode !== undefined);
  }
});

// ----- Problems and warnings -----

Deno.test("limits of a child that cannot be limited are left out, and that is said; those of a process are kept", async () => {
  const limits = "resource_limits: { max_memory_mb: 512, max_cpu_percent: null }";
  for (
    const run of [
      "run: { module: { url: ./a.ts } }",
      "run: { worker: { url: ./a.ts } }",
      "run: { supervisor: { children: [{ name: b, run: { module: { url: ./b.ts } } }] } }",
    ]
  ) {
    const { spec, warnings } = await load(childWith(run, limits));
    assertEquals([spec.children[0]?.resourceLimits, warnings.length], [undefined, 1], run);
    const [{ rule, line, reason, hint } = { rule: "", line: 0, reason: "", hint: "" }] = warnings;
    assertEquals([rule, line, reason], ["limit_not_kept", 4, "max_memory_mb: not kept, the child runs without that limit"]);
    assert(hint?.includes("run.process"), hint);
  }
  const { spec, warnings } = await load(childWith("run: { process: { command: x } }", limits));
  assertEquals([spec.children[0]?.resourceLimits, warnings], [{ maxMemoryMb: 512, maxCpuPercent: null }, []]);
  assertEquals((await load(childWith("run: { worker: { url: ./a.ts } }", "resource_limits: {}"))).warnings, []);
  // What is wrong is wrong for any of them.
  assertEquals((await violations(childWith("run: { worker: { url: ./a.ts } }", "resource_limits: { max_memory_mb: 0 }"))).length, 1);
});

Deno.test("loadText() warns about a permanent job", async () => {
  const { warnings } = await load(childWith(RUN, "task_role: job", "restart_policy: permanent"));
  assertEquals(warnings.map(({ rule, pointer, line }) => ({ rule, pointer, line })), [{
    rule: "permanent_job",
    pointer: "/children/0/restart_policy",
    line: 5,
  }]);
});

Deno.test("loadText() warns about a missing role where other children have one", async () => {
  const { warnings } = await load(
    "children: [{ name: a, task_role: job, run: { process: { command: x } } }, { name: b, run: { process: { command: x } } }]",
  );
  assertEquals(warnings.map(({ rule, pointer }) => `${rule} ${pointer}`), ["role_missing /children/1"]);
});

Deno.test("loadText() reports all problems at once, ordered by position", async () => {
  const { problems, message } = await refusal(`shutdown: { abort_wait_ms: 0 }
children:
  - name: a
    dependencies: [b]
    restart_policy: sometimes
  - name: a
    colour: red
policy: { jitter_ratio: 2 }
`);
  const lines = errorsOf(problems).map(({ line }) => line);
  assertEquals(lines, [1, 4, 5, 6, 7, 8]);
  for (const problem of errorsOf(problems)) assertStringIncludes(message, describeFileProblem(problem));
});

Deno.test("describeFileProblem() renders file, line, column, pointer, reason and hint on one line", async () => {
  const [problem] = (await refusal(childWith(RUN, "dependency: [a]"))).problems;
  assert(problem !== undefined);
  assertEquals(
    describeFileProblem(problem),
    `${PLACE}:4:5  /children/0/dependency: unknown key "dependency". Did you mean "dependencies"?`,
  );
  assertEquals(describeFileProblem({ ...problem, reason: "a\u001b[31m\nb" }).includes("\u001b"), false);
});

// ----- The version -----

Deno.test("loadText() gives the same version for the same content in another order", async () => {
  const one = await load("name: a\nchildren: [{ name: web, run: { process: { command: x } } }]");
  const two = await load("# a comment\nchildren:\n  - run: { process: { command: x } }\n    name: web\nname: a\n");
  const other = await load("name: b\nchildren: [{ name: web, run: { process: { command: x } } }]");
  assertEquals(one.configVersion, two.configVersion);
  assert(one.configVersion !== other.configVersion);
});

Deno.test("loadText() gives a version that tells nothing about secrets", async () => {
  for (const variable of ['secret_ref: "${TOKEN}"', 'value: "x${TOKEN}"']) {
    const text = childWith(RUN, `environment: [{ name: A, ${variable} }]`);
    const one = await load(text, { env: { TOKEN: "one" } });
    const two = await load(text, { env: { TOKEN: "two" } });
    assertEquals(one.configVersion, two.configVersion);
    assert(one.spec.children[0]?.environment?.[0]?.value !== two.spec.children[0]?.environment?.[0]?.value);
  }
});
