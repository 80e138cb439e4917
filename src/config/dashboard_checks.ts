/** Whether the keys of the dashboard fit together; only where it is enabled. */
import { COMMAND_METHODS, didYouMean } from "../base/mod.ts";
import type { Report } from "./check_tools.ts";
import { isRaw, type Raw } from "./pointer.ts";

/** Interval of registrations where none is given, in seconds. */
const REGISTRATION_INTERVAL = 15;

/** Checks what an enabled dashboard and an enabled registration need. */
export function checkDashboard(dashboard: unknown, report: Report): void {
  if (!isRaw(dashboard) || dashboard["enabled"] === false) return;
  checkNeeded(dashboard, "/dashboard", ["target_id", "path"], "dashboard", report);
  checkAbsolute(dashboard["path"], "/dashboard/path", report);
  checkPermissions(dashboard["permissions"], report);
  if (isRaw(dashboard["security_config"])) checkSecurity(dashboard["security_config"], report);
  const { registration } = dashboard;
  if (!isRaw(registration) || registration["enabled"] !== true) return;
  checkNeeded(registration, "/dashboard/registration", ["relay_registration_path", "lease_seconds"], "registration", report);
  checkAbsolute(registration["relay_registration_path"], "/dashboard/registration/relay_registration_path", report);
  const { lease_seconds: lease, registration_heartbeat_interval_seconds: interval = REGISTRATION_INTERVAL } = registration;
  if (typeof lease === "number" && typeof interval === "number" && interval >= lease) {
    const pointer = "/dashboard/registration/registration_heartbeat_interval_seconds";
    report("error", "lease_too_short", pointer, `is ${interval}, must be below lease_seconds, which is ${lease}`);
  }
}

/** The schema has seen that it is octal. */
function checkPermissions(permissions: unknown, report: Report): void {
  const mode = typeof permissions === "string" ? Number.parseInt(permissions, 8) : 0o600;
  const pointer = "/dashboard/permissions";
  const hint = 'Write "0600", or "0660" for a group';
  if ((mode & 0o007) !== 0) report("error", "open_to_everybody", pointer, `is "${permissions}", must keep others out`, hint);
  if ((mode & 0o600) !== 0o600) report("error", "closed_to_owner", pointer, `is "${permissions}", must let the owner read and write`, hint);
}

function checkSecurity(security: Raw, report: Report): void {
  const { authorization, allowlist } = security;
  const commands = isRaw(authorization) ? authorization["high_risk_commands"] : undefined;
  listOf(commands).forEach((name, index) => {
    if (COMMAND_METHODS.includes(name)) return;
    const pointer = `/dashboard/security_config/authorization/high_risk_commands/${index}`;
    report("error", "unknown_command", pointer, `"${name.slice(0, 128)}" is no command`, didYouMean(name, COMMAND_METHODS));
  });
  listOf(isRaw(allowlist) ? allowlist["allowed_paths"] : undefined).forEach((path, index) =>
    checkAbsolute(path, `/dashboard/security_config/allowlist/allowed_paths/${index}`, report)
  );
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === "string") : [];
}

function checkNeeded(raw: Raw, pointer: string, keys: readonly string[], what: string, report: Report): void {
  for (const key of keys) {
    if (raw[key] === undefined) report("error", "missing", `${pointer}/${key}`, `"${key}" is missing, which an enabled ${what} needs`);
  }
}

function checkAbsolute(path: unknown, pointer: string, report: Report): void {
  if (typeof path === "string" && path !== "" && !path.startsWith("/")) {
    report("error", "not_absolute", pointer, `is "${path.slice(0, 128)}", must be an absolute path`);
  }
}
