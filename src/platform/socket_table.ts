/** Finds the number of a socket of this program where the runtime does not tell it: by what the system says of all sockets. */
import { isIP } from "node:net";
import type { ListenPlace } from "./types.ts";

/** What the shell is asked for: the descriptors of the program that started it, and then the sockets of the system. */
export function socketTableScript(place: ListenPlace): string {
  const table = "path" in place ? "unix" : isIP(place.host) === 6 ? "tcp6" : "tcp";
  return `ls -l /proc/$PPID/fd && cat /proc/net/${table}`;
}

/** The state of a TCP socket that listens, and the flag of a Unix socket that does. */
const TCP_LISTENS = "0A";
const UNIX_LISTENS = "00010000";

/** The descriptor that listens at a place, given what that printed; `undefined` where that is not one alone. */
export function findListener(output: string, place: ListenPlace, except: ReadonlySet<number>): number | undefined {
  const lines = output.split("\n").map((line) => line.trim());
  const sockets = new Map<string, number>();
  for (const line of lines) {
    const [, fd, inode] = / (\d+) -> socket:\[(\d+)\]$/.exec(line) ?? [];
    if (fd !== undefined && inode !== undefined && !except.has(Number(fd))) sockets.set(inode, Number(fd));
  }
  const inodes = lines.map((line) => "path" in place ? unixInode(line, place.path) : tcpInode(line, place.port));
  const found = new Set(inodes.flatMap((inode) => inode === undefined ? [] : sockets.get(inode) ?? []));
  return found.size === 1 ? [...found][0] : undefined;
}

function tcpInode(line: string, port: number): string | undefined {
  const [, local, , state, , , , , , inode] = line.split(/\s+/);
  const isOurs = state === TCP_LISTENS && local?.endsWith(`:${port.toString(16).toUpperCase().padStart(4, "0")}`) === true;
  return isOurs ? inode : undefined;
}

function unixInode(line: string, path: string): string | undefined {
  const [, , , flags, , , inode] = line.split(/\s+/);
  return flags === UNIX_LISTENS && line.endsWith(` ${path}`) ? inode : undefined;
}
