import { assert, assertEquals } from "@std/assert";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jsonSchema, loadText } from "../../src/config/mod.ts";
import { plain, schemaAt, type SchemaNode } from "../../src/config/json_schema.ts";
import { childWith, load, violations } from "./helpers.ts";

/** Keys that are for the loader itself. */
const OF_THE_LOADER: ReadonlySet<string> = new Set(["/schema_version", "/include", "/children/*/kind", "/children/*/run/worker/type"]);

/** Every key that is no group of keys. */
function leaves(node: SchemaNode, pattern: string): string[] {
  const { properties, items } = plain(node);
  if (OF_THE_LOADER.has(pattern)) return [];
  const inner = items === undefined ? undefined : plain(items);
  if (pattern.endsWith("/supervisor/children") || pattern === "/children/*/args") return [];
  if (inner?.properties !== undefined) return leaves(inner, `${pattern}/*`);
  if (properties === undefined) return [pattern];
  return Object.entries(properties).flatMap(([key, child]) => leaves(child, `${pattern}/${key}`));
}

Deno.test("the schema has no key without an effect: each gets into the declaration", () => {
  const mapped =
    /^\/(name|groups\/|group_strategies\/|group_dependencies\/|child_strategy_overrides\/|templates\/|supervisor\/|policy\/|shutdown\/|severity_defaults|observability\/|backpressure\/|dashboard\/|audit\/|state\/|secret_store\/|signals$|children\/\*\/)/;
  const unknown = leaves(jsonSchema(), "").filter((pattern) => !mapped.test(pattern));
  assertEquals(unknown, []);
});

Deno.test("every key of a section changes the declaration", async () => {
  const settings = async (text: string): Promise<string> => {
    const { spec, exporters, signals } = await load(text);
    return JSON.stringify({ spec, exporters, signals });
  };
  const checked: string[] = [];
  for (const pattern of leaves(jsonSchema(), "")) {
    if (!/^\/(policy|shutdown|observability|backpressure|state)\/|^\/signals$/.test(pattern)) continue;
    const path = pattern.split("/").slice(1);
    const value = VALUES.get(pattern) ?? otherValue(schemaAt(path) ?? {});
    // What is in some sections needs their path.
    const needed = NEEDS_PATH.find((section) => pattern.startsWith(`${section}/`) && pattern !== `${section}/path`);
    const before = needed === undefined ? {} : placed({}, `${needed}/path`.split("/").slice(1), "x.jsonl");
    const file = (raw: Record<string, unknown>): string => JSON.stringify({ ...raw, children: CHILDREN });
    assert(await settings(file(placed(before, path, value))) !== await settings(file(before)), `${pattern} must have an effect`);
    checked.push(pattern);
  }
  assert(checked.length >= 18, checked.join(" "));
});

const CHILDREN = [{ name: "web", run: { process: { command: "x" } } }];

/** Sections that are nothing without their `path`. */
const NEEDS_PATH: readonly string[] = ["/observability/journal", "/state"];

/** The same with a value at a path. */
function placed(raw: Record<string, unknown>, path: readonly string[], value: unknown): Record<string, unknown> {
  const [key, ...rest] = path;
  if (key === undefined) return raw;
  return { ...raw, [key]: rest.length === 0 ? value : placed({ ...Object(raw[key] ?? {}) }, rest, value) };
}

/** Values that fit where the schema alone does not tell one. */
const VALUES: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["/dashboard/target_id", "other"],
  ["/dashboard/path", "/other.sock"],
  ["/dashboard/permissions", "0660"],
  ["/dashboard/registration/enabled", false],
  ["/dashboard/registration/relay_registration_path", "/other.sock"],
  ["/dashboard/registration/display_name", "other"],
  ["/dashboard/security_config/allowlist/allowed_paths", ["/bin/x"]],
  ["/dashboard/security_config/authorization/high_risk_commands", ["command.add_child"]],
  ["/audit/file_path", "x.jsonl"],
  ["/backpressure/warn_threshold_pct", 10],
  ["/observability/journal/path", "x.jsonl"],
  ["/state/path", "x.json"],
  ["/signals", { SIGHUP: "ignore" }],
  ["/observability/journal/max_bytes", 4_096],
  ["/observability/journal/max_age_secs", 60],
  ["/observability/exporters/prometheus/listen", "127.0.0.1:1"],
  ["/observability/exporters/otlp/endpoint", "http://127.0.0.1:1"],
  ["/audit/max_bytes", 4_096],
]);

/** A file with a socket, and one key more. */
function withKey(path: readonly string[], value: unknown): string {
  const registration = { enabled: true, relay_registration_path: "/r.sock", lease_seconds: 200, display_name: "d" };
  const raw = { dashboard: { target_id: "t", path: "/t.sock", registration }, audit: { file_path: "a.jsonl" } };
  return JSON.stringify({ ...placed(raw, path, value), children: CHILDREN });
}

