/** Who is told that a run lives, and who ends it when it does not: systemd, and a watchdog of its own. */
import { notifySystemd, startWatchdog, type Tree, type Watchdog } from "../../mod.ts";
import { cleanText, thrownMessage } from "../base/mod.ts";
import type { CommandIo } from "./io.ts";

/** Begins both; systemd is told wherever it waits for that. Rejects with `watchdog_not_started`. */
export async function startWatching(
  tree: Tree,
  { watchdogSecs }: { readonly watchdogSecs?: number | undefined },
  io: CommandIo,
): Promise<AsyncDisposable> {
  const say = (error: unknown): void => io.stderr(`reeve: ${cleanText(thrownMessage(error))}\n`);
  const watchdog: Watchdog | null = watchdogSecs === undefined ? null : await startWatchdog({ timeoutMs: 1_000 * watchdogSecs });
  // Whether systemd waits cannot be seen where the environment may not be read: then nobody asked for it.
  const systemd = await notifySystemd(tree, { onFailure: say }).catch(() => null);
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      await systemd?.close();
      await watchdog?.close();
    },
  };
}
