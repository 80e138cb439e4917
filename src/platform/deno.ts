/** Deno. */
import type { ByteConnection, Platform, UnixListener } from "./types.ts";
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
  terminateStopsBusyThreads: false,
  permissionHint(error): string | undefined {
    if (!(error instanceof Deno.errors.NotCapable)) return undefined;
    const flag = /--allow-[a-z]+/.exec(error.message)?.[0];
    return flag === undefined ? "Give the program the permission that the message names" : `Add ${flag} to the command`;
  },
  loadHint(error): string | undefined {
    if (!(error instanceof Error) || !error.message.startsWith("Cannot find module")) return undefined;
    return "Deno names the file that was to be run, even where what is missing is a module that it imports; that one is in its own message";
  },
  peerCredentialsHint: "Add --allow-ffi to the command",
  listenUnix(path): Promise<UnixListener> {
    const listener = Deno.listen({ transport: "unix", path });
    listener.unref();
    return Promise.resolve({
      async accept(): Promise<ByteConnection | null> {
        try {
          const connection = await listener.accept();
          connection.unref();
          return connectionOf(connection);
        } catch (error) {
          if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return null;
          throw error;
        }
      },
      close: () => closeQuietly(listener),
      tellsPeers: false,
    });
  },
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

/** How many want the guard now. */
let guarded = 0;

function ignoreUnknownSignal(event: PromiseRejectionEvent): void {
  if (event.reason instanceof TypeError && /^Invalid signal: \d+$/.test(event.reason.message)) event.preventDefault();
}

/** Most bytes of one read. */
const BLOCK = 64 * 1024;

function connectionOf(connection: Deno.Conn): ByteConnection {
  const block = new Uint8Array(BLOCK);
  return {
    async read(): Promise<Uint8Array | null> {
      const count = await connection.read(block);
      return count === null ? null : block.subarray(0, count);
    },
    async write(bytes): Promise<void> {
      for (let done = 0; done < bytes.length;) done += await connection.write(bytes.subarray(done));
    },
    close: () => closeQuietly(connection),
    peer: null,
  };
}

/** What is closed already throws. */
function closeQuietly(resource: { close(): void }): void {
  try {
    resource.close();
  } catch {
    // It is closed, and that is all that was wanted.
  }
}
