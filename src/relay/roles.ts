/** Who may do what. */
import type { RelaySettings } from "../config/mod.ts";
import type { Identity, Role } from "./session.ts";

/** Begins of whole identities. */
const SOURCES = ["token", "oidc", "trusted_proxy", "mtls_cert_fingerprint"] as const;

/** What somebody may do; `null` where nothing. */
export function roleOf(
  roles: RelaySettings["roles"],
  { principal, clientIdentity }: Pick<Identity, "principal" | "clientIdentity">,
): Role | null {
  if (roles === null) return "dangerous";
  // What a principal is called is for its source to say: one that is called like an identity of another source is not that.
  const isMeant = (pattern: string): boolean =>
    fits(pattern, SOURCES.some((source) => pattern.startsWith(`${source}:`)) ? clientIdentity : principal);
  for (const role of ["dangerous", "control", "read"] as const) if (roles[role].some(isMeant)) return role;
  return null;
}

/** Whether a text fits a pattern, in which `*` is any text; takes no longer than the product of both. */
export function fits(pattern: string, text: string): boolean {
  const [first = "", ...parts] = pattern.split("*");
  const last = parts.pop();
  if (last === undefined) return pattern === text;
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const part of parts) {
    const found = text.indexOf(part, at);
    if (found === -1 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
