/** Node. */
import { spawn } from "node:child_process";
import { readFileSync, watch } from "node:fs";
import net, { connect, createServer, isIP, type Server, type Socket } from "node:net";
import process from "node:process";
import { getSystemErrorName } from "node:util";
import { credentialsOf, optionReader, type SocketCalls } from "./peer_finder.ts";
import type {
  BlockTaker,
  ByteConnection,
  HeldListener,
  ListenPlace,
  PeerCredentials,
  PermissionKind,
  Platform,
  SelfCommand,
  UnixListener,
} from "./types.ts";
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
  get isOneFile(): boolean {
    return isOneFile();
  },
  terminateStopsBusyThreads: true,
  permissionHint(error): string | undefined {
    if (!(error instanceof Error) || !("code" in error) || error.code !== "ERR_ACCESS_DENIED") return undefined;
    return "Node runs with --permission; allow what the message names";
  },
  listenHint: () => undefined,
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
  readsProc(): boolean {
    try {
      return readFileSync("/proc/self/stat", "utf8") !== "" && isPermitted("fs.read", "/proc");
    } catch {
      return false;
    }
  },
  mayRun: () => isPermitted("child"),
  permits(kind, what): boolean {
    const scope = SCOPES[kind];
    return scope === undefined || isPermitted(scope, kind === "read" || kind === "write" ? what : undefined);
  },
  ownUid: () => process.getuid?.() ?? null,
  get peerCredentialsHint(): string {
    if (process.platform !== "linux") return "Only Linux tells it here";
    return isOneFile() ? "The program is one file, without the package koffi: run it from npm, beside that" : "Install the package koffi";
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
  async holdListener(place): Promise<HeldListener> {
    const handle = boundHandle(place);
    const close = (): void => void call(handle, "close");
    const fd = member(handle, "fd");
    if (typeof fd === "number" && fd >= 0 && await letListen(fd)) return { fd, close };
    close();
    throw systemError("EADDRINUSE");
  },
  watchFolder(folder, watcher): () => void {
    const changes = watch(folder, { persistent: false }, (event, name) => watcher.changed(event, name));
    changes.on("error", (error) => watcher.failed(error));
    return () => changes.close();
  },
  selfCommand(): Promise<SelfCommand> {
    const args = isOneFile() ? [] : [...process.execArgv, process.argv[1] ?? ""];
    return Promise.resolve({ command: process.execPath, args });
  },
  help(args): Promise<number> | null {
    helps = true;
    return args.length === 1 && args[0] === LISTEN_ARGUMENT ? listenOnce() : null;
  },
  connectUnix: (path) =>
    new Promise((resolve, reject) => {
      const socket = connect({ path, allowHalfOpen: true });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new SocketConnection(socket, null));
      });
    }),
};

/** What Node calls what it may keep from a program. */
const SCOPES: Readonly<Partial<Record<PermissionKind, string>>> = { read: "fs.read", write: "fs.write", run: "child", ffi: "addon" };

/** What Node under `--permission` allows; everything without. */
function isPermitted(scope: string, path?: string): boolean {
  const { permission } = process;
  return permission === undefined || permission.has(scope, path);
}

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
    arrive(Promise.resolve(new SocketConnection(socket, option === null ? null : peerOf(socket, option))));
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
  if (process.platform !== "linux" || isOneFile()) return null;
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

function call(of: unknown, name: string, ...given: unknown[]): unknown {
  const method = member(of, name);
  if (typeof method !== "function") throw new Error(`there is no ${name}`);
  return method.apply(of, given);
}

/** A socket with its address that does not listen: Node only accepts what it lets listen, and this is for others. `node:cluster` makes its own in the same way. */
function boundHandle(place: ListenPlace): unknown {
  const given = "path" in place ? [place.path, -1, -1] : [place.host, place.port, isIP(place.host)];
  const made = call(net, "_createServerHandle", ...given);
  if (typeof made === "number") throw systemError(getSystemErrorName(made));
  if (!("port" in place)) return made;
  // Of an address that somebody else has, Node only tells when it listens: until then the socket has none.
  const bound = {};
  call(made, "getsockname", bound);
  if (member(bound, "port") === place.port) return made;
  call(made, "close");
  throw systemError("EADDRINUSE");
}

/** Listens on the socket that it gets, and ends before it accepts anybody. */
const LET_LISTEN = `require("node:net").createServer().on("error",()=>process.exit(1)).listen({fd:3,backlog:511},()=>process.exit(0))`;

/** The same, of a program that is one file and has no `-e`: it is asked for by this argument. */
const LISTEN_ARGUMENT = "__listen-once";

