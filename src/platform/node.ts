/** Node. */
import process from "node:process";
import type { Platform } from "./types.ts";
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
};
