/** Asks for news again and again. */
import type { TaskContext } from "@reeve/supervisor";
import { pause } from "./pause.ts";

export default async function poll({ signal, log, args }: TaskContext): Promise<void> {
  const { what, everyMs } = args as { what: string; everyMs: number };
  while (!signal.aborted) {
    await pause(everyMs, signal);
    log(`${what} are up to date`);
  }
}
