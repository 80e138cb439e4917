/** What differs between the runtimes. */

/** Who is at the other end, as the kernel tells it. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** Takes bytes that arrived, which are only good until it returns; says, perhaps later, whether it takes more. */
export type BlockTaker = (block: Uint8Array) => boolean | Promise<boolean>;

/** One end of a connection; it is asked for one thing after the other in each direction. */
export interface ByteConnection {
  /** Hands over what arrives, block by block. Resolves at the end or when no more is taken; rejects when the connection breaks, or with what `take` throws. */
  receive(take: BlockTaker): Promise<void>;
  /** Resolves when the system has taken all of it; `undefined` where it did so at once, as most often in Node. */
  write(data: string | Uint8Array): Promise<void> | undefined;
  /** Ends both directions at once; harmless when repeated. */
  close(): void;
  /** Who connected, read once when it was accepted; `null` where the system did not tell. */
  readonly peer: PeerCredentials | null;
}

/** A socket that listens in the file system; neither it nor its connections keep the program alive. */
export interface UnixListener {
  /** The next connection, `null` when the listener was closed; rejects when the system refuses one. */
  accept(): Promise<ByteConnection | null>;
  /** Listens no more; connections go on. Resolves when the path where it was bound is nothing to it any more: the runtimes remove whatever is there. */
  close(): Promise<void>;
  /** Whether every connection says who is at its other end; then `null` means that the look-up failed. */
  readonly tellsPeers: boolean;
}

/** Sees what happens in a folder. */
export interface FolderWatcher {
  /** An entry came, went or was replaced (`rename`), or only changed; `null` where the system does not tell which. */
  changed(event: "rename" | "change", name: string | null): void;
  /** The folder cannot be watched any more. */
  failed(error: unknown): void;
}

/** How to listen. */
export interface ListenOptions {
  /** Whether to ask the kernel who connects, where that can be done. */
  readonly peers?: boolean;
}

/** The runtime this program runs in. */
export interface Platform {
  /** Its name. */
  readonly name: "deno" | "node";
  /** Its version. */
  readonly version: string;
  /** Why this version is too old to be relied on; `undefined` when it is not. */
  readonly tooOld: string | undefined;
  /** Whether terminating a worker stops a thread that is busy; in Deno such a thread runs on. */
  readonly terminateStopsBusyThreads: boolean;
  /** What to do about an error that was caused by a missing permission; `undefined` for other errors. */
  permissionHint(error: unknown): string | undefined;
  /** What to do so that this program may listen on a port; `undefined` where it may. In Deno, `node:net` ends the program that may not. */
  listenHint(host: string, port: number): string | undefined;
  /** What to do about the error of a module that this runtime could not load, where its message alone would mislead. */
  loadHint(error: unknown): string | undefined;
  /**
   * Keeps the exit of a process by a signal that the runtime does not know from ending the program, until the returned function is called.
   *
   * Deno reports such an exit as an unhandled rejection.
   */
  guardUnknownSignals(): () => void;
  /** Whether what the system tells of all processes in `/proc` may be read; Deno only allows that to who may do everything. */
  readsProc(): boolean;
  /** Whether a command may be run without asking the user; without one, whether all may, and with that any process be signalled. */
  mayRun(command?: string): boolean;
  /** User id of this program; `null` where it may not be asked. */
  ownUid(): number | null;
  /** What to do so that the kernel can be asked who connects. */
  readonly peerCredentialsHint: string;
  /** Listens on a path that is free. */
  listenUnix(path: string, options?: ListenOptions): Promise<UnixListener>;
  /** Tells what comes, goes and changes right in a folder, until the returned function is called; it does not keep the program alive. May throw. */
  watchFolder(folder: string, watcher: FolderWatcher): () => void;
  /** Connects to a socket. */
  connectUnix(path: string): Promise<ByteConnection>;
}
