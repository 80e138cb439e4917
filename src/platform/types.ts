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

/** Where a socket listens that another program is to serve. */
export type ListenPlace = { readonly host: string; readonly port: number } | { readonly path: string };

/** A socket that listens, and on which this program accepts nobody. */
export interface HeldListener {
  /** Its number, under which a process that is started can get it. */
  readonly fd: number;
  /** Listens no more, as far as this program is concerned; harmless when repeated. */
  close(): void;
}

/** How to listen. */
export interface ListenOptions {
  /** Whether to ask the kernel who connects, where that can be done. */
  readonly peers?: boolean;
}

/** What a runtime may keep from a program. */
export type PermissionKind = "read" | "write" | "run" | "env" | "net" | "ffi" | "sys";

/** How a program is started: what is run, and the first of its arguments. */
export interface SelfCommand {
  readonly command: string;
  readonly args: readonly string[];
}

/** The runtime this program runs in. */
export interface Platform {
  /** Its name. */
  readonly name: "deno" | "node";
  /** Its version. */
  readonly version: string;
  /** Why this version is too old to be relied on; `undefined` when it is not. */
  readonly tooOld: string | undefined;
  /** Whether runtime and program are one file: packages beside it are not found then, and must not be looked for in the folder in which somebody happens to be. */
  readonly isOneFile: boolean;
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
  /** Whether something is allowed already, nobody being asked: a path, host, command or variable, or without one all of them. */
  permits(kind: PermissionKind, what?: string): boolean;
  /** User id of this program; `null` where it may not be asked. */
  ownUid(): number | null;
  /** What to do so that the kernel can be asked who connects. */
  readonly peerCredentialsHint: string;
  /** Listens on a path that is free. */
  listenUnix(path: string, options?: ListenOptions): Promise<UnixListener>;
  /** Listens for somebody else, who gets the number of the socket. Rejects where it cannot be had, and with `ENOTSUP` where the runtime cannot do it. */
  holdListener(place: ListenPlace): Promise<HeldListener>;
  /** Tells what comes, goes and changes right in a folder, until the returned function is called; it does not keep the program alive. May throw. */
  watchFolder(folder: string, watcher: FolderWatcher): () => void;
  /** How this very program is started once more, with the same flags of the runtime; its own arguments come after that. Rejects, saying what to do, where that cannot be told. */
  selfCommand(): Promise<SelfCommand>;
  /** Does what a program that is one file is started for by a copy of itself; `null` where the arguments ask for something else. */
  help(args: readonly string[]): Promise<number> | null;
  /** Connects to a socket. */
  connectUnix(path: string): Promise<ByteConnection>;
}
