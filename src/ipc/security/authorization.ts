/** C3: who may command. */
import { type WireError, wireError } from "../../protocol/mod.ts";
import type { Peer } from "./peer_identity.ts";
import type { SecuritySettings } from "./settings.ts";

/** Refuses a command of somebody who may only read. */
export function refuseCommand(
  { enabled, allowedUids }: SecuritySettings["authorization"],
  { uid }: Peer,
  ownerUid: number,
): WireError | null {
  if (!enabled) return null;
  if (allowedUids === null) return uid === ownerUid || uid === 0 ? null : denied(uid);
  if (allowedUids.length === 0) return wireError("authz_not_configured", "authorization.allowed_uids is empty: nobody may command");
  return allowedUids.includes(uid) ? null : denied(uid);
}

function denied(uid: number): WireError {
  return wireError("authz_denied", `uid ${uid} may not command`);
}