Deno.test("every key of the socket and of the audit gets into the settings", async () => {
  const settings = async (path: readonly string[], value: unknown): Promise<string> => {
    const { dashboard, spec: { audit } } = await load(withKey(path, value));
    return JSON.stringify({ dashboard, audit });
  };
  const base = await settings([], undefined);
  const checked: string[] = [];
  for (const pattern of leaves(jsonSchema(), "")) {
    if (!/^\/(dashboard|audit)\/|^\/observability\/audit_enabled$/.test(pattern)) continue;
    const path = pattern.split("/").slice(1);
    const node = schemaAt(path) ?? {};
    const value = VALUES.get(pattern) ?? (plain(node).items === undefined ? otherValue(node) : [7]);
    assert(await settings(path, value) !== base, `${pattern} must have an effect`);
    checked.push(pattern);
  }
  assert(checked.length >= 35, checked.join(" "));
});

/** Options of a child, each in a form that has an effect. */
const CHILD_OPTIONS: readonly string[] = [
  "args: 1",
  "dependencies: [other]",
  "requires: [other]",
  "wants: [other]",
  "binds_to: [other]",
  "wait_timeout_ms: 5",
  "task_role: job",
  "restart_policy: temporary",
  "severity: Critical",
  "criticality: critical",
  "backoff: { initial_ms: 1 }",
  "backoff: { max_ms: 100 }",
  "backoff: { factor: 3 }",
  "backoff: { jitter: none }",
  "backoff: { ratio: 0.5 }",
  "backoff: { reset_after_ms: 1 }",
  "limit: { max_restarts: 1 }",
  "limit: { window_ms: 1 }",
  "limit: { half_life_ms: 60000 }",
  "limit: { on_exceeded: give_up }",
  "stop: { mode: kill }",
  "stop: { signal: SIGINT }",
  "stop: { timeout_ms: 1 }",
  "stop: { kill_wait_ms: 1 }",
  "stop: { kill_tree: false }",
  "stop: { drain_delay_ms: 100 }",
  "stop: { then_signals: [{ signal: SIGINT, after_ms: 1 }] }",
  "timeouts: { start_ms: 1 }",
  "timeouts: { run_ms: 1 }",
  "readiness: { mode: explicit }",
  "never_restart_on: [3, FatalError]",
  "significant: false",
  "readiness: { mode: http, port: 1, host: h, path: /p, scheme: https, port_step: 1 }",
  "readiness: { mode: exec, command: x, args: [y] }",
  "readiness: { mode: log_line, pattern: p, check_interval_secs: 1, timeout_secs: 1 }",
  "health_check: { max_retries: 1 }",
  "health_check: { stale_after_ms: 99000 }",
  "health_check: { on_unhealthy: event, check_interval_secs: 1, timeout_secs: 1 }",
  "health_check: { mode: http, port: 1, host: h, path: /p, scheme: https, port_step: 1 }",
  "health_check: { mode: exec, command: x, args: [y] }",
  "environment: [{ name: A, value: b }]",
  "logs: { stdout: false, stderr: false }",
  "logs: { file: x.log, format: json, max_bytes: 4096, max_age_secs: 60, keep: 2, compress: true }",
  "tags: [a]",
  "group: g",
  "sidecar_config: { primary_child_id: other, linked_lifecycle: true }",
  "command_permissions: { allow_restart: true, allow_shutdown: true }",
  "logs: { tail_lines: 5 }",
  ...["before_start", "after_start", "before_stop", "after_exit"].map((name) =>
    `hooks: { ${name}: { command: x, args: [y], timeout_ms: 1 } }`
  ),
  "resource_limits: { max_memory_mb: 1 }",
  "resource_limits: { max_cpu_percent: 1 }",
  "resource_limits: { max_file_descriptors: 1 }",
  "watch: { paths: [./src], ignore: [dist], debounce_ms: 1 }",
  'schedule: { cron: "*/5 * * * *", time_zone: Europe/Berlin, jitter_ms: 1, overlap: queue, missed: run_once, at_start: true }',
  "schedule: { every_ms: 60000 }",
  "instances: 3",
  "rolling: { max_surge: 2 }",
];

/** What options need beside them. */
const NEEDED: readonly (readonly [start: string, lines: readonly string[]])[] = [
  ["sidecar_config", ["task_role: sidecar"]],
  ["schedule", ["task_role: job"]],
  ["watch", ["run: { process: { command: x } }"]],
  ["hooks", ["run: { process: { command: x } }"]],
  ["resource_limits", ["run: { process: { command: x } }"]],
];

