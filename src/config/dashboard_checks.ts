/** Whether the keys of the dashboard fit together; only where it is enabled. */
import type { Report } from "./check_tools.ts";
import { isRaw, type Raw } from "./pointer.ts";

/** Interval of registrations where none is given, in seconds. */
const REGISTRATION_INTERVAL = 15;

/** Checks what an enabled dashboard and an enabled registration need. */
export function checkDashboard(dashboard: unknown, report: Report): void {
  if (!isRaw(dashboard) || dashboard["enabled"] === false) return;
  checkNeeded(dashboard, "/dashboard", ["target_id", "path"], "dashboard", report);
  checkAbsolute(dashboard["path"], "/dashboard/path", report);
  const { permissions } = dashboard;
  if (typeof permissions === "string" && !/^0?600$/.test(permissions)) {
    report(
      "error",
      "unsupported_permissions",
      "/dashboard/permissions",
      `is "${permissions}", must be "0600"`,
      "Other peers cannot be told apart yet",
    );
  }
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
