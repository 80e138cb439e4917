/** Node. */
import process from "node:process";
import type { Platform } from "./types.ts";
import { isOlder } from "./version.ts";

/** The oldest Node that is supported. */
const OLDEST = [20, 0, 0] as const;

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
  guardUnknownSignals: () => () => {},
};