Deno.test("the list of a child's options has every key of the schema", () => {
  const patterns = leaves(jsonSchema(), "").filter((pattern) =>
    /^\/children\/\*\/(?!name$|run\/|secrets\/|success_exit_codes$|command_permissions\/allowed_signals$)/.test(pattern)
  );
  const missing = patterns.filter((pattern) => {
    const [first = "", ...inner] = pattern.split("/").slice(3).filter((segment) => segment !== "*" && segment !== "secret_ref");
    return !CHILD_OPTIONS.some((option) => option.startsWith(`${first}:`) && inner.every((key) => option.includes(`${key}:`)));
  });
  assert(patterns.length > 30);
  // Only for supervisors, which the refusals look at.
  assertEquals(missing, ["/children/*/readiness/child"]);
});

Deno.test("every option of a child gets into the declaration, in camelCase", async () => {
  for (const option of CHILD_OPTIONS) {
    const needed = NEEDED.filter(([start]) => option.startsWith(start)).flatMap(([, lines]) => lines);
    const { spec, warnings } = await load(`groups: [{ name: g }]\n${childWith(option, ...needed)}  - name: other\n`);
    const key = option.slice(0, option.indexOf(":")).replace("requires", "dependencies").replace(
      /_([a-z])/g,
      (_, letter: string) => letter.toUpperCase(),
    );
    assert(Object.hasOwn(spec.children[0] ?? {}, key), option);
    assertEquals(warnings.filter(({ rule }) => rule === "unknown_key"), [], option);
    const inner = [...option.matchAll(/([a-z_]+): /g)].map(([, name]) => name).slice(1);
    const text = JSON.stringify(spec.children[0]);
    for (const name of inner) {
      assert(text.includes(`"${name?.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())}":`), `${name} of ${option}`);
    }
  }
  assertEquals(
    (await load(childWith("run: { process: { command: x } }", "success_exit_codes: [0, 3]"))).spec.children[0]?.successExitCodes,
    [0, 3],
  );
});

Deno.test("the signals of command_permissions are checked, and get into no declaration", async () => {
  const process = "run: { process: { command: x } }";
  const { spec, warnings } = await load(childWith(process, "command_permissions: { allowed_signals: [SIGTERM] }"));
  assertEquals([Object.hasOwn(spec.children[0] ?? {}, "commandPermissions"), warnings], [false, []]);
  assertEquals(await violations(childWith(process, "command_permissions: { allowed_signals: [SIGHUP] }")), [
    "signal_not_allowed /children/0/command_permissions/allowed_signals",
  ]);
  // Who is forced at once is asked with no signal.
  await load(childWith(process, "stop: { mode: kill }", "command_permissions: { allowed_signals: [SIGHUP] }"));
  const worker = await load(
    childWith("run: { worker: { url: ./x.ts } }", "command_permissions: { allow_restart: true, allowed_signals: [SIGHUP] }"),
  );
  assertEquals(worker.spec.children[0]?.commandPermissions, { allowRestart: true });
  assertEquals(worker.warnings.map(({ rule, pointer }) => `${rule} ${pointer}`), [
    "no_effect /children/0/command_permissions/allowed_signals",
  ]);
});

/** Ways to run, with every key. */
const WAYS_TO_RUN: readonly string[] = [
  "process: { command: c, args: [a], cwd: ./d, shell: false, env_file: ./e.env, uid: 1, gid: 2, stop_on_parent_death: false, listen: [{ name: n, port: 1, host: '::1' }, { path: ./s, permissions: '0660' }, { inherited: i }] }",
  "module: { url: ./m.ts, export: start }",
  "worker: { url: ./w.ts }",
  "supervisor: { strategy: OneForAll, auto_shutdown: any_significant, escalation_policy: shutdown_tree, dynamic_supervisor: { enabled: false, child_limit: 1 }, children: [] }",
  "supervisor: { groups: [], group_strategies: [], group_dependencies: [], child_strategy_overrides: [], children: [] }",
];

Deno.test("every key of a way to run gets into the declaration, in camelCase", async () => {
  const patterns = leaves(jsonSchema(), "").filter((pattern) => /^\/children\/\*\/run\/(?!factory$|supervisor\/\w+\/\*\/)/.test(pattern));
  const missing = patterns.filter((pattern) => {
    const [way = "", key = ""] = pattern.split("/").slice(4);
    return !WAYS_TO_RUN.some((run) => run.startsWith(`${way}:`) && run.includes(`${pattern.split("/").at(-1) ?? key}:`));
  });
  assert(patterns.length > 12, patterns.join(" "));
  assertEquals(missing, []);
  for (const run of WAYS_TO_RUN) {
    const { spec, warnings } = await load(childWith(`run: { ${run} }`));
    assertEquals(warnings.filter(({ rule }) => rule === "unknown_key"), [], run);
    const text = JSON.stringify(spec.children[0]?.run);
    for (const [, name = ""] of [...run.matchAll(/([a-z_]+): /g)].slice(1)) {
      assert(text.includes(`"${name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())}":`), `${name} of ${run}: ${text}`);
    }
  }
});

