/** What a file says of the socket for dashboards. */
import { isRaw } from "./pointer.ts";

/** The `dashboard` section of a file that wants one; its keys are options of `serveDashboard`. */
export interface DashboardSettings {
  /** What the target is called. */
  readonly targetId: string;
  /** Absolute path of the socket. */
  readonly path: string;
  /** Name for people. */
  readonly displayName?: string;
  /** Mode of the socket. */
  readonly permissions?: string;
  /** Whether the path must be free. */
  readonly bindMode?: "create_new" | "replace_stale";
}

/** Reads the section, which has been checked; `null` when no socket is wanted. */
export function dashboardSettings(section: unknown): DashboardSettings | null {
  if (!isRaw(section) || section["enabled"] === false) return null;
  const { registration } = section;
  const displayName = isRaw(registration) ? text(registration["display_name"]) : undefined;
  const bindMode = section["bind_mode"] === "replace_stale" ? "replace_stale" : "create_new";
  return {
    targetId: text(section["target_id"]) ?? "",
    path: text(section["path"]) ?? "",
    permissions: text(section["permissions"]) ?? "0600",
    bindMode,
    ...(displayName === undefined || displayName.trim() === "" ? {} : { displayName }),
  };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
