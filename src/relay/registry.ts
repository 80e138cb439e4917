/** Targets that register themselves: who they are, for how long, and what becomes of them afterwards. */
import { lstat, realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, normalize } from "node:path";
import { type Clock, codeOf, thrownMessage } from "../base/mod.ts";
import { platform } from "../platform/mod.ts";
import type { Hub } from "./hub.ts";
import {
  type Acknowledgement,
  isRefusal,
  readRegistration,
  refusal,
  type Registration,
  type RegistrationRefusal,
} from "./registration_message.ts";

/** What registrations are held to. */
export interface LeasePolicy {
  /** Folders in which the sockets of targets may be. */
  readonly prefixes: readonly string[];
  readonly defaultLeaseSeconds: number;
  readonly maxLeaseSeconds: number;
  /** How long the name and the path of a target stay its own after its lease. */
  readonly graceSeconds: number;
}

/** What is to be known of a path: its folder without links, and whose socket is there. */
export interface LookedAt {
  /** The folder, and the folders in which sockets may be, without links. */
  readonly folder: string;
  readonly prefixes: readonly string[];
  /** What is there; `null` where nothing is. */
  readonly found: { readonly kind: "socket" | "link" | "other"; readonly uid: number } | null;
}

/** What a registry works with. */
export interface RegistryOptions {
  readonly clock: Clock;
  readonly hub: Hub;
  readonly policy: LeasePolicy;
  /** Looks at a path; for tests. @default {the file system} */
  readonly look?: (path: string, prefixes: readonly string[]) => Promise<LookedAt>;
  /** Who runs the relay; for tests. @default {the user} */
  readonly ownUid?: number | null;
}

/** Most targets that are registered, those within their grace time included; and how many of one user who is neither root nor the own one. */
const MOST_TARGETS = 4_096;
const MOST_OF_ONE = 256;

interface Entry {
  readonly ownerUid: number | null;
  /** Without links, so that one socket has one name. */
  readonly path: string;
  /** Ends the lease, or the grace time. */
  readonly cancel: () => void;
}

/** The registrations of one relay. */
export class Registry {
  readonly #options: RegistryOptions;
  readonly #look: (path: string, prefixes: readonly string[]) => Promise<LookedAt>;
  readonly #ownUid: number | null;
  readonly #entries = new Map<string, Entry>();

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#look = options.look ?? lookAt;
    this.#ownUid = options.ownUid === undefined ? platform.ownUid() : options.ownUid;
  }

  /** Takes a line of a target whose user is known, or `null` where nobody but the own user can connect. */
  async take(line: string, ownerUid: number | null): Promise<Acknowledgement> {
    const message = readRegistration(line);
    if (isRefusal(message)) return message;
    if (message.type === "unregister") return this.#unregister(message.targetId, ownerUid);
    const { policy } = this.#options;
    const path = refusePath(message.path, policy.prefixes) ?? refuseLease(message, policy);
    if (path !== null) return path;
    let seen: LookedAt;
    try {
      seen = await this.#look(message.path, policy.prefixes);
    } catch (error) {
      return refusal("invalid_ipc_path", `ipc path parent could not be normalized: ${thrownMessage(error, 256)}`);
    }
    return this.#register(message, ownerUid, seen);
  }

  /** Ends all leases without a word. */
  close(): void {
    for (const { cancel } of this.#entries.values()) cancel();
    this.#entries.clear();
  }

  #register(
    { targetId, displayName, path, leaseSeconds, supportedCommands }: Registration,
    ownerUid: number | null,
    { folder, prefixes, found }: LookedAt,
  ): Acknowledgement {
    const { hub, policy, clock } = this.#options;
    if (found?.kind === "link") return refusal("invalid_ipc_path", "ipc path must not be a symlink");
    if (found?.kind === "other") return refusal("invalid_ipc_path", "ipc path is no socket");
    if (!prefixes.some((prefix) => isBelow(folder, prefix))) return notAllowed();
    const real = join(folder, basename(path));
    const before = this.#entries.get(targetId);
    if (before === undefined ? this.#isFixed(targetId, real) : isOther(before.ownerUid, ownerUid)) {
      return refusal("target_id_owner_mismatch", "target id is owned by another supervisor identity");
    }
    // Root may register what it likes; everybody else a socket of its own.
    if (found !== null && ownerUid !== null && ownerUid !== 0 && found.uid !== ownerUid) {
      return refusal("ipc_path_owner_mismatch", "the socket belongs to somebody else");
    }
    // A place where nothing is yet may become that of somebody else.
    if (found === null && this.#isForeign(ownerUid)) return refusal("ipc_path_not_ready", "there is no socket yet", true);
    const other = this.#otherAt(real, targetId);
    // The socket says whose the place is: somebody else who had it has it no more.
    if (other !== undefined && found?.uid === ownerUid && isOther(other.ownerUid, ownerUid) && this.#isForeign(other.ownerUid)) {
      other.cancel();
      this.#forget(other.targetId);
    } else if (other !== undefined) return refusal("ipc_path_conflict", "ipc path is already used by another target");
    if (before === undefined) {
      const full = this.#fullness(ownerUid);
      if (full !== null) return refusal("too_many_targets", `there are ${full} targets already`, true);
    }
    before?.cancel();
    const cancel = clock.setTimer(() => this.#expire(targetId), 1_000 * (leaseSeconds ?? policy.defaultLeaseSeconds));
    this.#entries.set(targetId, { ownerUid: ownerUid ?? before?.ownerUid ?? null, path: real, cancel });
    // Whatever comes to that place later must belong to the same user.
    const socketUid = ownerUid === 0 ? found?.uid : ownerUid ?? undefined;
    hub.add({ targetId, displayName, path: real, supportedCommands, ownerUid: socketUid });
    return { targetId, status: "registered" };
  }

  /** Whether this is neither the user of the relay nor root. */
  #isForeign(uid: number | null): boolean {
    return uid !== null && uid !== 0 && uid !== this.#ownUid;
  }

  /** The other target that is registered at a path. */
  #otherAt(path: string, targetId: string): (Entry & { readonly targetId: string }) | undefined {
    for (const [other, entry] of this.#entries) if (other !== targetId && entry.path === path) return { ...entry, targetId: other };
    return undefined;
  }

  /** How many targets there are already, where there may be no more; `null` where there may. */
  #fullness(ownerUid: number | null): number | null {
    if (this.#entries.size >= MOST_TARGETS) return MOST_TARGETS;
    if (!this.#isForeign(ownerUid)) return null;
    let count = 0;
    for (const entry of this.#entries.values()) if (entry.ownerUid === ownerUid) count++;
    return count >= MOST_OF_ONE ? MOST_OF_ONE : null;
  }

  #unregister(targetId: string, ownerUid: number | null): Acknowledgement {
    const before = this.#entries.get(targetId);
    if (before === undefined) return refusal("target_not_registered", "there is no such registration");
    if (isOther(before.ownerUid, ownerUid)) {
      return refusal("target_id_owner_mismatch", "target id is owned by another supervisor identity");
    }
    before.cancel();
    this.#forget(targetId);
    return { targetId, status: "unregistered" };
  }

  /** Whether a target is always looked for, and is another one. */
  #isFixed(targetId: string, path: string): boolean {
    const link = this.#options.hub.find(targetId);
    return link !== undefined && link.known.path !== path;
  }

  #expire(targetId: string): void {
    const entry = this.#entries.get(targetId);
    if (entry === undefined) return;
    const { hub, clock, policy } = this.#options;
    const cancel = clock.setTimer(() => this.#forget(targetId), 1_000 * policy.graceSeconds);
    this.#entries.set(targetId, { ...entry, cancel });
    hub.expire(targetId);
  }

  #forget(targetId: string): void {
    this.#entries.delete(targetId);
    this.#options.hub.remove(targetId);
  }
}

