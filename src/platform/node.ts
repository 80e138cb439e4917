/** Node. */
import { connect, createServer, type Server, type Socket } from "node:net";
import process from "node:process";
import { credentialsOf, optionReader, type SocketCalls } from "./peer_finder.ts";
import type { ByteConnection, PeerCredentials, Platform, UnixListener } from "./types.ts";
import { isOlder } from "./version.ts";

/** The oldest Node that knows `Symbol.dispose` and `Symbol.asyncDispose`. */
const OLDEST = [20, 4, 0] as const;

/** The runtime this program runs in. */
export const platform: Platform = {
  name: "node",
  version: process.versions.node,
  get tooOld(): string | undefined {
    return isOlder(process.versions.node, OLDEST)
      ? `Node ${process.versions.node} lacks what is needed; use ${OLDEST.join(".")} or newer`
      : undefined;
  },
  terminateStopsBusyThreads: true,
  permissionHint(error): string | undefined {
    if (!(error instanceof Error) || !("code" in error) || error.code !== "ERR_ACCESS_DENIED") return undefined;
    return "Node runs with --permission; allow what the message names";
  },
  loadHint(error): string | undefined {
    if (!(error instanceof Error)) return undefined;
    if ("code" in error && error.code === "ERR_UNKNOWN_FILE_EXTENSION" && /\.[cm]?tsx?"/.test(error.message)) {
      return `Node ${process.versions.node} does not run TypeScript: compile it to JavaScript, or use Node 22.18 or newer, or Deno`;
    }
    if (error.name === "SyntaxError" && /Unexpected token 'export'|import statement outside a module/.test(error.message)) {
      return 'Node took the file for CommonJS: name it .mjs, or write "type": "module" into its package.json';
    }
    return undefined;
  },
  guardUnknownSignals: () => () => {},
  ownUid: () => process.getuid?.() ?? null,
  get peerCredentialsHint(): string {
    return process.platform === "linux" ? "Install the package koffi" : "Only Linux tells it here";
  },
  async listenUnix(path, { peers = false } = {}): Promise<UnixListener> {
    const option = peers ? await loadOption() : null;
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(path, () => {
        server.off("error", reject);
        server.unref();
        resolve();
      });
    });
    return listenerOf(server, option);
  },
  connectUnix: (path) =>
    new Promise((resolve, reject) => {
      const socket = connect({ path, allowHalfOpen: true });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(connectionOf(socket));
      });
    }),
};

/** Hands out connections, and errors of accepting, in the order in which they came. */
function listenerOf(server: Server, option: SocketCalls["option"] | null): UnixListener {
  const waiting: ((next: Promise<ByteConnection | null>) => void)[] = [];
  const arrived: Promise<ByteConnection | null>[] = [];
  const arrive = (next: Promise<ByteConnection | null>): void => {
    next.catch(() => {});
    const taker = waiting.shift();
    if (taker === undefined) arrived.push(next);
    else taker(next);
  };
  server.on("connection", (socket) => {
    socket.unref();
    // At once: the descriptor is there as long as this turn.
    arrive(Promise.resolve(connectionOf(socket, option === null ? null : peerOf(socket, option))));
  });
  server.on("error", (error) => arrive(Promise.reject(error)));
  server.on("close", () => arrive(Promise.resolve(null)));
  return {
    accept: () => arrived.shift() ?? new Promise((resolve) => waiting.push(resolve)),
    close: () => Promise.resolve(void server.close()),
    tellsPeers: option !== null,
  };
}

/** A package that not everybody has: it is looked for by a name that no bundler follows. */
const KOFFI = "koffi";

/** The call that reads options of sockets, where there is a way to it. */
async function loadOption(): Promise<SocketCalls["option"] | null> {
  if (process.platform !== "linux") return null;
  try {
    const koffi: unknown = await import(KOFFI);
    const libc = call(member(koffi, "default") ?? koffi, "load", "libc.so.6");
    const getsockopt = call(libc, "func", "int getsockopt(int fd, int level, int name, void *value, void *length)");
    if (typeof getsockopt !== "function") return null;
    return optionReader((...given) => getsockopt(...given));
  } catch {
    return null;
  }
}

function member(of: unknown, name: string): unknown {
  return (typeof of === "object" || typeof of === "function") && of !== null ? Reflect.get(of, name) : undefined;
}

function call(of: unknown, name: string, argument: string): unknown {
  const method = member(of, name);
  if (typeof method !== "function") throw new Error(`koffi has no ${name}`);
  return method.call(of, argument);
}

function peerOf(socket: Socket, option: SocketCalls["option"]): PeerCredentials | null {
  const fd = member(Reflect.get(socket, "_handle"), "fd");
  return typeof fd === "number" && fd >= 0 ? credentialsOf({ option }, fd) : null;
}

function connectionOf(socket: Socket, peer: PeerCredentials | null = null): ByteConnection {
  const arrived: Uint8Array[] = [];
  let isFlowing = false;
  let end: { readonly error: Error | null } | null = null;
  let waiting: { readonly resolve: (block: Uint8Array | null) => void; readonly reject: (error: Error) => void } | null = null;
  const take = (): typeof waiting => {
    const taken = waiting;
    waiting = null;
    return taken;
  };
  socket.on("data", (block: Uint8Array) => {
    const reader = take();
    if (reader !== null) return reader.resolve(block);
    // Nobody asked yet: nothing more is read from the system meanwhile.
    arrived.push(block);
    socket.pause();
    isFlowing = false;
  });
  const finish = (error: Error | null): void => {
    end ??= { error };
    if (end.error === null) take()?.resolve(null);
    else take()?.reject(end.error);
  };
  // The system is told of every write to the end, but most are over before anybody can wait for them.
  let begun = 0;
  let over = 0;
  let writer: { readonly resolve: () => void; readonly reject: (error: Error) => void } | null = null;
  const onWritten = (error?: Error | null): void => {
    over++;
    if (error !== null && error !== undefined) writer?.reject(error);
    else if (over === begun) writer?.resolve();
    else return;
    writer = null;
  };
  socket.on("end", () => finish(null));
  socket.on("error", finish);
  socket.on("close", () => finish(null));
  return {
    read(): Promise<Uint8Array | null> {
      const block = arrived.shift();
      if (block !== undefined) return Promise.resolve(block);
      if (end !== null) return end.error === null ? Promise.resolve(null) : Promise.reject(end.error);
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        if (isFlowing) return;
        isFlowing = true;
        socket.resume();
      });
    },
    write(data): Promise<void> | undefined {
      if (socket.destroyed) return Promise.reject(new Error("the connection is closed"));
      begun++;
      socket.write(data, onWritten);
      return socket.writableLength === 0 ? undefined : new Promise((resolve, reject) => writer = { resolve, reject });
    },
    close: () => void socket.destroy(),
    peer,
  };
}