function listenOnce(): Promise<number> {
  return new Promise((resolve) => {
    createServer().on("error", () => resolve(1)).listen({ fd: 3, backlog: 511 }, () => resolve(0));
  });
}

/** Whether this program does for a copy of itself what it is asked for. */
let helps = false;

/** Every Node that can be one file with a program has this way to ask for it; others find nothing. */
function isOneFile(): boolean {
  try {
    return call(call(process, "getBuiltinModule", "node:sea"), "isSea") === true;
  } catch {
    return false;
  }
}

/** Has a second Node listen on a socket; that stays so as long as anybody has the socket. */
function letListen(fd: number): Promise<boolean> {
  const isAlone = isOneFile();
  if (isAlone && !helps) {
    return Promise.reject(Object.assign(new Error("a program that is one file cannot open sockets for others"), { code: "ENOTSUP" }));
  }
  const args = isAlone ? [LISTEN_ARGUMENT] : ["-e", LET_LISTEN];
  return new Promise((resolve, reject) => {
    const env = { ...process.env, NODE_OPTIONS: "" };
    const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "ignore", fd], env });
    child.on("error", reject);
    child.on("exit", (code) => resolve(code === 0));
  });
}

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

function peerOf(socket: Socket, option: SocketCalls["option"]): PeerCredentials | null {
  const fd = member(Reflect.get(socket, "_handle"), "fd");
  return typeof fd === "number" && fd >= 0 ? credentialsOf({ option }, fd) : null;
}

/** Who waits for something that comes later. */
interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A connection of `node:net`. */
class SocketConnection implements ByteConnection {
  readonly peer: PeerCredentials | null;
  readonly #socket: Socket;
  /** What nobody took yet: nothing more is read from the system meanwhile. */
  readonly #arrived: Uint8Array[] = [];
  #receiver: Waiting & { readonly take: BlockTaker } | null = null;
  #isTaking = false;
  #end: { readonly error: Error | null } | null = null;
  /** The system is told of every write to the end, but most are over before anybody can wait for them. */
  #begun = 0;
  #over = 0;
  #writer: Waiting | null = null;

  constructor(socket: Socket, peer: PeerCredentials | null) {
    this.peer = peer;
    this.#socket = socket;
    const onEnd = (error: Error | null): void => {
      this.#end ??= { error };
      this.#handOver();
    };
    socket.on("data", (block: Uint8Array) => this.#onData(block));
    socket.on("end", () => onEnd(null));
    socket.on("error", onEnd);
    socket.on("close", () => onEnd(null));
  }

  receive(take: BlockTaker): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#receiver = { take, resolve, reject };
      this.#handOver();
    });
  }

  write(data: string | Uint8Array): Promise<void> | undefined {
    if (this.#socket.destroyed) return Promise.reject(new Error("the connection is closed"));
    this.#begun++;
    this.#socket.write(data, this.#onWritten);
    return this.#socket.writableLength === 0 ? undefined : new Promise((resolve, reject) => this.#writer = { resolve, reject });
  }

  close(): void {
    this.#socket.destroy();
  }

  readonly #onWritten = (error?: Error | null): void => {
    this.#over++;
    if (error !== null && error !== undefined) this.#writer?.reject(error);
    else if (this.#over === this.#begun) this.#writer?.resolve();
    else return;
    this.#writer = null;
  };

  #onData(block: Uint8Array): void {
    if (this.#receiver !== null && !this.#isTaking) return this.#hand(block, this.#receiver);
    this.#arrived.push(block);
    this.#socket.pause();
  }

  #handOver(): void {
    while (this.#receiver !== null && !this.#isTaking) {
      const block = this.#arrived.shift();
      if (block !== undefined) this.#hand(block, this.#receiver);
      else if (this.#end !== null) this.#stop(this.#end.error);
      else return void this.#socket.resume();
    }
  }

  #hand(block: Uint8Array, { take }: { readonly take: BlockTaker }): void {
    try {
      const takesMore = take(block);
      if (takesMore === true) return;
      if (takesMore === false) return this.#stop(null);
      this.#isTaking = true;
      takesMore.then((more) => {
        this.#isTaking = false;
        if (!more) this.#stop(null);
        this.#handOver();
      }, (error) => {
        this.#isTaking = false;
        this.#stop(error);
      });
    } catch (error) {
      this.#stop(error);
    }
  }

  #stop(error: unknown): void {
    const receiver = this.#receiver;
    this.#receiver = null;
    if (error === null) receiver?.resolve();
    else receiver?.reject(error);
  }
}