/** Two users are told apart where both are known. */
function isOther(one: number | null, other: number | null): boolean {
  return one !== null && other !== null && one !== other;
}

function refusePath(path: string, prefixes: readonly string[]): RegistrationRefusal | null {
  if (path.includes("\0")) return refusal("invalid_ipc_path", "ipc path has a NUL in it");
  if (!isAbsolute(path)) return refusal("relative_ipc_path", "IPC path must be absolute");
  if (path.split("/").includes("..")) return refusal("ipc_path_not_allowed", "IPC path must not contain ..");
  if (!prefixes.some((prefix) => isBelow(dirname(normalize(path)), normalize(prefix)))) return notAllowed();
  return basename(path) === "" || path.endsWith("/") ? refusal("invalid_ipc_path", "ipc path must name a file") : null;
}

function refuseLease(
  { leaseSeconds, supportedCommands }: Registration,
  { maxLeaseSeconds }: LeasePolicy,
): RegistrationRefusal | null {
  if (leaseSeconds !== null && !(leaseSeconds > 0 && leaseSeconds <= maxLeaseSeconds)) {
    return refusal("invalid_lease_seconds", "lease seconds must be positive and must not exceed policy max");
  }
  return supportedCommands.every(({ name, timeoutSeconds }) => name.trim() !== "" && Number.isInteger(timeoutSeconds) && timeoutSeconds > 0)
    ? null
    : refusal("unsupported_command_schema", "supported command name and timeout must be valid");
}

function notAllowed(): RegistrationRefusal {
  return refusal("ipc_path_not_allowed", "IPC path is outside allowed prefixes");
}

/** By components: `/run/a` is not below `/run/ab`. */
function isBelow(folder: string, prefix: string): boolean {
  const end = prefix.endsWith("/") ? prefix : `${prefix}/`;
  return `${folder}/`.startsWith(end);
}

async function lookAt(path: string, prefixes: readonly string[]): Promise<LookedAt> {
  const folder = await realpath(dirname(path));
  const found = await lstat(path).catch((error) => {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  });
  const kind = found?.isSocket() === true ? "socket" : found?.isSymbolicLink() === true ? "link" : "other";
  return {
    folder,
    prefixes: await Promise.all(prefixes.map((prefix) => realpath(prefix).catch(() => prefix))),
    found: found === null ? null : { kind, uid: found.uid },
  };
}
