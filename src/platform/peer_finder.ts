/**
 * Who connected, where the runtime tells no descriptor: the one new socket among those of the program.
 *
 * Descriptors are used again at once, so that sockets are told apart by the cookie that the kernel gives each of them.
 */
import type { PeerCredentials } from "./types.ts";

/** What is asked of the system about a descriptor. */
export interface SocketCalls {
  /** Path to which a socket is bound; `null` for what is no socket, or bound to no path. */
  boundPath(fd: number): string | null;
  /** Reads an option of a socket into the buffer; whether that worked. */
  option(fd: number, option: number, into: Uint8Array): boolean;
}

const SOL_SOCKET = 1;

/** Options of sockets on Linux, on the machines on which the runtimes run. */
const SO_PEERCRED = 17;
const SO_ACCEPTCONN = 30;
const SO_COOKIE = 57;

/** Descriptors beyond the highest known one that are looked at first, and then. */
const NEAR = 64;
const FAR = 1 << 16;

interface Known {
  readonly fd: number;
  /** Whether the connection was closed; its socket may be there for a while yet. */
  isClosed: boolean;
}

/** Sockets of the program that were accepted before, by cookie. */
const known = new Map<bigint, Known>();

/** What was found out about a connection that was accepted just now. */
export interface Found {
  /** Who is at its other end; `null` where that cannot be said for certain. */
  readonly peer: PeerCredentials | null;
  /** To be called when the connection was closed. */
  forget(): void;
}

/** Finds the socket of the connection that was accepted last; only one may be accepted at a time. */
export function findPeer(calls: SocketCalls, path: string): Found {
  const open = new Set<number>();
  let highest = 0;
  for (const { fd, isClosed } of known.values()) {
    if (!isClosed) open.add(fd);
    highest = Math.max(highest, fd);
  }
  const near = look(calls, path, open, 3, highest + NEAR);
  const fresh = near.fresh.length > 0 ? near.fresh : look(calls, path, open, highest + NEAR, FAR).fresh;
  for (const [cookie, { isClosed }] of known) if (isClosed && !near.closing.has(cookie)) known.delete(cookie);
  const entries = fresh.map(({ fd, cookie }) => {
    const entry: Known = { fd, isClosed: false };
    known.set(cookie, entry);
    return entry;
  });
  return {
    peer: entries.length === 1 ? credentialsOf(calls, entries[0]!.fd) : null,
    forget: () => entries.forEach((entry) => entry.isClosed = true),
  };
}

/** Reads options by the call of the system; its result is 0 when that worked. */
export function optionReader(
  getsockopt: (fd: number, level: number, option: number, into: Uint8Array, length: Uint32Array) => unknown,
): SocketCalls["option"] {
  const length = new Uint32Array(1);
  return (fd, option, into) => {
    length[0] = into.length;
    return getsockopt(fd, SOL_SOCKET, option, into, length) === 0 && length[0] === into.length;
  };
}

/** The credentials of whoever connected to a socket. */
export function credentialsOf(calls: Pick<SocketCalls, "option">, fd: number): PeerCredentials | null {
  const found = new Uint32Array(3);
  if (!calls.option(fd, SO_PEERCRED, new Uint8Array(found.buffer))) return null;
  const [pid, uid, gid] = found;
  return { pid: pid!, uid: uid!, gid: gid! };
}

interface Looked {
  readonly fresh: readonly { readonly fd: number; readonly cookie: bigint }[];
  /** Cookies of closed connections whose sockets are still there. */
  readonly closing: ReadonlySet<bigint>;
}

function look(calls: SocketCalls, path: string, open: ReadonlySet<number>, from: number, to: number): Looked {
  const fresh = new Map<bigint, number>();
  const closing = new Set<bigint>();
  const cookie = new BigUint64Array(1);
  const listens = new Uint32Array(1);
  for (let fd = from; fd < to; fd++) {
    if (open.has(fd) || calls.boundPath(fd) !== path) continue;
    if (!calls.option(fd, SO_ACCEPTCONN, new Uint8Array(listens.buffer)) || listens[0] !== 0) continue;
    if (!calls.option(fd, SO_COOKIE, new Uint8Array(cookie.buffer))) continue;
    if (known.has(cookie[0]!)) closing.add(cookie[0]!);
    else fresh.set(cookie[0]!, fd);
  }
  return { fresh: [...fresh].map(([cookie, fd]) => ({ cookie, fd })), closing };
}
