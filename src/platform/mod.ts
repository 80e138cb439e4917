/** The only place that knows Deno from Node; the npm build swaps `deno.ts` for `node.ts`. */
export { platform } from "./deno.ts";
export * from "./framing.ts";
export { bindInPlace, type BindMode, type PlacedListener, type PlaceOptions } from "./place.ts";
export { systemClock } from "./system_clock.ts";
export * from "./trusted_folders.ts";
export * from "./unix_sockets.ts";
export type {
  BlockTaker,
  ByteConnection,
  FolderWatcher,
  HeldListener,
  ListenOptions,
  ListenPlace,
  PeerCredentials,
  PermissionKind,
  Platform,
  SelfCommand,
  UnixListener,
} from "./types.ts";
