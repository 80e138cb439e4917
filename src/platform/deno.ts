/** Deno. */
import { basename, dirname } from "node:path";
import { findPeer, type Found, optionReader, type SocketCalls } from "./peer_finder.ts";
import { findListener, socketTableScript } from "./socket_table.ts";
import type { ByteConnection, HeldListener, PermissionKind, Platform, SelfCommand, UnixListener } from "./types.ts";
import { isOlder } from "./version.ts";

/** The oldest Deno that reports the signals of processes right. */
const OLDEST = [2, 7, 14] as const;

/** The runtime this program runs in. */
export const platform: Platform = {
  name: "deno",
  get version(): string {
    return Deno.version.deno;
  },
  get tooOld(): string | undefined {
    if (isOlder(Deno.version.deno, OLDEST)) {
      return `Deno ${Deno.version.deno} ignores uid and gid of processes and misreports signals; use ${OLDEST.join(".")} or newer`;
    }
    return undefined;
  },
  get isOneFile(): boolean {
    return Deno.build.standalone;
  },
  terminateStopsBusyThreads: false,
  permissionHint(error): string | undefined {
    if (!(error instanceof Deno.errors.NotCapable)) return undefined;
    const flag = /--allow-[a-z]+/.exec(error.message)?.[0];
    return flag === undefined ? "Give the program the permission that the message names" : `Add ${flag} to the command`;
  },
  listenHint(host, port): string | undefined {
    const { state } = Deno.permissions.querySync({ name: "net", host: `${host.includes(":") ? `[${host}]` : host}:${port}` });
    return state === "granted" ? undefined : "Add --allow-net to the command";
  },
  loadHint(error): string | undefined {
    if (!(error instanceof Error) || !error.message.startsWith("Cannot find module")) return undefined;
    return "Deno names the file that was to be run, even where what is missing is a module that it imports; that one is in its own message";
  },
  readsProc(): boolean {
    if (Deno.permissions.querySync({ name: "read", path: "/proc" }).state !== "granted") return false;
    try {
      // That permission is not enough, and no other one can be asked for.
      return Deno.readTextFileSync("/proc/self/stat") !== "";
    } catch {
      return false;
    }
  },
  mayRun(command): boolean {
    if (Deno.permissions.querySync({ name: "run", command }).state !== "granted") return false;
    // Whoever starts anything hands its environment on.
    return Deno.permissions.querySync({ name: "env" }).state === "granted";
  },
  permits(kind, what): boolean {
    try {
      return Deno.permissions.querySync(descriptorOf(kind, what)).state === "granted";
    } catch {
      // This version knows no such place.
      return false;
    }
  },
  // Asking for what is not allowed would ask the user.
  ownUid: () => Deno.permissions.querySync({ name: "sys", kind: "uid" }).state === "granted" ? Deno.uid() : null,
  get peerCredentialsHint(): string {
    return Deno.build.os === "linux" ? "Add --allow-ffi to the command" : "Only Linux tells it here; use the Node package elsewhere";
  },
  listenUnix(path, { peers = false } = {}): Promise<UnixListener> {
    const listener = Deno.listen({ transport: "unix", path });
    listener.unref();
    const libc = peers ? openLibc() : null;
    let accepting: Promise<unknown> = Promise.resolve();
    return Promise.resolve({
      async accept(): Promise<ByteConnection | null> {
        try {
          const accepted = listener.accept();
          accepting = accepted.catch(() => {});
          const connection = await accepted;
          connection.unref();
          return connectionOf(connection, libc === null ? undefined : findPeer(libc.calls, path));
        } catch (error) {
          if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return null;
          throw error;
        }
      },
      async close(): Promise<void> {
        // As long as somebody accepts, the listener is not gone, nor is its path removed; a program must not end while that is awaited.
        listener.ref();
        closeQuietly(listener);
        await accepting;
        libc?.close();
      },
      tellsPeers: libc !== null,
    });
  },
  async holdListener(place): Promise<HeldListener> {
    if (Deno.build.os !== "linux") throw unsupported("Deno tells the number of a socket on Linux alone; use the Node package");
    if (!platform.mayRun("/bin/sh")) {
      throw unsupported("Deno tells no number of a socket, and a shell that could may not be run; add --allow-run=/bin/sh");
    }
    const listener = "path" in place
      ? Deno.listen({ transport: "unix", path: place.path })
      : Deno.listen({ hostname: place.host, port: place.port });
    listener.unref();
    const { stdout } = await new Deno.Command("/bin/sh", { args: ["-c", socketTableScript(place)], stderr: "null" }).output();
    const fd = findListener(new TextDecoder().decode(stdout), place, heldDescriptors);
    if (fd === undefined) {
      closeQuietly(listener);
      throw unsupported("the system does not tell the number of a socket");
    }
    heldDescriptors.add(fd);
    return {
      fd,
      close(): void {
        heldDescriptors.delete(fd);
        closeQuietly(listener);
      },
    };
  },
  watchFolder(folder, watcher): () => void {
    // In `node:fs` of Deno a watch also gets what happens in folders below that are watched too, as if it were its own.
    const own = Deno.realPathSync(folder);
    const changes = Deno.watchFs(own, { recursive: false });
    const each = changes[Symbol.asyncIterator]();
    const report = async (): Promise<void> => {
      while (true) {
        const next = each.next();
        unrefNext(changes);
        const { done, value } = await next;
        if (done === true) return;
        if (value.kind === "access") continue;
        for (const path of value.paths) {
          if (dirname(path) === own) watcher.changed(value.kind === "modify" ? "change" : "rename", basename(path));
        }
      }
    };
    report().catch((error: unknown) => watcher.failed(error));
    return () => closeQuietly(changes);
  },
  async selfCommand(): Promise<SelfCommand> {
    const command = Deno.execPath();
    if (platform.isOneFile) return { command, args: [] };
    if (Deno.build.os !== "linux") {
      throw unsupported("Deno tells its own flags on Linux alone; use the Node package, or a tool of the system");
    }
    if (!platform.mayRun("/bin/sh")) throw unsupported("a shell that reads them may not be run; add --allow-run --allow-env");
    // Deno opens `/proc` to nobody with less than all permissions, but a shell may read what belongs to its parent.
    const { stdout } = await new Deno.Command("/bin/sh", { args: ["-c", 'cat "/proc/$PPID/cmdline"'], stdin: "null", stderr: "null" })
      .output();
    return { command, args: flagsIn(new TextDecoder().decode(stdout).split("\0").slice(1, -1)) };
  },
  help: () => null,
  async connectUnix(path): Promise<ByteConnection> {
    return connectionOf(await Deno.connect({ transport: "unix", path }));
  },
  guardUnknownSignals(): () => void {
    if (guarded++ === 0) addEventListener("unhandledrejection", ignoreUnknownSignal);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      if (--guarded === 0) removeEventListener("unhandledrejection", ignoreUnknownSignal);
    };
  },
};

