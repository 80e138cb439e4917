/** What a file says of the socket for dashboards. */
import type { z } from "zod";
import type { RegistrationOptions, SecurityConfig } from "../spec/mod.ts";
import { camelKeys } from "./camel_keys.ts";
import { dashboard, type registration } from "./dashboard_schema.ts";

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
  /** What is looked at before a request is answered. */
  readonly securityConfig?: SecurityConfig;
  /** At which relay the target registers. */
  readonly registration?: RegistrationOptions;
  /** Most connections at a time. */
  readonly maxConnections?: number;
  /** Longest time in milliseconds in which a client must take what is written. */
  readonly writeTimeoutMs?: number;
  /** Longest time in milliseconds without a request. */
  readonly idleTimeoutMs?: number;
}

/** Reads the section, which has been checked; `null` when no socket is wanted. */
export function dashboardSettings(section: unknown): DashboardSettings | null {
  const checked = dashboard.safeParse(section).data ?? null;
  if (checked === null || checked.enabled === false) return null;
  const { registration, security_config: security, write_timeout_secs: writeSecs, idle_timeout_secs: idleSecs } = checked;
  const displayName = registration?.display_name?.trim();
  return withoutGaps({
    targetId: checked.target_id ?? "",
    path: checked.path ?? "",
    displayName: displayName === "" ? undefined : displayName,
    permissions: checked.permissions,
    bindMode: checked.bind_mode,
    securityConfig: security === undefined ? undefined : camelKeys(security),
    registration: registration?.enabled === true ? registrationOptions(registration) : undefined,
    maxConnections: checked.max_connections,
    writeTimeoutMs: writeSecs === undefined ? undefined : writeSecs * 1_000,
    idleTimeoutMs: idleSecs === undefined || idleSecs === null ? undefined : idleSecs * 1_000,
  });
}

function registrationOptions(
  { display_name: _shown, relay_registration_path: path = "", lease_seconds: leaseSeconds = 0, ...rest }: z.output<typeof registration>,
): RegistrationOptions {
  return withoutGaps({ ...camelKeys(rest), relayRegistrationPath: path, leaseSeconds });
}

type WithoutGaps<T> = { [Name in keyof T]: Exclude<T[Name], undefined> };

/** What was not written is no member, so that the defaults of options count. */
function withoutGaps<T extends object>(options: T): WithoutGaps<T>;
function withoutGaps(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
