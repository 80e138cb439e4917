/** Deno. */
import type { Platform } from "./types.ts";

/** The runtime this program runs in. */
export const platform: Platform = {
  name: "deno",
  get version(): string {
    return Deno.version.deno;
  },
  terminateStopsBusyThreads: false,
  permissionHint(error): string | undefined {
    if (!(error instanceof Deno.errors.NotCapable)) return undefined;
    const flag = /--allow-[a-z]+/.exec(error.message)?.[0];
    return flag === undefined ? "Give the program the permission that the message names" : `Add ${flag} to the command`;
  },
  guardUnknownSignals(): () => void {
    const guard = (event: PromiseRejectionEvent): void => {
      if (event.reason instanceof TypeError && /^Invalid signal: \d+$/.test(event.reason.message)) event.preventDefault();
    };
    addEventListener("unhandledrejection", guard);
    return () => removeEventListener("unhandledrejection", guard);
  },
};
