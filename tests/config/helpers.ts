/** What the tests of files share. */
import { fail } from "@std/assert";
import { ConfigError, type FileProblem, type LoadedConfig, type LoadOptions, loadText } from "../../src/config/mod.ts";

/** A file with every key that files of the reference have. */
export const COMPLETE = `include: []
supervisor:
  strategy: OneForOne
  escalation_policy: shutdown_tree
  dynamic_supervisor: { enabled: true, child_limit: 64 }
policy:
  child_restart_limit: 6
  child_restart_window_ms: 45000
  supervisor_failure_limit: 20
  supervisor_failure_window_ms: 90000
  initial_backoff_ms: 250
  max_backoff_ms: 20000
  jitter_ratio: 0.3
  heartbeat_interval_ms: 2000
  stale_after_ms: 7000
  restart_budget: { window_secs: 90, max_burst: 12, recovery_rate_per_sec: 0.25 }
  failure_window: { mode: time_sliding, window_secs: 90, max_count: 8, threshold: 6 }
  meltdown:
    child_max_restarts: 4
    child_window_secs: 20
    group_max_failures: 7
    group_window_secs: 40
    supervisor_max_failures: 15
    supervisor_window_secs: 90
    reset_after_secs: 180
  supervision_pipeline: { journal_capacity: 500, subscriber_capacity: 50, concurrent_restart_limit: 3 }
shutdown: { graceful_timeout_ms: 8000, abort_wait_ms: 2000 }
observability: { event_journal_capacity: 1024, metrics_enabled: true, audit_enabled: true }
audit:
  enabled: true
  backend: file
  file_path: ./var/audit.jsonl
  failure_strategy: defer_bounded
  max_defer_queue: 2000
backpressure:
  strategy: sample_and_audit
  warn_threshold_pct: 70
  critical_threshold_pct: 90
  window_secs: 20
  audit_channel_capacity: 4096
groups:
  - name: storage
    children: [store]
    budget: { window_secs: 60, max_burst: 4, recovery_rate_per_sec: 0.1 }
  - name: edge
    children: [gateway, gateway_log]
group_strategies:
  - group: edge
    strategy: RestForOne
    restart_limit: { max_restarts: 5, window_ms: 60000 }
    escalation_policy: quarantine_scope
group_dependencies:
  - { from_group: edge, to_group: storage, propagation: EscalateOnly }
child_strategy_overrides:
  - child_id: store
    strategy: OneForOne
    restart_limit: { max_restarts: 2, window_ms: 30000 }
    escalation_policy: escalate_to_parent
severity_defaults:
  - { task_role: service, severity: Critical }
  - { task_role: job, severity: Optional }
children:
  - name: store
    kind: blocking_worker
    criticality: critical
    tags: [storage]
    task_role: service
    severity: Critical
    group: storage
    restart_policy: permanent
    dependencies: []
    health_check: { check_interval_secs: 5, timeout_secs: 20, max_retries: 2 }
    readiness: { check_interval_secs: 1, timeout_secs: 15 }
    resource_limits: { max_memory_mb: 512, max_cpu_percent: 80, max_file_descriptors: 2048 }
    command_permissions: { allow_shutdown: false, allow_restart: true, allowed_signals: [SIGTERM, SIGHUP] }
    environment:
      - { name: STORE_MODE, value: primary }
      - { name: STORE_DSN, secret_ref: "\${STORE_DSN}" }
    secrets:
      - { name: STORE_DSN, key: prod/store/dsn, required: true }
  - name: gateway
    kind: async_worker
    criticality: critical
    tags: [edge]
    task_role: service
    group: edge
    restart_policy: permanent
    dependencies: [store]
  - name: gateway_log
    kind: async_worker
    tags: [edge]
    task_role: sidecar
    sidecar_config: { primary_child_id: gateway, linked_lifecycle: true }
    group: edge
    restart_policy: transient
  - name: reindex
    kind: blocking_worker
    run: { process: { command: ./bin/reindex } }
    criticality: optional
    task_role: job
    restart_policy: temporary
    dependencies: [store]
dashboard:
  enabled: true
  target_id: shop-node-1
  path: /run/shop/supervisor.sock
  permissions: "0600"
  bind_mode: replace_stale
  registration:
    enabled: true
    relay_registration_path: /run/shop/relay.sock
    display_name: Shop node 1
    lease_seconds: 45
    registration_heartbeat_interval_seconds: 12
  security_config:
    peer_identity: { enabled: true, require_uid_match: true, allowed_gids: [], allowed_pids: [] }
    authorization:
      enabled: true
      high_risk_commands: [command.restart_child, command.remove_child, command.add_child, command.shutdown_tree]
      allowed_uids: [0, 1000]
    replay_protection: { enabled: true, window_size: 2048, ttl_seconds: 120 }
    request_size_limit: { enabled: true, max_bytes: 32768 }
    rate_limit: { enabled: true, refill_rate: 50.0, burst_capacity: 10 }
    idempotency: { enabled: true, result_cache_ttl_seconds: 30, max_cached_results: 512 }
    allowlist: { enabled: true, allowed_paths: [] }
`;

/** Where the texts of the tests are said to be. */
export const PLACE = "/srv/shop/supervisor.yaml";

/** Loads a text with an empty environment. */
export function load(text: string, options: LoadOptions = {}): Promise<LoadedConfig> {
  return loadText(text, PLACE, { env: {}, ...options });
}

/** Loads a text that must be refused and returns the error. */
export async function refusal(text: string, options: LoadOptions = {}): Promise<ConfigError> {
  try {
    await load(text, options);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  return fail(`Expected a refusal of\n${text}`);
}

/** The violations of a text as `rule /pointer`. */
export async function violations(text: string, options: LoadOptions = {}): Promise<string[]> {
  return errorsOf((await refusal(text, options)).problems).map(({ rule, pointer }) => `${rule} ${pointer}`);
}

/** Problems that are no warnings. */
export function errorsOf(problems: readonly FileProblem[]): FileProblem[] {
  return problems.filter((problem) => problem.severity === "error");
}

/** A file with one child that has these further lines. */
export function childWith(...lines: readonly string[]): string {
  return ["children:", "  - name: web", ...lines.map((line) => `    ${line}`), ""].join("\n");
}
