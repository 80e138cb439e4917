/** Cleans up once, then is done. */
import type { TaskContext } from "@reeve/supervisor";
import { pause } from "./pause.ts";

export default async function cleanup({ signal, log }: TaskContext): Promise<void> {
  await pause(1200, signal);
  log("three old baskets removed");
}
