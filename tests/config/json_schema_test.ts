import { assert, assertEquals } from "@std/assert";
import { Ajv2020 } from "npm:ajv@^8/dist/2020.js";
import { load as parse } from "js-yaml";
import { ConfigError, jsonSchema, SCHEMA_ID } from "../../src/config/mod.ts";
import { childWith, COMPLETE, load } from "./helpers.ts";

const RUN = "run: { process: { command: caddy } }";
const valid = new Ajv2020({ strict: false, allErrors: true }).compile(jsonSchema());

function accepts(text: string): boolean {
  return valid(parse(text));
}

async function loads(text: string): Promise<boolean> {
  try {
    await load(text, { env: { STORE_DSN: "x", A: "x" } });
    return true;
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}

Deno.test("jsonSchema() is a schema of 2020-12 with an identity", () => {
  assertEquals(Reflect.get(jsonSchema(), "$id"), SCHEMA_ID);
  assertEquals(Reflect.get(jsonSchema(), "$schema"), "https://json-schema.org/draft/2020-12/schema");
});

const GOOD: readonly string[] = [
  COMPLETE,
  "children: [{ name: a }]",
  childWith("args: { any: [thing, null] }"),
  childWith(RUN, "readiness: { mode: http, port: 80, path: /up, host: h, scheme: https, check_interval_secs: 1 }"),
  childWith(RUN, "health_check: { mode: tcp, port: 80, max_retries: 0 }"),
  childWith("run: { supervisor: { children: [{ name: in, run: { module: { url: ./m.ts } } }] } }"),
  childWith(RUN, 'environment: [{ name: A, secret_ref: "${A}" }, { name: B, value: "" }]'),
  `secret_store: { kind: environment }\n${childWith(RUN)}`,
  `secret_store: { kind: files, path: ./secrets }\n${childWith(RUN)}`,
  `schema_version: 1\n${childWith(RUN, "task_role: null", "severity: null", "wait_timeout_ms: null")}`,
];

for (const [index, text] of GOOD.entries()) {
  Deno.test(`jsonSchema() and loadText() accept good document ${index}`, async () => {
    assertEquals(accepts(text), true, JSON.stringify(valid.errors));
    assertEquals(await loads(text), true);
  });
}

const BAD: readonly string[] = [
  `secret_store: { kind: files }\n${childWith(RUN)}`,
  `secret_store: { kind: environment, path: ./secrets }\n${childWith(RUN)}`,
  `secret_store: { path: ./secrets }\n${childWith(RUN)}`,
  `policy: { supervision_pipeline: { journal_capacity: 15 } }\n${childWith(RUN)}`,
  "children: {}",
  "children: [1]",
  "children: [{}]",
  "children: [{ name: 1st }]",
  "children: [{ name: '' }]",
  "childern: []",
  `schema_version: 2\n${childWith(RUN)}`,
  `schema_version: 0\n${childWith(RUN)}`,
  `schema_version: one\n${childWith(RUN)}`,
  `name: " "\n${childWith(RUN)}`,
  `supervisor: { strategy: oneForOne }\n${childWith(RUN)}`,
  `supervisor: { dynamic_supervisor: { child_limit: 0 } }\n${childWith(RUN)}`,
  `policy: { child_restart_limit: 0 }\n${childWith(RUN)}`,
  `policy: { child_restart_limit: 1.5 }\n${childWith(RUN)}`,
  `policy: { child_restart_limit: -1 }\n${childWith(RUN)}`,
  `policy: { child_restart_limit: "3" }\n${childWith(RUN)}`,
  `policy: { initial_backoff_ms: 0 }\n${childWith(RUN)}`,
  `policy: { jitter_ratio: 1.01 }\n${childWith(RUN)}`,
  `policy: { restart_budget: { recovery_rate_per_sec: 0 } }\n${childWith(RUN)}`,
  `policy: { restart_budget: { recovery_rate_per_sec: 1001 } }\n${childWith(RUN)}`,
  `policy: { failure_window: { mode: sliding } }\n${childWith(RUN)}`,
  `policy: { escalation: { exit_code: 256 } }\n${childWith(RUN)}`,
  `policy: null\n${childWith(RUN)}`,
  `shutdown: { graceful_timeout_ms: 0 }\n${childWith(RUN)}`,
  `shutdown: { graceful_timeout_ms: 99999999999 }\n${childWith(RUN)}`,
  `observability: { event_journal_capacity: 1 }\n${childWith(RUN)}`,
  `observability: { metrics_enabled: "yes" }\n${childWith(RUN)}`,
  `backpressure: { warn_threshold_pct: 101 }\n${childWith(RUN)}`,
  `groups: [{ children: [] }]\n${childWith(RUN)}`,
  `severity_defaults: [{ task_role: job }]\n${childWith(RUN)}`,
  `dashboard: { enabled: true, target_id: a, path: /a, permissions: "999" }\n${childWith(RUN)}`,
  childWith(RUN, "kind: async"),
  childWith(RUN, "restart_policy: always"),
  childWith(RUN, "tags: ['']"),
  childWith(RUN, "tags: one"),
  childWith(RUN, "severity: critcal"),
  childWith(RUN, "backoff: { factor: 0.5 }"),
  childWith(RUN, "limit: { max_restarts: 0 }"),
  childWith(RUN, "limit: { on_exceeded: stop }"),
  childWith(RUN, "stop: { timeout_ms: 0 }"),
  childWith(RUN, "stop: { mode: force }"),
  childWith(RUN, "timeouts: { start_ms: -5 }"),
  childWith(RUN, "readiness: { mode: ready }"),
  childWith(RUN, "readiness: { mode: tcp }"),
  childWith(RUN, "readiness: { mode: tcp, port: 0 }"),
  childWith(RUN, "readiness: { mode: tcp, port: 80, command: x }"),
  childWith(RUN, "readiness: { port: 80 }"),
  childWith(RUN, "health_check: { mode: exec }"),
  childWith(RUN, "health_check: { mode: http, port: 80, path: up }"),
  childWith(RUN, "health_check: { check_interval_secs: 0 }"),
  childWith(RUN, "environment: [{ name: 1A, value: x }]"),
  childWith(RUN, "environment: [{ name: A }]"),
  childWith(RUN, 'environment: [{ name: A, value: x, secret_ref: "${A}" }]'),
  childWith(RUN, "environment: [{ name: A, secret_ref: A }]"),
  childWith(RUN, "secrets: [{ name: A, key: k }]"),
  childWith(RUN, "success_exit_codes: [256]"),
  childWith(RUN, "logs: { tail_lines: -1 }"),
  childWith(RUN, "resource_limits: { max_cpu_percent: 0 }"),
  childWith(RUN, "unknown: 1"),
  childWith("run: {}"),
  childWith("run: { process: {} }"),
  childWith("run: { process: { command: x }, factory: y }"),
  childWith("run: { worker: { url: ./w.ts, permissions: { net: true } } }"),
  childWith("run: { worker: { url: ./w.ts, type: classic } }"),
  childWith("run: { module: { url: 'https://example.com/m.ts' } }"),
  childWith("run: { supervisor: {} }"),
  childWith("run: { supervisor: { children: [{ nam: in }] } }"),
];

for (const text of BAD) {
  Deno.test(`jsonSchema() and loadText() refuse ${JSON.stringify(text.replace("children:\n  - name: web\n", "… ").trim())}`, async () => {
    assertEquals(accepts(text), false, "the schema must refuse it");
    assertEquals(await loads(text), false, "the loader must refuse it");
  });
}

Deno.test("jsonSchema() describes every key, and refuses keys that it does not know", () => {
  const missing: string[] = [];
  visit(jsonSchema(), "", (node, path) => {
    if (path !== "" && typeof node["description"] !== "string" && node["$ref"] === undefined && !path.endsWith("[]")) missing.push(path);
    if (node["properties"] !== undefined) assertEquals(node["additionalProperties"], false, path);
  });
  assertEquals(missing, []);
  assert(valid({ children: [] }));
});

type Node = Readonly<Record<string, unknown>>;

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function visit(node: unknown, path: string, see: (node: Node, path: string) => void): void {
  if (!isNode(node)) return;
  see(node, path);
  if (isNode(node["properties"])) { for (const [key, child] of Object.entries(node["properties"])) visit(child, `${path}/${key}`, see); }
  visit(node["items"], `${path}[]`, see);
  if (Array.isArray(node["anyOf"])) {
    for (const part of node["anyOf"]) {
      if (isNode(part) && part["properties"] !== undefined) visit({ description: "", ...part }, path, see);
    }
  }
}
