/** What the schema cannot say: names that must fit together, keys that exclude each other, keys without effect. */
import type { Problem } from "../base/mod.ts";
import { checkUnique, type Report } from "./check_tools.ts";
import { checkChildren } from "./child_checks.ts";
import { checkDashboard } from "./dashboard_checks.ts";
import { isRaw, type Raw } from "./pointer.ts";

/** Lists every violation between keys, and a warning for each key that has no effect beside another one. */
export function crossCheck(raw: Raw): Problem[] {
  const problems: Problem[] = [];
  const report: Report = (severity, rule, pointer, reason, hint) => {
    problems.push({ severity, rule, pointer, reason, ...(hint === undefined ? {} : { hint }) });
  };
  checkPolicy(raw["policy"], report);
  checkCapacities(raw, report);
  checkSecretStore(raw["secret_store"], report);
  checkUnique(raw["severity_defaults"], "/severity_defaults", "task_role", report);
  checkAudit(raw["audit"], report);
  checkBackpressure(raw["backpressure"], report);
  checkDashboard(raw["dashboard"], report);
  checkChildren(raw["children"], "/children", report);
  if (Array.isArray(raw["templates"])) checkChildren(raw["templates"], "/templates", report);
  return problems;
}

function checkPolicy(policy: unknown, report: Report): void {
  if (!isRaw(policy)) return;
  const { initial_backoff_ms: initial, max_backoff_ms: max, heartbeat_interval_ms: interval, stale_after_ms: stale } = policy;
  if (typeof initial === "number" && typeof max === "number" && initial > max) {
    report("error", "backoff_inverted", "/policy/initial_backoff_ms", `is ${initial}, must not exceed max_backoff_ms, which is ${max}`);
  }
  if (typeof interval === "number" && typeof stale === "number" && stale <= interval) {
    report("error", "stale_too_soon", "/policy/stale_after_ms", `is ${stale}, must exceed heartbeat_interval_ms, which is ${interval}`);
  }
}

/** Names of capacities in the policy, with those that win over them. */
const CAPACITIES = [["journal_capacity", "event_journal_capacity"], ["subscriber_capacity", "event_queue_capacity"]] as const;

function checkCapacities({ policy, observability }: Raw, report: Report): void {
  const pipeline = isRaw(policy) ? policy["supervision_pipeline"] : undefined;
  if (!isRaw(pipeline) || !isRaw(observability)) return;
  for (const [key, winner] of CAPACITIES) {
    const [value, counts] = [pipeline[key], observability[winner]];
    if (typeof value !== "number" || typeof counts !== "number" || value === counts) continue;
    const reason = `is ${value}, has no effect beside observability.${winner}, which is ${counts}`;
    report("warning", "no_effect", `/policy/supervision_pipeline/${key}`, reason, "Leave one of them out");
  }
}

function checkSecretStore(store: unknown, report: Report): void {
  if (!isRaw(store)) return;
  const { kind, path } = store;
  if (kind === "files" && path === undefined) {
    report("error", "missing", "/secret_store/path", '"path" is missing, which kind "files" needs');
  } else if (kind === "environment" && path !== undefined) {
    report("error", "no_path", "/secret_store/path", 'does not fit kind "environment", which has no path', 'Use kind "files" for a folder');
  }
}

function checkAudit(audit: unknown, report: Report): void {
  if (!isRaw(audit) || audit["backend"] !== "file") return;
  if (typeof audit["file_path"] !== "string") {
    report("error", "missing", "/audit/file_path", '"file_path" is missing, which backend "file" needs');
  }
}

function checkBackpressure(backpressure: unknown, report: Report): void {
  if (!isRaw(backpressure)) return;
  const { warn_threshold_pct: warn = 80, critical_threshold_pct: critical = 95 } = backpressure;
  if (typeof warn === "number" && typeof critical === "number" && warn >= critical) {
    report(
      "error",
      "threshold_inverted",
      "/backpressure/warn_threshold_pct",
      `is ${warn}, must be below critical_threshold_pct, which is ${critical}`,
    );
  }
}
