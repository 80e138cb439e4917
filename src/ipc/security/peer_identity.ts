/** C2: who is at the other end, told by the kernel, or by who can get at the socket at all. */
import { createHmac, randomBytes } from "node:crypto";
import type { PeerCredentials } from "../../platform/mod.ts";
import { type WireError, wireError } from "../../protocol/mod.ts";
import type { SecuritySettings } from "./settings.ts";

/** Somebody who may connect. */
export interface Peer {
  /** User id; that of the socket's owner where the kernel was not asked, which is then the only one who gets there, but for root. */
  readonly uid: number;
  /** Under which name limits and ids are kept. */
  readonly key: string;
  /** Stands for the peer in the audit: the same for the same peer as long as the program runs, and without meaning outside of it. */
  readonly hash: string;
}

/** What is known when somebody connects. */
export interface Introduction {
  /** What the kernel says. */
  readonly credentials: PeerCredentials | null;
  /** Whether the kernel says it of everybody, so that silence is a refusal. */
  readonly isTold: boolean;
}

/** Looks at everybody once, when they connect. */
export class PeerIdentity {
  readonly #settings: SecuritySettings["peerIdentity"];
  readonly #ownerUid: number;
  readonly #key = randomBytes(32);

  constructor(settings: SecuritySettings["peerIdentity"], ownerUid: number) {
    this.#settings = settings;
    this.#ownerUid = ownerUid;
  }

  /** Who it is, or why that one may not connect. */
  identify({ credentials, isTold }: Introduction): Peer | WireError {
    if (!isTold) return this.#peer(this.#ownerUid, "owner");
    if (credentials === null) return wireError("peer_cred_unavailable", "the system does not tell who is at the other end");
    const { enabled, requireUidMatch, allowedGids, allowedPids } = this.#settings;
    const { uid, gid, pid } = credentials;
    if (enabled && requireUidMatch && uid !== this.#ownerUid) {
      return wireError("peer_cred_uid_mismatch", `peer uid ${uid} does not match the owner's uid ${this.#ownerUid}`);
    }
    if (enabled && allowedGids.length > 0 && !allowedGids.includes(gid)) {
      return wireError("peer_cred_gid_not_allowed", `peer gid ${gid} is not allowed`);
    }
    if (enabled && allowedPids.length > 0 && !allowedPids.includes(pid)) {
      return wireError("peer_cred_pid_not_allowed", `peer pid ${pid} is not allowed`);
    }
    return this.#peer(uid, `uid:${uid}:gid:${gid}:pid:${pid}`);
  }

  #peer(uid: number, described: string): Peer {
    return { uid, key: `uid:${uid}`, hash: createHmac("sha256", this.#key).update(described).digest("hex") };
  }
}

/** What a rule asks for that only the kernel can tell; `null` when who can get at the socket is enough. */
export function asksTheKernel({ peerIdentity, authorization }: SecuritySettings, mode: number, ownerUid: number): string | null {
  const isOwnersOnly = (mode & 0o077) === 0;
  if (peerIdentity.enabled) {
    if (peerIdentity.allowedGids.length > 0) return "peerIdentity.allowedGids";
    if (peerIdentity.allowedPids.length > 0) return "peerIdentity.allowedPids";
    if (peerIdentity.requireUidMatch && !isOwnersOnly) return "peerIdentity.requireUidMatch with permissions for others than the owner";
  }
  if (!authorization.enabled) return null;
  const { allowedUids } = authorization;
  if (!isOwnersOnly) return "authorization with permissions for others than the owner";
  // Who gets at the socket are its owner and root: a list that lets in only one of them, or an empty one for nobody, needs no more than that.
  if (allowedUids === null || allowedUids.length === 0) return null;
  return [ownerUid, 0].every((uid) => allowedUids.includes(uid)) ? null : "authorization.allowedUids without the owner or root";
}
