/** Sockets that outlive the processes that serve them: who connects while a process starts anew waits, and is turned away by nobody. */
import { chmod, lstat, unlink } from "node:fs/promises";
import process from "node:process";
import { codeOf, thrownMessage } from "../base/mod.ts";
import { type ListenPlace, platform } from "../platform/mod.ts";
import type { ListenOptions } from "../spec/mod.ts";
import type { Ledger } from "./ledger.ts";

/** What a process gets. */
export interface HandedSockets {
  /** Descriptors of this program, in order. */
  readonly fds: readonly number[];
  /** What tells the process of them, beside its own number. */
  readonly variables: Readonly<Record<string, string>>;
}

/** A socket that is held, or on its way to that. */
interface Held {
  readonly fd: Promise<number>;
  /** Lets go of it, at once or as soon as it is there. */
  release(): void;
}

/** The first descriptor that a service manager gives. */
const FIRST_FD = 3;

/** The sockets of one tree. */
export class HeldSockets {
  readonly #ledger: Ledger;
  readonly #held = new Map<string, Held>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Opens what is not open yet; rejects with an error that says which could not be had, and why. */
  async hand(wanted: readonly ListenOptions[]): Promise<HandedSockets> {
    const fds: number[] = [];
    for (const socket of wanted) fds.push("inherited" in socket ? inheritedFd(socket.inherited) : await this.#fdOf(socket));
    const names = wanted.map((socket) => socket.name ?? ("inherited" in socket ? socket.inherited : "unknown"));
    return { fds, variables: { LISTEN_FDS: `${fds.length}`, LISTEN_FDNAMES: names.join(":") } };
  }

  /** Lets go of those that nobody declares any more. */
  keep(declared: () => Iterable<ListenOptions>): void {
    if (this.#held.size === 0) return;
    const wanted = new Set([...declared()].map(keyOf));
    for (const [key, { release }] of this.#held) {
      if (wanted.has(key)) continue;
      this.#held.delete(key);
      release();
    }
  }

  #fdOf(socket: ListenOptions): Promise<number> {
    const key = keyOf(socket);
    const known = this.#held.get(key);
    if (known !== undefined) return known.fd;
    const opening = open(socket);
    let isWanted = true;
    let close = (): void => {};
    const fd = opening.then((listener) => {
      const strike = this.#ledger.open("/", "socket", `listening at ${key}`);
      close = () => {
        strike();
        listener.close();
      };
      if (!isWanted) close();
      return listener.fd;
    });
    const held: Held = {
      fd,
      release(): void {
        isWanted = false;
        close();
      },
    };
    this.#held.set(key, held);
    // The next attempt tries again.
    fd.catch(() => this.#held.get(key) === held && this.#held.delete(key));
    return fd;
  }
}

function keyOf(socket: ListenOptions): string {
  if ("inherited" in socket) return `inherited ${socket.inherited}`;
  if ("path" in socket) return socket.path;
  const { host = LOCAL, port } = socket;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

const LOCAL = "127.0.0.1";

async function open(socket: ListenOptions): ReturnType<typeof platform.holdListener> {
  try {
    if ("path" in socket) return await openAt(socket.path, Number.parseInt(socket.permissions ?? "0600", 8));
    if ("port" in socket) return await holdAt({ host: socket.host ?? LOCAL, port: socket.port });
    throw new TypeError("an inherited socket is open already");
  } catch (error) {
    const hint = platform.permissionHint(error);
    throw new Error(
      `Cannot listen at ${keyOf(socket)}: ${REASONS[codeOf(error) ?? ""] ?? thrownMessage(error)}${hint === undefined ? "" : `. ${hint}`}`,
    );
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "somebody else listens there",
  EADDRNOTAVAIL: "it is no address of this machine",
  EACCES: "the system does not permit it",
};

function holdAt(place: Exclude<ListenPlace, { path: string }>): ReturnType<typeof platform.holdListener> {
  const hint = platform.listenHint(place.host, place.port);
  return hint === undefined ? platform.holdListener(place) : Promise.reject(new Error(`the runtime does not permit it. ${hint}`));
}

/** A path at which nobody listens any more is free. */
async function openAt(path: string, mode: number): ReturnType<typeof platform.holdListener> {
  const listener = await platform.holdListener({ path }).catch(async (error: unknown) => {
    if (codeOf(error) !== "EADDRINUSE" || !await isLeftBehind(path)) throw error;
    await unlink(path);
    return await platform.holdListener({ path });
  });
  try {
    await chmod(path, mode);
    return listener;
  } catch (error) {
    listener.close();
    throw error;
  }
}

async function isLeftBehind(path: string): Promise<boolean> {
  if (!(await lstat(path)).isSocket()) return false;
  try {
    (await platform.connectUnix(path)).close();
    return false;
  } catch (error) {
    return codeOf(error) === "ECONNREFUSED";
  }
}

/** The descriptor of a socket that the service manager gave, by its name. */
function inheritedFd(name: string): number {
  const { LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES = "" } = process.env;
  const given = LISTEN_PID === `${process.pid}` ? Number(LISTEN_FDS ?? 0) : 0;
  const index = LISTEN_FDNAMES.split(":").indexOf(name);
  if (index >= 0 && index < given) return FIRST_FD + index;
  const why = LISTEN_FDS === undefined
    ? "none was given to this program"
    : given === 0
    ? `they were given to process ${LISTEN_PID}, and this is ${process.pid}: start the program itself, not a script around it`
    : `those that were given are called ${LISTEN_FDNAMES.split(":").slice(0, given).join(", ")}`;
  throw new Error(`Cannot pass the socket "${name}" of the service manager on: ${why}`);
}