Deno.test("the key of a secret and both keys of the store decide what is asked for", async () => {
  const valueWith = async (store: string, key: string): Promise<string | undefined> => {
    const text = childWith(
      "run: { process: { command: x } }",
      'environment: [{ name: A, secret_ref: "${S}" }]',
      `secrets: [{ name: S, key: ${key}, required: false }]`,
    );
    const { spec } = await loadText(`${store}${text}`, `${folder}/supervisor.yaml`, { env: { S: "by name", K: "by key" } });
    return spec.children[0]?.environment?.[0]?.value;
  };
  const folder = await mkdtemp(join(tmpdir(), "reeve-test-"));
  try {
    for (const name of ["one", "two"]) {
      await mkdir(join(folder, name));
      await writeFile(join(folder, name, "K"), `of ${name}`);
    }
    const stores = [
      "",
      "secret_store: { kind: environment }\n",
      ...["one", "two"].map((path) => `secret_store: { kind: files, path: ${path} }\n`),
    ];
    assertEquals(await Promise.all(stores.map((store) => valueWith(store, "K"))), ["by key", "by key", "of one", "of two"]);
    assertEquals(await Promise.all(stores.map((store) => valueWith(store, "k/2"))), ["by name", "by name", undefined, undefined]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

Deno.test("the capacities of the policy are what counts where observability has none", async () => {
  const text = "policy: { supervision_pipeline: { journal_capacity: 500, subscriber_capacity: 50 } }";
  const capacities = async (more: string): Promise<unknown> => {
    const { spec: { observability, policy }, warnings } = await load(`${text}\n${more}\nchildren: ${JSON.stringify(CHILDREN)}`);
    return [observability, policy, warnings.map(({ pointer, reason }) => `${pointer} ${reason}`)];
  };
  assertEquals(await capacities(""), [{ eventJournalCapacity: 500, eventQueueCapacity: 50 }, {}, []]);
  assertEquals(await capacities("observability: { event_journal_capacity: 600, event_queue_capacity: 50 }"), [
    { eventJournalCapacity: 600, eventQueueCapacity: 50 },
    {},
    ["/policy/supervision_pipeline/journal_capacity is 500, has no effect beside observability.event_journal_capacity, which is 600"],
  ]);
  assertEquals(
    await violations(`policy: { supervision_pipeline: { journal_capacity: 15 } }\n${childWith("run: { process: { command: x } }")}`),
    [
      "out_of_range /policy/supervision_pipeline/journal_capacity",
    ],
  );
});

function otherValue(node: SchemaNode): unknown {
  const { enum: words, type, default: fallback } = plain(node);
  if (words !== undefined) return words.find((word) => word !== fallback);
  if (type === "boolean") return fallback !== true;
  return type === "number" ? 0.5 : 100;
}

Deno.test("both spellings of a strategy get into the declaration, of the root and of nested supervisors", async () => {
  for (const [written, meant] of [["OneForAll", "one_for_all"], ["rest_for_one", "rest_for_one"], ["OneForOne", "one_for_one"]] as const) {
    const inner = `run: { supervisor: { strategy: ${written}, children: [{ name: in, run: { process: { command: x } } }] } }`;
    const { spec, warnings } = await load(`supervisor: { strategy: ${written} }\n${childWith(inner)}`);
    const [child] = spec.children;
    assertEquals([spec.strategy, child?.run.kind === "supervisor" && child.run.strategy, warnings], [meant, meant, []]);
  }
});

Deno.test("auto_shutdown and escalation_policy get into the declaration, of the root and of nested supervisors", async () => {
  const options = "auto_shutdown: any_significant, escalation_policy: quarantine_scope";
  const once = "{ name: in, significant: true, restart_policy: transient, run: { process: { command: x } } }";
  const { spec, warnings } = await load(
    `supervisor: { ${options} }\n${
      childWith(`significant: true\n    restart_policy: transient\n    run: { supervisor: { ${options}, children: [${once}] } }`)
    }`,
  );
  const [child] = spec.children;
  const inner = child?.run.kind === "supervisor" ? child.run : undefined;
  assertEquals(warnings, []);
  for (const { autoShutdown, escalationPolicy } of [spec, inner ?? {}]) {
    assertEquals([autoShutdown, escalationPolicy], ["any_significant", "quarantine_scope"]);
  }
});

Deno.test("escalation_policy: null is the default", async () => {
  const { spec } = await load(`supervisor: { escalation_policy: null }\n${childWith("run: { process: { command: x } }")}`);
  assertEquals(Object.hasOwn(spec, "escalationPolicy"), false);
});
