import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { childWith, errorsOf, PLACE, refusal } from "./helpers.ts";

const RUN = "run: { process: { command: caddy } }";

// ----- What invalid input gets -----

interface Refused {
  readonly input: string;
  readonly text: string;
  readonly expected: readonly string[];
  readonly reason?: string;
}

const REFUSED: readonly Refused[] = [
  { input: "syntax error", text: "children: [", expected: ["syntax "], reason: "not valid YAML" },
  {
    input: "missing key",
    text: "children: [{ run: { factory: a } }]",
    expected: ["missing /children/0/name"],
    reason: '"name" is missing',
  },
  { input: "wrong type", text: "children: {}", expected: ["wrong_type /children"], reason: "must be a list" },
  { input: "wrong type of a number", text: childWith(RUN, "wait_timeout_ms: soon"), expected: ["wrong_type /children/0/wait_timeout_ms"] },
  { input: "section that is empty", text: `policy:\n${childWith(RUN)}`, expected: ["wrong_type /policy"], reason: "is null" },
  {
    input: "zero where positive is needed",
    text: `policy: { child_restart_limit: 0 }\n${childWith(RUN)}`,
    expected: ["out_of_range /policy/child_restart_limit"],
  },
  {
    input: "negative number",
    text: `shutdown: { abort_wait_ms: -1 }\n${childWith(RUN)}`,
    expected: ["out_of_range /shutdown/abort_wait_ms"],
  },
  {
    input: "fraction for an integer",
    text: `shutdown: { abort_wait_ms: 1.5 }\n${childWith(RUN)}`,
    expected: ["wrong_type /shutdown/abort_wait_ms"],
    reason: "a whole number",
  },
  { input: "NaN", text: `policy: { jitter_ratio: .nan }\n${childWith(RUN)}`, expected: ["wrong_type /policy/jitter_ratio"] },
  { input: "infinity", text: `policy: { jitter_ratio: .inf }\n${childWith(RUN)}`, expected: ["wrong_type /policy/jitter_ratio"] },
  {
    input: "enum",
    text: childWith(RUN, "restart_policy: permanet"),
    expected: ["unknown_value /children/0/restart_policy"],
    reason: 'Did you mean "permanent"?',
  },
  {
    input: "initial backoff above the longest",
    text: `policy: { initial_backoff_ms: 9, max_backoff_ms: 8 }\n${childWith(RUN)}`,
    expected: ["backoff_inverted /policy/initial_backoff_ms"],
  },
  {
    input: "the same of a child",
    text: childWith(RUN, "backoff: { initial_ms: 9, max_ms: 8 }"),
    expected: ["backoff_inverted /children/0/backoff/initial_ms"],
  },
  {
    input: "jitter outside 0..1",
    text: `policy: { jitter_ratio: 1.1 }\n${childWith(RUN)}`,
    expected: ["out_of_range /policy/jitter_ratio"],
  },
  {
    input: "stale before the heartbeat",
    text: `policy: { heartbeat_interval_ms: 5, stale_after_ms: 5 }\n${childWith(RUN)}`,
    expected: ["stale_too_soon /policy/stale_after_ms"],
  },
  {
    input: "unknown child in a group",
    text: `groups: [{ name: g, children: [wbe] }]\n${childWith(RUN)}`,
    expected: ["unknown_child /groups/0/children/0"],
    reason: 'Did you mean "web"?',
  },
  {
    input: "unknown child in an override",
    text: `child_strategy_overrides: [{ child_id: wbe, strategy: OneForOne }]\n${childWith(RUN)}`,
    expected: ["unknown_child /child_strategy_overrides/0/child_id"],
  },
  { input: "unknown group", text: childWith(RUN, "group: g"), expected: ["unknown_group /children/0/group"] },
  { input: "duplicate group", text: `groups: [{ name: g }, { name: g }]\n${childWith(RUN)}`, expected: ["duplicate_name /groups/1/name"] },
  {
    input: "duplicate role default",
    text: `severity_defaults: [{ task_role: job, severity: Optional }, { task_role: job, severity: Critical }]\n${childWith(RUN)}`,
    expected: ["duplicate_name /severity_defaults/1/task_role"],
  },
  { input: "bad child name", text: "children: [{ name: 1st }]", expected: ["wrong_text /children/0/name"] },
  {
    input: "secret syntax",
    text: childWith(RUN, "environment: [{ name: A, secret_ref: A }]"),
    expected: ["wrong_text /children/0/environment/0/secret_ref"],
  },
  {
    input: "secret name",
    text: childWith(RUN, "secrets: [{ name: a-b, key: k, required: true }]"),
    expected: ["wrong_text /children/0/secrets/0/name"],
  },
  {
    input: "value and secret_ref",
    text: childWith(RUN, 'environment: [{ name: A, value: b, secret_ref: "${A}" }]'),
    expected: ["value_or_secret /children/0/environment/0"],
  },
  {
    input: "neither value nor secret_ref",
    text: childWith(RUN, "environment: [{ name: A }]"),
    expected: ["value_or_secret /children/0/environment/0"],
  },
  {
    input: "missing secret",
    text: childWith(RUN, 'environment: [{ name: A, secret_ref: "${TOKEN}" }]'),
    expected: ["runtime_secret_miss /children/0/environment/0/secret_ref"],
  },
  {
    input: "required secret that no variable refers to",
    text: childWith(RUN, "secrets: [{ name: TOKEN, key: prod/token, required: true }]"),
    expected: ["runtime_secret_miss /children/0/secrets/0/key"],
    reason: 'secret "TOKEN" is missing: the environment has no "TOKEN"',
  },
  {
    input: "reference to what is almost declared",
    text: childWith(RUN, 'environment: [{ name: A, secret_ref: "${TOKN}" }]', "secrets: [{ name: TOKEN, key: k, required: false }]"),
    expected: ["runtime_secret_miss /children/0/environment/0/secret_ref"],
    reason: 'Did you mean "TOKEN"?',
  },
  {
    input: "store of another kind",
    text: `secret_store: { kind: vault }\n${childWith(RUN)}`,
    expected: ["unknown_value /secret_store/kind"],
  },
  {
    input: "folder of secrets that is not named",
    text: `secret_store: { kind: files }\n${childWith(RUN)}`,
    expected: ["missing /secret_store/path"],
  },
  {
    input: "path of the environment",
    text: `secret_store: { kind: environment, path: ./x }\n${childWith(RUN)}`,
    expected: ["no_path /secret_store/path"],
  },
  {
    input: "signal that is not allowed",
    text: childWith(
      RUN,
      "stop: { signal: SIGHUP, then_signals: [{ signal: SIGTERM, after_ms: 10 }, { signal: SIGQUIT, after_ms: 20 }] }",
      "command_permissions: { allowed_signals: [SIGTERM] }",
    ),
    expected: ["signal_not_allowed /children/0/stop/signal", "signal_not_allowed /children/0/stop/then_signals/1/signal"],
    reason: 'is "SIGHUP", which command_permissions.allowed_signals does not have',
  },
  {
    input: "default signal that is not allowed",
    text: childWith(RUN, "command_permissions: { allowed_signals: [SIGINT] }"),
    expected: ["signal_not_allowed /children/0/command_permissions/allowed_signals"],
    reason: 'lacks "SIGTERM"',
  },
  {
    input: "unknown signal among the allowed ones",
    text: childWith(RUN, "command_permissions: { allowed_signals: [SIGTERM, hup, SIGSTOP] }"),
    expected: [
      "unknown_signal /children/0/command_permissions/allowed_signals/1",
      "unknown_signal /children/0/command_permissions/allowed_signals/2",
    ],
    reason: 'Did you mean "SIGHUP"?',
  },
  { input: "unknown dependency", text: childWith(RUN, "dependencies: [db]"), expected: ["unknown_dependency /children/0/dependencies/0"] },
  {
    input: "dependency cycle",
    text: "children: [{ name: a, dependencies: [b] }, { name: b, dependencies: [a] }]",
    expected: ["dependency_cycle /children/0/dependencies/0"],
    reason: "a → b → a",
  },
  { input: "duplicate child name", text: "children: [{ name: a }, { name: a }]", expected: ["duplicate_name /children/1/name"] },
  {
    input: "unknown role",
    text: childWith(RUN, "task_role: servcie"),
    expected: ["unknown_value /children/0/task_role"],
    reason: 'Did you mean "service"?',
  },
  {
    input: "unknown key",
    text: childWith(RUN, "restart-policy: permanent"),
    expected: ["unknown_key /children/0/restart-policy"],
    reason: 'Did you mean "restart_policy"?',
  },
  { input: "sidecar without config", text: childWith(RUN, "task_role: sidecar"), expected: ["missing /children/0/sidecar_config"] },
  {
    input: "sidecar of an unknown primary",
    text: childWith(RUN, "task_role: sidecar", "sidecar_config: { primary_child_id: api }"),
    expected: ["unknown_child /children/0/sidecar_config/primary_child_id"],
  },
  {
    input: "sidecar of a sidecar",
    text: `${
      childWith(RUN, "task_role: sidecar", "sidecar_config: { primary_child_id: log }")
    }  - { name: log, ${RUN}, task_role: sidecar, sidecar_config: { primary_child_id: x } }\n  - { name: x, ${RUN} }\n`,
    expected: ["sidecar_of_sidecar /children/0/sidecar_config/primary_child_id"],
  },
  {
    input: "sidecar config with another role",
    text: childWith(RUN, "sidecar_config: { primary_child_id: web }"),
    expected: ["only_for_sidecars /children/0/sidecar_config"],
  },
  // ----- Beyond the list of the contract -----
  { input: "file of the future", text: `schema_version: 2\n${childWith(RUN)}`, expected: ["version_too_new /schema_version"] },
  {
    input: "two ways to run",
    text: childWith("run: { factory: a, process: { command: b } }"),
    expected: ["one_way_to_run /children/0/run"],
  },
  { input: "no way to run", text: childWith("run: {}"), expected: ["one_way_to_run /children/0/run"] },
  { input: "kind that contradicts run", text: childWith(RUN, "kind: async_worker"), expected: ["kind_contradicts_run /children/0/kind"] },
  { input: "supervisor without children", text: childWith("kind: supervisor"), expected: ["missing /children/0/run"] },
  {
    input: "permissions of a worker",
    text: childWith("run: { worker: { url: ./w.ts, permissions: { net: true } } }"),
    expected: ["worker_permissions_unsupported /children/0/run/worker/permissions"],
    reason: "deno",
  },
  {
    input: "module from the web",
    text: childWith("run: { module: { url: 'https://example.com/m.ts' } }"),
    expected: ["wrong_text /children/0/run/module/url"],
  },
  {
    input: "nested child",
    text: childWith("run: { supervisor: { children: [{ name: in, run: { process: { comand: x } } }] } }"),
    expected: [
      "missing /children/0/run/supervisor/children/0/run/process/command",
      "unknown_key /children/0/run/supervisor/children/0/run/process/comand",
    ],
  },
  {
    input: "mode without its parameter",
    text: childWith(RUN, "readiness: { mode: tcp }"),
    expected: ["missing /children/0/readiness/port"],
  },
  {
    input: "parameter of another mode",
    text: childWith(RUN, "readiness: { mode: tcp, port: 1, pattern: a }"),
    expected: ["unknown_key /children/0/readiness/pattern"],
  },
  {
    input: "heartbeat of a process",
    text: childWith(RUN, "health_check: {}"),
    expected: ["health_not_for_kind /children/0/health_check/mode"],
  },
  { input: "backend file without a file", text: `audit: { backend: file }\n${childWith(RUN)}`, expected: ["missing /audit/file_path"] },
  {
    input: "warning above critical",
    text: `backpressure: { warn_threshold_pct: 95 }\n${childWith(RUN)}`,
    expected: ["threshold_inverted /backpressure/warn_threshold_pct"],
  },
  {
    input: "group dependency on itself",
    text: `groups: [{ name: g }]\ngroup_dependencies: [{ from_group: g, to_group: g, propagation: None }]\n${childWith(RUN)}`,
    expected: ["self_dependency /group_dependencies/0"],
  },
  {
    input: "group dependency cycle",
    text:
      `groups: [{ name: g }, { name: h }]\ngroup_dependencies: [{ from_group: g, to_group: h, propagation: None }, { from_group: h, to_group: g, propagation: Full }]\n${
        childWith(RUN)
      }`,
    expected: ["dependency_cycle /group_dependencies"],
  },
  {
    input: "group strategy nobody carries",
    text: `groups: [{ name: g }]\ngroup_strategies: [{ group: g, strategy: OneForAll }]\n${childWith(RUN)}`,
    expected: ["unused_group /group_strategies/0/group"],
  },
  {
    input: "child in two group strategies",
    text: `groups: [{ name: g }, { name: h }]\ngroup_strategies: [{ group: g, strategy: OneForAll }, { group: h, strategy: OneForAll }]\n${
      childWith(RUN, "tags: [g, h]")
    }`,
    expected: ["ambiguous_group /children/0/tags", "unused_group /group_strategies/1/group"],
  },
  {
    input: "child of another group",
    text: `groups: [{ name: g, children: [web] }, { name: h }]\n${childWith(RUN, "group: h")}`,
    expected: ["contradicting_group /groups/0/children/0"],
  },
  {
    input: "dashboard without a path",
    text: `dashboard: { enabled: true, target_id: a }\n${childWith(RUN)}`,
    expected: ["missing /dashboard/path"],
  },
  {
    input: "dashboard with a relative path",
    text: `dashboard: { enabled: true, target_id: a, path: a.sock }\n${childWith(RUN)}`,
    expected: ["not_absolute /dashboard/path"],
  },
  {
    input: "lease shorter than its interval",
    text: `dashboard: { target_id: a, path: /a, registration: { enabled: true, relay_registration_path: /b, lease_seconds: 15 } }\n${
      childWith(RUN)
    }`,
    expected: ["lease_too_short /dashboard/registration/registration_heartbeat_interval_seconds"],
  },
];

for (const { input, text, expected, reason } of REFUSED) {
  Deno.test(`loadText() refuses ${input}`, async () => {
    const error = await refusal(text);
    assertEquals(error.code, "invalid_config");
    assertEquals(errorsOf(error.problems).map(({ rule, pointer }) => `${rule} ${pointer}`).sort(), [...expected].sort());
    if (reason !== undefined) assertStringIncludes(error.message, reason);
    for (const problem of error.problems) {
      assertEquals(problem.file, PLACE);
      assert(problem.line !== undefined && problem.column !== undefined, "must have a position");
    }
  });
}
