/** Node. */
import process from "node:process";
import type { Platform } from "./types.ts";

/** The runtime this program runs in. */
export const platform: Platform = {
  name: "node",
  version: process.versions.node,
  terminateStopsBusyThreads: true,
  permissionHint(error): string | undefined {
    if (!(error instanceof Error) || !("code" in error) || error.code !== "ERR_ACCESS_DENIED") return undefined;
    return "Node runs with --permission; allow what the message names";
  },
  guardUnknownSignals: () => () => {},
};
