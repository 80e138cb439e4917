/** The audit of a tree, which must be writable from the beginning. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { ReeveError, thrownMessage } from "../base/mod.ts";
import { AuditTrail } from "../observe/mod.ts";
import { platform } from "../platform/mod.ts";
import { DEFAULTS, type TreeSpec } from "../spec/mod.ts";

/** Opens it; `null` where none is wanted. Rejects with `audit_not_opened`. */
export async function openAudit({ audit = {}, backpressure }: TreeSpec, run: string): Promise<AuditTrail | null> {
  if (audit.enabled === false) return null;
  const { auditChannelCapacity: channelCapacity = DEFAULTS.auditChannelCapacity } = backpressure ?? {};
  const trail = new AuditTrail(audit, { run, channelCapacity });
  try {
    if (audit.backend === "file" && audit.filePath !== undefined) await mkdir(dirname(audit.filePath), { recursive: true, mode: 0o700 });
    await trail.probe();
    return trail;
  } catch (cause) {
    if (cause instanceof ReeveError) throw cause;
    const { filePath: path } = audit;
    throw new ReeveError("audit_not_opened", `Cannot write the audit to "${path}": ${thrownMessage(cause)}`, {
      path,
      cause,
      hint: platform.permissionHint(cause),
    });
  }
}
