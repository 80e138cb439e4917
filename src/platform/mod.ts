/** The only place that knows Deno from Node; the npm build swaps `deno.ts` for `node.ts`. */
export { platform } from "./deno.ts";
export * from "./framing.ts";
export * from "./trusted_folders.ts";
export * from "./unix_sockets.ts";
export type { BlockTaker, ByteConnection, FolderWatcher, ListenOptions, PeerCredentials, Platform, UnixListener } from "./types.ts";