function descriptorOf(name: PermissionKind, what: string | undefined): Deno.PermissionDescriptor {
  if (what === undefined) return { name };
  if (name === "net") return { name, host: what };
  if (name === "run") return { name, command: what };
  if (name === "env") return { name, variable: what };
  if (name === "sys") return what === "uid" ? { name, kind: what } : { name };
  return { name, path: what };
}

/** Sockets that are held for others: none is found twice. */
const heldDescriptors = new Set<number>();

/** What is before the arguments of the program. */
function flagsIn(words: readonly string[]): readonly string[] {
  const end = words.length - Deno.args.length;
  const before = words.slice(0, end);
  if (end < 1 || words.slice(end).some((word, index) => word !== Deno.args[index])) throw unsupported("the system does not tell them");
  if (!before.some((word) => /^(?:-[A-Z]+(?:=|$)|--(?:allow|deny|ignore|permission))/.test(word))) {
    throw unsupported("permissions that were given at a prompt do not go along; give them by flags, such as --allow-run");
  }
  return before;
}

function unsupported(why: string): Error {
  return Object.assign(new Error(why), { code: "ENOTSUP" });
}

/** How many want the guard now. */
let guarded = 0;

function ignoreUnknownSignal(event: PromiseRejectionEvent): void {
  if (event.reason instanceof TypeError && /^Invalid signal: \d+$/.test(event.reason.message)) event.preventDefault();
}

/** Where the C library may be; a permission for one path wants that very path. */
const LIBC = [
  "libc.so.6",
  "/lib/x86_64-linux-gnu/libc.so.6",
  "/lib/aarch64-linux-gnu/libc.so.6",
  "/lib64/libc.so.6",
  "/usr/lib/libc.so.6",
  "/lib/ld-musl-x86_64.so.1",
  "/lib/ld-musl-aarch64.so.1",
];

interface Libc {
  readonly calls: SocketCalls;
  close(): void;
}

/** The calls about sockets, where they are permitted already: nobody is asked for it. */
function openLibc(): Libc | null {
  if (Deno.build.os !== "linux") return null;
  for (const path of LIBC) {
    if (Deno.permissions.querySync({ name: "ffi", path }).state !== "granted") continue;
    try {
      return libcAt(path);
    } catch {
      // It is not there, or none: perhaps the next one.
    }
  }
  return null;
}

/** Size of the address of a Unix socket: a number, and room for a path. */
const ADDRESS_BYTES = 110;
const AF_UNIX = 1;

function libcAt(path: string): Libc {
  const library = Deno.dlopen(path, {
    getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
    getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  });
  const { getsockname, getsockopt } = library.symbols;
  const address = new Uint8Array(ADDRESS_BYTES);
  const length = new Uint32Array(1);
  const decoder = new TextDecoder();
  return {
    calls: {
      boundPath(fd): string | null {
        length[0] = ADDRESS_BYTES;
        if (getsockname(fd, address, length) !== 0 || address[0] !== AF_UNIX) return null;
        const end = address.indexOf(0, 2);
        const bytes = address.subarray(2, Math.min(length[0]!, end === -1 ? ADDRESS_BYTES : end));
        return bytes.length === 0 ? null : decoder.decode(bytes);
      },
      option: optionReader(getsockopt),
    },
    close: () => library.close(),
  };
}

/** Most bytes of one read. */
const BLOCK = 64 * 1024;

/** Texts of at most so many bytes are written out of one buffer of their connection. */
const SHORT = 8 * 1024;

function connectionOf(connection: Deno.Conn, found?: Found): ByteConnection {
  const block = new Uint8Array(BLOCK);
  const encoder = new TextEncoder();
  const short = new Uint8Array(SHORT);
  const bytesOf = (text: string): Uint8Array =>
    3 * text.length <= SHORT ? short.subarray(0, encoder.encodeInto(text, short).written) : encoder.encode(text);
  return {
    async receive(take): Promise<void> {
      for (let count = await connection.read(block); count !== null; count = await connection.read(block)) {
        const takesMore = take(block.subarray(0, count));
        if (!(typeof takesMore === "boolean" ? takesMore : await takesMore)) return;
      }
    },
    async write(data): Promise<void> {
      const bytes = typeof data === "string" ? bytesOf(data) : data;
      for (let done = 0; done < bytes.length;) done += await connection.write(done === 0 ? bytes : bytes.subarray(done));
    },
    close(): void {
      closeQuietly(connection);
      found?.forget();
    },
    peer: found?.peer ?? null,
  };
}

/** What is waited for there does not keep the program alive. Deno has that for each step, though its types do not tell. */
function unrefNext(changes: Deno.FsWatcher): void {
  const unref: unknown = Reflect.get(changes, "unref");
  if (typeof unref === "function") Reflect.apply(unref, changes, []);
}

/** What is closed already throws. */
function closeQuietly(resource: { close(): void }): void {
  try {
    resource.close();
  } catch {
    // It is closed, and that is all that was wanted.
  }
}
